"""Rows by their numbers: gathering, which no elementwise expression describes."""

from scratchgen.ops.cuda.array import check_device, empty
from scratchgen.ops.cuda.driver import cuda
from scratchgen.ops.cuda.launch import THREADS, blocks_for, launch


@cuda.jit
def taken(out, x, rows):
    n = out.shape[1]
    for k in range(cuda.grid(1), out.shape[0] * n, cuda.gridsize(1)):
        i, j = k // n, k % n
        out[i, j] = x[rows[i], j]


def take_rows(x, rows):
    """The rows of x (n, …) with these numbers, rows (m,) integers -> (m, …). Whether these rows exist is not checked."""
    check_device("take_rows", (x, rows))
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or not x.ndim:
        raise TypeError(f"take_rows takes x (n, …) and rows (m,) of integers; given {x.shape} and {rows.dtype} {rows.shape}")
    out = empty((rows.size, *x.shape[1:]), x.dtype)
    if out.size:
        arrays = out.reshape(rows.size, -1).view(), x.reshape(x.shape[0], -1).view(), rows.view()
        launch(taken, blocks_for(out.size), THREADS, *arrays)
    return out


BY_HAND = {"take_rows": take_rows}
