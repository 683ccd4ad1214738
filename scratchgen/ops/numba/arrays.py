"""The small array operations: element by element, and copies side by side. Sums are in sums.py."""

import numpy as np
from numba import prange

from scratchgen.ops.checks import check_real
from scratchgen.ops.dispatch import definitions
from scratchgen.ops.numba.elementwise import elementwise, formulas, in_place, matrices
from scratchgen.ops.numba.threads import kernel


@kernel
def beside(out, a, b):
    for i in prange(out.shape[0]):
        out_i, a_i, b_i = out[i], a[i], b[i]
        for j in range(a_i.size):
            out_i[j] = a_i[j]
        for j in range(b_i.size):
            out_i[a_i.size + j] = b_i[j]


@kernel
def sums_beside(out, a, b, c, d):
    for i in prange(out.shape[0]):
        left, right = out[i, : a.shape[1]], out[i, a.shape[1] :]
        for j in range(left.size):
            left[j] = a[i, j] + b[i, j]
        for j in range(right.size):
            right[j] = c[i, j] + d[i, j]


def join_sums(a, b, c, d):
    """a + b beside c + d:  (m, j) twice, (m, k) twice -> (m, j + k)."""
    a, b = matrices("join_sums", a, b)
    c, d = matrices("join_sums", c, d)
    check_real("join_sums", a, c)
    if len(a) != len(c):
        raise ValueError(f"join_sums takes matrices with equal numbers of rows; given {a.shape} and {c.shape}")
    out = np.empty((len(a), a.shape[1] + c.shape[1]), a.dtype)
    sums_beside(0.2 * out.size, out, a, b, c, d)
    return out


@kernel
def above(out, a, b):
    for i in prange(a.shape[0]):
        out_i, a_i = out[i], a[i]
        for j in range(a_i.size):
            out_i[j] = a_i[j]
    for i in prange(b.shape[0]):
        out_i, b_i = out[a.shape[0] + i], b[i]
        for j in range(b_i.size):
            out_i[j] = b_i[j]


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


added_product, filled, copied = in_place(formulas.add_product, 0.2), in_place(formulas.fill, 0.05), in_place(formulas.copy_to, 0.1)

TWINS = {
    "add": elementwise(formulas.add, 0.1, n_arrays=2),
    "multiply": elementwise(formulas.multiply, 0.1, n_arrays=2),
    "add_product": lambda out, a, b: added_product((out,), (a, b)),
    "fill": lambda out, value: filled((out,), (), value),
    "copy_to": lambda out, a: copied((out,), (a,)),
    "stack_rows": joined("stack_rows", above, axis=0),
    "join_columns": joined("join_columns", beside, axis=1),
    "join_sums": join_sums,
    "accumulate": definitions["accumulate"],  # one number; and for what follows, NumPy's way is as good
    "take_rows": definitions["take_rows"],
}
