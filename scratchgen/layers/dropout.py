"""Dropout: in training, each unit is silenced with probability `rate`, so that no unit can rely on another
(Srivastava et al. 2014).

    mask = (u ≥ rate) / (1 − rate)       u uniform in [0, 1), one per element, fresh at every forward
    y  = x ∘ mask                        the division keeps the expected value: E[y] = x
    dx = dy ∘ mask                       the same mask as in forward, kept in the cache

In inference y = x.
"""

from scratchgen.errors import number
from scratchgen.layers.layer import Layer, check_noise
from scratchgen.ops import Stream, multiply, op


@op
def dropout_mask(u, rate):  # mask = (u ≥ rate) / (1 − rate)
    return (u >= rate).astype(u.dtype) / (1 - rate)


class Dropout(Layer):
    """Silence each element with probability rate, 0 ≤ rate < 1.

    `eps`: the uniform numbers u, instead of the layer's stream.
    """

    def __init__(self, rate, *, rng=None):
        self.rate = number("rate", rate, lambda rate: 0 <= rate < 1, "be at least 0 and below 1")
        self.stream = Stream(rng)

    def forward(self, x, training=True, eps=None):
        """x -> y, any shape."""
        if not training:
            return x, None
        if eps is None:
            eps = self.stream.uniform(x.shape, x.dtype)
        check_noise(self, eps, x.shape, x.dtype)
        mask = dropout_mask(eps, self.rate)
        return multiply(x, mask), mask

    def backward(self, dy, mask):
        """dy -> dx."""
        return dy if mask is None else multiply(dy, mask)

    def double_backward(self, ddx, dy, mask):
        """ddx -> ddy, None: the mask does not depend on x."""
        return self.backward(ddx, mask), None

    def __repr__(self):
        return f"Dropout({self.rate})"
