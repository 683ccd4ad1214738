"""How Sequential runs a Linear and the activation behind it as one operation. Results are those of the two layers in turn."""

from typing import NamedTuple

import numpy as np

from scratchgen.layers.elu import ELU
from scratchgen.layers.leaky_relu import LeakyReLU
from scratchgen.layers.linear import Linear
from scratchgen.layers.relu import ReLU
from scratchgen.layers.sigmoid import Sigmoid
from scratchgen.layers.softplus import Softplus
from scratchgen.layers.tanh import Tanh
from scratchgen.ops import add_matmul_tn, matmul_nt
from scratchgen.ops.fused import activation_backward, linear_activation

# type -> name of the operation and its numbers. Exact types only: a subclass may have changed forward or backward.
FUSED = {
    ReLU: lambda layer: ("relu",),
    LeakyReLU: lambda layer: ("leaky_relu", layer.slope),
    ELU: lambda layer: ("elu", layer.alpha),
    Tanh: lambda layer: ("tanh",),
    Sigmoid: lambda layer: ("sigmoid",),
    Softplus: lambda layer: ("softplus",),
}


class Cache(NamedTuple):
    """What the two layers cache: the input of the Linear, the output of the activation."""

    x: np.ndarray
    y: np.ndarray


class FusedLinear:
    """A Linear and its activation; the same forward and backward as any layer. Owns nothing: the two layers keep their arrays."""

    def __init__(self, linear, activation):
        self.linear = linear
        self.activation = FUSED[type(activation)](activation)

    @property
    def params(self):
        """Those of the Linear."""
        return self.linear.params

    def forward(self, x, training=True):
        """x (batch, n_in) -> y (batch, n_out)."""
        self.linear.check_input(x, self.linear.n_in)
        y = linear_activation(x, self.linear.params["W"], self.linear.params.get("b"), *self.activation)
        return y, Cache(x, y)

    def backward(self, dy, cache, wrt="both"):
        """dy (batch, n_out) -> dx (batch, n_in)."""
        grads = self.linear.grads
        # dz = dL/d(x W + b), from dy and y;  db += Σ_batch dz
        dz = activation_backward(dy, cache.y, grads.get("b") if wrt != "input" else None, *self.activation)
        if wrt != "input":
            add_matmul_tn(grads["W"], cache.x, dz)  # dW = xᵀ dz
        if wrt != "params":
            return matmul_nt(dz, self.linear.params["W"])  # dx = dz Wᵀ


def stages(layers):
    """The layers, each Linear merged with the activation behind it where one operation does both."""
    result, rest = [], list(layers)
    while rest:
        layer = rest.pop(0)
        if type(layer) is Linear and rest and type(rest[0]) in FUSED:
            layer = FusedLinear(layer, rest.pop(0))
        result.append(layer)
    return result
