"""What becomes of a tile of a product while its numbers are in the nearest cache:

    linear            c = c + bias
    tanh, relu, …     c = f(c + bias)                   a layer and the activation behind it
    tanh_backward, …  c = f_backward(c, y)              the way back: the gradient with respect to y = f(x) becomes that with respect to x

Each is a function of its own, compiled when it is first needed, and the product gets its address (gemm.py). So one compiled product serves all.
"""

import functools

from numba import types

from scratchgen.ops.checks import ACTIVATIONS, WITH_ALPHA
from scratchgen.ops.numba.compile import c_function, jit
from scratchgen.ops.numba.elementwise import formulas
from scratchgen.ops.numba.memory import LINE, numbers_at, prefetch_line


@functools.cache
def epilogue(name, dtype):
    """Address of the compiled function (zero, alpha, rows, columns, c, c_row, bias, y, y_row) of this name for float32 or float64; all places and
    strides in bytes; bias may be 0, for none."""
    number = {"float32": types.float32, "float64": types.float64}[dtype.name]
    return c_function(types.void(number, number, *[types.int64] * 7), FUNCTIONS[name]).address


def forward(f):
    """c = f(c + bias, alpha)."""
    f = jit(f, inline=True)

    def finish(zero, alpha, rows, columns, c, c_row, bias, y, y_row):
        for i in range(rows):
            numbers, added = numbers_at(c + i * c_row, zero), numbers_at(bias, zero)
            if bias != 0:
                for j in range(columns):
                    numbers[j] = f(numbers[j] + added[j], alpha)
            else:
                for j in range(columns):
                    numbers[j] = f(numbers[j], alpha)

    return finish


def backward(f):
    """c = f(c, y, alpha)."""
    f = jit(f, inline=True)

    def finish(zero, alpha, rows, columns, c, c_row, bias, y, y_row):
        for i in range(rows):
            numbers, beside = numbers_at(c + i * c_row, zero), numbers_at(y + i * y_row, zero)
            for j in range(columns):
                numbers[j] = f(numbers[j], beside[j], alpha)

    return finish


def with_alpha(name, formula):
    """The formula of an activation, taking a number alpha behind its arrays whether it needs it or not."""
    f = jit(formula, inline=True)
    if name in WITH_ALPHA:
        return formula
    return (lambda dy, y, alpha: f(dy, y)) if formula.__name__.endswith("_backward") else lambda x, alpha: f(x)


FUNCTIONS = {"linear": forward(lambda x, alpha: x)}
for _name in ACTIVATIONS:
    FUNCTIONS[_name] = forward(with_alpha(_name, getattr(formulas, _name)))
    FUNCTIONS[f"{_name}_backward"] = backward(with_alpha(_name, getattr(formulas, f"{_name}_backward")))


@jit
def bring_near(address, row, rows, row_bytes):
    """Ask for the cache lines of so many bytes in so many rows."""
    for i in range(rows):
        for byte in range(0, row_bytes, LINE):
            prefetch_line(address + i * row + byte)
        prefetch_line(address + i * row + row_bytes - 1)
