"""Maxout: the largest of each group of `pieces` neighbours (Goodfellow et al. 2013).

    y_i = max over j of x_(i·pieces + j)

After a Linear it is a learned convex activation: Sequential(Linear(784, 240 * 5), Maxout(5)) has 240 units of
5 pieces each. Only the winner influenced the output, so the whole gradient goes to the winner.
"""

import numpy as np

from scratchgen.errors import integer
from scratchgen.layers.layer import Layer
from scratchgen.ops import op


@op
def maxout(x, pieces):  # y_i = max_j x_ij,  winner_i = argmax_j x_ij      (the first, if several are equal)
    y, winner = x[:, ::pieces].copy(), np.zeros_like(x[:, ::pieces], dtype=np.intp)
    for j in range(1, pieces):
        x_j = x[:, j::pieces]
        better = (x_j > y) | (np.isnan(x_j) & ~np.isnan(y))  # the first NaN wins, as in np.argmax
        y, winner = np.where(better, x_j, y), np.where(better, j, winner)
    return y, winner


@op
def maxout_backward(dy, winner, pieces):  # dx_ij = dy_i where j = winner_i, else 0
    dx = np.full((dy.shape[0], dy.shape[1] * pieces), 0, dtype=dy.dtype, like=dy)
    for j in range(pieces):
        dx[:, j::pieces] = np.where(winner == j, dy, 0)
    return dx


@op
def maxout_double_backward(ddx, winner, pieces):  # ddy_i = ddx_ij where j = winner_i
    ddy = np.where(winner == 0, ddx[:, ::pieces], 0)
    for j in range(1, pieces):
        ddy = np.where(winner == j, ddx[:, j::pieces], ddy)
    return ddy


class Maxout(Layer):
    """Maximum over groups of `pieces` neighbouring features."""

    def __init__(self, pieces):
        self.pieces = integer("pieces", pieces, 1)

    def forward(self, x):
        """x (batch, n · pieces) -> y (batch, n)."""
        if x.ndim != 2 or x.shape[1] < self.pieces or x.shape[1] % self.pieces:
            raise ValueError(
                f"x has shape {tuple(x.shape)}; {self!r} needs (batch, n) "
                f"with n a positive multiple of {self.pieces}"
            )
        return maxout(x, self.pieces)

    def backward(self, dy, winner):
        """dy (batch, n) -> dx (batch, n · pieces)."""
        return maxout_backward(dy, winner, self.pieces)

    def double_backward(self, ddx, dy, winner):
        """ddx (batch, n · pieces) -> ddy (batch, n), None:
        who wins does not change with a small change of x.
        """
        return maxout_double_backward(ddx, winner, self.pieces), None

    def __repr__(self):
        return f"Maxout({self.pieces})"
