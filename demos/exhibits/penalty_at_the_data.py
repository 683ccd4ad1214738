"""A WGAN-GP that looks in the wrong place.

    P = λ mean (‖∇D(x̂)‖ − 1)²        x̂ = u x + (1 − u) x̃,   u uniform in [0, 1), one for each example

A critic must not be steep *anywhere between* real examples x and generated ones x̃; so the paper looks at
random points of the lines from one to the other. What shipped has `u = ones`: x̂ is x, and the penalty never
sees a generated example.

Its gradient is right, of the wrong thing, and the slopes it prints are near 1. But the critic may be as steep
as it likes between the two, its "distance" is none, and where the generated examples are, nothing holds the
slope that the generator learns from.
"""

import numpy as np

from exhibits.display import Finding, Piece
from scratchgen.gradcheck import check_objective
from scratchgen.layers import Linear, Sequential, Softplus
from scratchgen.models import gradient_penalty
from scratchgen.models.penalties import between
from scratchgen.plots.canvas import BLUE, INK, ORANGE, tidy

STEEP, SHARP = 40.0, 20.0


class Penalty:
    """λ mean (‖∇D(x̂)‖ − 1)², λ = 10."""

    def mix(self, n, rng):
        """u, (n, 1)."""
        return rng.uniform(size=(n, 1))

    def where(self, real, fake, rng):
        """x̂ (n, 2)."""
        return between(real, fake, self.mix(len(real), rng))

    def __call__(self, critic, real, fake, seed=0):
        """-> P; adds to the critic's gradients."""
        return gradient_penalty(critic, self.where(real, fake, np.random.default_rng(seed)), 1.0, 10.0)


class AlwaysReal(Penalty):
    """As it shipped."""

    def mix(self, n, rng):
        return np.ones((n, 1))


def examples(n=200):
    """Real ones around (1, 0), generated ones around (−1, 0)."""
    rng = np.random.default_rng(0)
    return rng.normal((1, 0), 0.1, (n, 2)), rng.normal((-1, 0), 0.1, (n, 2))


def plane(slope):
    """A critic of that slope everywhere."""
    critic = Sequential(Linear(2, 1, rng=0, dtype=np.float64))
    critic.layers[0].params["W"][...] = [[slope], [0]]
    return critic


def cliff():
    """A critic of slope 1 at all examples, and of 1 + STEEP on the way from −½ to ½:
    softplus(k t)/k is a ramp that begins at 0."""
    critic = Sequential(
        Linear(2, 4, rng=0, dtype=np.float64), Softplus(), Linear(4, 1, rng=0, dtype=np.float64)
    )
    critic.layers[0].params["W"][...] = SHARP * np.array([[1, 1, 1, -1], [0, 0, 0, 0]])
    critic.layers[0].params["b"][...] = SHARP * np.array([0.5, -0.5, 0, 0])
    critic.layers[2].params["W"][...] = np.array([[STEEP], [-STEEP], [1], [-1]]) / SHARP
    return critic


def penalises_slopes(penalty):
    """0 for a critic of slope 1, 10 (3 − 1)² for one of slope 3."""
    assert np.isclose(penalty()(plane(1.0), *examples()), 0)
    assert np.isclose(penalty()(plane(3.0), *examples()), 40)


TITLE = "WGAN-GP: the mixing coefficient is always 1"
LESSON = (
    "A right gradient of the wrong place. "
    "Test a penalty with a critic that breaks the rule only where the rule is to hold."
)
PIECES = [
    Piece(
        "u = ones: x̂ is the real example",
        "critics of slope 1 and 3 cost 0 and 40",
        AlwaysReal,
        penalises_slopes,
    )
]
REPAIRED = Penalty


def looks_between(penalty):
    x = penalty().where(*examples(), np.random.default_rng(0))[:, 0]
    inside = np.mean(np.abs(x) < 0.5)
    text = f"points looked at in the middle half of the way: {inside:.0%}; uniform would be 50%"
    return Finding(bool(0.4 < inside < 0.6), text)


def punishes_the_cliff(penalty):
    real, fake = examples()
    drop = float(np.mean(cliff()(real)) - np.mean(cliff()(fake)))
    cost = float(penalty()(cliff(), real, fake))
    text = f"a critic {1 + STEEP:g} times too steep between the two costs {cost:.3g}; "
    text += f"its distance is {drop:.3g}, the true one 2"
    return Finding(cost > 1000, text)


def checks(penalty, seed=0):
    critic = Sequential(
        Linear(2, 5, rng=seed, dtype=np.float64), Softplus(), Linear(5, 1, rng=seed + 1, dtype=np.float64)
    )
    gradient = check_objective(
        critic, lambda: ((loss := penalty()(critic, *examples(5))), {"penalty": loss}), seed=seed
    )
    return [gradient, looks_between(penalty), punishes_the_cliff(penalty)]


def draw(axes, penalty):
    real, fake = examples(60)
    for x, colour in ((fake, ORANGE), (real, BLUE)):
        axes.scatter(*x.T, s=6, color=colour, alpha=0.5, linewidths=0)
    x = penalty().where(real, fake, np.random.default_rng(0))
    axes.scatter(*x.T, s=10, color=INK, marker="x", linewidths=0.8)
    axes.set(xlim=(-1.4, 1.4), ylim=(-0.7, 0.7), xticks=[], yticks=[])
    axes.set_xlabel("generated, real; × where it looks")
    tidy(axes, grid=False)
