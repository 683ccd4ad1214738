"""Leaky ReLU: what is negative is scaled down, not cut off, so that no unit is ever without a gradient
(Maas et al. 2013).
"""

import numpy as np

from scratchgen.errors import number
from scratchgen.layers.layer import Layer
from scratchgen.ops import op


@op
def leaky_relu(x, slope):  # y = x where x > 0, else slope · x
    return np.where(x > 0, x, slope * x)


@op
def leaky_relu_backward(dy, y, slope):  # dx = dy where y > 0, else slope · dy
    return np.where(y > 0, dy, slope * dy)  # y has the sign of x, because slope > 0


class LeakyReLU(Layer):
    """y = x where x > 0, else slope · x, elementwise; slope > 0.

    At x = 0 the derivative is taken as slope.
    """

    def __init__(self, slope=0.01):
        self.slope = number("slope", slope, lambda slope: slope > 0, "be positive (for slope 0 use ReLU)")

    def forward(self, x):
        """x -> y, any shape."""
        y = leaky_relu(x, self.slope)
        return y, y

    def backward(self, dy, y):
        """dy -> dx."""
        return leaky_relu_backward(dy, y, self.slope)

    def double_backward(self, ddx, dy, y):
        """ddx -> ddy, None: the slope does not change with x."""
        return leaky_relu_backward(ddx, y, self.slope), None

    def __repr__(self):
        return f"LeakyReLU({self.slope})"
