"""Sums whose bits do not depend on the number of threads: terms are stored, then added by halves, in an order that depends only on how many they are.

    total      Σ of the first n terms, in float64
    largest, smallest
    joined     combines the partial results of a kernel's pieces (driver.py runs it when all are there)

Adding the second half to the first until one number is left vectorises, and its rounding error grows with log n instead of n.
"""

import functools

import numpy as np
from numba import types

from scratchgen.ops.numba.compile import c_function, jit
from scratchgen.ops.numba.driver import BLOCK, HEAD, n_pieces, zero64
from scratchgen.ops.numba.elementary import maximum, minimum
from scratchgen.ops.numba.memory import numbers_at, scratch

zero = np.float64(0)
HALF_BLOCK = BLOCK // 2


@jit
def total(terms, n):
    """Σ terms in float64, n ≤ BLOCK."""
    sums = scratch(zero, HALF_BLOCK)
    half = (n + 1) // 2
    for k in range(n - half):
        sums[k] = np.float64(terms[k]) + np.float64(terms[half + k])
    if n - half < half:
        sums[half - 1] = np.float64(terms[half - 1])
    n = half
    while n > 1:
        half = (n + 1) // 2
        for k in range(n - half):
            sums[k] += sums[half + k]
        n = half
    return sums[0] if n else zero


def extreme(join):
    """The function (terms, n) that finds the largest or smallest of n terms; NaN if there is one. The terms are overwritten."""

    @jit
    def fold(terms, n):
        while n > 1:
            half = (n + 1) // 2
            for k in range(n - half):
                terms[k] = join(terms[k], terms[half + k])
            n = half
        return np.float64(terms[0])

    return fold


largest, smallest = extreme(maximum), extreme(minimum)
OF_CELLS, OF_ROWS = range(2)


def joining(fold, join, start):
    """The kernel that combines all partial results.  Table: rows, columns of the kernel, 2, partials, totals, which total, of cells or rows."""

    def kernel(item, r0, r1, c0, c1, args):
        args = numbers_at(args, zero64)
        n = n_pieces(args[0], args[1]) if args[HEAD + 3] == OF_CELLS else args[0]
        result = start
        for first in range(0, n, BLOCK):
            result = join(result, fold(numbers_at(args[HEAD] + 8 * first, zero), min(BLOCK, n - first)))
        numbers_at(args[HEAD + 1], zero)[args[HEAD + 2]] = result

    return kernel


@jit(inline=True)
def plus(a, b):
    return a + b


@functools.cache
def joined(op):
    """The compiled kernel that joins partial results of that reduction."""
    parts = {"sum": (total, plus, 0.0), "max": (largest, maximum, -np.inf), "min": (smallest, minimum, np.inf)}[op]
    return c_function(types.void(*[types.int64] * 6), joining(*parts), source=f"join {op}")
