"""The logistic sigmoid: turns a logit, any real number, into a probability."""

import numpy as np

from scratchgen.layers.layer import Layer
from scratchgen.ops import op


@op
def sigmoid(x):  # y = 1 / (1 + e⁻ˣ)
    e = np.exp(-np.abs(x))  # never overflows; for x < 0 multiply above and below by eˣ
    return np.where(x >= 0, 1, e) / (1 + e)


@op
def sigmoid_backward(dy, y):  # dx = dy · y · (1 − y)
    return dy * y * (1 - y)


@op
def sigmoid_second(ddx, dy, y):  # dx = ddx · dy · f″,   f″ = y (1 − y) (1 − 2 y)
    return ddx * dy * y * (1 - y) * (1 - 2 * y)


class Sigmoid(Layer):
    """y = 1 / (1 + e⁻ˣ), elementwise.

    Before a loss on probabilities, prefer losses.bce_with_logits on the logits themselves:
    it does not round 1 − y to zero.
    """

    def forward(self, x):
        """x -> y, any shape."""
        y = sigmoid(x)
        return y, y

    def backward(self, dy, y):
        """dy -> dx."""
        return sigmoid_backward(dy, y)

    def double_backward(self, ddx, dy, y):
        """ddx -> ddy, dx."""
        return sigmoid_backward(ddx, y), sigmoid_second(ddx, dy, y)
