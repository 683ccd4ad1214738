"""How Sequential runs linear layers in a row, and the activations behind them, in fewer operations. Results are those of the layers in turn."""

from typing import NamedTuple

from scratchgen.layers.elu import ELU
from scratchgen.layers.layer import Layer
from scratchgen.layers.leaky_relu import LeakyReLU
from scratchgen.layers.linear import Linear, linear
from scratchgen.layers.relu import ReLU
from scratchgen.layers.sigmoid import Sigmoid
from scratchgen.layers.softplus import Softplus
from scratchgen.layers.tanh import Tanh
from scratchgen.ops import matmul_nt
from scratchgen.ops.fused import add_linear_grads, linear_activation, matmul_nt_activation_backward

# type -> name of the operation and its numbers. Exact types only: a subclass may have changed forward or backward.
FUSED = {
    ReLU: lambda layer: ("relu",),
    LeakyReLU: lambda layer: ("leaky_relu", layer.slope),
    ELU: lambda layer: ("elu", layer.alpha),
    Tanh: lambda layer: ("tanh",),
    Sigmoid: lambda layer: ("sigmoid",),
    Softplus: lambda layer: ("softplus",),
}


class Link(NamedTuple):
    """A linear layer of a chain, and the activation behind it: None, or a layer with the operation that it is."""

    linear: Linear
    activation: Layer | None
    operation: tuple


class Chain:
    """Linear layers in a row, each with an activation behind it or without; the same forward and backward as any layer.

        y_0 = x                           W, b: those of layer i, f: the activation behind it
        y_i = f(y_(i−1) W + b)

    Backward, from the last layer to the first, with dz_i the gradient of y_(i−1) W + b:

        dW     += y_(i−1)ᵀ dz_i                 db += Σ_batch dz_i
        dz_(i−1) = (dz_i Wᵀ) ∘ f'(y_(i−1))      f: the activation behind layer i − 1

    Owns nothing: the layers keep their arrays.
    """

    def __init__(self, links):
        self.links = links

    @property
    def params(self):
        """Those of the first linear layer: it always has some."""
        return self.links[0].linear.params

    def forward(self, x, training=True):
        """x (batch, n_in of the first layer) -> y (batch, n_out of the last); the cache is y_0, y_1, …"""
        ys = [x]
        for layer, _, operation in self.links:
            layer.check_input(x, layer.n_in)
            W, b = layer.params["W"], layer.params.get("b")
            x = linear_activation(x, W, b, *operation) if operation else linear(x, W, b)
            ys.append(x)
        return x, ys

    def backward(self, dy, ys, wrt="both"):
        """dy (batch, n_out of the last layer) -> dx (batch, n_in of the first)."""
        last = self.links[-1].activation
        dz = dy if last is None else last.backward(dy, ys[-1])
        for i in reversed(range(len(self.links))):
            layer, x = self.links[i].linear, ys[i]
            if wrt != "input":
                add_linear_grads(layer.grads["W"], layer.grads.get("b"), x, dz)  # dW += xᵀ dz, db += Σ_batch dz
            if i == 0 and wrt == "params":
                return None
            below = self.links[i - 1].operation if i > 0 else ()
            if below:
                dz = matmul_nt_activation_backward(dz, layer.params["W"], x, *below)  # dz = (dz Wᵀ) ∘ f'(x), since x = f(…)
            else:
                dz = matmul_nt(dz, layer.params["W"])  # dx = dz Wᵀ
        return dz


def stages(layers):
    """The layers, each Linear merged with the activation behind it and with the Linear behind that, where one operation does both."""
    result, rest = [], list(layers)
    while rest:
        links = []
        while rest and type(rest[0]) is Linear:
            layer = rest.pop(0)
            activation = rest.pop(0) if rest and type(rest[0]) in FUSED else None
            links.append(Link(layer, activation, () if activation is None else FUSED[type(activation)](activation)))
        result.append(Chain(links) if links else rest.pop(0))
    return result
