"""Sums in a fixed order, so that the same numbers give the same bits: no addition waits for whichever thread comes first.

    a thread     adds its own elements, in order
    a block      adds its threads' sums, the second half to the first until one is left
    all blocks   leave their sums in `partials`; the block that is done last adds them, in order. Which one that is does not matter

To be known as the last, each block draws a number from `tickets`, which an atomic increment hands out and sets back to 0 behind the last. Sums of
single terms are taken in float64. What is added to what depends on the shape only.
"""

import functools
import math

import numpy as np

from scratchgen.ops.checks import check_real
from scratchgen.ops.cuda import driver
from scratchgen.ops.cuda.array import array, empty, scalar
from scratchgen.ops.cuda.arrays import filled, shifted
from scratchgen.ops.cuda.driver import cuda
from scratchgen.ops.cuda.elementwise import check_arrays, check_columns, check_device, rounded
from scratchgen.ops.cuda.kernels import device, kernel, listed, matrix
from scratchgen.ops.cuda.launch import BLOCKS, THREADS, blocks_for, launch
from scratchgen.ops.formulas import ZERO

COLUMNS, LANES = (2, 2) if driver.SIMULATED else (32, 8)  # a block that sums over rows has COLUMNS columns, and LANES threads in each: THREADS
ROWS = 2 if driver.SIMULATED else 16  # rows that one of those threads takes before more blocks share a column
PARTS = 3 if driver.SIMULATED else 32  # at most so many blocks share it
TICKETS = 4096

# What the threads of a block do together: all of them must call these, the same number of times. `shared` is an array of THREADS float64 in the
# block's shared memory; each function leaves it free for the next.


@device
def block_total(shared, value):
    """Σ value over the threads of a block of THREADS, the same for all of them."""
    k, half = cuda.threadIdx.x, THREADS // 2
    shared[k] = value
    cuda.syncthreads()
    while half > 0:
        if k < half:
            shared[k] += shared[k + half]
        cuda.syncthreads()
        half //= 2
    total = shared[0]
    cuda.syncthreads()  # nobody writes there again before all have read this
    return total


@device
def block_largest(shared, value):
    """The largest value among the threads of a block, the same for all of them; what NaN gives is left open."""
    k, half = cuda.threadIdx.x, THREADS // 2
    shared[k] = value
    cuda.syncthreads()
    while half > 0:
        if k < half and shared[k + half] > shared[k]:
            shared[k] = shared[k + half]
        cuda.syncthreads()
        half //= 2
    top = shared[0]
    cuda.syncthreads()
    return top


@device
def last_of(shared, ticket, number, count):
    """Whether this block is the last of `count` that call this with ticket[number]. What they wrote before is then there to be read."""
    cuda.threadfence()
    cuda.syncthreads()
    if cuda.threadIdx.x == 0 and cuda.threadIdx.y == 0:
        shared[0] = 1.0 if cuda.atomic.inc(ticket, number, count - 1) == count - 1 else 0.0
    cuda.syncthreads()
    last = shared[0] == 1.0
    cuda.threadfence()
    cuda.syncthreads()
    return last


@device
def add_up(shared, part, total, partials, tickets, factor, keep):
    """total = keep · total + factor · Σ part, over all threads of all blocks."""
    part = block_total(shared, part)
    if cuda.threadIdx.x == 0:
        partials[cuda.blockIdx.x] = part
    if last_of(shared, tickets, 0, cuda.gridDim.x):
        part = 0.0
        for b in range(cuda.threadIdx.x, cuda.gridDim.x, THREADS):
            part += partials[b]
        part = block_total(shared, part)
        if cuda.threadIdx.x == 0:
            total[0] = (total[0] if keep else 0.0) + part * factor


@device
def column_total(shared, value):
    """Σ value over the LANES threads of a column, the same for all of them, for each column of a block of COLUMNS × LANES."""
    shared[cuda.threadIdx.y * COLUMNS + cuda.threadIdx.x] = value
    cuda.syncthreads()
    total = 0.0
    for lane in range(LANES):
        total += shared[lane * COLUMNS + cuda.threadIdx.x]
    cuda.syncthreads()
    return total


@device
def add_columns(shared, part, sums, partials, tickets, j):
    """sums[j] += Σ part over all threads of column j, in all blocks that share it."""
    total, writes = column_total(shared, part), cuda.threadIdx.y == 0 and j < sums.size
    if cuda.gridDim.y == 1:
        if writes:
            sums[j] += total
    else:
        if writes:
            partials[cuda.blockIdx.y, j] = total
        if last_of(shared, tickets, cuda.blockIdx.x, cuda.gridDim.y) and writes:
            total = 0.0
            for p in range(cuda.gridDim.y):
                total += partials[p, j]
            sums[j] += total


@functools.cache
def tickets():
    """The counters from which blocks draw their numbers, all 0 before and after every launch."""
    return array(np.zeros(TICKETS, np.uint32))


# The loops

FLAT = """
def {name}(total, partials, tickets, factor, keep, {arguments}):
    shared = cuda.shared.array(THREADS, float64)
    part = 0.0
    for i in range(cuda.grid(1), a0.size, cuda.gridsize(1)):
        term{outs} = f({elements})
        part += term
    add_up(shared, part, total, partials, tickets, factor, keep)
"""

STRIDED = """
def {name}(total, partials, tickets, factor, keep, {arguments}):
    shared = cuda.shared.array(THREADS, float64)
    part, n = 0.0, a0.shape[1]
    for k in range(cuda.grid(1), a0.shape[0] * n, cuda.gridsize(1)):
        i, j = k // n, k % n
        term{outs} = f({elements})
        part += term
    add_up(shared, part, total, partials, tickets, factor, keep)
"""

