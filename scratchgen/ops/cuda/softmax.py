"""Softmax, row by row. A row is one block's work from beginning to end."""

import numpy as np

from scratchgen.ops.checks import REALS
from scratchgen.ops.cuda.array import empty
from scratchgen.ops.cuda.driver import cuda
from scratchgen.ops.cuda.elementary import exp
from scratchgen.ops.cuda.elementwise import check_matrices
from scratchgen.ops.cuda.launch import THREADS, launch
from scratchgen.ops.cuda.sums import block_largest, block_total, blocks_of_rows


def softmax_rows(real):
    """The kernel for numbers of type `real`."""

    @cuda.jit
    def softmax_rows(y, x):
        shared = cuda.shared.array(THREADS, np.float64)
        for i in range(cuda.blockIdx.x, x.shape[0], cuda.gridDim.x):
            top, part = x[i, 0], 0.0
            for j in range(cuda.threadIdx.x, x.shape[1], THREADS):
                top = x[i, j] if x[i, j] > top else top
            top = real(block_largest(shared, top))
            for j in range(cuda.threadIdx.x, x.shape[1], THREADS):
                e = exp(x[i, j] - top)
                y[i, j] = e
                part += e
            sum_of_exp = real(block_total(shared, part))
            for j in range(cuda.threadIdx.x, x.shape[1], THREADS):
                y[i, j] /= sum_of_exp

    return softmax_rows


def softmax_backward_rows(real):
    """The kernel for numbers of type `real`."""

    @cuda.jit
    def softmax_backward_rows(dx, dy, y):
        shared = cuda.shared.array(THREADS, np.float64)
        for i in range(cuda.blockIdx.x, y.shape[0], cuda.gridDim.x):
            part = 0.0
            for j in range(cuda.threadIdx.x, y.shape[1], THREADS):
                part += dy[i, j] * y[i, j]
            along = real(block_total(shared, part))
            for j in range(cuda.threadIdx.x, y.shape[1], THREADS):
                dx[i, j] = y[i, j] * (dy[i, j] - along)

    return softmax_backward_rows


FORWARD, BACKWARD = ({dtype: make(dtype.type) for dtype in REALS} for make in (softmax_rows, softmax_backward_rows))


def softmax(x):
    check_matrices("softmax", x)
    if x.shape[1] == 0:
        raise ValueError("softmax of a row without elements")
    y = empty(x.shape, x.dtype)
    if y.size:
        launch(FORWARD[x.dtype], blocks_of_rows(x.shape[0]), THREADS, y.view(), x.view())
    return y


def softmax_backward(dy, y):
    check_matrices("softmax_backward", dy, y)
    dx = empty(y.shape, y.dtype)
    if dx.size:
        launch(BACKWARD[y.dtype], blocks_of_rows(y.shape[0]), THREADS, dx.view(), dy.view(), y.view())
    return dx


TWINS = {
    "softmax": softmax,
    "softmax_backward": softmax_backward,
}
