"""MAF, the masked autoregressive flow (Papamakarios et al. 2017): MADE for real numbers, several times over.

An autoregressive model of real numbers, each feature a Gaussian given those before it,

    x_d | x_1 … x_(d−1)  ~  N(μ_d, σ_d²)    (μ, log σ) = net(x), log σ bounded as in flow.py, the network
                                            masked as in made.py: output d sees what is before place d

can be read as a map between data and noise: solve x_d = μ_d + σ_d z_d for the noise,

    z_d = (x_d − μ_d) / σ_d                 ∂z_i/∂x_j = 0 for j after i:  triangular,  logdet = −Σ_d log σ_d

which needs one pass through the network, since all of x is there. One such flow has Gaussian conditionals and
no more. But its z need not be taken as noise: let it be data for a second one, with the features in reverse
order, and so on. What the first leaves unexplained the next can mend; five in a row bend the plane into
almost anything.

Backward is that of affine maps (flow.py). Where x_j reaches μ_d and σ_d it does so through MaskedLinear
layers, whose backward cuts the same connections as forward did (dx = dy (W ∘ M)ᵀ, dW = (xᵀ dy) ∘ M); nothing
else is needed for gradients to respect the ordering.

The other way, from noise to data, the features come one after the other, because μ_d and σ_d need the x
before them: D passes through each network.
"""

import numpy as np

from scratchgen.errors import LARGEST, integer, integers
from scratchgen.layers.module import Module
from scratchgen.models.flow import MOST_FLOWS, Flow, affine, affine_backward, affine_inverse
from scratchgen.models.made import made_masks, masked_mlp, masks_size
from scratchgen.ops import add, array, as_generator, op


@op
def put_feature(x, new, d):  # x with its column d from new
    return np.where(np.arange(x.shape[1], like=x) == d, new, x)


class MaskedAffine(Module):
    """The bijection z = (x − μ(x)) / σ(x), with μ_d and σ_d computed from the features before d.

    hidden, ordering, activation: as in MADE.
    """

    def __init__(self, data_dim, hidden, ordering, activation="relu", rng=None, dtype=np.float32):
        self.ordering = tuple(ordering)
        *masks, last = made_masks((data_dim, *hidden, data_dim), self.ordering)
        both = np.hstack([last, last])
        self.net = masked_mlp([*masks, both], activation, as_generator(rng), dtype)  # -> h = [μ | a]
        self.set_parts(net=self.net)

    def forward(self, x):
        """x (batch, D) -> z (batch, D), logdet (batch,), cache."""
        h, net_cache = self.net.forward(x)
        z, logdet = affine(x, h)
        return z, logdet, (z, h, net_cache)

    def backward(self, dz, dlogdet, cache):
        """dz (batch, D), dlogdet (batch,) -> dx (batch, D)."""
        z, h, net_cache = cache
        dx, dh = affine_backward(dz, dlogdet, z, h)
        return add(dx, self.net.backward(dh, net_cache))

    def inverse(self, z):
        """z (batch, D) -> x (batch, D). Features that are not yet known are zero; the masks hide them."""
        x = array(np.zeros(z.shape), z.dtype)
        for d in self.ordering:
            x = put_feature(x, affine_inverse(z, self.net(x)), d)
        return x


class MAF(Flow):
    """Masked autoregressive flow: an exact density of real data.

    data_dim: features of x.
    n_flows: bijections in a row; the order of the features is reversed from each to the next.
    hidden: sizes of the hidden layers in each network, each at least data_dim − 1
        if a feature is to depend on all before it.
    activation: of the hidden layers.
    center: subtracted from the data, a number or one for each feature; none is 0.
    scale: the data is divided by it, to be about as large as the noise;
        a number or one for each feature; none is 1.
    dequantize: width of uniform noise that is added to x;
        1/256 for pictures of 256 grey levels, whose density has no bound else.
    rng: seed or Generator.
    """

    examples = {"MAF": dict(n_flows=2, hidden=(6,), center=0.2, scale=[0.5, 1.5, 2.0, 1.0, 0.7])}

    def __init__(
        self,
        data_dim,
        n_flows=5,
        hidden=(100, 100),
        activation="relu",
        center=None,
        scale=None,
        dequantize=0.0,
        rng=None,
        dtype=np.float32,
    ):
        data_dim = integer("data_dim", data_dim, 1, LARGEST)
        n_flows = integer("n_flows", n_flows, 1, MOST_FLOWS)
        hidden = integers("hidden", hidden, 1)
        if not hidden:
            raise ValueError("hidden is empty; MAF needs at least one hidden layer")
        rng, forth = as_generator(rng), range(data_dim)
        self.data_dim = data_dim
        self.config = dict(data_dim=data_dim, n_flows=n_flows, hidden=hidden, activation=activation)
        orderings = [forth if k % 2 == 0 else forth[::-1] for k in range(n_flows)]
        flows = [MaskedAffine(data_dim, hidden, ordering, activation, rng, dtype) for ordering in orderings]
        self.set_flow(flows, center, scale, dequantize, rng, dtype)

    @classmethod
    def least_params(cls, config):
        """The weights: their masks, as large, are made first."""
        n_flows = integer("n_flows", config["n_flows"], 1, MOST_FLOWS)
        return n_flows * masks_size(config["data_dim"], config["hidden"])
