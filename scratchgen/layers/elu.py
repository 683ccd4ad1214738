"""ELU, the exponential linear unit: like ReLU, but negative inputs bend smoothly towards −alpha
(Clevert et al. 2016).
"""

import numpy as np

from scratchgen.errors import number
from scratchgen.layers.layer import Layer
from scratchgen.ops import op


@op
def elu(x, alpha):  # y = x where x > 0, else alpha · (eˣ − 1)
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


@op
def elu_backward(dy, y, alpha):  # dx = dy where y > 0, else dy · (y + alpha)
    return np.where(y > 0, dy, dy * (y + alpha))  # because alpha · eˣ = y + alpha


@op
def elu_second(ddx, dy, y, alpha):  # dx = ddx · dy · f″,   f″ = 0 where y > 0, else y + alpha
    return np.where(y > 0, 0, ddx * dy * (y + alpha))


class ELU(Layer):
    """y = x where x > 0, else alpha · (eˣ − 1), elementwise; alpha > 0."""

    def __init__(self, alpha=1.0):
        self.alpha = number("alpha", alpha, lambda alpha: alpha > 0, "be positive")

    def forward(self, x):
        """x -> y, any shape."""
        y = elu(x, self.alpha)
        return y, y

    def backward(self, dy, y):
        """dy -> dx."""
        return elu_backward(dy, y, self.alpha)

    def double_backward(self, ddx, dy, y):
        """ddx -> ddy, dx."""
        return elu_backward(ddx, y, self.alpha), elu_second(ddx, dy, y, self.alpha)

    def __repr__(self):
        return f"ELU({self.alpha})"
