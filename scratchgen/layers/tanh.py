"""The hyperbolic tangent: squashes to (−1, 1), with slope 1 at zero."""

import numpy as np

from scratchgen.layers.layer import Layer
from scratchgen.ops import op


@op
def tanh(x):  # y = tanh x
    return np.tanh(x)


@op
def tanh_backward(dy, y):  # dx = dy · (1 − y²)
    return dy * (1 - y * y)


@op
def tanh_second(ddx, dy, y):  # dx = ddx · dy · f″,   f″ = −2 y (1 − y²)
    return ddx * dy * -2 * y * (1 - y * y)


class Tanh(Layer):
    """y = tanh x, elementwise. The derivative needs only the output: d tanh x / dx = 1 − tanh² x."""

    def forward(self, x):
        """x -> y, any shape."""
        y = tanh(x)
        return y, y

    def backward(self, dy, y):
        """dy -> dx."""
        return tanh_backward(dy, y)

    def double_backward(self, ddx, dy, y):
        """ddx -> ddy, dx."""
        return tanh_backward(ddx, y), tanh_second(ddx, dy, y)
