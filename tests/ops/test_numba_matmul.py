"""The compiled matrix products against float64 NumPy: every edge of every tile, every layout, every target, any number of threads."""

import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("numba")

import numba

from scratchgen.ops.numba.compile import jit
from scratchgen.ops.numba.gemm import BLOCK
from scratchgen.ops.numba.matmul import add_matmul_tn, linear, matmul, matmul_nt, matmul_tn
from scratchgen.ops.numba.pack import Matrix, pack_panel
from scratchgen.ops.numba.target import TARGET, available

DTYPES = (np.float32, np.float64)
PRODUCTS = {  # name -> the product as a function of a (m, k) and b (k, n), each stored as the product wants it
    "matmul": lambda a, b: matmul(a, b),
    "matmul_nt": lambda a, b: matmul_nt(a, np.ascontiguousarray(b.T)),
    "matmul_tn": lambda a, b: matmul_tn(np.ascontiguousarray(a.T), b),
}


def matrices(m, k, n, dtype, seed=0):
    rng = np.random.default_rng([seed, m, k, n])
    return rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((k, n)).astype(dtype)


def assert_product(c, a, b):
    """|c − ab| ≤ k ε (|a| |b|): the bound for a sum taken in any order, in the type of c."""
    a64, b64 = a.astype(np.float64), b.astype(np.float64)
    assert c.dtype == a.dtype and c.shape == (a.shape[0], b.shape[1])
    bound = (a.shape[1] + 1) * np.finfo(a.dtype).eps * (abs(a64) @ abs(b64))
    assert np.all(abs(c - a64 @ b64) <= bound)


def width(dtype):
    """Columns of a tile."""
    return TARGET.vectors * TARGET.vector_bytes // np.dtype(dtype).itemsize


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("product", PRODUCTS)
def test_every_edge_of_a_tile(product, dtype):
    for m in range(2 * TARGET.rows + 2):
        for n in range(2 * width(dtype) + 2):
            for k in (0, 1, 3, 17) if (m + n) % 4 == 0 else (5,):
                a, b = matrices(m, k, n, dtype)
                assert_product(PRODUCTS[product](a, b), a, b)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("product", PRODUCTS)
def test_shapes_that_are_cut_into_bands_blocks_and_panels(product, dtype):
    some = np.random.default_rng(0).integers(1, 300, (10, 3)).tolist()
    for m, k, n in [
        (100, 784, 500),
        (1501, 400, 40),
        (3, 2 * BLOCK + 1, 5),
        (1, BLOCK, 1),
        (530, BLOCK + 1, 600),
        (20, 30, 1700),
        (64, 5000, 3),
        (500, 400, 1),
        *some,
    ]:
        a, b = matrices(m, k, n, dtype)
        assert_product(PRODUCTS[product](a, b), a, b)


