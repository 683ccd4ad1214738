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

# type -> name of the operation, one of ops.checks.ACTIVATIONS, and its numbers. Exact types only: a subclass may have changed forward or backward.
FUSED = {
    ReLU: lambda layer: ("relu",),
    LeakyReLU: lambda layer: ("leaky_relu", layer.slope),
    ELU: lambda layer: ("elu", layer.alpha),
    Tanh: lambda layer: ("tanh",),
    Sigmoid: lambda layer: ("sigmoid",),
    Softplus: lambda layer: ("softplus",),
}


class Link(NamedTuple):
    """A linear layer of a chain, and the activation behind it, if there is one."""

    linear: Linear
    activation: Layer | None

    @property
    def operation(self):
        """Name of the activation's operation, and its numbers as they are now."""
        return FUSED[type(self.activation)](self.activation)


class Chain:
    """Linear layers in a row, each with an activation f behind it or without; the same forward and backward as any layer.

        x_1     = x
        x_(i+1) = f_i(x_i W_i + b_i)                       the last of these is y

    Backward, from the last layer to the first, where dz_i is the gradient of x_i W_i + b_i, and f_backward(dy, y) turns the gradient of
    an activation's output y into that of its input; without an activation nothing is to be turned:

        dz_n     = f_n_backward(dy, y)
        dW_i    += x_iᵀ dz_i           db_i += Σ_batch dz_i
        dz_(i−1) = f_(i−1)_backward(dz_i W_iᵀ, x_i)        x_i is the output of f_(i−1)
        dx       = dz_1 W_1ᵀ

    Owns nothing: the layers keep their arrays.
    """

    def __init__(self, links):
        self.links = links

    @property
    def params(self):
        """Of the first layer only, since nobody asks for more than whether there are any."""
        return self.links[0].linear.params

    def forward(self, x, training=True):
        """x (batch, n_in of the first layer) -> y (batch, n_out of the last); the cache is x_1, x_2, …, and y if an activation made it."""
        cache = []
        for link in self.links:
            layer = link.linear
            layer.check_input(x, layer.n_in)
            cache.append(x)
            W, b = layer.params["W"], layer.params.get("b")
            x = linear_activation(x, W, b, *link.operation) if link.activation else linear(x, W, b)
        if self.links[-1].activation:
            cache.append(x)
        return x, cache

    def backward(self, dy, cache, wrt="both"):
        """dy (batch, n_out of the last layer) -> dx (batch, n_in of the first)."""
        wanted, last_activation = (cache[0].shape[0], self.links[-1].linear.n_out), self.links[-1].activation
        if dy.shape != wanted:
            raise ValueError(f"dy has shape {tuple(dy.shape)}; y, whose gradient it is, has {wanted}")
        dz = last_activation.backward(dy, cache[-1]) if last_activation else dy
        for i in reversed(range(len(self.links))):
            layer, x = self.links[i].linear, cache[i]
            if wrt != "input":
                add_linear_grads(layer.grads["W"], layer.grads.get("b"), x, dz)  # dW += xᵀ dz, db += Σ_batch dz
            if i > 0 and self.links[i - 1].activation:
                dz = matmul_nt_activation_backward(dz, layer.params["W"], x, *self.links[i - 1].operation)  # f_backward(dz Wᵀ, x)
            elif i > 0 or wrt != "params":
                dz = matmul_nt(dz, layer.params["W"])  # dz Wᵀ
        return dz if wrt != "params" else None


def stages(layers):
    """What Sequential runs one after the other: chains, and the layers that are not part of one."""
    result, rest = [], list(layers)
    while rest:
        links = []
        while rest and type(rest[0]) is Linear:
            layer = rest.pop(0)
            links.append(Link(layer, rest.pop(0) if rest and type(rest[0]) in FUSED else None))
        result.append(Chain(links) if links else rest.pop(0))
    return result
