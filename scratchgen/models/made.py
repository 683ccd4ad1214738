"""MADE, the masked autoencoder for distribution estimation (Germain et al. 2015):
an MLP that is an autoregressive model.

Any distribution over D features is a product of conditionals, in any order of the features; take 1, 2, …, D:

    p(x) = Π_d p(x_d | x_1, …, x_(d−1))

A network with D inputs and D outputs computes all factors in one pass, if its output d sees no input but
x_1 … x_(d−1). For that, every unit gets a *degree*, and a connection is kept only where degrees allow it:

    input d           m = d                          its place in the ordering, 1 … D
    hidden unit k     m = 1 + ⌊k (D − 1) / H⌋        spread evenly over 1 … D − 1,   k = 0 … H − 1
    output d          m = d

    hidden layers     M_ij = 1  if  m_j ≥ m_i        unit j may see what has been seen up to place m_j
    output layer      M_ij = 1  if  m_j > m_i        output d sees what is strictly before place d

Along every path degrees never fall, and at the last step they rise: so a path from input i to output d exists
only if i < d. And one exists for every such pair if each hidden layer has at least D − 1 units. With
l = net(x) and x of zeros and ones,

    loss = −(1 / batch) Σ_n Σ_d log p(x_nd | x_n1 … x_n(d−1)) = bernoulli_nll(x, l)    p(x_d = 1 | …) = σ(l_d)

an exact likelihood, where a VAE has a bound. The price is paid when sampling: feature after feature, D passes
through the network.

What else the paper has, and what fits in the same masks:

- *Many masks* on one set of weights. Each has an ordering of its own, and degrees of hidden units drawn at
  random, uniformly from the least degree in the layer before to D − 1; step s trains with mask s mod n_masks.
  The model is then their mixture,

      p(x) = (1/K) Σ_k p_k(x)                 log p(x) = log-mean-exp_k log p_k(x)

  a mean of *joint* probabilities: conditionals of different orderings have different conditions, and a
  product of their means is no distribution.
- *Direct connections* from input i to output d, if i < d: one more masked layer, beside the others; its
  output is added to theirs.
- *Labels*: p(x | y). The label is one feature more, the first in every ordering, so that every other may see
  it; it is given as one column for each class, all with the degree of that place, and nothing predicts it.
- *Real numbers*: an output of 3 K numbers for each feature, which are a mixture of Gaussians
  (losses/gaussian_mixture.py), in the place of one logit.
"""

import functools

import numpy as np

from scratchgen.errors import LARGEST, flag, integer, integers, one_of
from scratchgen.layers import MaskedLinear, Sequential
from scratchgen.layers.mlp import make_activation
from scratchgen.models.flow import mean_and_scale, of_features, standardize_to
from scratchgen.models.given import Labels
from scratchgen.models.likelihoods import Bernoulli
from scratchgen.models.many_masks import Degrees
from scratchgen.models.marginals import start_at_marginals
from scratchgen.models.mixture import GaussianMixture
from scratchgen.models.model import Model, check_unit_interval, grey_pictures
from scratchgen.ops import Stream, add, array, as_generator, to_host

OUTPUTS = ("bernoulli", "gaussian_mixture")
MOST_MASKS = 1000  # the paper has 32


