"""Operations from formulas, with the checks that Python makes before a kernel runs.

    elementwise(f)    out = f(a, b, …)                                  a new array
    in_place(f)       p, m, … = f(p, m, …, g, …)                        the first arrays are written, the others read
    summing(f)        Σ f(a, b, …)[0], and the rest of f as new arrays  a loss and its gradients in one pass: sums.py
    row_sums(f)       Σ over each row of f(a, b, …)                     (batch, n) -> (batch,): sums.py

All arrays of one call have one shape and one type, float32 or float64. Numbers (a slope, a learning rate) are rounded to the arrays' type once.
"""

import numpy as np

from scratchgen.ops.cuda.array import DeviceArray, empty
from scratchgen.ops.cuda.kernels import Loop

REALS = (np.dtype(np.float32), np.dtype(np.float64))


def check_device(name, arrays):
    """TypeError unless all are device arrays."""
    for a in arrays:
        if not isinstance(a, DeviceArray):
            raise TypeError(f"{name} on backend 'cuda' takes device arrays; given a {type(a).__name__}, which scratchgen.ops.array(x) would make one")


def check_arrays(name, arrays):
    """ValueError unless all arrays have one shape, TypeError unless they are on the device and of one type, float32 or float64."""
    check_device(name, arrays)
    shape, dtype = arrays[0].shape, arrays[0].dtype
    if dtype not in REALS:
        raise TypeError(f"{name} takes arrays of float32 or float64; given {dtype}")
    for a in arrays:
        if a.dtype != dtype:
            raise TypeError(f"{name} takes arrays of one type, float32 or float64; given {dtype} and {a.dtype}")
        if a.shape != shape:
            raise ValueError(f"{name} takes arrays of one shape; given {shape} and {a.shape}")


def check_columns(name, vector, matrix):
    """The same for a vector with one number per column of a matrix."""
    check_device(name, (vector, matrix))
    if matrix.ndim != 2 or vector.shape != matrix.shape[1:] or vector.dtype != matrix.dtype:
        raise ValueError(f"{name}: {vector.dtype} {vector.shape} does not fit {matrix.dtype} {matrix.shape}; wanted is one number per column")


def check_matrices(name, *arrays, rows=(), columns=()):
    """Checks of equal matrices, of vectors with one number per row, and of vectors with one number per column."""
    check_arrays(name, arrays)
    if arrays[0].ndim != 2:
        raise ValueError(f"{name} takes matrices (batch, n); given shape {arrays[0].shape}")
    for vector in rows:
        check_columns(name, vector, arrays[0].T)
    for vector in columns:
        check_columns(name, vector, arrays[0])


def rounded(numbers, dtype):
    """The numbers in that type: a Python float would be a float64 to a kernel, and all arithmetic with it."""
    return [dtype.type(x) for x in numbers]


def elementwise(formula, n_arrays, n_numbers=0):
    """The operation (arrays…, numbers…) -> formula(arrays…, numbers…), element by element; the first `n_arrays` arguments are arrays."""
    run = Loop(formula, 1, n_arrays, n_numbers)

    def call(*arguments):
        arrays, numbers = arguments[:n_arrays], arguments[n_arrays:]
        check_arrays(formula.__name__, arrays)
        out = empty(arrays[0].shape, arrays[0].dtype)
        run((out, *arrays), rounded(numbers, out.dtype))
        return out

    return call


def in_place(formula, n_written, n_read, n_numbers=0):
    """The operation (written, read, *numbers): the arrays of the tuple `written` become formula(*written, *read, *numbers).

    more: what else the formula takes behind the numbers, such as an array of numbers that only the device knows.
    """
    run = Loop(formula, n_written, n_written + n_read, n_numbers, changed=n_written)

    def call(written, read, *numbers, more=()):
        arrays = written + read
        check_arrays(formula.__name__, arrays)
        run(arrays, (*rounded(numbers, arrays[0].dtype), *more))

    return call
