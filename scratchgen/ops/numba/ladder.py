"""How a matrix product becomes a thousand times faster: the same product in six steps, each a few lines. A lesson; the core is gemm.py.

    c = a b             a (m, k), b (k, n) -> c (m, n)             c_ij = Σ_k a_ik b_kj

Every step does the same m k n multiplications and additions. What changes is what the processor waits for: memory, then the cache, and in the end
nothing. `scratchgen bench --only ladder` measures the steps on your machine, and draws them against what it can do at most.
Each step adds to a c of zeros; `multiply` below calls it so.
"""

import contextlib
import functools

import numba
import numpy as np
from numba import prange
from numba.np.numpy_support import from_dtype

from scratchgen.ops.numba import workers
from scratchgen.ops.numba.compile import jit
from scratchgen.ops.numba.target import TARGET
from scratchgen.ops.numba.tile import ROWS, VECTORS, call_tile, tile

BLOCK_K, BLOCK_N = 64, 512  # a block of b: 128 KiB of float32 fit the second-level cache, and a row of the block, 2 KiB, the first-level


@jit(cache=True)
def three_loops(a, b, c):
    """The definition. b is read down its columns, and every number brings a whole cache line with it, of which the rest is not used."""
    for i in range(c.shape[0]):
        for j in range(c.shape[1]):
            for k in range(a.shape[1]):
                c[i, j] += a[i, k] * b[k, j]


@jit(cache=True)
def loop_order(a, b, c):
    """Two loops change places. The inner one now runs along rows of b and c, a whole vector at a time, and no sum waits for the one before."""
    for i in range(c.shape[0]):
        for k in range(a.shape[1]):
            for j in range(c.shape[1]):
                c[i, j] += a[i, k] * b[k, j]


@jit(cache=True)
def blocking(a, b, c):
    """Block by block of b. A block stays in the cache while all rows of a meet it; before, each row of a took all of b from memory."""
    for k0 in range(0, b.shape[0], BLOCK_K):
        for j0 in range(0, b.shape[1], BLOCK_N):
            for i in range(c.shape[0]):
                c_row = c[i, j0 : j0 + BLOCK_N]
                for k in range(k0, min(k0 + BLOCK_K, b.shape[0])):
                    add_multiple(c_row, a[i, k], b[k, j0 : j0 + BLOCK_N])


@jit(cache=True)
def packing(a, b, c):
    """Each block is first copied to a place of its own. In b its rows lie apart, on many pages, and compete for the same slots of the cache."""
    for k0 in range(0, b.shape[0], BLOCK_K):
        for j0 in range(0, b.shape[1], BLOCK_N):
            block = b[k0 : k0 + BLOCK_K, j0 : j0 + BLOCK_N].copy()
            for i in range(c.shape[0]):
                c_row = c[i, j0 : j0 + BLOCK_N]
                for k in range(block.shape[0]):
                    add_multiple(c_row, a[i, k0 + k], block[k])


@jit
def add_multiple(c_row, x, b_row):
    """c_row += x · b_row, one row's part in the product."""
    for j in range(c_row.size):
        c_row[j] += x * b_row[j]


def register_tile(a, b, c):
    """The sums stay in registers (tile.py). Until here each was loaded and stored for every k; now the arithmetic waits for nothing."""
    on_one_core(a, b, c, tile_of(c.dtype).address)


def threads(a, b, c):
    """Every core takes some of the panels."""
    with own_threads():
        on_all_cores(a, b, c, tile_of(c.dtype).address)


def tile_panels(a, b, c, code):
    """c = a b, panel by panel of b, each as wide as a tile.  code: where the compiled tile is."""
    m, k = a.shape
    a_columns = np.zeros((k, (m + ROWS - 1) // ROWS * ROWS), c.dtype)  # a tile reads a column by column, and always ROWS rows
    a_columns[:, :m] = a.T
    width = VECTORS * TARGET.vector_bytes // c.itemsize
    for p in prange((c.shape[1] + width - 1) // width):
        b_part = b[:, p * width : (p + 1) * width]
        panel = np.zeros((k, width), c.dtype)  # packed; zeros fill the last one, because a tile is never narrower
        panel[:, : b_part.shape[1]] = b_part
        block = np.empty((ROWS, width), c.dtype)
        for i in range(0, m, ROWS):
            one_tile(code, a_columns[:, i : i + ROWS], panel, block)
            c_part = c[i : i + ROWS, p * width : (p + 1) * width]
            c_part[:] = block[: c_part.shape[0], : c_part.shape[1]]


on_one_core, on_all_cores = jit(tile_panels, cache=True), jit(tile_panels, cache=True, parallel=True)


@jit
def one_tile(code, a, b, c):
    """c = aᵀ b with all sums in registers: a (k, ROWS), b (k, VECTORS · lanes), c (ROWS, VECTORS · lanes); rows contiguous."""
    a_at, b_at, c_at = np.int64(a.ctypes.data), np.int64(b.ctypes.data), np.int64(c.ctypes.data)
    call_tile(code, a_at, a.strides[0], b_at, b.strides[0], c_at, c.strides[0], a.shape[0], 0, 0, b_at, 0)


@functools.cache
def tile_of(dtype):
    """The compiled tile of ROWS × VECTORS vectors of that type."""
    return tile(from_dtype(dtype), ROWS, VECTORS)


@contextlib.contextmanager
def own_threads():
    """Within the block, Numba's parallel loops use as many threads as our own operations would."""
    before = numba.get_num_threads()
    numba.set_num_threads(min(before, workers.pool().most))
    try:
        yield
    finally:
        numba.set_num_threads(before)


STEPS = (three_loops, loop_order, blocking, packing, register_tile, threads)


def multiply(step, a, b):
    """a b, computed by one of STEPS:  a (m, k), b (k, n), both float32 or both float64 -> (m, n). Raises ValueError or TypeError otherwise."""
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
        raise ValueError(f"a has shape {a.shape} and b {b.shape}; a product needs (m, k) and (k, n)")
    if a.dtype != b.dtype or a.dtype not in (np.float32, np.float64):
        raise TypeError(f"a is {a.dtype} and b {b.dtype}; a product needs two of float32 or two of float64")
    c = np.zeros((a.shape[0], b.shape[1]), a.dtype)
    step(a, b, c)
    return c
