"""Maxout: the largest of each group of neighbours, and which one it was. One thread for each group."""

import numpy as np

from scratchgen.ops.cuda.array import empty
from scratchgen.ops.cuda.driver import cuda
from scratchgen.ops.cuda.elementwise import check_device, check_matrices
from scratchgen.ops.cuda.launch import THREADS, blocks_for, launch
from scratchgen.ops.formulas import ZERO


@cuda.jit
def maxout_groups(y, winner, x, pieces):
    n = y.shape[1]
    for k in range(cuda.grid(1), y.shape[0] * n, cuda.gridsize(1)):
        i, g = k // n, k % n
        best, top = 0, x[i, g * pieces]
        for j in range(1, pieces):
            value = x[i, g * pieces + j]
            if value > top or (value != value and top == top):  # the first NaN wins, as in np.argmax
                best, top = j, value
        y[i, g], winner[i, g] = top, best


@cuda.jit
def maxout_backward_elements(dx, dy, winner, pieces):
    n = dx.shape[1]
    for k in range(cuda.grid(1), dx.shape[0] * n, cuda.gridsize(1)):
        i, j = k // n, k % n
        value = dy[i, j // pieces]
        dx[i, j] = value if winner[i, j // pieces] == j % pieces else value * ZERO


def maxout(x, pieces):
    """-> y (batch, n / pieces), and which piece won."""
    check_matrices("maxout", x)
    shape = x.shape[0], x.shape[1] // pieces
    if shape[1] * pieces != x.shape[1]:
        raise ValueError(f"maxout of {pieces} pieces needs a multiple of {pieces} columns; given {x.shape[1]}")
    y, winner = empty(shape, x.dtype), empty(shape, np.intp)
    if y.size:
        launch(maxout_groups, blocks_for(y.size), THREADS, y.view(), winner.view(), x.view(), int(pieces))
    return y, winner


def maxout_backward(dy, winner, pieces):
    check_matrices("maxout_backward", dy)
    check_device("maxout_backward", (winner,))
    if winner.shape != dy.shape:
        raise ValueError(f"maxout_backward: winner has shape {winner.shape}, dy {dy.shape}")
    dx = empty((dy.shape[0], dy.shape[1] * pieces), dy.dtype)
    if dx.size:
        launch(maxout_backward_elements, blocks_for(dx.size), THREADS, dx.view(), dy.view(), winner.view(), int(pieces))
    return dx


TWINS = {
    "maxout": maxout,
    "maxout_backward": maxout_backward,
}
