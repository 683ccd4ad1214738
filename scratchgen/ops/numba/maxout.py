"""Maxout: the largest of each group of neighbours, and which one it was."""

import numpy as np
from numba import prange

from scratchgen.ops.numba.elementwise import matrices
from scratchgen.ops.numba.threads import kernel


@kernel
def maxout_rows(y, winner, x, pieces):
    for i in prange(y.shape[0]):
        for g in range(y.shape[1]):
            group = x[i, g * pieces : (g + 1) * pieces]
            best = 0
            for j in range(1, pieces):
                if group[j] > group[best] or (group[j] != group[j] and group[best] == group[best]):  # the first NaN wins, as in np.argmax
                    best = j
            y[i, g], winner[i, g] = group[best], best


def maxout(x, pieces):
    """-> y (batch, n / pieces), and which piece won."""
    (x,) = matrices("maxout", x)
    shape = x.shape[0], x.shape[1] // pieces
    if shape[1] * pieces != x.shape[1]:
        raise ValueError(f"maxout of {pieces} pieces needs a multiple of {pieces} columns; given {x.shape[1]}")
    y, winner = np.empty(shape, x.dtype), np.empty(shape, np.intp)
    maxout_rows(1.0 * x.size, y, winner, x, int(pieces))
    return y, winner


@kernel
def maxout_backward_rows(dx, dy, winner, pieces):
    for i in prange(dy.shape[0]):
        for g in range(dy.shape[1]):
            for j in range(pieces):
                dx[i, g * pieces + j] = dy[i, g] * dy.dtype.type(winner[i, g] == j)


def maxout_backward(dy, winner, pieces):
    (dy,) = matrices("maxout_backward", dy)
    if winner.shape != dy.shape:
        raise ValueError(f"maxout_backward: winner has shape {winner.shape}, dy {dy.shape}")
    dx = np.empty((dy.shape[0], dy.shape[1] * pieces), dy.dtype)
    maxout_backward_rows(0.5 * dx.size, dx, dy, np.ascontiguousarray(winner, np.intp), int(pieces))
    return dx


TWINS = {
    "maxout": maxout,
    "maxout_backward": maxout_backward,
}
