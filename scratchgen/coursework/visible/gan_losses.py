"""Visible tests: what the two players of a GAN minimise."""

import numpy as np

from scratchgen.coursework.mistakes import gan_losses as mistakes_of
from scratchgen.coursework.testing import check_loss_gradient, close, exactly, points, sizes, values
from scratchgen.layers.sigmoid import sigmoid


def log_sigmoid(x):
    """log σ(x)."""
    return -np.log(1 + np.exp(-x))


def discriminator(real, fake):
    """−mean log D(x) − mean log(1 − D(G(z))), from the definition; 1 − σ(l) = σ(−l)."""
    return -np.mean(log_sigmoid(real)) - np.mean(log_sigmoid(-fake))


def logits(rng, n):
    """Logits of n examples, (n, 1)."""
    return rng.normal(size=(n, 1))


def far_apart(rng, n, extreme):
    """Logits, one of them so large that small steps in the others are lost in the loss."""
    return np.append(logits(rng, n - 1), [[extreme]], axis=0)


@points(1)
def test_by_hand(exercise, rng):
    """Where D = ½ everywhere, the losses are 2 log 2, −log 2 and log 2; and where it is another number."""
    for D in (0.5, rng.uniform(0.1, 0.9)):
        logit = np.full((3, 1), np.log(D / (1 - D)))
        where = f"where D = {D:.3g}"
        got = values(exercise.discriminator_bce(logit, logit), 3, "loss, dreal, dfake")[0]
        close(f"the discriminator's loss {where}", got, -np.log(D) - np.log(1 - D))
        close(f"the minimax loss {where}", values(exercise.generator_minimax(logit), 2, "loss, dfake")[0], np.log(1 - D))
        close(f"the non-saturating loss {where}", values(exercise.generator_non_saturating(logit), 2, "loss, dfake")[0], -np.log(D))


@points(1)
def test_discriminator_loss(exercise, rng):
    """The discriminator's loss."""
    real, fake = (logits(rng, n) for n in sizes(rng, 2))
    close(
        "loss",
        values(exercise.discriminator_bce(real, fake), 3, "loss, dreal, dfake")[0],
        discriminator(real, fake),
        mistakes=mistakes_of.discriminator(real, fake),
    )


@points(2)
def test_dreal(exercise, rng):
    """The discriminator's gradient for real examples."""
    real, fake = (logits(rng, n) for n in sizes(rng, 2))
    gradient = lambda real, fake: values(exercise.discriminator_bce(real, fake), 3, "loss, dreal, dfake")[1]
    check_loss_gradient("discriminator_bce", discriminator, gradient, real, fake, wrt="real", mistakes=mistakes_of.DREAL)
    real = far_apart(rng, 5, -1e17)
    exactly("dreal", gradient(real, logits(rng, 3)), -sigmoid(-real) / 5)


@points(2)
def test_dfake(exercise, rng):
    """The discriminator's gradient for generated examples."""
    real, fake = (logits(rng, n) for n in sizes(rng, 2))
    gradient = lambda real, fake: values(exercise.discriminator_bce(real, fake), 3, "loss, dreal, dfake")[2]
    check_loss_gradient("discriminator_bce", discriminator, gradient, real, fake, wrt="fake", mistakes=mistakes_of.DFAKE)
    fake = far_apart(rng, 3, 1e17)
    exactly("dfake", gradient(logits(rng, 5), fake), sigmoid(fake) / 3)


@points(2)
def test_minimax(exercise, rng):
    """The minimax loss and its gradient."""
    fake, value = logits(rng, *sizes(rng, 1)), lambda fake: np.mean(log_sigmoid(-fake))
    close("loss", values(exercise.generator_minimax(fake), 2, "loss, dfake")[0], value(fake), mistakes=mistakes_of.minimax(fake))
    gradient = lambda fake: values(exercise.generator_minimax(fake), 2, "loss, dfake")[1]
    check_loss_gradient("generator_minimax", value, gradient, fake, wrt="fake", mistakes=mistakes_of.MINIMAX)
    fake = far_apart(rng, 4, 1e17)
    exactly("dfake", gradient(fake), -sigmoid(fake) / 4)


@points(2)
def test_non_saturating(exercise, rng):
    """The non-saturating loss and its gradient."""
    fake, value = logits(rng, *sizes(rng, 1)), lambda fake: -np.mean(log_sigmoid(fake))
    close("loss", values(exercise.generator_non_saturating(fake), 2, "loss, dfake")[0], value(fake), mistakes=mistakes_of.non_saturating(fake))
    gradient = lambda fake: values(exercise.generator_non_saturating(fake), 2, "loss, dfake")[1]
    check_loss_gradient("generator_non_saturating", value, gradient, fake, wrt="fake", mistakes=mistakes_of.NON_SATURATING)
    fake = far_apart(rng, 4, -1e17)
    exactly("dfake", gradient(fake), -sigmoid(-fake) / 4)
