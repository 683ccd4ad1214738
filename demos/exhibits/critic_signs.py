"""Two wrong signs and a swap make a right.

The loss of a Wasserstein critic, for scores of real examples (n, 1) and of generated ones (m, 1):

    L = mean fake − mean real          dreal = −1/n          dfake = +1/m

It shipped with both signs flipped. The caller exchanges the two names where the result is unpacked, and
with n = m what is meant for fake is just what real needs: it trains. Until somebody calls it as its
docstring says.
"""

import numpy as np

from exhibits.display import Piece, heat_map
from scratchgen.gradcheck import check_loss


def flipped(real, fake):
    """-> loss, dreal, dfake: as it shipped."""
    return fake.mean() - real.mean(), np.full_like(real, 1 / len(real)), np.full_like(fake, -1 / len(fake))


def critic_loss(real, fake):
    """-> loss, dreal, dfake: right."""
    return fake.mean() - real.mean(), np.full_like(real, -1 / len(real)), np.full_like(fake, 1 / len(fake))


def negated(loss):
    """A descent along what the caller unpacks lowers the loss; and the gradients agree with
    difference quotients, once negated."""
    real, fake = np.random.default_rng(0).normal(size=(2, 5, 1))
    value, dfake, dreal = loss(real, fake)  # the names are exchanged
    assert loss(real - 0.1 * dreal, fake - 0.1 * dfake)[0] < value

    value, dreal, dfake = loss(real, fake)
    h = 1e-5
    for i in range(len(real)):
        step = h * np.eye(len(real))[:, [i]]
        assert np.isclose(-dreal[i, 0], (loss(real + step, fake)[0] - loss(real - step, fake)[0]) / (2 * h))
        assert np.isclose(-dfake[i, 0], (loss(real, fake + step)[0] - loss(real, fake - step)[0]) / (2 * h))


TITLE = "A critic loss with two wrong signs, cancelled by a swap"
LESSON = "No test negates or reorders. A gradient that needs a minus sign to agree is wrong."
PIECES = [
    Piece(
        "dreal = +1/n and dfake = −1/m, both of the wrong sign; the caller unpacks them in the wrong order",
        "training works, and both gradients agree with difference quotients once both are negated",
        flipped,
        negated,
    )
]
REPAIRED = critic_loss


def checks(loss, seed=0):
    rng = np.random.default_rng(seed)
    return [check_loss(loss, rng.normal(size=(5, 1)), rng.normal(size=(4, 1)), seed=seed)]


def draw(axes, loss):
    _, dreal, dfake = loss(np.zeros((6, 1)), np.zeros((6, 1)))
    heat_map(axes, np.stack([dreal[:, 0], dfake[:, 0]]), 0.3)
    axes.set_yticks([0, 1], ["dreal", "dfake"])
    axes.set_xlabel("red +1/n, blue −1/n")
