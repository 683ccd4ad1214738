"""The small array operations: element by element, and copies side by side. Sums are in sums.py."""

from scratchgen.ops.checks import check_real
from scratchgen.ops.cuda.array import DeviceArray, empty
from scratchgen.ops.cuda.driver import cuda
from scratchgen.ops.cuda.elementwise import check_device, check_matrices, elementwise, formulas, in_place
from scratchgen.ops.cuda.launch import THREADS, blocks_for, launch


@cuda.jit
def beside(out, a, b):
    n, left = out.shape[1], a.shape[1]
    for k in range(cuda.grid(1), out.shape[0] * n, cuda.gridsize(1)):
        i, j = k // n, k % n
        out[i, j] = a[i, j] if j < left else b[i, j - left]


@cuda.jit
def above(out, a, b):
    n, top = out.shape[1], a.shape[0]
    for k in range(cuda.grid(1), out.shape[0] * n, cuda.gridsize(1)):
        i, j = k // n, k % n
        out[i, j] = a[i, j] if i < top else b[i - top, j]


def joined(name, run, axis):
    """The operation (a, b) -> both in one matrix; their lengths along `axis` are added, the others equal."""

    def call(a, b):
        check_device(name, (a, b))
        check_real(name, a, b)
        if a.ndim != 2 or b.ndim != 2 or a.shape[1 - axis] != b.shape[1 - axis]:
            raise ValueError(f"{name} takes two matrices with equal numbers of {('columns', 'rows')[axis]}; given {a.shape} and {b.shape}")
        out = empty((a.shape[0] + b.shape[0], a.shape[1]) if axis == 0 else (a.shape[0], a.shape[1] + b.shape[1]), a.dtype)
        if not a.size or not b.size:
            return (a if a.size else b).copy().reshape(out.shape)
        launch(run, blocks_for(out.size), THREADS, out.view(), a.view(), b.view())
        return out

    return call


@cuda.jit
def sums_beside(out, a, b, c, d):
    n, left = out.shape[1], a.shape[1]
    for k in range(cuda.grid(1), out.shape[0] * n, cuda.gridsize(1)):
        i, j = k // n, k % n
        out[i, j] = a[i, j] + b[i, j] if j < left else c[i, j - left] + d[i, j - left]


def join_sums(a, b, c, d):
    """a + b beside c + d:  (m, j) twice, (m, k) twice -> (m, j + k)."""
    check_matrices("join_sums", a, b)
    check_matrices("join_sums", c, d)
    check_real("join_sums", a, c)
    if a.shape[0] != c.shape[0]:
        raise ValueError(f"join_sums takes matrices with equal numbers of rows; given {a.shape} and {c.shape}")
    out = empty((a.shape[0], a.shape[1] + c.shape[1]), a.dtype)
    if not a.size or not c.size:
        return TWINS["join_columns"](TWINS["add"](a, b), TWINS["add"](c, d))
    launch(sums_beside, blocks_for(out.size), THREADS, *[x.view() for x in (out, a, b, c, d)])
    return out


@cuda.jit
def taken(out, x, rows):
    n = out.shape[1]
    for k in range(cuda.grid(1), out.shape[0] * n, cuda.gridsize(1)):
        i, j = k // n, k % n
        out[i, j] = x[rows[i], j]


def take_rows(x, rows):
    """The rows of x (n, …) with these numbers, rows (m,) integers -> (m, …). Nobody checks that there are such rows."""
    check_device("take_rows", (x, rows))
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or not x.ndim:
        raise TypeError(f"take_rows takes x (n, …) and rows (m,) of integers; given {x.shape} and {rows.dtype} {rows.shape}")
    out = empty((rows.size, *x.shape[1:]), x.dtype)
    if out.size:
        arrays = out.reshape(rows.size, -1).view(), x.reshape(x.shape[0], -1).view(), rows.view()
        launch(taken, blocks_for(out.size), THREADS, *arrays)
    return out


def accumulate(out, value):
    """out += value:  out () float64, value a scalar."""
    accumulated((out,), (value,)) if isinstance(value, DeviceArray) else shifted((out,), (), value)


def plus(out, value):
    return (out + value,)


accumulated, shifted = in_place(plus, 1, 1), in_place(plus, 1, 0, 1)
added_product, filled, copied = in_place(formulas.add_product, 1, 2), in_place(formulas.fill, 1, 0, 1), in_place(formulas.copy_to, 1, 1)

TWINS = {
    "add": elementwise(formulas.add, 2),
    "multiply": elementwise(formulas.multiply, 2),
    "add_product": lambda out, a, b: added_product((out,), (a, b)),
    "fill": lambda out, value: filled((out,), (), value),
    "copy_to": lambda out, a: copied((out,), (a,)),
    "accumulate": accumulate,
    "take_rows": take_rows,
    "join_sums": join_sums,
    "stack_rows": joined("stack_rows", above, axis=0),
    "join_columns": joined("join_columns", beside, axis=1),
}
