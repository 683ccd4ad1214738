"""RealNVP (Dinh et al. 2017): a flow that is as fast from noise to data as from data to noise.

A *coupling layer* leaves one half of the features as it is, and shifts and scales the other by what a network
makes of the first:

    x = [x₁ | x₂]           h = [μ | a] = net(x₁)           log σ = B tanh(a / B)

    z₁ = x₁                                                 ┌     I        0    ┐
    z₂ = (x₂ − μ) / σ                            ∂z/∂x  =   │                   │          logdet = −Σ log σ
                                                            └  ∂z₂/∂x₁   1 / σ  ┘

The Jacobian is triangular whatever the network is: it is never inverted, and no mask is needed. To undo the
layer, x₁ = z₁ gives the same network the same input, hence the same μ and σ:

    x₁ = z₁                 x₂ = σ z₂ + μ

Backward: z₂ is an affine map (flow.py has dx₂ and dh), and x₁ reaches the loss as z₁ and through the network,

    dx₂, dh = those of the affine map, from dz₂ and dlogdet
    dx₁     = dz₁ + net.backward(dh)

One layer leaves half of the data untouched, so the next one changes the other half. Compared with MAF, a
feature sees fewer others in each step; in exchange a sample takes one pass through each network, where MAF
takes D.
"""

import numpy as np

from scratchgen.errors import LARGEST, integer, integers
from scratchgen.layers import mlp
from scratchgen.layers.module import Module
from scratchgen.models.flow import MOST_FLOWS, Flow, affine, affine_backward, affine_inverse
from scratchgen.ops import add, as_generator, join_columns


class Coupling(Module):
    """The bijection that moves one half of the features by what a network makes of the other.

    swap: False keeps the first half, data_dim // 2 features, and moves the rest;
        True keeps the rest and moves the first half.
    """

    def __init__(self, data_dim, hidden, swap=False, activation="relu", rng=None, dtype=np.float32):
        self.swap, self.first = swap, data_dim // 2
        kept = data_dim - self.first if swap else self.first
        self.net = mlp((kept, *hidden, 2 * (data_dim - kept)), activation, rng=rng, dtype=dtype)
        self.set_parts(net=self.net)

    def forward(self, x):
        """x (batch, D) -> z (batch, D), logdet (batch,), cache."""
        x1, x2 = self.split(x)
        h, net_cache = self.net.forward(x1)
        z2, logdet = affine(x2, h)
        return self.join(x1, z2), logdet, (z2, h, net_cache)

    def backward(self, dz, dlogdet, cache):
        """dz (batch, D), dlogdet (batch,) -> dx (batch, D)."""
        z2, h, net_cache = cache
        dz1, dz2 = self.split(dz)
        dx2, dh = affine_backward(dz2, dlogdet, z2, h)
        dx1 = add(dz1, self.net.backward(dh, net_cache))
        return self.join(dx1, dx2)

    def inverse(self, z):
        """z (batch, D) -> x (batch, D)."""
        z1, z2 = self.split(z)
        return self.join(z1, affine_inverse(z2, self.net(z1)))

    def split(self, x):
        """x -> the half that is kept, the half that is moved: views."""
        a, b = x[:, : self.first], x[:, self.first :]
        return (b, a) if self.swap else (a, b)

    def join(self, kept, moved):
        """The two halves, each back in its place."""
        return join_columns(moved, kept) if self.swap else join_columns(kept, moved)


class RealNVP(Flow):
    """Flow of affine coupling layers: an exact density of real data,
    from which samples are drawn in one pass.

    data_dim: features of x, at least 2.
    n_flows: coupling layers in a row; they move the two halves of the features in turn.
    hidden: sizes of the hidden layers in each network.
    activation: of the hidden layers.
    center: subtracted from the data, a number or one for each feature; none is 0.
    scale: the data is divided by it, to be about as large as the noise;
        a number or one for each feature; none is 1.
    dequantize: width of uniform noise that is added to x;
        1/256 for pictures of 256 grey levels, whose density has no bound else.
    rng: seed or Generator.
    """

    examples = {
        "RealNVP": dict(n_flows=2, hidden=(4,), center=0.2, scale=[0.5, 1.5, 2.0, 1.0, 0.7], dequantize=0.1)
    }

    def __init__(
        self,
        data_dim,
        n_flows=8,
        hidden=(100, 100),
        activation="relu",
        center=None,
        scale=None,
        dequantize=0.0,
        rng=None,
        dtype=np.float32,
    ):
        data_dim = integer("data_dim", data_dim, 2, LARGEST)
        n_flows = integer("n_flows", n_flows, 1, MOST_FLOWS)
        hidden = integers("hidden", hidden, 1)
        rng = as_generator(rng)
        self.data_dim = data_dim
        self.config = dict(data_dim=data_dim, n_flows=n_flows, hidden=hidden, activation=activation)
        couplings = [Coupling(data_dim, hidden, k % 2 == 1, activation, rng, dtype) for k in range(n_flows)]
        self.set_flow(couplings, center, scale, dequantize, rng, dtype)
