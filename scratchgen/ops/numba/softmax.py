"""Softmax, row by row. A row is one thread's work from beginning to end, so its sums have one order."""

import numpy as np
from numba import prange

from scratchgen.ops.numba.compile import jit
from scratchgen.ops.numba.elementary import exp
from scratchgen.ops.numba.elementwise import matrices
from scratchgen.ops.numba.sums import dot, total
from scratchgen.ops.numba.threads import kernel


@jit
def largest(x):
    """The largest of the numbers; what NaN gives is left open."""
    top = x[0]
    for j in range(1, x.size):
        top = x[j] if x[j] > top else top
    return top


@jit
def softmax_row(y, x):
    top = largest(x)
    for j in range(x.size):
        y[j] = exp(x[j] - top)
    sum_of_exp = x.dtype.type(total(y))
    for j in range(x.size):
        y[j] /= sum_of_exp


@kernel
def softmax_rows(y, x):
    for i in prange(x.shape[0]):
        softmax_row(y[i], x[i])


@jit
def softmax_backward_row(dx, dy, y):
    along = y.dtype.type(dot(dy, y))
    for j in range(y.size):
        dx[j] = y[j] * (dy[j] - along)


@kernel
def softmax_backward_rows(dx, dy, y):
    for i in prange(y.shape[0]):
        softmax_backward_row(dx[i], dy[i], y[i])


def softmax(x):
    (x,) = matrices("softmax", x)
    if x.shape[1] == 0:
        raise ValueError("softmax of a row without elements")
    y = np.empty_like(x)
    softmax_rows(0.8 * x.size, y, x)
    return y


def softmax_backward(dy, y):
    dy, y = matrices("softmax_backward", dy, y)
    dx = np.empty_like(y)
    softmax_backward_rows(0.2 * y.size, dx, dy, y)
    return dx


TWINS = {
    "softmax": softmax,
    "softmax_backward": softmax_backward,
}