def made_masks(sizes, ordering):
    """The masks of MADE's layers.

    sizes: (D, H_1, …, H_k, D), units per layer.
    ordering: the features 0 … D − 1 in the order in which they are generated.
    Returns a list of arrays of 0.0 and 1.0; mask number l has shape (sizes[l], sizes[l + 1]).
    """
    D, hidden = sizes[0], sizes[1:-1]
    place = np.empty(D, dtype=int)
    place[np.asarray(ordering)] = np.arange(1, D + 1)  # degree of each feature, as input and as output
    degrees = [place] + [1 + np.arange(H) * (D - 1) // H for H in hidden]
    masks = [m_in[:, None] <= m_out[None, :] for m_in, m_out in zip(degrees[:-1], degrees[1:], strict=True)]
    masks.append(degrees[-1][:, None] < place[None, :])
    return [mask.astype(float) for mask in masks]


def masked_mlp(masks, activation, rng, dtype):
    """A Sequential of MaskedLinear layers with these masks, and an activation between each and the next.

    Raises ValueError for an activation that mixes features, such as Softmax or Maxout:
    it would show what the masks hide.
    """
    layers = []
    for mask in masks:
        layers += [MaskedLinear(mask, rng=rng, dtype=dtype), make_activation(activation)]
    x = np.ones((1, masks[0].shape[1]), dtype)  # the first feature changes: does another notice?
    changed = np.where(np.arange(x.size) == 0, 2 * x, x)
    y, y_changed = (to_host(layers[1](array(each))) for each in (x, changed))
    if y.shape != x.shape or np.any(y[:, 1:] != y_changed[:, 1:]):
        raise ValueError(
            f"activation makes a {type(layers[1]).__name__}, which mixes features; "
            "between masked layers none may see another"
        )
    return Sequential(*layers[:-1])  # none after the last


def masks_size(data_dim, hidden):
    """How many numbers the masks of `made_masks` hold."""
    sizes = integers("data_dim and hidden", [data_dim, *hidden, data_dim], 1)
    return sum(n_in * n_out for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True))


