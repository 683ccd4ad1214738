"""What the compiled operations ask of their arrays, on every backend, and what they say where it is not so.

Each check takes the operation's name and arrays of any kind that have shape, ndim and dtype. They run before every kernel, so they are short.
"""

from typing import NamedTuple

import numpy as np

from scratchgen.errors import unknown_name

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
    "add_linear_grads": Product("(batch, n_in) and (batch, n_out)", (True, False)),
    "matmul_nt_activation_backward": Product("(batch, n_out) and (n_in, n_out)", (False, True)),
    "linear": Product("(batch, n_in) and (n_in, n_out)"),
    "linear_activation": Product("(batch, n_in) and (n_in, n_out)"),
}

ACTIVATIONS = ("relu", "leaky_relu", "elu", "tanh", "sigmoid", "softplus")  # that can be part of a product
WITH_ALPHA = ("leaky_relu", "elu")  # of these, those that take a number besides x


def check_real(name, *arrays):
    """TypeError unless all are arrays of one type, float32 or float64."""
    dtype = getattr(arrays[0], "dtype", None)
    for a in arrays:
        if not hasattr(a, "dtype"):
            raise TypeError(f"{name} takes arrays; given a {type(a).__name__}")
        if a.dtype != dtype or dtype not in REALS:
            raise TypeError(f"{name} takes arrays of one type, float32 or float64; given {', '.join(str(a.dtype) for a in arrays)}")


def check_arrays(name, arrays):
    """TypeError unless all arrays are of one type, float32 or float64; ValueError unless all have one shape."""
    check_real(name, *arrays)
    for a in arrays:
        if a.shape != arrays[0].shape:
            raise ValueError(f"{name} takes arrays of one shape; given {arrays[0].shape} and {a.shape}")


def check_writable(name, arrays):
    """ValueError if an array that is to be changed is read-only."""
    for a in arrays:
        if not a.flags.writeable:
            raise ValueError(f"{name} changes an array that is read-only; copy() makes one that is not")


def check_columns(name, vector, matrix):
    """ValueError unless the vector has one number per column of the matrix, of its type."""
    if matrix.ndim != 2 or vector.shape != matrix.shape[1:] or vector.dtype != matrix.dtype:
        raise ValueError(f"{name}: {vector.dtype} {vector.shape} does not fit {matrix.dtype} {matrix.shape}; wanted is one number per column")


def check_matrices(name, *arrays, rows=(), columns=()):
    """ValueError or TypeError unless these are equal matrices, vectors with one number per row, and vectors with one number per column."""
    check_arrays(name, arrays)
    if arrays[0].ndim != 2:
        raise ValueError(f"{name} takes matrices (batch, n); given shape {arrays[0].shape}")
    for vector in rows:
        check_columns(name, vector, arrays[0].T)
    for vector in columns:
        check_columns(name, vector, arrays[0])


def check_labels(name, logits, labels):
    """TypeError unless logits are float32 or float64 and labels integers, ValueError unless they are (batch, classes) and (batch,)."""
    check_real(name, logits)
    if labels.dtype.kind not in "iu":
        raise TypeError(f"{name} takes labels that are integers; given {labels.dtype}")
    if logits.ndim != 2 or labels.shape != logits.shape[:1]:
        raise ValueError(f"{name} takes logits (batch, classes) and labels (batch,); given {logits.shape} and {labels.shape}")


def check_activation(name, activation, alpha):
    """ValueError for an unknown activation, TypeError unless the tuple alpha holds as many numbers as it takes besides x."""
    if activation not in ACTIVATIONS:
        raise unknown_name("activation", activation, ACTIVATIONS)
    if len(alpha) != (activation in WITH_ALPHA):
        raise TypeError(f"{name}: {activation} takes {'one' if activation in WITH_ALPHA else 'no'} number besides x; given {len(alpha)}")


def multipliable(a, b):
    """Whether a is (m, k), b is (k, n), and both are float32 or both float64. Called for every product: 0.2 µs."""
    return a.ndim == b.ndim == 2 and a.shape[1] == b.shape[0] and (dtype := a.dtype) == b.dtype and dtype in REALS


def not_multipliable(name, a, b):
    """What is wrong with a (m, k) and b (k, n), as an exception that gives their shapes as the caller of `name` knows them."""
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
        wanted = PRODUCTS[name]
        given = [x.shape[::-1] if flip else x.shape for x, flip in zip((a, b), wanted.transposed, strict=True)]
        return ValueError(f"{name} needs shapes {wanted.shapes}; given {given[0]} and {given[1]}")
    return TypeError(f"{name} needs two float32 or two float64 arrays; given {a.dtype} and {b.dtype}")
