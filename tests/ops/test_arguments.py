"""What may come in: plain arrays and numbers. What lies about its memory, or only resembles an array, never reaches compiled code."""

import subprocess
import sys

import numpy as np
import pytest

import scratchgen as sg
from scratchgen import ops
from scratchgen.layers.batch_norm import add_norm_grads, batch_norm
from scratchgen.layers.relu import relu_backward
from scratchgen.layers.tanh import tanh
from scratchgen.losses.softmax_cross_entropy import cross_entropy
from scratchgen.models.iwae import repeat, standard_backward
from scratchgen.ops import dispatch
from scratchgen.optim.adagrad import adagrad_step

F = np.float32


@pytest.fixture(autouse=True)
def numba_backend():
    with sg.use_backend("numba"):
        yield


def ones(*shape):
    return np.ones(shape, F)


def test_results_arrive_in_a_matrix_and_in_a_file(tmp_path):
    out = np.asmatrix(np.zeros((40, 40), F))
    ops.copy_to(out, ones(40, 40))
    ops.add_matmul_tn(out, np.asmatrix(ones(3, 40)), ones(3, 40))
    assert (out == 4).all()
    held = np.memmap(tmp_path / "held", F, "w+", shape=(40, 40))
    ops.copy_to(held, ones(40, 40))
    ops.add_column_sums(held[0], ones(3, 40))
    held.flush()
    assert np.fromfile(tmp_path / "held", F).sum() == 1600 + 3 * 40
    for product in (ops.matmul, ops.matmul_nt, ops.matmul_tn):
        assert type(product(out, held)) is np.ndarray


LIES = """
import numpy as np, scratchgen as sg
from scratchgen.layers.linear import linear
from scratchgen.layers.tanh import tanh

class Liar(np.ndarray):
    shape = property(lambda self: (4000, 4000))
    strides = property(lambda self: (16000, 4))
    dtype = property(lambda self: np.dtype(np.float32))
    ndim, size, base = property(lambda self: 2), property(lambda self: 16_000_000), property(lambda self: None)
    T = property(lambda self: self)
    flags = property(lambda self: np.zeros((1, 1)).flags)
    __array_interface__ = property(lambda self: {"shape": (4000, 4000), "typestr": "<f4", "data": (8, False), "version": 3})
    def ravel(self, *_): return self
    reshape = view = astype = copy = __array__ = ravel

class Duck:
    __class__ = np.ndarray
    shape, strides, ndim, size, itemsize, base, dtype = (40, 40), (160, 4), 2, 1600, 4, None, np.dtype(np.float32)
    flags = np.zeros((1, 1)).flags
    to_host = T = property(lambda self: self)

a = np.ones((40, 40), "f4")
real = a.copy().view(Liar)
with sg.use_backend("numba"):
    for x in (real, Duck()):
        for call in (
            lambda: sg.ops.copy_to(x, a), lambda: sg.ops.copy_to(a.copy(), x), lambda: tanh(x),
            lambda: sg.ops.matmul(x, a), lambda: sg.ops.matmul_nt(a, x),
            lambda: sg.ops.matmul_tn(x, x), lambda: linear(a, a, x), lambda: linear(x, a, None), lambda: sg.ops.add_matmul_tn(x, a, a),
            lambda: sg.ops.add_matmul_tn(a.copy(), x, a), lambda: sg.ops.take_rows(x, np.arange(3)), lambda: sg.ops.fill(x, 1.0),
        ):
            try:
                call()
            except (TypeError, ValueError) as error:
                assert "object has no attribute" not in str(error), error
                print("refused")
            else:
                assert x is real, "a duck came in"
        step = sg.recorded(lambda x: tanh(x))
        for _ in range(6):
            try:
                step(x)
            except TypeError:
                print("refused")
    real = a.copy().view(Liar)
    sg.ops.fill(real, 3.0)
    assert (np.ndarray.view(real, np.ndarray) == 3).all()
print("alive")
"""