class MADE(Model):
    """Autoregressive model by an MLP with masked connections: of binary data, or of real numbers.

    data_dim: features of x.
    hidden: sizes of the hidden layers, each at least data_dim − 1, or data_dim with labels, if every
        conditional is to see all it may; with many masks, whose connections are drawn, nothing ensures it.
    activation: of the hidden layers.
    ordering: the features 0 … data_dim − 1 in the order in which they are generated;
        none is the natural order, or with many masks one for each.
    n_masks: how many masks take turns; the model is their mixture.
    direct: connections from inputs to outputs beside the network.
    n_classes: of the labels y that p(x | y) depends on; none is p(x).
    output: distribution of a feature, given those before: "bernoulli", for zeros and ones,
        or "gaussian_mixture".
    n_components: Gaussians in a mixture.
    center: subtracted from real numbers, one for all or one for each feature; none is 0.
    scale: they are divided by it, to be about as large as 1; likewise, none is 1.
    marginals: whether fit starts the biases of Bernoulli outputs at the data's marginals,
        and not at 0 (marginals.py).
    rng: seed or Generator.
    """

    examples = {
        "MADE": dict(hidden=(7,)),
        "MADE (masks, direct, labels)": dict(hidden=(6, 5), n_masks=3, direct=True, n_classes=2),
        "MADE (mixtures)": dict(
            hidden=(7,), direct=True, output="gaussian_mixture", n_components=2,
            center=0.3, scale=[0.5, 1.5, 2.0, 1.0, 0.7],
        ),
    }  # fmt: skip
    followed = ("mask",)  # what changes between steps, and an operation takes as it is: ops/recording.py

    def __init__(
        self,
        data_dim,
        hidden=(500,),
        activation="relu",
        ordering=None,
        n_masks=1,
        direct=False,
        n_classes=None,
        output="bernoulli",
        n_components=10,
        center=None,
        scale=None,
        marginals=True,
        rng=None,
        dtype=np.float32,
    ):
        data_dim, hidden = integer("data_dim", data_dim, 1, LARGEST), integers("hidden", hidden, 1)
        rng = as_generator(rng)
        n_masks = integer("n_masks", n_masks, 1, MOST_MASKS)
        n_components = integer("n_components", n_components, 1, LARGEST)
        ordering = ordering if ordering is None else integers("ordering", ordering, 0)
        if ordering is not None and sorted(ordering) != list(range(data_dim)):
            raise ValueError(
                f"ordering is {ordering}; it must hold each of the features 0 … {data_dim - 1} once"
            )
        if not hidden:
            raise ValueError("hidden is empty; MADE needs at least one hidden layer")
        mixture = one_of("output", output, OUTPUTS) == "gaussian_mixture"
        if not mixture and (center is not None or scale is not None):
            raise ValueError(
                "center and scale are for real numbers, output='gaussian_mixture'; "
                "zeros and ones are not rescaled"
            )
        center, scale = of_features("center", center, data_dim), of_features("scale", scale, data_dim)
        self.labels = Labels(n_classes)
        self.n_classes = self.labels.n_classes
        self.config = dict(
            data_dim=data_dim, hidden=hidden, activation=activation, ordering=ordering, n_masks=n_masks,
            direct=flag("direct", direct), n_classes=self.n_classes, output=output, n_components=n_components,
            center=center, scale=scale, marginals=flag("marginals", marginals),
        )  # fmt: skip
        self.data_dim, self.n_masks, self.mask = data_dim, n_masks, 0
        self.ordering = ordering or tuple(range(data_dim))
        self.orderings = [self.ordering]  # of each mask
        self.likelihood = GaussianMixture(n_components) if mixture else Bernoulli()

        label = (data_dim,) if self.n_classes else ()  # its place, the first
        inputs = [*range(data_dim), *[data_dim] * self.labels.columns]  # the feature each column belongs to
        outputs = np.repeat(np.arange(data_dim), self.likelihood.outputs_per_feature)
        masks = made_masks((data_dim + len(label), *hidden, data_dim + len(label)), label + self.ordering)
        masks[0], masks[-1] = masks[0][inputs], masks[-1][:, outputs]
        self.net = masked_mlp(masks, activation, rng, dtype)
        parts = {"net": self.net}
        if direct:
            place = np.argsort(label + self.ordering)
            mask = place[inputs][:, None] < place[outputs]
            parts["direct"] = MaskedLinear(mask, bias=False, rng=rng, dtype=dtype)
        if n_masks > 1:
            fixed = np.random.default_rng(n_masks)  # equal models have equal masks
            self.orderings = [ordering or tuple(fixed.permutation(data_dim).tolist()) for _ in range(n_masks)]
            labelled = [label + each for each in self.orderings]
            parts["degrees"] = Degrees(labelled, inputs, hidden, outputs, fixed, dtype)
        if mixture:
            parts["standardize"] = standardize_to(data_dim, center, scale, dtype)
        self.log_volume = float(np.sum(np.log(np.full(data_dim, scale)))) if scale is not None else 0.0
        self.stream = Stream(rng)  # of samples
        self.set_parts(**parts)

    def start_from(self, x):
        """Output biases at the marginals of the data x (n, data_dim):
        the first samples look as dark as the data.
        """
        if self.config["marginals"] and self.config["output"] == "bernoulli":
            start_at_marginals(self.net.layers[-1].params["b"], x)

    def turns(self, step):
        """Step s trains with mask number s mod n_masks."""
        self.mask = integer("step", step, 0) % self.n_masks
        return super().turns(step)

    def loss(self, x, y=None):
        """Negative log-likelihood of a minibatch, in nats per example -> loss, {"nll"};
        adds to the gradients.

        With many masks, that of mask number self.mask.
        x (batch, data_dim), of zeros and ones for Bernoulli outputs;
        y (batch,): labels, if the model has them.
        """
        self._use_mask(self.mask)
        x = self._standardized(x)
        output, caches = self._forward(x, y)
        nll, doutput = self.likelihood.nll(x, output)
        for layer, cache in caches:
            layer.backward(doutput, cache, wrt="params")
        nll = add(nll, self.log_volume) if self.log_volume else nll
        return nll, {"nll": nll}

    def log_likelihood(self, x, y=None):
        """log p(x), or log p(x | y), of each example, in nats, exact:  x (n, data_dim), y (n,) -> (n,).

        With many masks, that of their mixture. Of pixels between 0 and 1 the mean over the pictures of zeros
        and ones that are drawn with them (likelihoods.py).
        """
        x, found = self._standardized(x), []
        for k in range(self.n_masks):
            self._use_mask(k)
            found.append(to_host(self.likelihood.log_likelihood(x, self._forward(x, y)[0])))
        return functools.reduce(np.logaddexp, found) - (np.log(self.n_masks) + self.log_volume)

    def sample(self, n, y=None, rng=None):
        """n draws -> (n, data_dim).

        y: labels (n,), or None for each class in turn.
        rng: seed, Generator, or None for the model's own stream.

        Ancestral: the features in order, each given those before it. Features not yet drawn are zero; the
        masks hide them. With many masks, each example is drawn with one of them.
        """
        n, stream = integer("n", n, 0), self.stream if rng is None else Stream(rng)
        if self.n_classes and y is None:
            y = self._classes_in_turn(n)
        if self.n_classes:
            self.labels.given(array(np.zeros((n, self.data_dim), self.dtype)), array(y))
        u = to_host(stream.uniform((n, self.data_dim), self.dtype))
        eps = to_host(stream.normal((n, self.data_dim), self.dtype)) if "standardize" in self.parts else u
        masks = np.zeros(n)  # the number of the mask that draws each example
        if self.n_masks > 1:
            masks = np.floor(self.n_masks * to_host(stream.uniform((n,), np.float64)))
        x = np.zeros((n, self.data_dim), self.dtype)
        for k in range(self.n_masks):
            rows = np.flatnonzero(masks == k)
            self._use_mask(k)
            labels = None if y is None else array(to_host(y)[rows])
            for d in self.orderings[k] if len(rows) else ():
                output, _ = self._forward(array(x[rows]), labels)
                x[rows, d] = self.likelihood.draw(output, d, u[rows, d], eps[rows, d])
        x = array(x)
        return self.parts["standardize"].inverse(x) if "standardize" in self.parts else x

    def check_range(self, name, x):
        """Zeros and ones are wanted, or probabilities of them; of mixtures, any numbers."""
        if self.config["output"] == "bernoulli":
            check_unit_interval(name, x, "MADE (for real numbers use output='gaussian_mixture')")

    def likelihoods(self, x, y=None, rng=None, n_samples=0):
        """{"log_likelihood"} of each example of x (n, data_dim), in nats: (n,)."""
        return {"log_likelihood": self.log_likelihood(x, y)}

    @classmethod
    def least_params(cls, config):
        """The weights: their masks, as large, are made first."""
        return masks_size(config["data_dim"], config["hidden"])

    @classmethod
    def suited_to(cls, x, y=None):
        """The paper's one layer of 500 units for pictures, zeros and ones;
        mixtures for other numbers, each feature standardized for itself.
        """
        if grey_pictures(x):
            return {"hidden": (500,), "binarize": "fresh", "steps": 8_000}
        training = {"batch_size": 256, "schedule": "cosine", "steps": 8_000}
        return {"hidden": (128, 128), "output": "gaussian_mixture"} | mean_and_scale(x) | training

    def _use_mask(self, k):
        if self.n_masks > 1:
            layers = [layer for layer in self.net.layers if isinstance(layer, MaskedLinear)]
            self.parts["degrees"].write(k, layers, self.parts.get("direct"))

    def _standardized(self, x):
        return self.parts["standardize"].forward(x)[0] if "standardize" in self.parts else x

    def _forward(self, x, y):
        """-> the network's output, [(layer, its cache)] of those whose outputs it is the sum of."""
        x = self.labels.given(x, y)
        output, cache = self.net.forward(x)
        caches = [(self.net, cache)]
        if "direct" in self.parts:
            more, cache = self.parts["direct"].forward(x)
            output = add(output, more)
            caches.append((self.parts["direct"], cache))
        return output, caches
