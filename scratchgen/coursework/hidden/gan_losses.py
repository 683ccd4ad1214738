"""Hidden tests: what the two players of a GAN minimise."""

import numpy as np

from scratchgen.coursework.testing import close, points, values

LARGE = np.array([[1000.0], [-1000.0]])


@points(1)
def test_discriminator_of_large_logits(exercise, rng):
    """The discriminator's loss at logits of ±1000: finite, and right."""
    loss, dreal, dfake = values(exercise.discriminator_bce(LARGE, LARGE), 3, "loss, dreal, dfake")
    close("loss", loss, 1000.0)
    close("dreal", dreal, [[0.0], [-0.5]])
    close("dfake", dfake, [[0.5], [0.0]])


@points(1)
def test_generators_of_large_logits(exercise, rng):
    """The generator's losses at logits of ±1000: one gradient vanishes where the other is largest."""
    loss, dfake = values(exercise.generator_minimax(LARGE), 2, "loss, dfake")
    close("the minimax loss", loss, -500.0)
    close("dfake of the minimax loss", dfake, [[-0.5], [0.0]])
    loss, dfake = values(exercise.generator_non_saturating(LARGE), 2, "loss, dfake")
    close("the non-saturating loss", loss, 500.0)
    close("dfake of the non-saturating loss", dfake, [[0.0], [-0.5]])
