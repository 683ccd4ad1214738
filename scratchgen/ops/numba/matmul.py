"""The matrix products by name: what goes in and comes out. How they are computed: gemm.py cuts, pack.py copies, tile.py multiplies.

A transposed operand is only another way to step through the same memory, so all products are one:  c = f(a b + bias)  or  c += a b.
"""

import numpy as np

from scratchgen.errors import unknown_name
from scratchgen.ops.checks import check_alpha, multipliable, not_multipliable
from scratchgen.ops.numba.gemm import ACTIVATIONS, gemm


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
    if not multipliable(a, b):
        raise not_multipliable("add_matmul_tn", a, b)
    if out.shape != (a.shape[0], b.shape[1]) or out.dtype != a.dtype:
        raise ValueError(f"add_matmul_tn: out is {out.shape} {out.dtype}; aᵀ b is {(a.shape[0], b.shape[1])} {a.dtype}")
    if out.strides[1] == out.itemsize and out.flags.writeable:
        gemm(a, b, out, None, True)
    else:
        out += matmul(a, b)


def linear(x, W, b):
    """x W + b:  (batch, n_in), (n_in, n_out), (n_out,) or None -> (batch, n_out)."""
    y = output("linear", x, W)
    gemm(x, W, y, bias("linear", b, y))
    return y


def linear_activation(x, W, b, activation, *alpha):
    """activation(x W + b, *alpha), shapes as in linear; activation: a key of gemm.ACTIVATIONS."""
    if activation not in ACTIVATIONS:
        raise unknown_name("activation", activation, ACTIVATIONS)
    check_alpha("linear_activation", activation, alpha)
    y = output("linear_activation", x, W)
    gemm(x, W, y, bias("linear_activation", b, y), False, ACTIVATIONS[activation], alpha[0] if alpha else 0.0)
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
    "linear": linear,
    "linear_activation": linear_activation,
}
