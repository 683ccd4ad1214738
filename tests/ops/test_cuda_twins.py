"""Every operation compiled for the device does what its NumPy definition does: the cases of test_twins.py, on the GPU or in the simulator."""

import inspect

import numpy as np
import pytest
from test_twins import BY_HAND, CASES, DTYPES, LAYOUTS, OPERATIONS, TABLE, TYPED, Draw

from scratchgen.gradcheck.operations import difference, outcome
from scratchgen.models.iwae import repeat
from scratchgen.ops import dispatch, use_backend
from scratchgen.ops.cuda import driver, launch, moving, sums
from scratchgen.ops.cuda.array import DeviceArray, array, to_host
from scratchgen.ops.cuda.calls import Operation

pytestmark = [pytest.mark.cuda, pytest.mark.filterwarnings("ignore::RuntimeWarning")]
SHAPES = [(1, 1), (2, 3), (5, 9), (0, 5), (9, 2)] if driver.SIMULATED else [(1, 1), (2, 3), (7, 1), (1, 13), (31, 129), (0, 5), (67, 200), (1500, 70)]


@pytest.fixture(autouse=True)
def launches(monkeypatch):
    """What is launched: (kernel, blocks, arguments). No array among those may be empty: a GPU would refuse it, the simulator would not notice."""
    seen = []

    def check(kernel, blocks, threads, arguments):
        assert all(getattr(a, "size", 1) for a in arguments), f"{kernel} is launched with an empty array"
        seen.append((kernel, blocks, arguments))

    monkeypatch.setattr(launch, "watch", check)
    with use_backend("cuda"):
        yield seen


