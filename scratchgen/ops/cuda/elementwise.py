"""Operations from formulas, with the checks that Python makes before a kernel runs.

    elementwise(f)    out = f(a, b, …)                                  a new array
    in_place(f)       p, m, … = f(p, m, …, g, …)                        the first arrays are written, the others read
    summing(f)        Σ f(a, b, …)[0], and the rest of f as new arrays  a loss and its gradients in one pass: sums.py
    row_sums(f)       Σ over each row of f(a, b, …)                     (batch, n) -> (batch,): sums.py

All arrays of one call have one shape and one type, float32 or float64. Numbers (a slope, a learning rate) are rounded to the arrays' type once.
"""

from scratchgen.ops import checks
from scratchgen.ops.cuda import elementary
from scratchgen.ops.cuda.array import DeviceArray, empty
from scratchgen.ops.cuda.kernels import Loop
from scratchgen.ops.formulas import computed_with

formulas = computed_with(elementary)


def check_device(name, arrays):
    """TypeError unless all are device arrays."""
    for a in arrays:
        if not isinstance(a, DeviceArray):
            raise TypeError(f"{name} on backend 'cuda' takes device arrays; given a {type(a).__name__}, which scratchgen.ops.array(x) would make one")


def check_arrays(name, arrays):
    """TypeError unless all are on the device; then checks.check_arrays."""
    check_device(name, arrays)
    checks.check_arrays(name, arrays)


def check_columns(name, vector, matrix):
    """TypeError unless both are on the device; then checks.check_columns."""
    check_device(name, (vector, matrix))
    checks.check_columns(name, vector, matrix)


def check_matrices(name, *arrays, rows=(), columns=()):
    """TypeError unless all are on the device; then checks.check_matrices."""
    check_device(name, (*arrays, *rows, *columns))
    checks.check_matrices(name, *arrays, rows=rows, columns=columns)


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
    """The operation (written, read, *numbers): the arrays of the tuple `written` become formula(*written, *read, *numbers)."""
    run = Loop(formula, n_written, n_written + n_read, n_numbers, changed=n_written)

    def call(written, read, *numbers):
        arrays = written + read
        check_arrays(formula.__name__, arrays)
        run(arrays, rounded(numbers, arrays[0].dtype))

    return call
