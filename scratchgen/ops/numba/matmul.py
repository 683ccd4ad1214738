"""The matrix products by name: what goes in and comes out. How they are computed: gemm.py cuts, pack.py copies, tile.py multiplies.

They are written by hand because no elementwise expression says how to multiply matrices fast. A transposed operand is only another way to step
through the same memory, so all products are one:  c = a b + bias  or  c += a b.
"""

import numpy as np
from numpy import ndarray

from scratchgen.ops.checks import folded, host_arrays, multipliable, not_multipliable, not_writable, share_memory
from scratchgen.ops.numba import driver, workers
from scratchgen.ops.numba.calls import BYTES_HEADER
from scratchgen.ops.numba.gemm import ADDED, FRESH, TABLE, plan


def matmul(a, b):
    """a b:  (m, k), (k, n) -> (m, n), both float32 or both float64, any strides."""
    if not type(a) is type(b) is ndarray:
        a, b = host_arrays("matmul", a=a, b=b)
    return product("matmul", a, b)


def matmul_nt(a, b):
    """a bᵀ:  (m, k), (n, k) -> (m, n)."""
    if not type(a) is type(b) is ndarray:
        a, b = host_arrays("matmul_nt", a=a, b=b)
    return product("matmul_nt", a, b.T)


def matmul_tn(a, b):
    """aᵀ b:  (k, m), (k, n) -> (m, n)."""
    if not type(a) is type(b) is ndarray:
        a, b = host_arrays("matmul_tn", a=a, b=b)
    return product("matmul_tn", a.T, b)


def linear(x, W, b):
    """x W + b:  (batch, n_in), (n_in, n_out), (n_out,) or None -> (batch, n_out)."""
    if not type(x) is type(W) is ndarray:
        x, W = host_arrays("linear", x=x, W=W)
    if b is not None and type(b) is not ndarray:
        (b,) = host_arrays("linear", b=b)
    return product("linear", x, W, b)


def add_matmul_tn(out, a, b):
    """out += aᵀ b:  out (m, n), a (k, m), b (k, n)."""
    if not type(out) is type(a) is type(b) is ndarray:
        out, a, b = host_arrays("add_matmul_tn", out=out, a=a, b=b)
    a = a.T
    check("add_matmul_tn", a, b)
    if out.shape != (a.shape[0], b.shape[1]) or out.dtype != a.dtype:
        raise ValueError(f"add_matmul_tn: out is {out.shape} {out.dtype}; aᵀ b is {(a.shape[0], b.shape[1])} {a.dtype}")
    if not out.flags.writeable:
        raise not_writable("add_matmul_tn")
    if not reachable(out) or share_memory(out, a) or share_memory(out, b):
        out += product("matmul_tn", a, b)
    else:
        multiply(a, b, out, accumulate=1)


def reachable(out):
    """Whether a product can be added to a matrix in place: its rows are contiguous, and no two of them share memory."""
    return (out.strides[1] == out.itemsize or out.shape[1] <= 1) and (out.flags.c_contiguous or not folded(out))


def check(name, a, b):
    """Raises ValueError or TypeError unless a can be multiplied with b."""
    if not multipliable(a, b):
        raise not_multipliable(name, a, b)


def product(name, a, b, bias=None):
    """a b + bias as a new array; checked. `name` says which of a and b its caller knows transposed."""
    check(name, a, b)
    c = np.empty((a.shape[0], b.shape[1]), a.dtype)
    if bias is not None:
        if bias.shape != c.shape[1:] or bias.dtype != c.dtype:
            raise ValueError(f"{name}: b is {bias.shape} {bias.dtype}; x W needs {c.shape[1:]} {c.dtype}")
        bias = bias if bias.flags.c_contiguous else np.ascontiguousarray(bias)
    multiply(a, b, c, bias)
    return c


def multiply(a, b, c, bias=None, accumulate=0):
    """c = a b + bias, or c += a b.  a (m, k), b (k, n), c (m, n) with contiguous rows, bias (n,) contiguous or None."""
    if c.size:
        threads, shared = workers.n_threads(), workers.pool()
        planned, places, kept = table(a, b, c, bias, accumulate, None, False, threads)
        driver.run(planned.address, 1, id(places) + BYTES_HEADER, shared.state, shared.program, shared.claims, threads)


def table(a, b, c, bias, accumulate, sums, fresh_sums, threads, turn=True):
    """(the Plan of a product, its table, the arrays whose ids are in the table).  sums: where to add the sums of b's columns, or with fresh_sums
    to write them; None: they are not wanted.

    turn: whether a column may be computed as a row, which fills the vectors.
    """
    if turn and c.shape[1] == 1 and bias is None and sums is None and c.strides[0] == c.itemsize:
        a, b, c = b.T, a.T, c.T
    (m, k), n = a.shape, b.shape[1]
    planned = plan(m, n, k, c.dtype, threads)
    places = TABLE.pack(
        m, n, 5, id(a), id(b), id(c), id(c if bias is None else bias), id(c if sums is None else sums), k, *a.strides, *b.strides, c.strides[0],
        accumulate, bias is not None, 0 if sums is None else FRESH if fresh_sums else ADDED, *planned.cut, planned.compiled.codes_address, 0, 0,
    )  # fmt: skip
    return planned, places, (a, b, c)


BY_HAND = {"matmul": matmul, "matmul_nt": matmul_nt, "matmul_tn": matmul_tn, "add_matmul_tn": add_matmul_tn, "linear": linear}