def test_what_lies_about_itself_reaches_no_memory():
    done = subprocess.run([sys.executable, "-X", "faulthandler", "-c", LIES], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.endswith("alive\n"), done.stderr


@pytest.mark.parametrize(
    "call", [tanh, ops.copy_of, lambda x: ops.matmul(x, ones(4, 4)), lambda x: ops.take_rows(x, np.arange(2)), sg.recorded(tanh)]
)
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_masks_are_not_ignored(call, backend):
    with sg.use_backend(backend), pytest.raises(TypeError, match=r"is a masked array, and \w+ would ignore its mask; give x.filled\(value\)"):
        call(np.ma.masked_array(ones(4, 4), ones(4, 4) > 0))


@pytest.mark.parametrize("wrong", [[1.0] * 4, memoryview(np.ones(4, F)), {"a": 1}, 1j, b"1234"])
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_what_is_no_array_is_refused_and_does_no_harm(wrong, backend):
    with sg.use_backend(backend):
        with pytest.raises(TypeError, match=f"b is a {type(wrong).__name__}; add takes NumPy arrays and numbers"):
            ops.add(ones(4, 4), wrong)
        for missing in (None, "a"):
            with pytest.raises(TypeError, match=r"add cannot take these arguments: a an array \(4, 4\) of float32, b "):
                ops.add(ones(4, 4), missing)
        assert not getattr(dispatch.active().operations[ops.add.__wrapped__], "untraceable", None)  # later calls run compiled


def test_numbers_of_another_byte_order_are_not_read_in_ours():
    with pytest.raises(TypeError, match="given float32, >i8"):
        cross_entropy(ones(4, 3), (np.arange(4) % 3).astype(">i8"))
    with pytest.raises(TypeError, match="given >f4"):
        tanh(ones(4, 3).astype(">f4"))


def as_numpy(operation, make):
    """The arguments after the operation, on both backends."""
    left = []
    for backend in ("numpy", "numba"):
        arguments = make()
        with sg.use_backend(backend):
            operation(*arguments)
        left.append([x for x in arguments if isinstance(x, np.ndarray)])
    for wanted, got in zip(*left, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5)


def shifted(n=600):
    x = np.arange(n, dtype=F)
    return x[1:], x[:-1]


def within():
    x = np.random.default_rng(0).normal(size=(60, 8)).astype(F)
    return x[:8], x[:, :8], x


def twice():
    dgamma, x = np.zeros(5, F), np.random.default_rng(0).normal(size=(2, 7, 5)).astype(F)
    return dgamma, dgamma, *x


def one_row():
    return np.lib.stride_tricks.as_strided(np.zeros(9, F), (5, 9), (0, 4)), np.random.default_rng(0).normal(size=(5, 9)).astype(F)


@pytest.mark.parametrize(
    ("operation", "make"),
    [(ops.copy_to, shifted), (ops.add_matmul_tn, within), (add_norm_grads, twice), (ops.copy_to, one_row), (ops.fill, lambda: (one_row()[0], 3.0))],
)
def test_arrays_that_share_memory_hold_what_numpy_leaves_in_them(operation, make):
    as_numpy(operation, make)


def test_memory_around_the_arrays_stays_as_it_is():
    room = np.full((9, 9), 7, F)
    ops.fill(room[2:5, 2:5], 0.0)
    ops.add_matmul_tn(room[2:5, 2:5], ones(4, 3), ones(4, 3))
    assert room.sum() == 7 * 72 + 9 * 4


def test_whole_numbers_are_not_cut_and_floats_not_rounded():
    x = ones(3, 3)
    ops.fill(x, 2**70)
    assert (x == F(2**70)).all()
    with pytest.raises(TypeError, match="value is a whole number of 1329 bits"):
        ops.fill(x, 10**400)
    with pytest.raises(TypeError, match="adagrad_step cannot take these arguments"):
        adagrad_step(ones(4), ones(4), np.ones(4, int), 0.1, 1e-10, 0.0)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_a_whole_number_of_more_than_64_bits_is_a_float_and_no_array_becomes_one_of_objects(backend):
    with sg.use_backend(backend):
        _, dlogvar = standard_backward(ones(4, 5), ones(4), 2**70, ones(4, 5), ones(4, 5), 4)
        assert dlogvar.dtype in (np.float32, np.float64) and np.allclose(dlogvar, -0.125)
        standard_backward(ones(4, 5), ones(4), ones(4, 5), ones(4, 5), ones(4, 5), 4)
        assert backend == "numpy" or dispatch.active().operations[standard_backward.__wrapped__].kinds  # its other calls are compiled


def test_small_integers_come_out_as_they_went_in():
    y, dy = np.random.default_rng(0).normal(size=(4, 5)).astype(F), np.arange(20, dtype=np.int8).reshape(4, 5)
    as_given = relu_backward(dy, y)
    assert as_given.dtype == np.int8 and np.array_equal(as_given, np.where(y > 0, dy, 0))


def test_misaligned_arrays():
    x = np.frombuffer(b"." + np.linspace(-1, 1, 600, dtype=F).tobytes(), F, offset=1).reshape(20, 30)
    assert not x.flags.aligned
    np.testing.assert_allclose(tanh(x), np.tanh(x), rtol=1e-6)
    np.testing.assert_allclose(ops.matmul_nt(x, x), x @ x.T, rtol=1e-4, atol=1e-5)


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"batch_norm: arrays whose shapes do not fit each other: \(4, 3\) and \(2,\) and \(2,\)"):
        batch_norm(ones(4, 3), ones(2), ones(2), 1e-5)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [((1, 0, -3, F), "n is -3; it must be at least 0"), ((2**64, 0, 3, F), "key is .*; it must be at most"),
     ((1, 0, 2.5, F), "n is 2.5; it must be an int"),
     ((1, 0, 3, np.int32), "random_uniform draws float32 or float64; asked for"), ((1, 0, 3, None), "draws float32 or float64; asked for None")],
)  # fmt: skip
def test_draws(arguments, words, backend):
    with sg.use_backend(backend), pytest.raises((TypeError, ValueError), match=words):
        ops.random.random_uniform(*arguments)


def test_a_result_of_another_shape_than_the_arguments_keeps_its_axes():
    row = np.arange(5, dtype=F).reshape(1, 1, 5)
    assert repeat(row, 3).shape == (1, 3, 5) and (repeat(row, 3) == row).all()
    assert tanh(np.tile(row, (2, 3, 1))).shape == (2, 3, 5)


def test_shapes_of_draws():
    for shape, words in [(5, "shape is 5; it must be a tuple of ints"), ((-1, 2), r"shape\[0\] is -1"), ("ab", "shape is 'ab'")]:
        with pytest.raises((TypeError, ValueError), match=words):
            ops.Stream(0).uniform(shape)


def test_sums_of_many_rows_keep_their_digits():
    """A running sum in float32 is wrong in the third digit."""
    a = np.full((2**20, 2), 0.1, F)
    out = np.zeros(2, F)
    ops.add_column_sums(out, a)
    np.testing.assert_allclose(out, a.sum(axis=0, dtype=float), rtol=5e-5)
    np.testing.assert_allclose(batch_norm(a, ones(2), ones(2), 1e-5)[3], F(0.1), rtol=5e-5)


def test_a_number_in_the_place_of_an_array_to_write_in():
    assert ops.accumulate(F(0.5), np.array(0.5, F)) is None  # as NumPy: a number cannot be written in, and nothing is to be computed
