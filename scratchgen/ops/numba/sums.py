"""Sums whose bits do not depend on the number of threads: in parts that the shape alone decides, which are then added in order.

    summing(f)        Σ f(a, b, …)[0], and the rest of f as new arrays  a loss and its gradients in one pass
    row_sums(f)       Σ over each row of f(a, b, …)                     (batch, n) -> (batch,)
    add_column_sums   Σ over each column, added to (n,)                 a bias gradient

The first two are taken in float64, as is the norm of all gradients. `cost`: ns per element on one core, as in elementwise.py.
"""

import numpy as np
from numba import prange

from scratchgen.ops.checks import check_arrays, check_columns, check_real, check_writable
from scratchgen.ops.numba.compile import jit
from scratchgen.ops.numba.elementwise import elements, flat, floats, formulas, in_place, pieces, rounded, store, write_back
from scratchgen.ops.numba.threads import kernel

BLOCK = 2048  # elements whose sum one thread takes in one go
PARTS = 16  # of the rows of a matrix, where sums run over the rows; any number of threads up to this shares them fairly


@jit
def fold(sums):
    """Σ sums, by adding the second half to the first until one number is left: a loop in vectors, and a small rounding error."""
    n = sums.size
    while n > 1:
        half = (n + 1) // 2
        first, second = sums[: n - half], sums[half:n]
        for k in range(first.size):
            first[k] += second[k]
        n = half
    return sums[0] if n else 0.0


@jit
def total(terms):
    """Σ terms in float64. It reads finished terms: together with float64, a loop that computes them would have half as wide vectors."""
    half = (terms.size + 1) // 2
    sums, second = np.empty(half), terms[half:]
    for k in range(second.size):
        sums[k] = np.float64(terms[k]) + np.float64(second[k])
    if second.size < half:
        sums[half - 1] = terms[half - 1]
    return fold(sums)


@jit
def dot(a, b):
    """Σ a ∘ b in float64."""
    products = np.empty(a.size)
    for k in range(a.size):
        products[k] = np.float64(a[k]) * np.float64(b[k])
    return fold(products)


@jit
def add_rows(out, a):
    """out += the rows of a, in their order, each first added to the one before."""
    for i in range(1, a.shape[0]):
        total, row = a[0], a[i]
        for j in range(out.size):
            total[j] += row[j]
    if a.shape[0]:
        for j in range(out.size):
            out[j] += a[0, j]


def summing(formula, cost, n_outputs):
    """The operation (arrays, *numbers) -> Σ term, out, …  where term, *outs = formula(*arrays, *numbers) for each element."""
    f = jit(formula, inline=True)

    @jit
    def block(outs, arrays, numbers):
        terms = np.empty_like(arrays[0])
        for i in range(terms.size):
            values = f(*elements(arrays, i), *numbers)
            terms[i] = values[0]
            store(outs, i, values[1:])
        return total(terms)

    def loop(outs, arrays, numbers):
        numbers = rounded(numbers, arrays[0])
        n = arrays[0].size
        totals = np.empty((n + BLOCK - 1) // BLOCK)
        for b in prange(totals.size):
            start, stop = b * BLOCK, min(n, (b + 1) * BLOCK)
            totals[b] = block(pieces(outs, start, stop), pieces(arrays, start, stop), numbers)
        return total(totals)

    run = kernel(loop)

    def call(arrays, *numbers):
        check_arrays(formula.__name__, arrays)
        shape, dtype = arrays[0].shape, arrays[0].dtype
        outs = [np.empty(shape, dtype) for _ in range(n_outputs)]
        return run(cost * arrays[0].size, flat(outs), flat(arrays), floats(numbers)), *outs

    return call


def row_sums(formula, cost):
    """The operation (arrays, *numbers) -> Σ_j formula(*arrays, *numbers) of each row:  (batch, n) each -> (batch,), summed in float64."""
    f = jit(formula, inline=True)

    @jit
    def row(arrays, numbers):
        terms = np.empty_like(arrays[0])
        for j in range(terms.size):
            terms[j] = f(*elements(arrays, j), *numbers)
        return total(terms)

    def loop(out, n, arrays, numbers):
        numbers = rounded(numbers, out)
        for i in prange(out.size):
            out[i] = row(pieces(arrays, i * n, (i + 1) * n), numbers)

    run = kernel(loop)

    def call(arrays, *numbers):
        check_arrays(formula.__name__, arrays)
        batch, n = arrays[0].shape
        out = np.empty(batch, arrays[0].dtype)
        run(cost * arrays[0].size, out, n, flat(arrays), floats(numbers))
        return out

    return call


@jit
def sum_part(sums, a, first, last):
    """sums = Σ over rows first … last − 1 of a, in order."""
    sums[:] = 0
    for i in range(first, last):
        row = a[i]
        for j in range(sums.size):
            sums[j] += row[j]


@kernel
def sum_columns(sums, a):
    """sums += Σ over the rows of a, in parts that the shape decides."""
    batch, parts = a.shape[0], min(a.shape[0], PARTS)
    partial = np.empty((parts, sums.size), sums.dtype)
    for p in prange(parts):
        sum_part(partial[p], a, batch * p // parts, batch * (p + 1) // parts)
    add_rows(sums, partial)


def add_column_sums(out, a):
    """out += Σ over the rows of a:  out (n,), a (m, n)."""
    check_real("add_column_sums", a)
    check_columns("add_column_sums", out, a)
    check_writable("add_column_sums", (out,))
    row = np.ascontiguousarray(out)
    sum_columns(0.1 * a.size, row, np.ascontiguousarray(a))
    write_back((out,), (row,))


scaled = in_place(formulas.scale, 0.1)


@kernel
def sum_of_squares(a):
    totals = np.empty((a.size + BLOCK - 1) // BLOCK)
    for b in prange(totals.size):
        part = a[b * BLOCK : (b + 1) * BLOCK]
        totals[b] = dot(part, part)
    return total(totals)


def clip_norm(a, max_norm):
    """a *= min(1, max_norm / ‖a‖), in place -> ‖a‖, summed in float64."""
    check_real("clip_norm", a)
    norm = sum_of_squares(0.2 * a.size, a.ravel()) ** 0.5
    if norm > max_norm:
        scaled((a,), (), max_norm / norm)
    return norm


TWINS = {
    "clip_norm": clip_norm,
    "add_column_sums": add_column_sums,
}
