"""Softplus: a smooth ReLU, and the way to a positive number (Dugas et al. 2001).
Its derivative is the sigmoid.
"""

import numpy as np

from scratchgen.layers.layer import Layer
from scratchgen.ops import op


@op
def softplus(x):  # y = log(1 + eˣ)
    return np.logaddexp(0, x)  # = max(x, 0) + log(1 + e^−|x|), which never overflows


@op
def softplus_backward(dy, y):  # dx = dy · (1 − e⁻ʸ)      because eʸ = 1 + eˣ, so eˣ / (1 + eˣ) = 1 − e⁻ʸ
    return -dy * np.expm1(-y)


@op
def softplus_second(ddx, dy, y):  # dx = ddx · dy · f″,   f″ = (1 − e⁻ʸ) e⁻ʸ
    return -ddx * dy * np.expm1(-y) * np.exp(-y)  # f″ is the derivative of σ(x) = 1 − e⁻ʸ


class Softplus(Layer):
    """y = log(1 + eˣ), elementwise."""

    def forward(self, x):
        """x -> y, any shape."""
        y = softplus(x)
        return y, y

    def backward(self, dy, y):
        """dy -> dx."""
        return softplus_backward(dy, y)

    def double_backward(self, ddx, dy, y):
        """ddx -> ddy, dx."""
        return softplus_backward(ddx, y), softplus_second(ddx, dy, y)
