"""The matrix products on the device: every tile, whole and cut in k, in vectors and number by number; what test_cuda_twins.py does not reach."""

import inspect

import numpy as np
import pytest

from scratchgen.ops import definitions, use_backend
from scratchgen.ops.cuda import driver, ladder, matmul, sums, tile
from scratchgen.ops.cuda.array import DeviceArray, array, to_host
from scratchgen.ops.cuda.kernels import epilogue
from scratchgen.ops.tracing import trace

pytestmark = pytest.mark.cuda
TILES = {"large": tile.LARGE, "medium": tile.MEDIUM, "small": tile.SMALL, "tiny": tile.TINY}
on_gpu = pytest.mark.skipif(driver.SIMULATED, reason="needs a GPU: too much work for the simulator")


def draw(m, k, n, dtype, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((k, n)).astype(dtype), rng.standard_normal((m, n)).astype(dtype)


def check(a, b, c, dtype):
    """All three products of these matrices against NumPy's in float64."""
    at, bt = np.ascontiguousarray(a.T), np.ascontiguousarray(b.T)
    wanted = a.astype(np.float64) @ b
    added = array(c)
    matmul.add_matmul_tn(added, array(at), array(b))
    close = np.finfo(dtype).eps * (2 + a.shape[1]) * np.max(np.abs(wanted), initial=1)
    for got in (matmul.matmul(array(a), array(b)), matmul.matmul_nt(array(a), array(bt)), matmul.matmul_tn(array(at), array(b))):
        assert got.shape == wanted.shape and got.dtype == dtype
        np.testing.assert_allclose(to_host(got), wanted, atol=close)
    np.testing.assert_allclose(to_host(added), wanted + c, atol=2 * close)


@pytest.fixture
def kernels(monkeypatch):
    """What the kernels were asked for: the arguments of tile.kernel, in order."""
    asked, make = [], tile.kernel
    monkeypatch.setattr(tile, "kernel", lambda *arguments: asked.append(arguments) or make(*arguments))
    return asked


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("m, k, n", [(1, 1, 1), (4, 4, 4), (8, 12, 20), (9, 30, 17), (7, 60, 3), (3, 0, 2), (0, 3, 2)])
def test_products_of_any_shape(m, k, n, dtype):
    check(*draw(m, k, n, dtype), dtype)


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("m, n", [(12, 20), (9, 17)])
@pytest.mark.parametrize("name", ["large", "medium", "small"])
def test_every_tile(name, m, n, parts, monkeypatch, kernels):
    t = TILES[name]
    k = 2 * t.depth * parts - 4
    monkeypatch.setattr(matmul, "plan", lambda m, n, k, dtype: (t, *matmul.cut(k, parts, t.depth)))
    a, b, c = draw(m, k, n, np.float32)
    added = array(c)
    matmul.add_matmul_tn(added, array(np.ascontiguousarray(a.T)), array(b))
    np.testing.assert_allclose(to_host(added), c + a @ b, atol=1e-4)
    assert kernels[-1][0] is t and kernels[-1][4] == (m % 4 == 0)


def test_vectors_are_used_where_they_fit_and_only_there(kernels):
    a, b = (array(np.ones((8, 8), np.float32)) for _ in range(2))
    columns, rows, shifted = array(np.ones((8, 16), np.float32)), array(np.ones((16, 8), np.float32)), array(np.ones(72, np.float32))
    for x, fits in ((a, True), (columns[:, 8:], True), (columns[:, 2:10], False), (columns[:, ::2], False), (rows[::2], True), (a.T, True),
                    (a[:, :6], False), (shifted[1:65].reshape(8, 8), False), (shifted[4:68].reshape(8, 8), True)):  # fmt: skip
        got = matmul.matmul_nt(x, b[:, : x.shape[1]])
        assert kernels[-1][4] == fits
        np.testing.assert_array_equal(to_host(got), np.full((8, 8), x.shape[1]))


def test_an_operand_that_runs_backwards(kernels):
    a, b, _ = draw(5, 6, 7, np.float32)
    np.testing.assert_allclose(to_host(matmul.matmul(array(a)[::-1], array(b)[:, ::-1])), a[::-1] @ b[:, ::-1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("k", [5, 40])
def test_what_is_added_to_may_lie_anyhow(k):
    x, _, dy = draw(k, 1, 9, np.float32)
    x = np.repeat(x, 11, axis=1) + np.arange(11, dtype=np.float32)
    for whole in (np.zeros((33, 9)), np.zeros((9, 33)).T):
        on_device = array(whole.astype(np.float32)) if whole.flags.c_contiguous else array(np.ascontiguousarray(whole.T, np.float32)).T
        for rows in (slice(11, 22), slice(21, 10, -1)):
            before = to_host(on_device).copy()
            matmul.add_matmul_tn(on_device[rows], array(x), array(dy))
            before[rows] += x.T @ dy
            np.testing.assert_allclose(to_host(on_device), before, rtol=1e-4, atol=1e-4)


def epilogue_of(definition, *arguments):
    return epilogue(trace(definition, arguments, tuple(inspect.signature(definition).parameters)), 0)


ACTIVATIONS = [("relu",), ("leaky_relu", 0.2), ("elu", 0.7), ("elu", 1), ("tanh",), ("sigmoid",), ("softplus",)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name, numbers", [(name, numbers) for name, *numbers in ACTIVATIONS], ids=str)
def test_an_activation_comes_with_the_product(name, numbers, dtype):
    """After a linear layer; and the way back through one, which takes its output y beside."""
    a, b, y = draw(5, 30, 9, dtype)
    bias, number = y[0].copy(), numbers[0] if numbers else 0
    forward, backward = definitions[name], definitions[f"{name}_backward"]
    f, g = epilogue_of(forward, y, *numbers), epilogue_of(backward, y, y, *numbers)
    assert (f.beside, f.number, g.beside, g.number) == (None, 1 if numbers else None, 1, 2 if numbers else None)
    got = matmul.multiply("linear", array(a), array(b), bias=array(bias), epilogue=f, number=number)
    got_back = matmul.multiply("matmul", array(a), array(b), y=array(y), epilogue=g, number=number)
    with use_backend("numpy"):
        wanted, wanted_back = forward(a @ b + bias, *numbers), backward(a @ b, y, *numbers)
    close = dict(rtol=100 * np.finfo(dtype).eps, atol=100 * np.finfo(dtype).eps)
    np.testing.assert_allclose(to_host(got), wanted, **close)
    np.testing.assert_allclose(to_host(got_back), wanted_back, **close)


def test_what_is_no_epilogue():
    x, v = np.ones((4, 4), np.float32), np.ones(4, np.float32)
    assert epilogue_of(lambda x, y, k: x * y + k, x, x, 2.0) is not None
    for definition, *arguments in (
        (lambda x: x.sum(), x),
        (lambda x, v: x + v, x, v),
        (lambda x, y, z: x + y * z, x, x, x),
        (lambda x, j, k: x * j + k, x, 1.0, 2.0),
        (lambda x: x / x.shape[0], x),
        (lambda x: (x, x + 1), x),
        (lambda x: x.astype(np.float64), x),
        (lambda x: x.__setitem__(..., x + 1), x),
    ):
        assert epilogue_of(definition, *arguments) is None


def test_a_product_leaves_the_tickets_as_it_found_them():
    a, b, c = draw(9, 60, 9, np.float32)
    first = to_host(matmul.matmul(array(a), array(b)))
    assert not to_host(sums.tickets()).any()
    np.testing.assert_array_equal(to_host(matmul.matmul(array(a), array(b))), first)


@pytest.mark.parametrize("dtype", [np.dtype(np.float32), np.dtype(np.float64)])
def test_the_plan_covers_k_and_fills_the_card(dtype):
    for m, k, n in [(4096, 4096, 4096), (8192, 784, 512), (100, 784, 500), (100, 1200, 1200), (784, 8192, 500), (1, 1, 1), (5, 0, 3), (2000, 3, 1)]:
        t, splits, part = matmul.cheapest(m, n, k, dtype)
        rows, columns = t.shape(dtype)
        tiles = -(-m // rows) * -(-n // columns)
        assert part % t.depth == 0 and (splits - 1) * part < max(k, 1) <= splits * part
        assert splits == 1 or tiles <= sums.tickets().size
        assert tiles * splits >= min(matmul.PROCESSORS, m * n * k / 2**18) * 0.9
    assert matmul.cheapest(4096, 4096, 4096, np.dtype(np.float32))[:2] == (tile.LARGE, 1)


def test_matrices_that_cannot_be_multiplied_are_refused():
    a, b, _ = (array(x) for x in draw(3, 4, 5, np.float32))
    with pytest.raises(ValueError, match=r"matmul_nt needs shapes \(m, k\) and \(n, k\); given \(3, 4\) and \(4, 5\)"):
        matmul.matmul_nt(a, b)
    with pytest.raises(ValueError, match=r"linear: b is \(4,\) float32; \(5,\) float32"):
        matmul.linear(a, b, array(np.zeros(4, np.float32)))
    with pytest.raises(ValueError, match="add_matmul_tn"):
        matmul.add_matmul_tn(array(np.zeros((3, 4), np.float32)), a, a)
    with pytest.raises(TypeError, match="device arrays; given a NoneType"):
        matmul.matmul_nt(a, None)
    with pytest.raises(ValueError, match=r"matmul_nt: y is \(4, 3\) float32; \(3, 3\) float32 on the device is needed"):
        matmul.multiply("matmul_nt", a, a, y=a.T)


@pytest.mark.parametrize("shape", [(2**22, 1, 1), (1, 1, 2**22)])
def test_a_long_product_keeps_to_the_limits_of_a_grid(shape, monkeypatch):
    m, k, n = shape
    monkeypatch.setattr(matmul, "plan", matmul.cheapest)
    launched = []
    monkeypatch.setattr(matmul, "launch", lambda kernel, blocks, *others: launched.append(blocks))
    matmul.matmul(array(np.zeros((m, k), np.float32)), array(np.zeros((k, n), np.float32)))
    (blocks,) = launched
    assert max(blocks[1:]) <= 65_535 and blocks[0] * 128 >= 2**22


def test_matrices_too_far_spread_for_32_bits_are_refused():
    x = array(np.zeros((3, 4), np.float32))
    spread = DeviceArray(x.block, x.address, (3, 4), (2**32, 4), x.dtype)
    with pytest.raises(ValueError, match="32 bits, and a matrix that spans 2,147,483,652"):
        matmul.matmul_nt(spread, x)


@on_gpu
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "m, k, n", [(100, 784, 500), (784, 100, 500), (8192, 784, 512), (784, 8192, 500), (1023, 777, 511), (1200, 8192, 1), (2048, 2048, 2048)]
)
def test_large_products(m, k, n, dtype):
    check(*draw(m, k, n, dtype), dtype)


@on_gpu
def test_same_bits_every_time():
    a, b, _ = (array(x) for x in draw(100, 1200, 1200, np.float32))
    first = to_host(matmul.matmul(a, b))
    for _ in range(50):
        np.testing.assert_array_equal(to_host(matmul.matmul(a, b)), first)


@pytest.mark.parametrize("step", ladder.STEPS)
def test_every_step_of_the_ladder_multiplies(step):
    a, b, _ = draw(6, 9, 5, np.float32)
    np.testing.assert_allclose(to_host(ladder.multiply(step, array(a), array(b))), a @ b, rtol=1e-5, atol=1e-5)
    with pytest.raises(TypeError, match="float64"):
        ladder.multiply(step, array(a.astype(float)), array(b.astype(float)))