@pytest.mark.parametrize("dtype", DTYPES)
def test_adding_is_the_product_and_then_a_sum_however_it_is_cut(dtype):
    for m, k, n in [(784, 100, 500), (7, 3 * BLOCK + 5, 90), (128, 512, 128), (128, 256, 128), (3, 5000, 64), (2100, 30, 33), (40, 1, 1), (1, 70, 1)]:
        x, dy = matrices(k, m, 1, dtype)[0], matrices(k, n, 2, dtype)[0]
        product = matmul_tn(x, dy)
        for layout in (
            np.asarray,
            np.asfortranarray,
            lambda a: np.repeat(a, 2, axis=1)[:, ::2],
            lambda a: np.repeat(a, 2, axis=0)[::2],
            lambda a: a[:, ::-1],
        ):
            dW = layout(np.ones((m, n), dtype))
            assert add_matmul_tn(dW, x, dy) is None
            assert np.allclose(dW - 1, product, rtol=1e-4 if dtype == np.float32 else 1e-12, atol=1e-4 if dtype == np.float32 else 1e-12)
            add_matmul_tn(dW, x, dy)
            assert np.allclose(dW - 1, 2 * product, rtol=1e-4 if dtype == np.float32 else 1e-12, atol=1e-4 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("out, x, dy", [((4, 1), (3, 4), (3, 5)), ((4, 5), (3, 4), (2, 5)), ((4, 5), (3, 4), (3, 5))])
def test_nothing_is_changed_before_a_refusal(out, x, dy):
    dW = np.zeros(out, np.float32)
    dW.flags.writeable = False
    with pytest.raises(ValueError, match="add_matmul_tn"):
        add_matmul_tn(dW, np.ones(x, np.float32), np.ones(dy, np.float32))
    assert not dW.any()


def test_buffers_live_as_long_as_they_are_used():
    """So tall a product packs into tens of megabytes, which the system takes back the moment they are freed: used any later, they crash."""
    a, b = matrices(120_000, 64, 64, np.float32)
    assert_product(matmul(a, b), a, b)


@jit(cache=True)
def packed(b, vectors, buffer):
    """Pack b into the buffer."""
    pack_panel(b.dtype.type(0), Matrix(b.ctypes.data, b.strides[0], b.strides[1]), b.shape[0], b.shape[1], vectors, buffer.ctypes.data)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_packed_panel_is_the_matrix_and_zeros_beyond(dtype):
    """What an earlier product left in the buffer, perhaps subnormal numbers, on which every multiply-add takes a hundred times as long."""
    lanes = width(dtype) // TARGET.vectors
    for k in (1, 5, lanes, 2 * lanes + 3):
        for n in range(1, width(dtype) + 1):
            vectors = -(-n // lanes)
            b = matrices(k, n, 1, dtype)[0]
            for layout in (b, np.asfortranarray(b), np.repeat(np.repeat(b, 2, axis=0), 2, axis=1)[::2, ::2]):
                buffer = np.full((k, vectors * lanes), 1e-40 if dtype == np.float32 else 1e-310, dtype)
                packed(layout, vectors, buffer)
                assert np.array_equal(buffer[:, :n], b) and not buffer[:, n:].any()


@pytest.mark.parametrize("dtype", DTYPES)
def test_any_strides(dtype):
    big_a, big_b = matrices(200, 160, 150, dtype)
    for a in (big_a[:50, :40], big_a[::4, ::4], big_a[::-1][:50, 39::-1], big_a.T[:50, :40], np.broadcast_to(big_a[0, :40], (50, 40))):
        for b in (big_b[:40, :70], big_b[::4, ::2][:40, :70], big_b[39::-1, 80:10:-1], big_b.T[:40, :70], np.broadcast_to(big_b[:40, :1], (40, 70))):
            assert_product(matmul(a, b), a, b)
            assert_product(matmul_nt(a, b.T), a, b)
            assert_product(matmul_tn(a.T, b), a, b)


def test_memory_beyond_the_operands_is_neither_read_into_the_result_nor_written():
    for m, k, n in [(5, 7, 3), (14, 20, 33), (29, 40, 70)]:
        a, b = matrices(m, k, n, np.float32)
        around_a, around_b, around_c = (np.full((rows + 2, columns + 2), np.nan, np.float32) for rows, columns in ((m, k), (k, n), (m, n)))
        around_a[1:-1, 1:-1], around_b[1:-1, 1:-1], around_c[1:-1, 1:-1] = a, b, 0
        add_matmul_tn(around_c[1:-1, 1:-1], around_a[1:-1, 1:-1].T, around_b[1:-1, 1:-1])
        assert_product(around_c[1:-1, 1:-1].copy(), a, b)
        around_c[1:-1, 1:-1] = np.nan
        assert np.isnan(around_c).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_add_matmul_tn_adds(dtype):
    for m, k, n in [(0, 3, 2), (2, 0, 3), (1, 1, 1), (31, 40, 70), (784, 100, 50), (30, 600, 45), (128, 512, 1), (300, 200, 1)]:
        a, b = matrices(m, k, n, dtype)
        before = matrices(m, n, 1, dtype)[0]
        for out in (before.copy(), before.copy(order="F"), np.repeat(before, 2, axis=1)[:, ::2]):
            add_matmul_tn(out, np.ascontiguousarray(a.T), b)
            assert_product(out, np.hstack([before, a]), np.vstack([np.eye(n, dtype=dtype), b]))


@pytest.mark.parametrize("dtype", DTYPES)
def test_linear_adds_its_bias_once(dtype):
    for m, k, n in [(1, 1, 1), (5, 0, 3), (100, 30, 50), (30, 700, 70), (30, 3 * BLOCK, 7), (200, 300, 1)]:
        x, W = matrices(m, k, n, dtype)
        for b in (None, matrices(1, n, 1, dtype)[0].ravel(), matrices(1, 2 * n, 1, dtype)[0].ravel()[::2]):
            tolerance = 40 * np.finfo(dtype).eps * (1 + abs(x).astype(np.float64) @ abs(W))
            assert np.all(abs(linear(x, W, b) - (x.astype(np.float64) @ W + (0 if b is None else b))) <= tolerance)


@pytest.mark.parametrize("product", PRODUCTS)
def test_nan_and_infinity_go_where_numpy_sends_them(product):
    a, b = matrices(30, 40, 50, np.float32)
    a[3, 5], a[4, 0], b[7, 9], b[39, 49] = np.nan, np.inf, -np.inf, np.nan
    with np.errstate(invalid="ignore"):
        want = a.astype(np.float64) @ b
    c = PRODUCTS[product](a, b)
    assert np.array_equal(np.isnan(c), np.isnan(want)) and np.array_equal(np.isinf(c), np.isinf(want))


@pytest.mark.parametrize("dtype", DTYPES)
def test_results_have_the_same_bits_on_any_number_of_threads(dtype):
    most = numba.get_num_threads()
    for m, k, n in [
        (100, 784, 500),
        (64, 64, 64),
        (500, 100, 784),
        (700, 300, 90),
        (20, 784, 200),
        (600, 60, 600),
        (3, 50, 900),
        (256, 128, 1),
        (128, 512, 128),
    ]:
        a, b = matrices(m, k, n, dtype)
        bias = b[0].copy()
        results = []
        for threads in range(1, min(4, most) + 1):
            numba.set_num_threads(threads)
            try:
                gradient = np.ones((m, n), dtype)
                add_matmul_tn(gradient, a.T, b)
                results.append([*(f(a, b) for f in PRODUCTS.values()), gradient, linear(a, b, bias)])
            finally:
                numba.set_num_threads(most)
        for other in results[1:]:
            assert all(np.array_equal(x, y) for x, y in zip(results[0], other, strict=True))


def test_mistakes_get_one_clear_sentence():
    a, b = np.ones((3, 4), np.float32), np.ones((4, 5), np.float32)
    cases = [
        (ValueError, r"matmul needs shapes \(m, k\) and \(k, n\); given \(3, 4\) and \(3, 4\)", lambda: matmul(a, a)),
        (ValueError, r"matmul_nt needs .*\(n, k\); given \(3, 4\) and \(4, 5\)", lambda: matmul_nt(a, b)),
        (ValueError, r"matmul_tn needs \S+ \(k, m\) .*; given \(3, 4\) and \(4, 5\)", lambda: matmul_tn(a, b)),
        (ValueError, r"given \(4,\) and \(4, 5\)", lambda: matmul(a[0], b)),
        (ValueError, r"linear needs shapes \(batch, n_in\)", lambda: linear(b, b, None)),
        (ValueError, r"linear: b is \(4,\) float32; x W needs \(5,\) float32", lambda: linear(a, b, a[0])),
        (ValueError, r"out is \(3, 4\) float32; aᵀ b is \(4, 4\) float32", lambda: add_matmul_tn(a, a, a)),
        (ValueError, r"add_matmul_tn needs \S+ \(k, m\) .*; given \(3, 4\) and \(4, 5\)", lambda: add_matmul_tn(a, a, b)),
        (TypeError, "add_matmul_tn needs two float32 or two float64 arrays", lambda: add_matmul_tn(b, a, np.ones((3, 5)))),
        (TypeError, "given float32 and float64", lambda: matmul(a, b.astype(np.float64))),
        (TypeError, "given int64 and int64", lambda: matmul(a.astype(np.int64), b.astype(np.int64))),
        (TypeError, "float32", lambda: matmul(a.astype(">f4"), b)),
    ]
    for kind, sentence, call in cases:
        with pytest.raises(kind, match=sentence):
            call()
    read_only = np.zeros((4, 5), np.float32)
    read_only.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        add_matmul_tn(read_only, a, np.ones((3, 5), np.float32))


def test_read_only_operands_are_fine():
    a, b = matrices(5, 6, 7, np.float32)
    a.flags.writeable = b.flags.writeable = False
    assert_product(matmul(a, b), a, b)


@pytest.mark.skipif("SCRATCHGEN_SIMD" in os.environ, reason="already a forced target")
@pytest.mark.parametrize("target", [name for name in available() if name != TARGET.name])
def test_other_targets(target):
    """This file again, in a process that must use narrower vectors."""
    environment = {**os.environ, "SCRATCHGEN_SIMD": target}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]


def test_unknown_or_missing_target_is_refused():
    for name, sentence in [("avx3", "unknown SCRATCHGEN_SIMD 'avx3'"), ("neon" if "avx2" in available() else "avx2", "this machine runs only")]:
        environment = {**os.environ, "SCRATCHGEN_SIMD": name}
        done = subprocess.run([sys.executable, "-c", "import scratchgen.ops.numba.target"], env=environment, capture_output=True, text=True)
        assert done.returncode != 0 and sentence in done.stderr
