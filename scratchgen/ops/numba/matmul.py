"""The matrix products by name: what goes in and comes out. How they are computed: gemm.py cuts, pack.py copies, tile.py multiplies.

A transposed operand is only another way to step through the same memory, so all products are one:  c = f(a b + bias),
c = f_backward(a b, y)  or  c += a b.
"""

import numpy as np

from scratchgen.ops.checks import check_activation, check_columns, check_writable, multipliable, not_multipliable
from scratchgen.ops.numba.gemm import gemm
from scratchgen.ops.numba.sums import add_column_sums


def matmul(a, b):
    """a b:  (m, k), (k, n) -> (m, n), both float32 or both float64, any strides."""
    c = output("matmul", a, b)
    gemm(a, b, c)
    return c


def matmul_nt(a, b):
    """a bᵀ:  (m, k), (n, k) -> (m, n)."""
    b = b.T
    c = output("matmul_nt", a, b)
    gemm(a, b, c)
    return c


def matmul_tn(a, b):
    """aᵀ b:  (k, m), (k, n) -> (m, n)."""
    a = a.T
    c = output("matmul_tn", a, b)
    gemm(a, b, c)
    return c


def add_matmul_tn(out, a, b):
    """out += aᵀ b:  out (m, n), a (k, m), b (k, n). out shares no memory with a or b."""
    a = a.T
    check_out("add_matmul_tn", "out", out, "aᵀ b", a, b)
    add_to(out, a, b)


def add_linear_grads(dW, db, x, dz):
    """dW += xᵀ dz, and db += Σ_batch dz unless db is None:  dW (n_in, n_out), db (n_out,), x (batch, n_in), dz (batch, n_out)."""
    x = x.T
    check_out("add_linear_grads", "dW", dW, "xᵀ dz", x, dz)
    if db is None:
        add_to(dW, x, dz)
        return
    check_columns("add_linear_grads", db, dz)
    check_writable("add_linear_grads", (db,))
    # both at once where there are tiles to compute, and not for a single column, which is multiplied as a row
    if len(dW) > 0 and dW.shape[1] > 1 and dW.strides[1] == dW.itemsize and db.flags.c_contiguous:
        gemm(x, dz, dW, accumulate=True, column_sums=db)
    else:
        add_to(dW, x, dz)
        add_column_sums(db, dz)


def check_out(name, out_name, out, product_name, a, b):
    """Raises ValueError or TypeError unless a (m, k) and b (k, n) can be multiplied and the product be added to `out`."""
    if not multipliable(a, b):
        raise not_multipliable(name, a, b)
    if out.shape != (a.shape[0], b.shape[1]) or out.dtype != a.dtype:
        raise ValueError(f"{name}: {out_name} is {out.shape} {out.dtype}; {product_name} is {(a.shape[0], b.shape[1])} {a.dtype}")
    check_writable(name, (out,))


def add_to(out, a, b):
    """out += a b."""
    if out.strides[1] == out.itemsize:
        gemm(a, b, out, accumulate=True)
    else:
        out += matmul(a, b)


def matmul_nt_activation_backward(dz, W, y, activation, *alpha):
    """activation_backward(dz Wᵀ, y, *alpha):  dz (batch, n_out), W (n_in, n_out), y (batch, n_in) -> (batch, n_in)."""
    name = "matmul_nt_activation_backward"
    check_activation(name, activation, alpha)
    W = W.T
    dy = output(name, dz, W)
    if y.shape != dy.shape or y.dtype != dy.dtype:
        raise ValueError(f"{name}: y is {y.shape} {y.dtype}; dz Wᵀ is {dy.shape} {dy.dtype}")
    y = y if y.strides[1] == y.itemsize else np.ascontiguousarray(y)
    gemm(dz, W, dy, epilogue=f"{activation}_backward", alpha=alpha[0] if alpha else 0.0, y=y)
    return dy


def linear(x, W, b):
    """x W + b:  (batch, n_in), (n_in, n_out), (n_out,) or None -> (batch, n_out)."""
    y = output("linear", x, W)
    gemm(x, W, y, epilogue=None if b is None else "linear", bias=bias("linear", b, y))
    return y


def linear_activation(x, W, b, activation, *alpha):
    """activation(x W + b, *alpha), shapes as in linear; activation: one that has an operation of that name."""
    check_activation("linear_activation", activation, alpha)
    y = output("linear_activation", x, W)
    gemm(x, W, y, epilogue=activation, alpha=alpha[0] if alpha else 0.0, bias=bias("linear_activation", b, y))
    return y


def output(name, a, b):
    """A new array for the product of a (m, k) and b (k, n). Raises ValueError or TypeError unless they can be multiplied."""
    if not multipliable(a, b):
        raise not_multipliable(name, a, b)
    return np.empty((len(a), b.shape[1]), a.dtype)


def bias(name, b, y):
    """b, contiguous, or None; checked against the product y."""
    if b is None:
        return None
    if b.shape != y.shape[1:] or b.dtype != y.dtype:
        raise ValueError(f"{name}: b is {b.shape} {b.dtype}; x W needs {y.shape[1:]} {y.dtype}")
    return b if b.flags.c_contiguous else np.ascontiguousarray(b)


TWINS = {
    "matmul": matmul,
    "matmul_nt": matmul_nt,
    "matmul_tn": matmul_tn,
    "add_matmul_tn": add_matmul_tn,
    "add_linear_grads": add_linear_grads,
    "matmul_nt_activation_backward": matmul_nt_activation_backward,
    "linear": linear,
    "linear_activation": linear_activation,
}
