"""Autoregressive models (MADE, Germain et al. 2015) that are not.

    p(x) = Π_d p(x_d | x_1 … x_(d−1))        output d may depend on the inputs before d,
                                             on all of them, and on nothing else

The test that shipped asks only whether output d is blind to input d. Many wrong masks pass it; here are two.
And a mixture of several orderings,

    p(x) = (1/K) Σ_k p_k(x)                  log p(x) = log-mean-exp_k log p_k(x)

is not what one gets by averaging the K networks' logits, which shipped too: conditionals of different
orderings have different conditions, and the product of their means is no distribution. The number that comes
out is too good: on data of known entropy H the mean of log p can be no better than −H for any distribution
(Gibbs' inequality), but the mean logits are better, and masks that let outputs see too much, too.

Two properties find all of it, with no reference to compare with: the Jacobian has exactly the entries of the
ordering, and the probabilities of all 2^D states sum to one. (The gradient check cannot: it passes on all
three mistakes.)

The data: D bits that are all equal, each of them flipped with probability 0.05.
The networks are trained on them.
"""

import functools
import itertools

import numpy as np

from exhibits.display import Finding, Piece, heat_map
from scratchgen.gradcheck import check_objective
from scratchgen.losses import bernoulli_log_likelihood
from scratchgen.metrics import log_mean_exp
from scratchgen.models import MADE
from scratchgen.optim import Adam

D, HIDDEN = 5, 12
ORDERINGS = (range(D), (3, 0, 4, 1, 2), range(D)[::-1])
STATES = np.array(list(itertools.product([0.0, 1.0], repeat=D)))  # (2^D, D)
ONES = STATES.sum(axis=1)  # how many bits of a state are 1
P = 0.5 * (0.05**ONES * 0.95 ** (D - ONES) + 0.95**ONES * 0.05 ** (D - ONES))  # of each state in the data
DATA = np.repeat(STATES, np.random.default_rng(0).multinomial(200, P), axis=0)  # (200, D)


class Ensemble:
    """One MADE for each ordering, trained on DATA. The masks and the mean can be replaced by wrong ones."""

    def __init__(self):
        self.members = [
            MADE(D, hidden=(HIDDEN,), activation="tanh", ordering=ordering, rng=k, dtype=np.float64)
            for k, ordering in enumerate(ORDERINGS)
        ]
        for made in self.members:
            masks = self.masks(1 + np.argsort(made.ordering), 1 + np.arange(HIDDEN) * (D - 1) // HIDDEN)
            for layer, mask in zip((made.net.layers[0], made.net.layers[-1]), masks, strict=True):
                layer.buffers["mask"][...] = mask
            adam = Adam(made, lr=0.03)
            for _ in range(200):
                made.zero_grads()
                made.loss(DATA)
                adam.step()

    def masks(self, place, degree):
        """[hidden mask, output mask] from the place of each feature and the degree of each hidden unit,
        both from 1."""
        return [place[:, None] <= degree, degree[:, None] < place]

    def log_likelihood(self, x):
        """log p(x) of the mixture: (n, D) -> (n,)."""
        return log_mean_exp([made.log_likelihood(x) for made in self.members], axis=0)

    def jacobian(self, k):
        """[d, i] = ∂ output d / ∂ input i of member k, features in its order."""
        net, order = self.members[k].net, list(self.members[k].ordering)
        _, cache = net.forward(np.full((D, D), 0.3))
        return net.backward(np.eye(D), cache, wrt="input")[np.ix_(order, order)]


class AllOthers(Ensemble):
    """A hidden unit sees one place, an output sees every unit but those of its own place."""

    def masks(self, place, degree):
        degree = 1 + np.arange(len(degree)) % D
        return [place[:, None] == degree, degree[:, None] != place]


class StrictTwice(Ensemble):
    """`<` in both layers."""

    def masks(self, place, degree):
        return [place[:, None] < degree, degree[:, None] < place]


class MeanOfLogits(Ensemble):
    """As the mixture shipped."""

    def log_likelihood(self, x):
        return bernoulli_log_likelihood(x, np.mean([made.net(x) for made in self.members], axis=0))


@functools.cache
def trained(ensemble_class):
    """The Ensemble of that class; its training takes a second."""
    return ensemble_class()


def blind_to_itself(ensemble_class):
    """Changing input d leaves output d as it was."""
    for made in trained(ensemble_class).members:
        for d in range(D):
            changed = STATES.copy()
            changed[:, d] = 1 - changed[:, d]
            assert np.array_equal(made.net(changed)[:, d], made.net(STATES)[:, d])


def looks_like_log_probabilities(ensemble_class):
    """The masks' test; and log-likelihoods are finite, negative, one for each example."""
    blind_to_itself(ensemble_class)
    log_p = trained(ensemble_class).log_likelihood(STATES)
    assert log_p.shape == (len(STATES),) and np.all(np.isfinite(log_p)) and np.all(log_p < 0)


TITLE = "MADE: masks that pass a weak test, and a mean of logits"
LESSON = (
    "Test the whole Jacobian against the ordering, what must be there as well as what must not; "
    "and sum over all 2^D states."
)
PIECES = [
    Piece(
        "every output sees all other features, later ones too",
        "output d does not depend on input d",
        AllOthers,
        blind_to_itself,
    ),
    Piece(
        "`<` in the hidden layer too: output d no longer sees the feature just before it",
        "output d does not depend on input d",
        StrictTwice,
        blind_to_itself,
    ),
    Piece(
        "the masks are right; "
        "the likelihood of the mixture of orderings comes from the mean of the networks' logits",
        "output d does not depend on input d; log-likelihoods are finite and negative",
        MeanOfLogits,
        looks_like_log_probabilities,
    ),
]
REPAIRED = Ensemble


def jacobian_follows_ordering(ensemble):
    """Every earlier input counts, and no other."""
    seen = [np.abs(ensemble.jacobian(k)) > 1e-12 for k in range(len(ORDERINGS))]
    earlier = np.tri(D, k=-1, dtype=bool)
    forbidden = sum(int(np.sum(s & ~earlier)) for s in seen)
    missing = sum(int(np.sum(~s & earlier)) for s in seen)
    of = len(ORDERINGS) * D * (D - 1) // 2
    found = f"{forbidden} of {of} later inputs reach an output, {missing} of {of} earlier ones do not"
    return Finding(not forbidden + missing, f"Jacobian against ordering: {found}")


def probabilities_sum_to_one(ensemble):
    log_p = ensemble.log_likelihood(STATES)
    total, mean, best = np.exp(log_p).sum(), P @ log_p, P @ np.log(P)
    found = f"the sum of all 2^{D} = {2**D} probabilities is {total:.6f}; "
    found += f"on the data log p is {mean:.3f} nats, at best −H = {best:.3f}"
    return Finding(bool(np.isclose(total, 1, rtol=1e-10) and mean <= best), found)


def checks(ensemble_class, seed=0):
    ensemble = trained(ensemble_class)
    made = ensemble.members[1]
    gradient = check_objective(made, lambda: made.loss(STATES[::3]), seed=seed, limit=30)
    return [gradient, jacobian_follows_ordering(ensemble), probabilities_sum_to_one(ensemble)]


def draw(axes, ensemble_class):
    ensemble = trained(ensemble_class)
    heat_map(axes, np.sign(ensemble.jacobian(0)), 1.6)
    axes.set(xlabel=f"inputs;  Σ p = {np.exp(ensemble.log_likelihood(STATES)).sum():.2f}", ylabel="outputs")
