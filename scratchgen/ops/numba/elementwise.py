"""Kernels from formulas: the mathematics of one element is written as a scalar function, and here it gets its loop.

    tanh_backward = elementwise(formulas.tanh_backward, cost=0.2, n_arrays=2)           (the formulas are in ops/formulas.py)

    elementwise(f)    out = f(a, b, …)                                  a new array
    in_place(f)       p, m, … = f(p, m, …, g, …)                        the first arrays are written, the others read
    summing(f), row_sums(f): sums.py

`cost` is what one element takes on one core, in nanoseconds; it decides from what size on several threads share the work (threads.py). All
arrays of one call have one shape and one type, float32 or float64. The loops run over contiguous memory: other arrays are copied first, and
copied back where they are written. Numbers (a slope, a learning rate) come in as Python floats and are rounded to the arrays' type once.
"""

import numpy as np
from numba import prange
from numba.extending import overload

from scratchgen.ops.checks import check_arrays, check_matrices, check_writable
from scratchgen.ops.formulas import computed_with
from scratchgen.ops.numba import elementary
from scratchgen.ops.numba.compile import jit
from scratchgen.ops.numba.threads import kernel

formulas = computed_with(elementary)


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
    """arrays[0][i], arrays[1][i], … = values, as many as there are of both."""


@overload(store, jit_options={"forceinline": True})
def _store(arrays, i, values):
    lines = [f"    arrays[{k}][i] = values[{k}]\n" for k in range(min(len(arrays), len(values)))]
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


# The loops


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
        check_writable(formula.__name__, written)
        rows = flat(arrays)
        run(cost * arrays[0].size, rows, floats(numbers))
        write_back(written, rows)

    return call
