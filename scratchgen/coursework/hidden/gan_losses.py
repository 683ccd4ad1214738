"""Hidden tests: what the two players of a GAN minimise."""

import numpy as np

from scratchgen.coursework.hidden import LARGE
from scratchgen.coursework.testing import close, points, values


def large(rng, scale=1.0):
    """Logits of about 1000 · scale, −1000 · scale and 1 (3, 1), and softplus and σ of them; those of −l are softplus − l and 1 − σ."""
    high, low, l = scale * rng.uniform(500, 1500), -scale * rng.uniform(500, 1500), rng.normal()
    softplus, sigmoid = np.array([[high], [0.0], [np.log1p(np.exp(l))]]), np.array([[1.0], [0.0], [1 / (1 + np.exp(-l))]])
    return np.array([[high], [low], [l]]), softplus, sigmoid


@points(1, why=LARGE)
def test_discriminator_of_large_logits(exercise, rng):
    """The discriminator's loss at large logits: finite, and right."""
    for scale in (1, 1e14):
        (real, softplus, sigmoid), (fake, softplus_fake, sigmoid_fake) = large(rng, scale), large(rng, scale)
        loss, dreal, dfake = values(exercise.discriminator_bce(real, fake), 3, "loss, dreal, dfake")
        close("loss", loss, np.mean(softplus - real) + np.mean(softplus_fake))
        close("dreal", dreal, (sigmoid - 1) / 3)
        close("dfake", dfake, sigmoid_fake / 3)


@points(1, why=LARGE)
def test_generators_of_large_logits(exercise, rng):
    """The generator's losses at large logits: one gradient vanishes where the other is largest."""
    for scale in (1, 1e14):
        fake, softplus, sigmoid = large(rng, scale)
        loss, dfake = values(exercise.generator_minimax(fake), 2, "loss, dfake")
        close("the minimax loss", loss, -np.mean(softplus))
        close("dfake of the minimax loss", dfake, -sigmoid / 3)
        loss, dfake = values(exercise.generator_non_saturating(fake), 2, "loss, dfake")
        close("the non-saturating loss", loss, np.mean(softplus - fake))
        close("dfake of the non-saturating loss", dfake, (sigmoid - 1) / 3)
