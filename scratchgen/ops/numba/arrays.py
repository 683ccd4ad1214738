"""The small array operations: element by element, column sums, and copies side by side."""

import numpy as np
from numba import prange

from scratchgen.ops.numba.compile import jit
from scratchgen.ops.numba.elementwise import COLUMNS, REALS, check_columns, elementwise, in_place, summing, write_back
from scratchgen.ops.numba.threads import kernel


def add(a, b):
    return a + b


def multiply(a, b):
    return a * b


def add_product(out, a, b):
    return (out + a * b,)


def scale(out, factor):
    return (out * factor,)


def fill(out, value):
    return (value,)


def copy_to(out, a):
    return (a,)


def squared(a):
    return (np.float64(a) * np.float64(a),)


@jit
def column_sums(out, a, start, stop):
    """out[start:stop] += Σ over the rows of those columns of a, in the order of the rows."""
    sums = np.zeros(stop - start, out.dtype)
    for i in range(a.shape[0]):
        row = a[i, start:stop]
        for j in range(sums.size):
            sums[j] += row[j]
    for j in range(sums.size):
        out[start + j] += sums[j]


@kernel
def all_column_sums(out, a):
    for c in prange((out.size + COLUMNS - 1) // COLUMNS):
        column_sums(out, a, c * COLUMNS, min(out.size, (c + 1) * COLUMNS))


def add_column_sums(out, a):
    """out += Σ over the rows of a:  out (n,), a (m, n)."""
    check_real("add_column_sums", out, a)
    check_columns("add_column_sums", out, a)
    sums = np.ascontiguousarray(out)
    all_column_sums(0.1 * a.size, sums, np.ascontiguousarray(a))
    write_back((out,), (sums,))


@kernel
def beside(out, a, b):
    for i in prange(out.shape[0]):
        out[i, : a.shape[1]] = a[i]
        out[i, a.shape[1] :] = b[i]


@kernel
def above(out, a, b):
    for i in prange(out.shape[0]):
        out[i] = a[i] if i < a.shape[0] else b[i - a.shape[0]]


def joined(name, run, axis):
    """The operation (a, b) -> both in one matrix; their lengths along `axis` are added, the others equal."""

    def call(a, b):
        check_real(name, a, b)
        if a.ndim != 2 or b.ndim != 2 or a.shape[1 - axis] != b.shape[1 - axis]:
            raise ValueError(f"{name} takes two matrices with equal numbers of {('columns', 'rows')[axis]}; given {a.shape} and {b.shape}")
        out = np.empty((a.shape[0] + b.shape[0], a.shape[1]) if axis == 0 else (a.shape[0], a.shape[1] + b.shape[1]), a.dtype)
        run(0.1 * out.size, out, np.ascontiguousarray(a), np.ascontiguousarray(b))
        return out

    return call


def check_real(name, *arrays):
    """TypeError unless all arrays are of one type, float32 or float64."""
    if arrays[0].dtype not in REALS or any(a.dtype != arrays[0].dtype for a in arrays):
        raise TypeError(f"{name} takes arrays of one type, float32 or float64; given {', '.join(str(a.dtype) for a in arrays)}")


added_product, scaled, filled, copied = in_place(add_product, 0.2), in_place(scale, 0.1), in_place(fill, 0.05), in_place(copy_to, 0.1)
sum_of_squares = summing(squared, 0.2, n_outputs=0)

TWINS = {
    "add": elementwise(add, 0.1, n_arrays=2),
    "multiply": elementwise(multiply, 0.1, n_arrays=2),
    "add_product": lambda out, a, b: added_product((out,), (a, b)),
    "scale": lambda out, factor: scaled((out,), (), factor),
    "fill": lambda out, value: filled((out,), (), value),
    "copy_to": lambda out, a: copied((out,), (a,)),
    "squared_norm": lambda a: sum_of_squares((a,))[0],
    "add_column_sums": add_column_sums,
    "stack_rows": joined("stack_rows", above, axis=0),
    "join_columns": joined("join_columns", beside, axis=1),
}
