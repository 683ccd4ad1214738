"""The backward of a layer, as a layer itself. Its own backward is the double backward, which can then be checked like every layer's:

forward     x, dy -> dx = layer.backward(dy, cache)
backward    ddx   -> dP/dx, dP/d(dy) = layer.double_backward(ddx, dy, cache)

>>> x, dy = np.random.default_rng(0).normal(size=(2, 6, 4))
>>> check_layer(BackwardOf(Tanh()), (x, dy)).ok      # what check_double_backward does
True
"""

import numpy as np

from scratchgen.layers.layer import Layer
from scratchgen.ops import array


class BackwardOf(Layer):
    """dx as a function of x and dy, with the parameters of `layer` as its own."""

    def __init__(self, layer):
        self.layer, self.params, self.grads = layer, layer.params, layer.grads  # not a part: it may stand in a network already

    def leaves(self):
        """Those of the layer."""
        return self.layer.leaves()

    def forward(self, x, dy, training=True):
        """x (batch, in), dy (batch, out) -> dx (batch, in)."""
        _, cache = self.layer.forward(x, training=training)
        return self.layer.backward(dy, cache, wrt="input"), (dy, cache)

    def backward(self, ddx, cache):
        """ddx (batch, in) -> dP/dx (batch, in), dP/d(dy) (batch, out)."""
        ddy, dx = self.layer.double_backward(ddx, *cache)
        return array(np.zeros(ddx.shape), ddx.dtype) if dx is None else dx, ddy

    def __repr__(self):
        return f"BackwardOf({self.layer!r})"


def has_double_backward(layer):
    """Whether the layer, and every layer that it is made of, has one."""
    return all(type(leaf).double_backward is not Layer.double_backward for _, leaf in layer.leaves())