def on_device(a):
    """The array on the device, in the same memory layout."""
    if a.flags.c_contiguous or not a.size:
        return array(a)
    whole = np.lib.stride_tricks.as_strided(
        a, (1 + sum((n - 1) * step for n, step in zip(a.shape, a.strides, strict=True)) // a.itemsize,), (a.itemsize,)
    )
    x = array(np.ascontiguousarray(whole))
    return DeviceArray(x.block, x.address, a.shape, a.strides, a.dtype)


def assert_same(definition, run, arguments, dtype):
    with use_backend("numpy"):
        wanted = outcome(definition, arguments, np.asarray)
    got = outcome(run, arguments, on_device)
    assert len(got) == len(wanted)
    assert [text for k, (a, b) in enumerate(zip(got, wanted, strict=True)) if (text := difference(f"result {k}", a, b, dtype))] == []


def check(name, arguments, dtype):
    assert_same(inspect.unwrap(TABLE[name]), TABLE[name], arguments, dtype)


def compiled(definition):
    return Operation(definition, tuple(inspect.signature(definition).parameters))


def test_few_operations_are_by_hand():
    assert sorted(dispatch._load("cuda").by_hand) == BY_HAND


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", OPERATIONS)
def test_compiled_equals_definition(name, dtype):
    for k, (batch, n) in enumerate(SHAPES):
        for layout in [LAYOUTS[(k + (dtype == np.float64)) % 3]] if driver.SIMULATED else LAYOUTS:
            for arguments in CASES[name](Draw(dtype, batch, n, layout)):
                check(name, arguments, dtype)


@pytest.mark.parametrize("name", OPERATIONS)
def test_nan_and_infinity_pass_as_in_numpy(name):
    for dtype in DTYPES:
        for arguments in CASES[name](Draw(dtype, 4, 5, special=True)):
            check(name, arguments, dtype)


@pytest.mark.parametrize("layouts", [("contiguous", "transposed"), ("strided", "contiguous")], ids="-".join)
@pytest.mark.parametrize("name", OPERATIONS)
def test_arrays_that_lie_in_different_ways(name, layouts):
    first, second = (CASES[name](Draw(DTYPES[0], 3, 5, layout)) for layout in layouts)
    for one, other in zip(first, second, strict=True):
        check(name, [(a, b)[k % 2] for k, (a, b) in enumerate(zip(one, other, strict=True))], DTYPES[0])


@pytest.mark.parametrize("name", TYPED)
def test_other_types_and_host_arrays_are_refused(name):
    arguments = CASES[name](Draw(DTYPES[0], 3, 5))[0]
    with pytest.raises(TypeError, match="float32"):
        TABLE[name](*[array(a.astype(np.int64) if a.dtype == np.float32 else a) if isinstance(a, np.ndarray) else a for a in arguments])
    with pytest.raises(TypeError, match="device arrays; given a ndarray"):
        TABLE[name](*arguments)


@pytest.mark.parametrize("name", ["add", "multiply", "add_product", "tanh_backward", "bce_with_logits", "gaussian_kl", "adam_step", "reparameterize"])
def test_unequal_shapes_are_refused(name):
    first, second, *rest = [array(a) if isinstance(a, np.ndarray) else a for a in CASES[name](Draw(DTYPES[0], 4, 5))[0]]
    with pytest.raises(ValueError, match="shape"):
        TABLE[name](first, second[:-1], *rest)


def test_adam_on_a_matrix_that_lies_across():
    given = CASES["adam_step"](Draw(DTYPES[0], 3, 4))[0]
    check("adam_step", [a.reshape(4, 3).T if isinstance(a, np.ndarray) else a for a in given], DTYPES[0])


LAUNCHES = {
    "bce_with_logits": 1, "gaussian_kl": 1, "squared_error": 1, "cross_entropy": 1, "adam_step": 1, "softmax": 1, "softmax_backward": 1,
    "batch_norm": 1, "batch_norm_backward": 1, "add_norm_grads": 1, "layer_norm": 1, "layer_norm_backward": 1, "add_column_sums": 1,
    "discriminator_bce": 2, "clip_norm": 2,
}  # fmt: skip


@pytest.mark.parametrize("name", LAUNCHES)
def test_few_launches(name, launches):
    """A loss is complete with the launch that computes its gradients."""
    TABLE[name](*[array(a) if isinstance(a, np.ndarray) else a for a in CASES[name](Draw(DTYPES[0], 5, 6))[0]])
    assert len(launches) == LAUNCHES[name]


def test_sums_of_many_rows_are_shared_by_blocks(launches):
    """Also after sums that left their tickets as they found them."""
    n_rows = 2 * sums.LANES * sums.ROWS + 1
    for name in ("add_column_sums", "add_norm_grads"):
        for _ in range(2):
            check(name, CASES[name](Draw(DTYPES[0], n_rows, 5))[0], DTYPES[0])
    assert [blocks[1] for _, blocks, arguments in launches if isinstance(blocks, tuple)] == [3] * 4
    assert not to_host(sums.tickets()).any()


def test_whole_numbers_may_grow_on_the_device(monkeypatch):
    """What a recorded step relies on: a number t is passed as a number and an array of one to be added to it."""
    monkeypatch.setattr(moving, "follow", lambda value: (np.uint64(0), array(np.array([value], np.int64).view(np.uint64)).flat()))
    check("adam_step", CASES["adam_step"](Draw(DTYPES[0], 3, 4))[0], DTYPES[0])
    assert_same(times, compiled(times), (np.arange(4.0), -3), DTYPES[1])


def times(x, k):
    return x * k


# Definitions of other kinds than the library's own


def extremes(x):
    return x.max() - x.min(), x.max(axis=0), x.min(axis=1), x.sum(), np.sum(x > 0)


def shares(x):
    return x / x.sum()


def spread(x):
    deviation = x - x.mean(axis=0)
    return deviation, np.sum(deviation**2, dtype=np.float64), np.sum(x.mean(axis=0) ** 2)


def each_row(x, v):
    total = x.sum(axis=1)
    x *= v[:, None]
    v += total


def rounded(x):
    return np.floor(x) + np.ceil(2 * x) + np.arctan(x) + np.where(np.isfinite(x) & (x > 0), x, x**3)


def named(s, i, t1, out0, cuda, rows):
    return s * i + t1 - out0 * cuda + rows


@pytest.mark.parametrize("definition", [extremes, shares, spread, each_row, rounded, named])
def test_any_definition(definition):
    run = compiled(definition)
    for m, n in ((1, 1), (1, 4), (5, 1), (9, 5)):
        for dtype in DTYPES:
            draw = Draw(dtype, m, n)
            arguments = [draw.normal(m) if name == "v" else draw.matrix() for name in inspect.signature(definition).parameters]
            assert_same(definition, run, arguments, dtype)


def test_more_axes():
    x = Draw(DTYPES[0], 2, 3).normal(2, 3, 4)
    assert_same(rounded, compiled(rounded), (x,), DTYPES[0])
    for definition in (shares, spread):
        with pytest.raises(ValueError, match="up to 2 axes|more than 2 axes"):
            compiled(definition)(array(x))
    with pytest.raises(ValueError, match="must be contiguous and of one shape"):
        compiled(rounded)(array(x).T)
    with pytest.raises(ValueError, match="up to 2 axes"):
        compiled(repeat.__wrapped__)(array(x[:1, :1]), 3)


def test_what_cannot_be_compiled_is_refused_with_its_line():
    def choose(x):
        return x if x.sum() > 0 else -x

    for _ in range(2):
        with pytest.raises(TypeError, match=r"choose cannot be compiled because of .*: return x if x.sum\(\) > 0 .*test_cuda_twins.py, line"):
            compiled(choose)(array(np.ones(3)))
