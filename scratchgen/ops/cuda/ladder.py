"""How a matrix product on a GPU becomes ten times faster: the same product in three steps. A lesson; the core is tile.py.

    c = a b             a (m, k), b (k, n) -> c (m, n)             c_ij = Σ_k a_ik b_kj

Every step does the same m k n multiplications and additions. What changes is how often each number is fetched, and from how far away.
`scratchgen bench --backend cuda --only ladder` measures the steps on your card.
"""

import numpy as np

from scratchgen.ops.cuda import driver, matmul
from scratchgen.ops.cuda.array import empty
from scratchgen.ops.cuda.driver import cuda
from scratchgen.ops.cuda.elementary import ZERO
from scratchgen.ops.cuda.launch import launch

SIDE = 4 if driver.SIMULATED else 16  # of a square block of threads


@cuda.jit
def one_number(a, b, c):
    j, i = cuda.grid(2)
    if i < c.shape[0] and j < c.shape[1]:
        total = ZERO
        for k in range(a.shape[1]):
            total += a[i, k] * b[k, j]
        c[i, j] = total


@cuda.jit
def one_number_from_tiles(a, b, c):
    a_tile, row = cuda.shared.array((SIDE, SIDE), np.float32), cuda.threadIdx.y
    b_tile, column = cuda.shared.array((SIDE, SIDE), np.float32), cuda.threadIdx.x
    j, i = cuda.grid(2)
    total = ZERO
    for k in range(0, a.shape[1], SIDE):
        a_tile[row, column] = a[i, k + column] if i < c.shape[0] and k + column < a.shape[1] else ZERO
        b_tile[row, column] = b[k + row, j] if k + row < b.shape[0] and j < c.shape[1] else ZERO
        cuda.syncthreads()  # all numbers are there
        for l in range(SIDE):
            total += a_tile[row, l] * b_tile[l, column]
        cuda.syncthreads()  # nobody needs them any more
    if i < c.shape[0] and j < c.shape[1]:
        c[i, j] = total


def number_per_thread(a, b):
    """The definition. A thread computes one number of c, and reads a row of a and a column of b for it: two loads for each multiply-add."""
    return squares(one_number, a, b)


def shared_tiles(a, b):
    """A block of threads first brings a square of a and one of b to its shared memory, where each number is used sixteen times."""
    return squares(one_number_from_tiles, a, b)


def register_tiles(a, b):
    """A thread computes 8 × 8 numbers (tile.py). The sums stay in registers; sixteen numbers from shared memory serve 64 multiply-adds."""
    return matmul.matmul(a, b)


STEPS = (number_per_thread, shared_tiles, register_tiles)


def squares(kernel, a, b):
    """Launch one of the kernels above on square blocks of threads that cover c."""
    c = empty((a.shape[0], b.shape[1]), np.float32)
    launch(kernel, (-(-c.shape[1] // SIDE), -(-c.shape[0] // SIDE)), (SIDE, SIDE), a.view(), b.view(), c.view())
    return c


def multiply(step, a, b):
    """a b, computed by one of STEPS:  a (m, k), b (k, n), float32 on the device -> (m, n). Raises ValueError or TypeError otherwise."""
    matmul.sizes("matmul", a, b)
    if a.dtype != np.float32:
        raise TypeError(f"the ladder multiplies float32; given {a.dtype}")
    return step(a, b)
