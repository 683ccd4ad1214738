"""A bijection as a layer, its two outputs side by side, so that it can be checked like every layer:

forward     x -> y = [z | logdet]          z, logdet, cache = bijection.forward(x)
backward    dy = [dz | dlogdet] -> dx      dx = bijection.backward(dz, dlogdet, cache)

>>> check_layer(OneOutput(Coupling(4, (5,), dtype=np.float64)), x).ok
True
"""

from scratchgen.layers.layer import Layer
from scratchgen.ops import join_columns


class OneOutput(Layer):
    """y = [z | logdet] of a bijection (models/flow.py), with its parameters."""

    def __init__(self, bijection):
        self.bijection = bijection
        self.set_parts(bijection=bijection)

    def forward(self, x):
        """x (batch, D) -> y (batch, D + 1)."""
        z, logdet, cache = self.bijection.forward(x)
        return join_columns(z, logdet.reshape(-1, 1)), cache

    def backward(self, dy, cache):
        """dy (batch, D + 1) -> dx (batch, D)."""
        return self.bijection.backward(dy[:, :-1], dy[:, -1], cache)

    def __repr__(self):
        return type(self.bijection).__name__
