"""Kernels from formulas: the mathematics of one element is written as a scalar function, and here it gets its loop.

    tanh_backward = elementwise(formulas.tanh_backward, cost=0.2, n_arrays=2)           (the formulas are in ops/formulas.py)

    elementwise(f)    out = f(a, b, …)                                  a new array
    in_place(f)       p, m, … = f(p, m, …, g, …)                        the first arrays are written, the others read
    summing(f)        Σ f(a, b, …)[0], and the rest of f as new arrays  a loss and its gradients in one pass
    row_sums(f)       Σ over each row of f(a, b, …)                     (batch, n) -> (batch,)

`cost` is what one element takes on one core, in nanoseconds; it decides from what size on several threads share the work (threads.py). All
arrays of one call have one shape and one type, float32 or float64. The loops run over contiguous memory: other arrays are copied first, and
copied back where they are written. Numbers (a slope, a learning rate) come in as Python floats and are rounded to the arrays' type once.

Sums are taken in float64, in blocks of fixed size which are then added in order, so that their bits do not depend on the number of threads.
"""

import numpy as np
from numba import prange
from numba.extending import overload

from scratchgen.ops.checks import check_arrays, check_matrices
from scratchgen.ops.formulas import computed_with
from scratchgen.ops.numba import elementary
from scratchgen.ops.numba.compile import jit
from scratchgen.ops.numba.threads import kernel

formulas = computed_with(elementary)
BLOCK = 2048  # elements whose sum one thread takes in one go
PARTS = 16  # of the rows of a matrix, where sums run over the rows; any number of threads up to this shares them fairly


# What Python does before and after a kernel runs


def matrices(name, *arrays, rows=(), columns=()):
    """The arrays, contiguous, after checks: equal matrices; vectors with one number per row; vectors with one number per column."""
    check_matrices(name, *arrays, rows=rows, columns=columns)
    return [np.ascontiguousarray(a) for a in (*arrays, *rows, *columns)]


def flat(arrays):
    """Each array as one contiguous row: a view where it is contiguous, else a copy."""
    return tuple([a.ravel() for a in arrays])


def floats(numbers):
    """The numbers as Python floats, so that a kernel is compiled for one type of them."""
    return tuple([float(x) for x in numbers]) if numbers else ()


def write_back(arrays, flats):
    """Copy into the arrays what was computed in copies of them."""
    for a, row in zip(arrays, flats, strict=False):
        if not a.flags.c_contiguous:
            a[...] = row.reshape(a.shape)


# Tuples of arrays inside a kernel. Numba has no comprehension over a tuple, so the expression is written out for each length.


def written_out(pattern, length, arguments):
    """The function of these arguments that returns the tuple pattern.format(0), pattern.format(1), …"""
    return eval(f"lambda {arguments}: ({''.join(pattern.format(k) + ', ' for k in range(length))})", {})


def elements(arrays, i):
    """(arrays[0][i], arrays[1][i], …)"""


@overload(elements, jit_options={"forceinline": True})
def _elements(arrays, i):
    return written_out("arrays[{0}][i]", len(arrays), "arrays, i")


def store(arrays, i, values):
    """arrays[0][i], arrays[1][i], … = values; there may be more arrays than values."""


@overload(store, jit_options={"forceinline": True})
def _store(arrays, i, values):
    lines = [f"    arrays[{k}][i] = values[{k}]\n" for k in range(len(values))]
    scope = {}
    exec("def store(arrays, i, values):\n" + ("".join(lines) or "    pass\n"), scope)
    return scope["store"]


def pieces(arrays, start, stop):
    """(arrays[0][start:stop], arrays[1][start:stop], …)"""


@overload(pieces, jit_options={"forceinline": True})
def _pieces(arrays, start, stop):
    return written_out("arrays[{0}][start:stop]", len(arrays), "arrays, start, stop")


def rounded(numbers, array):
    """The numbers in the type of the array."""


@overload(rounded)
def _rounded(numbers, array):
    return written_out("array.dtype.type(numbers[{0}])", len(numbers), "numbers, array")


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


# The four loops


def elementwise(formula, cost, n_arrays):
    """The operation (arrays…, numbers…) -> formula(arrays…, numbers…), element by element; the first `n_arrays` arguments are arrays."""
    f = jit(formula, inline=True)

    def loop(out, arrays, numbers):
        numbers = rounded(numbers, out)
        for i in prange(out.size):
            out[i] = f(*elements(arrays, i), *numbers)

    run = kernel(loop)

    def call(*arguments):
        arrays, numbers = arguments[:n_arrays], floats(arguments[n_arrays:])
        check_arrays(formula.__name__, arrays)
        out = np.empty(arrays[0].shape, arrays[0].dtype)
        run(cost * out.size, out.ravel(), flat(arrays), numbers)
        return out

    return call


def in_place(formula, cost):
    """The operation (written, read, *numbers): the arrays of the tuple `written` become formula(*written, *read, *numbers)."""
    f = jit(formula, inline=True)

    def loop(arrays, numbers):
        numbers = rounded(numbers, arrays[0])
        for i in prange(arrays[0].size):
            store(arrays, i, f(*elements(arrays, i), *numbers))

    run = kernel(loop)

    def call(written, read, *numbers):
        arrays = written + read
        check_arrays(formula.__name__, arrays)
        rows = flat(arrays)
        run(cost * arrays[0].size, rows, floats(numbers))
        write_back(written, rows)

    return call


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