OVER_ROW = """
def {name}(sums, {arguments}):
    shared = cuda.shared.array(THREADS, float64)
    for i in range(cuda.blockIdx.x, a0.shape[0], cuda.gridDim.x):
        part = 0.0
        for j in range(cuda.threadIdx.x, a0.shape[1], THREADS):
            part += f({elements})
        total = block_total(shared, part)
        if cuda.threadIdx.x == 0:
            sums[i] = total
"""


def loop(source, at, formula, n_arrays, n_numbers, n_outs=0, **names):
    """The kernel from one of these sources; `at`: how it indexes the arrays."""
    arguments = listed("out", n_outs) + listed("a", n_arrays) + listed("x", n_numbers)
    elements = listed("a", n_arrays, at) + listed("x", n_numbers)
    outs = ", " + listed("out", n_outs, at).removesuffix(", ") if n_outs else ""
    text = source.format(name=formula.__name__, arguments=arguments, elements=elements, outs=outs)
    return kernel(text, formula.__name__, f=device(formula), THREADS=THREADS, float64=np.float64, **names)


def summing(formula, n_arrays, n_numbers=0, n_outs=0):
    """The operation (arrays, *numbers, factor=1) -> factor · Σ term, out, …  where term, *outs = formula(*arrays, *numbers); without outs, just term.

    onto: a sum to add to, instead of a new one.
    """
    flat, strided = (loop(source, at, formula, n_arrays, n_numbers, n_outs, add_up=add_up) for source, at in ((FLAT, "[i]"), (STRIDED, "[i, j]")))

    def call(arrays, *numbers, factor=1.0, onto=None):
        check_arrays(formula.__name__, arrays)
        shape, dtype = arrays[0].shape, arrays[0].dtype
        outs = [empty(shape, dtype) for _ in range(n_outs)]
        total, blocks = scalar() if onto is None else onto, blocks_for(arrays[0].size)
        if not arrays[0].size:
            (filled if onto is None else shifted)((total,), (), 0.0 * factor)
            return total, *outs
        partials = empty(blocks, np.float64)
        common = total.flat(), partials.flat(), tickets().flat(), float(factor), int(onto is not None)
        if all(a.contiguous for a in arrays):
            launch(flat, blocks, THREADS, *common, *[a.flat() for a in (*outs, *arrays)], *rounded(numbers, dtype))
        else:
            launch(strided, blocks, THREADS, *common, *[matrix(a).view() for a in (*outs, *arrays)], *rounded(numbers, dtype))
        return total, *outs

    return call


def row_sums(formula, n_arrays, n_numbers=0):
    """The operation (arrays, *numbers) -> Σ_j formula(*arrays, *numbers) of each row:  (batch, n) each -> (batch,)."""
    run = loop(OVER_ROW, "[i, j]", formula, n_arrays, n_numbers, block_total=block_total)

    def call(arrays, *numbers):
        check_arrays(formula.__name__, arrays)
        sums = empty(arrays[0].shape[0], arrays[0].dtype)
        if not arrays[0].size:
            filled((sums,), (), 0.0)
        else:
            launch(run, blocks_of_rows(sums.size), THREADS, sums.flat(), *[a.view() for a in arrays], *rounded(numbers, sums.dtype))
        return sums

    return call


def blocks_of_rows(rows):
    """How many blocks work on so many rows, one row at a time each."""
    return min(rows, BLOCKS)


@cuda.jit
def sum_columns(sums, partials, tickets, a):
    """sums += Σ over the rows of a."""
    shared = cuda.shared.array(THREADS, np.float64)
    j, part = cuda.blockIdx.x * COLUMNS + cuda.threadIdx.x, ZERO
    if j < a.shape[1]:
        for i in range(cuda.blockIdx.y * LANES + cuda.threadIdx.y, a.shape[0], LANES * cuda.gridDim.y):
            part += a[i, j]
    add_columns(shared, part, sums, partials, tickets, j)


def add_column_sums(out, a):
    """out += Σ over the rows of a:  out (n,), a (m, n)."""
    check_device("add_column_sums", (out, a))
    check_real("add_column_sums", a)
    check_columns("add_column_sums", out, a)
    batch, n = a.shape
    if batch * n:
        blocks = -(-n // COLUMNS)
        parts = min(-(-batch // (LANES * ROWS)), PARTS) if blocks <= TICKETS else 1
        partials = empty((parts, n), np.float64)
        launch(sum_columns, (blocks, parts), (COLUMNS, LANES), out.view(), partials.view(), tickets().flat(), a.view())


def square(a):
    return np.float64(a) * np.float64(a)


sum_of_squares = summing(square, 1)


@cuda.jit
def clip(a, norm, squared, max_norm):
    length = math.sqrt(squared[0])
    if length > max_norm:
        factor = max_norm / length
        for k in range(cuda.grid(1), a.size, cuda.gridsize(1)):
            a[k // a.shape[1], k % a.shape[1]] *= factor
    if cuda.grid(1) == 0:
        norm[0] = length


def clip_norm(a, max_norm):
    """a *= min(1, max_norm / ‖a‖), in place -> ‖a‖. The host does not wait to learn it."""
    check_device("clip_norm", (a,))
    norm, squared = scalar(), sum_of_squares((a,))[0]
    if not a.size:
        return squared
    launch(clip, blocks_for(a.size), THREADS, matrix(a).view(), norm.flat(), squared.flat(), float(max_norm))
    return norm


TWINS = {
    "clip_norm": clip_norm,
    "add_column_sums": add_column_sums,
}
