"""MADE, the masked autoencoder for distribution estimation (Germain et al. 2015): an MLP that is an autoregressive model.

Any distribution over D features is a product of conditionals, in any order of the features; take 1, 2, …, D:

    p(x) = Π_d p(x_d | x_1, …, x_(d−1))

A network with D inputs and D outputs computes all factors in one pass, if its output d sees no input but x_1 … x_(d−1). For that,
every unit gets a *degree*, and a connection is kept only where degrees allow it:

    input d           m = d                          its place in the ordering, 1 … D
    hidden unit k     m = 1 + ⌊k (D − 1) / H⌋        spread evenly over 1 … D − 1,   k = 0 … H − 1
    output d          m = d

    hidden layers     M_ij = 1  if  m_j ≥ m_i        unit j may see what has been seen up to place m_j
    output layer      M_ij = 1  if  m_j > m_i        output d sees what is strictly before place d

Along every path degrees never fall, and at the last step they rise: so a path from input i to output d exists only if i < d. And one
exists for every such pair if each hidden layer has at least D − 1 units. With l = net(x) and x of zeros and ones,

    loss = −(1 / batch) Σ_n Σ_d log p(x_nd | x_n1 … x_n(d−1)) = bernoulli_nll(x, l)         p(x_d = 1 | …) = σ(l_d)

an exact likelihood, where a VAE has a bound. The price is paid when sampling: feature after feature, D passes through the network.
"""

import numpy as np

from scratchgen.errors import LARGEST, integer, integers
from scratchgen.layers import MaskedLinear, Sequential
from scratchgen.layers.mlp import make_activation
from scratchgen.layers.sigmoid import sigmoid
from scratchgen.losses import bernoulli_log_likelihood, bernoulli_nll
from scratchgen.models.model import Model, check_unit_interval
from scratchgen.ops import Stream, array, as_generator, to_host


def made_masks(sizes, ordering):
    """The masks of MADE's layers.

    sizes: (D, H_1, …, H_k, D), units per layer.  ordering: the features 0 … D − 1 in the order in which they are generated.
    Returns a list of arrays of 0.0 and 1.0; mask number l has shape (sizes[l], sizes[l + 1]).
    """
    D, hidden = sizes[0], sizes[1:-1]
    place = np.empty(D, dtype=int)
    place[np.asarray(ordering)] = np.arange(1, D + 1)  # degree of each feature, as input and as output
    degrees = [place] + [1 + np.arange(H) * (D - 1) // H for H in hidden]
    masks = [m_in[:, None] <= m_out[None, :] for m_in, m_out in zip(degrees[:-1], degrees[1:], strict=True)]
    masks.append(degrees[-1][:, None] < place[None, :])
    return [mask.astype(float) for mask in masks]


def masks_size(data_dim, hidden):
    """How many numbers those masks hold."""
    sizes = integers("data_dim and hidden", [data_dim, *hidden, data_dim], 1)
    return sum(n_in * n_out for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True))


class MADE(Model):
    """Autoregressive model of binary data by an MLP with masked connections.

    data_dim: features of x.
    hidden: sizes of the hidden layers, each at least data_dim − 1 if every conditional is to see all it may.
    activation: of the hidden layers.
    ordering: the features 0 … data_dim − 1 in the order in which they are generated; None is the natural order.
    rng: seed or Generator.
    """

    examples = {"MADE": dict(hidden=(7,))}

    def __init__(self, data_dim, hidden=(500,), activation="relu", ordering=None, rng=None, dtype=np.float32):
        data_dim, hidden, rng = integer("data_dim", data_dim, 1, LARGEST), integers("hidden", hidden, 1), as_generator(rng)
        ordering = ordering if ordering is None else integers("ordering", ordering, 0)
        if ordering is not None and sorted(ordering) != list(range(data_dim)):
            raise ValueError(f"ordering is {ordering}; it must hold each of the features 0 … {data_dim - 1} once")
        if not hidden:
            raise ValueError("hidden is empty; MADE needs at least one hidden layer")
        self.config = dict(data_dim=data_dim, hidden=hidden, activation=activation, ordering=ordering)
        self.data_dim, self.ordering = data_dim, ordering or tuple(range(data_dim))
        layers = []
        for mask in made_masks((data_dim, *hidden, data_dim), self.ordering):
            layers += [MaskedLinear(mask, rng=rng, dtype=dtype), make_activation(activation)]
        self.net = Sequential(*layers[:-1])  # no activation behind the last: its outputs are logits
        self.stream = Stream(rng)  # of samples
        self.set_parts(net=self.net)

    def loss(self, x):
        """Negative log-likelihood of a minibatch, in nats per example -> loss, {"nll"}; adds to the gradients.

        x (batch, data_dim) of zeros and ones.
        """
        logits, cache = self.net.forward(x)
        nll, dlogits = bernoulli_nll(x, logits)
        self.net.backward(dlogits, cache, wrt="params")
        return nll, {"nll": nll}

    def log_likelihood(self, x):
        """log p(x) of each example, in nats, exact:  x (n, data_dim) of zeros and ones -> (n,)."""
        return to_host(bernoulli_log_likelihood(x, self.net(x)))

    def sample(self, n, y=None, rng=None):
        """n draws -> (n, data_dim) of zeros and ones. rng: seed, Generator, or None for the model's own stream.

        Ancestral: the features in order, each given those before it. Features not yet drawn are zero; the masks hide them.
        """
        n, stream = integer("n", n, 0), self.stream if rng is None else Stream(rng)
        u = to_host(stream.uniform((n, self.data_dim), self.dtype))
        x = np.zeros((n, self.data_dim), self.dtype)
        for d in self.ordering:
            p = to_host(sigmoid(self.net(array(x))))[:, d]
            x[:, d] = u[:, d] < p
        return array(x)

    def check_range(self, name, x):
        """Zeros and ones are wanted, or probabilities of them."""
        check_unit_interval(name, x, "MADE")

    def likelihoods(self, x, y=None, rng=None, n_samples=0):
        """{"log_likelihood"} of each example of x (n, data_dim), in nats: (n,)."""
        return {"log_likelihood": self.log_likelihood(x)}

    @classmethod
    def least_params(cls, config):
        """The weights: their masks, as large, are made first."""
        return masks_size(config["data_dim"], config["hidden"])

    @classmethod
    def suited_to(cls, x):
        """The paper's one layer of 500 units."""
        return {"hidden": (500,), "binarize": "fresh", "steps": 8_000}
