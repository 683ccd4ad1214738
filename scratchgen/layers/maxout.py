"""Maxout: the largest of each group of `pieces` neighbours (Goodfellow et al. 2013).

    y_i = max over j of x_(i·pieces + j)

Behind a Linear it is a learned convex activation: Sequential(Linear(784, 240 * 5), Maxout(5)) has 240 units of 5 pieces each. Only
the winner influenced the output, so the whole gradient goes to the winner.
"""

import numpy as np

from scratchgen.errors import integer
from scratchgen.layers.layer import Layer
from scratchgen.ops import op


@op
def maxout(x, pieces):  # y_i = max_j x_ij,  winner_i = argmax_j x_ij      (the first, if several are equal)
    groups = x.reshape(len(x), x.shape[1] // pieces, pieces)
    winner = np.argmax(groups, axis=2)
    return np.take_along_axis(groups, winner[:, :, None], axis=2)[:, :, 0], winner


@op
def maxout_backward(dy, winner, pieces):  # dx_ij = dy_i where j = winner_i, else 0
    return (dy[:, :, None] * (winner[:, :, None] == np.arange(pieces))).reshape(len(dy), dy.shape[1] * pieces).astype(dy.dtype)


class Maxout(Layer):
    """Maximum over groups of `pieces` neighbouring features."""

    def __init__(self, pieces):
        self.pieces = integer("pieces", pieces, 1)

    def forward(self, x):
        """x (batch, n · pieces) -> y (batch, n)."""
        if x.ndim != 2 or x.shape[1] % self.pieces:
            raise ValueError(f"x has shape {tuple(x.shape)}; {self!r} needs (batch, n) with n a multiple of {self.pieces}")
        return maxout(x, self.pieces)

    def backward(self, dy, winner):
        """dy (batch, n) -> dx (batch, n · pieces)."""
        return maxout_backward(dy, winner, self.pieces)

    def __repr__(self):
        return f"Maxout({self.pieces})"
