"""Packing: m neighbours of the batch become one row, so that a discriminator judges m examples at a time
(PacGAN, Lin et al. 2018).

    y_i = [x_(im) | x_(im+1) | … | x_(im+m−1)]                    (batch, n) -> (batch / m, m n)

A discriminator that sees one example cannot tell that a generator always gives the same one, as long as it
is a good one. Shown m at once, it can: real packs vary, the generator's do not. In the language of
distributions, it compares p × … × p with q × … × q, and these are the further apart the more q has lost of
what p has.

Every number of x stands in y once, so its gradient is the one found there. What is left over, fewer than m
rows at the end, fills no pack: it is left out, and its gradient is zero.
"""

import numpy as np

from scratchgen.errors import integer
from scratchgen.layers.layer import Layer
from scratchgen.ops import op


@op
def pack(x, m):  # y_i = [x_(im) | … | x_(im+m−1)]
    full = x.shape[0] // m * m  # rows that fill a pack
    return np.concatenate([x[j:full:m] for j in range(m)], axis=1)


@op
def pack_backward(dy, x, m):  # dx_(im+j) = columns jn … (j + 1)n of dy_i
    full, n = x.shape[0] // m * m, x.shape[1]  # of x (batch, n) only the shape is asked
    dx = np.full(x.shape, 0, dtype=dy.dtype, like=dy)
    for j in range(m):
        dx[j:full:m] = dy[:, j * n : (j + 1) * n]
    return dx


class Pack(Layer):
    """m neighbours of the batch in one row."""

    couples_batch = True

    def __init__(self, m):
        self.m = integer("m", m, 1)
        self.couples_batch = self.m > 1

    def forward(self, x):
        """x (batch, n) -> y (⌊batch / m⌋, m n). ValueError for fewer than m examples, which fill no pack."""
        if x.ndim != 2 or x.shape[0] < self.m:
            raise ValueError(
                f"x has shape {tuple(x.shape)}; {self!r} needs (batch, n) with a batch of at least {self.m}"
            )
        return pack(x, self.m), x

    def backward(self, dy, x):
        """dy (⌊batch / m⌋, m n) -> dx (batch, n)."""
        return pack_backward(dy, x, self.m)

    def double_backward(self, ddx, dy, x):
        """ddx (batch, n) -> ddy (⌊batch / m⌋, m n), None: y is x in another order."""
        return pack(ddx, self.m), None

    def __repr__(self):
        return f"Pack({self.m})"
