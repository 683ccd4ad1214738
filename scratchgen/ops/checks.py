"""Shape and dtype checks, with messages, for the compiled backends.

Each takes the operation's name and arrays of any kind that have shape, ndim and dtype. They run before every kernel, so they are short.
"""

from typing import NamedTuple

import numpy as np

REALS = (np.dtype(np.float32), np.dtype(np.float64))


class Product(NamedTuple):
    """What a matrix product asks of its operands' shapes, in words, and which of the two it takes transposed."""

    shapes: str
    transposed: tuple = (False, False)


PRODUCTS = {
    "matmul": Product("(m, k) and (k, n)"),
    "matmul_nt": Product("(m, k) and (n, k)", (False, True)),
    "matmul_tn": Product("(k, m) and (k, n)", (True, False)),
    "add_matmul_tn": Product("(k, m) and (k, n)", (True, False)),
    "linear": Product("(batch, n_in) and (n_in, n_out)"),
}


def check_types(name, arrays):
    """TypeError unless there are float32 or float64 arrays among these, of one type. Beside them there may be whole numbers, such as labels, and
    scalars, such as losses."""
    floats = [a.dtype for a in arrays if a.dtype.kind == "f" and a.ndim] or [a.dtype for a in arrays if a.dtype.kind == "f"]
    if not floats or any(dtype != floats[0] or dtype not in REALS for dtype in floats) or any(a.dtype.kind not in "fiub" for a in arrays):
        raise TypeError(f"{name} takes arrays of one type, float32 or float64; given {', '.join(str(a.dtype) for a in arrays)}")


def not_writable(name):
    """The error for an array that is to be changed and cannot be."""
    return ValueError(f"{name} changes an array that is read-only; copy() makes one that is not")


def multipliable(a, b):
    """Whether a is (m, k), b is (k, n), and both are float32 or both float64. Called for every product: 0.2 µs."""
    return a.ndim == b.ndim == 2 and a.shape[1] == b.shape[0] and (dtype := a.dtype) == b.dtype and dtype in REALS


def not_multipliable(name, a, b):
    """What is wrong with a (m, k) and b (k, n), as an exception that gives their shapes as the caller of `name` knows them."""
    for x in (a, b):
        if not hasattr(x, "dtype"):
            return TypeError(f"{name} takes arrays; given a {type(x).__name__}")
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
        wanted = PRODUCTS[name]
        given = [x.shape[::-1] if flip else x.shape for x, flip in zip((a, b), wanted.transposed, strict=True)]
        return ValueError(f"{name} needs shapes {wanted.shapes}; given {given[0]} and {given[1]}")
    return TypeError(f"{name} needs two float32 or two float64 arrays; given {a.dtype} and {b.dtype}")
