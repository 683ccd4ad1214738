"""Every twin on the device does what its NumPy definition does: the cases of test_twins.py, on the GPU or in the simulator."""

import numpy as np
import pytest
from test_twins import CASES, DTYPES, LAYOUTS, OPERATIONS, TYPED, Draw, copy_with_layout

from scratchgen.ops import definitions, use_backend
from scratchgen.ops.cuda import driver, launch, twins
from scratchgen.ops.cuda.array import DeviceArray, array, to_host

pytestmark = [pytest.mark.cuda, pytest.mark.filterwarnings("ignore::RuntimeWarning")]
SHAPES = [(1, 1), (2, 3), (5, 9), (0, 5), (9, 2)] if driver.SIMULATED else [(1, 1), (2, 3), (7, 1), (1, 13), (31, 129), (0, 5), (67, 200), (1500, 70)]
TWINS = twins()


@pytest.fixture(autouse=True)
def no_empty_array_is_passed_to_a_kernel(monkeypatch):
    """On a GPU that cannot be done; the simulator would not notice."""

    def check(kernel, blocks, threads, arguments):
        assert all(getattr(a, "size", 1) for a in arguments), f"{kernel} is launched with an empty array"

    monkeypatch.setattr(launch, "watch", check)


def on_device(a):
    """The array on the device, in the same memory layout."""
    if a.flags.c_contiguous or not a.size:
        return array(a)
    whole = np.lib.stride_tricks.as_strided(
        a, (1 + sum((n - 1) * step for n, step in zip(a.shape, a.strides, strict=True)) // a.itemsize,), (a.itemsize,)
    )
    x = array(np.ascontiguousarray(whole))
    return DeviceArray(x.block, x.address, a.shape, a.strides, a.dtype)


def run(name, arguments):
    """What the twin returns, and then its arguments as it left them, each as a NumPy array."""
    arguments = [on_device(a) if isinstance(a, np.ndarray) else a for a in arguments]
    result = TWINS[name](*arguments)
    results = result if isinstance(result, tuple) else (result,)
    return [to_host(a) if isinstance(a, DeviceArray) else np.asarray(a) for a in (*results, *arguments) if isinstance(a, (DeviceArray, float))]


def run_definition(name, arguments):
    arguments = [copy_with_layout(a) if isinstance(a, np.ndarray) else a for a in arguments]
    with np.errstate(all="ignore"):
        result = definitions[name](*arguments)
    results = result if isinstance(result, tuple) else (result,)
    return [np.asarray(a) for a in (*results, *arguments) if isinstance(a, (np.ndarray, float))]


def assert_same(name, dtype, arguments):
    got, wanted = run(name, arguments), run_definition(name, arguments)
    assert len(got) == len(wanted)
    tolerance = 250 * np.finfo(dtype).eps
    for a, b in zip(got, wanted, strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype or b.ndim == 0
        scale = np.max(np.abs(b[np.isfinite(b)]), initial=1) if b.size else 1
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * scale, err_msg=name)


def test_every_operation_has_a_twin():
    assert sorted(TWINS) == OPERATIONS


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", OPERATIONS)
def test_twin_equals_definition(name, dtype):
    few = driver.SIMULATED and name in (
        "linear",
        "linear_activation",
        "matmul_nt_activation_backward",
        "add_linear_grads",
    )  # many cases, much waiting for each other
    for k, (batch, n) in enumerate(SHAPES[1:4] if few else SHAPES):
        for layout in [LAYOUTS[(k + (dtype == np.float64)) % 3]] if driver.SIMULATED else LAYOUTS:
            for arguments in CASES[name](Draw(dtype, batch, n, layout)):
                assert_same(name, dtype, arguments)


@pytest.mark.parametrize("name", OPERATIONS)
def test_nan_and_infinity_pass_as_in_numpy(name):
    for dtype in DTYPES:
        for arguments in CASES[name](Draw(dtype, 4, 5, special=True)):
            assert_same(name, dtype, arguments)


@pytest.mark.parametrize("name", TYPED)
def test_other_types_and_host_arrays_are_refused(name):
    arguments = CASES[name](Draw(DTYPES[0], 3, 5))[0]
    with pytest.raises(TypeError, match="float32"):
        TWINS[name](*[array(a.astype(np.int64) if a.dtype == np.float32 else a) if isinstance(a, np.ndarray) else a for a in arguments])
    with pytest.raises(TypeError, match="device arrays"), use_backend("cuda"):
        TWINS[name](*arguments)


@pytest.mark.parametrize("name", ["add", "multiply", "add_product", "tanh_backward", "bce_with_logits", "gaussian_kl", "adam_step", "reparameterize"])
def test_unequal_shapes_are_refused(name):
    first, second, *rest = [array(a) if isinstance(a, np.ndarray) else a for a in CASES[name](Draw(DTYPES[0], 4, 5))[0]]
    with pytest.raises(ValueError, match="shape"):
        TWINS[name](first, second[:-1], *rest)


def test_adam_on_a_matrix_that_lies_across():
    given = CASES["adam_step"](Draw(DTYPES[0], 3, 4))[0]
    across = [a.reshape(4, 3).T if isinstance(a, np.ndarray) else a for a in given]
    for got, wanted in zip(run("adam_step", across), run_definition("adam_step", across), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)
