"""Visible tests: what the two players of a GAN minimise."""

import numpy as np

from scratchgen.coursework.testing import check_loss_gradient, close, points, values


def log_sigmoid(x):
    return -np.log(1 + np.exp(-x))


def discriminator(real, fake):
    """−mean log D(x) − mean log(1 − D(G(z))), from the definition; 1 − σ(l) = σ(−l)."""
    return -np.mean(log_sigmoid(real)) - np.mean(log_sigmoid(-fake))


def logits(rng, n):
    return rng.normal(size=(n, 1))


@points(1)
def test_by_hand(exercise, rng):
    """Where D = ½ everywhere, the losses are 2 log 2, −log 2 and log 2."""
    half = np.zeros((3, 1))
    close("the discriminator's loss", values(exercise.discriminator_bce(half, half), 3, "loss, dreal, dfake")[0], 2 * np.log(2))
    close("the minimax loss", values(exercise.generator_minimax(half), 2, "loss, dfake")[0], -np.log(2))
    close("the non-saturating loss", values(exercise.generator_non_saturating(half), 2, "loss, dfake")[0], np.log(2))


@points(1)
def test_discriminator_loss(exercise, rng):
    """The discriminator's loss."""
    real, fake = logits(rng, 5), logits(rng, 3)
    close("loss", values(exercise.discriminator_bce(real, fake), 3, "loss, dreal, dfake")[0], discriminator(real, fake))


@points(2)
def test_dreal(exercise, rng):
    """The discriminator's gradient for real examples."""
    real, fake = logits(rng, 5), logits(rng, 3)
    gradient = lambda real, fake: values(exercise.discriminator_bce(real, fake), 3, "loss, dreal, dfake")[1]
    check_loss_gradient("discriminator_bce", discriminator, gradient, real, fake, wrt="real")


@points(2)
def test_dfake(exercise, rng):
    """The discriminator's gradient for generated examples."""
    real, fake = logits(rng, 5), logits(rng, 3)
    gradient = lambda real, fake: values(exercise.discriminator_bce(real, fake), 3, "loss, dreal, dfake")[2]
    check_loss_gradient("discriminator_bce", discriminator, gradient, real, fake, wrt="fake")


@points(2)
def test_minimax(exercise, rng):
    """The minimax loss and its gradient."""
    fake, value = logits(rng, 4), lambda fake: np.mean(log_sigmoid(-fake))
    close("loss", values(exercise.generator_minimax(fake), 2, "loss, dfake")[0], value(fake))
    gradient = lambda fake: values(exercise.generator_minimax(fake), 2, "loss, dfake")[1]
    check_loss_gradient("generator_minimax", value, gradient, fake, wrt="fake")


@points(2)
def test_non_saturating(exercise, rng):
    """The non-saturating loss and its gradient."""
    fake, value = logits(rng, 4), lambda fake: -np.mean(log_sigmoid(fake))
    close("loss", values(exercise.generator_non_saturating(fake), 2, "loss, dfake")[0], value(fake))
    gradient = lambda fake: values(exercise.generator_non_saturating(fake), 2, "loss, dfake")[1]
    check_loss_gradient("generator_non_saturating", value, gradient, fake, wrt="fake")
