"""The matrix products and the few array operations that layers are made of.

Names say which side is transposed:  matmul a b,  matmul_nt a bᵀ,  matmul_tn aᵀ b.
Names that begin with `add_` accumulate into their first argument, in place: add_matmul_tn(dW, x, dy) is dW += xᵀ dy.
"""

import numpy as np

from scratchgen.ops.dispatch import op


@op
def matmul(a, b):
    """a b:  (m, k), (k, n) -> (m, n)."""
    return a @ b


@op
def matmul_nt(a, b):
    """a bᵀ:  (m, k), (n, k) -> (m, n)."""
    return a @ b.T


@op
def matmul_tn(a, b):
    """aᵀ b:  (k, m), (k, n) -> (m, n)."""
    return a.T @ b


@op
def add_matmul_tn(out, a, b):
    """out += aᵀ b:  out (m, n), a (k, m), b (k, n)."""
    out += a.T @ b


@op
def add_column_sums(out, a):
    """out += Σ over the rows of a:  out (n,), a (m, n)."""
    out += a.sum(axis=0)


@op
def add_product(out, a, b):
    """out += a ∘ b, elementwise, equal shapes. out is a or b, or shares no memory with them."""
    out += a * b


@op
def add(a, b):
    """a + b, elementwise, equal shapes."""
    return a + b


@op
def multiply(a, b):
    """a ∘ b, elementwise, equal shapes."""
    return a * b


@op
def scaled_difference(a, b, factor):
    """factor · (a − b), elementwise, equal shapes."""
    return factor * (a - b)


@op
def scaled(a, factor):
    """factor · a, of an array or a number."""
    return factor * a


@op
def stack_rows(a, b):
    """a above b:  (m, n), (k, n) -> (m + k, n)."""
    return np.concatenate([a, b], axis=0)


@op
def join_columns(a, b):
    """a beside b:  (m, j), (m, k) -> (m, j + k)."""
    return np.concatenate([a, b], axis=1)


@op
def fill(out, value):
    """Set every element of out to value, in place."""
    out[...] = value


@op
def copy_to(out, a):
    """Copy a into out, in place, equal shapes; they share no memory."""
    out[...] = a


@op
def copy_of(a):
    """A new array equal to a."""
    return a.copy()


@op
def clip_norm(a, max_norm):
    """a *= min(1, max_norm / ‖a‖), in place -> ‖a‖, a scalar."""
    norm = np.sqrt(np.sum(np.square(a, dtype=np.float64)))
    a *= np.where(norm > max_norm, max_norm / np.maximum(norm, max_norm), 1)
    return norm


@op
def accumulate(out, value):
    """out += value, in place:  out () float64, value a number or a scalar as losses return it."""
    out += value


@op
def take_rows(x, rows):
    """The rows of x (n, …) with these numbers, rows (m,) integers -> (m, …)."""
    return x.take(rows, axis=0)
