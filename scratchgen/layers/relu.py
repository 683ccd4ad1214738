"""ReLU, the rectified linear unit: what is negative becomes zero (Nair & Hinton 2010)."""

import numpy as np

from scratchgen.layers.layer import Layer
from scratchgen.ops import op


@op
def relu(x):  # y = max(x, 0)
    return np.maximum(x, 0)


@op
def relu_backward(dy, y):  # dx = dy where y > 0, else 0
    return np.where(y > 0, dy, 0)


class ReLU(Layer):
    """y = max(x, 0), elementwise. At the kink, x = 0, the derivative is taken as 0."""

    def forward(self, x):
        """x -> y, any shape."""
        y = relu(x)
        return y, y

    def backward(self, dy, y):
        """dy -> dx.

        Where the unit was on, the gradient passes; where it was off, nothing changed the output.
        """
        return relu_backward(dy, y)

    def double_backward(self, ddx, dy, y):
        """ddx -> ddy, None: backward is a switch, and its own derivative the same switch;
        the slope does not change with x.
        """
        return relu_backward(ddx, y), None
