"""Sums in a fixed order, so that the same numbers give the same bits, whichever thread is first.

    a thread     adds its own elements, in order
    a block      adds its threads' sums, the second half to the first until one is left
    all blocks   leave their sums in `partials`; the block that finishes last, whichever it is, adds them in order

To find out whether it is the last, each block takes a number from `tickets`, by an atomic increment that wraps to 0 after the last. Sums are taken in
float64, in an order that depends on the shape only. The largest and the smallest number are found in the same way.

A block has THREADS threads. Those that sum over rows form COLUMNS columns, with LANES threads in each.
"""

import functools
import math
from typing import NamedTuple

import numpy as np

from scratchgen.ops.cuda import driver
from scratchgen.ops.cuda.array import array
from scratchgen.ops.cuda.driver import cuda, device
from scratchgen.ops.cuda.elementary import maximum, minimum
from scratchgen.ops.cuda.launch import THREADS

COLUMNS, LANES = (2, 2) if driver.SIMULATED else (32, 8)
ROWS = 2 if driver.SIMULATED else 16  # rows that a thread takes before more blocks share a column
PARTS = 3 if driver.SIMULATED else 32  # at most so many blocks share it
TICKETS = 4096

# What the threads of a block do together: all of them must call these functions, equally often. `shared` is an array of THREADS float64 in shared
# memory, which each function leaves free for the next.


class Fold(NamedTuple):
    """How numbers become one: their sum, the largest or the smallest.  start: of none.  join: of two."""

    start: float
    join: object
    of_block: object  # (shared, value): of all threads of a block, the same for all of them
    of_column: object  # (shared, value): of the LANES threads of each column
    of_blocks: object  # (shared, partials, first): of what all blocks have left in partials[first:], one number each
    of_parts: object  # (partials, first, columns, j): of what the blocks that share column j have left in partials[first + j :: columns]


def fold(start, join):
    """The Fold of that function of two numbers, of which `start` changes nothing."""

    @device
    def of_block(shared, value):
        k, half = cuda.threadIdx.y * COLUMNS + cuda.threadIdx.x, THREADS // 2
        shared[k] = value
        cuda.syncthreads()
        while half > 0:
            if k < half:
                shared[k] = join(shared[k], shared[k + half])
            cuda.syncthreads()
            half //= 2
        result = shared[0]
        cuda.syncthreads()  # no thread writes there again before all have read this
        return result

    @device
    def of_column(shared, value):
        shared[cuda.threadIdx.y * COLUMNS + cuda.threadIdx.x] = value
        cuda.syncthreads()
        result = shared[cuda.threadIdx.x]
        for lane in range(1, LANES):
            result = join(result, shared[lane * COLUMNS + cuda.threadIdx.x])
        cuda.syncthreads()
        return result

    @device
    def of_blocks(shared, partials, first):
        value = start
        for b in range(cuda.threadIdx.y * COLUMNS + cuda.threadIdx.x, cuda.gridDim.x, THREADS):
            value = join(value, partials[first + b])
        return of_block(shared, value)

    @device
    def of_parts(partials, first, columns, j):
        value = partials[first + j]
        for p in range(1, cuda.gridDim.y):
            value = join(value, partials[first + p * columns + j])
        return value

    return Fold(start, join, of_block, of_column, of_blocks, of_parts)


@device
def add(a, b):
    return a + b


FOLDS = {"sum": fold(0.0, add), "max": fold(-math.inf, maximum), "min": fold(math.inf, minimum)}


@device
def last_of(shared, ticket, number, count):
    """Whether this block is the last of `count` that call this with ticket[number]. It can then read what they wrote before."""
    cuda.threadfence()
    cuda.syncthreads()
    if cuda.threadIdx.x == 0 and cuda.threadIdx.y == 0:
        shared[0] = 1.0 if cuda.atomic.inc(ticket, number, count - 1) == count - 1 else 0.0
    cuda.syncthreads()
    last = shared[0] == 1.0
    cuda.threadfence()
    cuda.syncthreads()
    return last


@functools.cache
def tickets():
    """The counters from which blocks take their numbers, all 0 before and after every launch."""
    return array(np.zeros(TICKETS, np.uint32))


def parts(rows, columns):
    """How many blocks share a column of so many rows."""
    return min(-(-rows // (LANES * ROWS)), PARTS) if -(-columns // COLUMNS) <= TICKETS else 1
