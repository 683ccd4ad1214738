"""Visible tests: the game of generator and discriminator."""

import numpy as np

from scratchgen.coursework.mistakes import gan as mistakes_of
from scratchgen.coursework.testing import accumulated, close, points
from scratchgen.models import GAN

CONFIG = {"data_dim": 4, "latent_dim": 3, "generator_hidden": [5], "discriminator_hidden": [7], "output": "tanh", "objective": "non_saturating"}

HUGE = "where the loss is so large that small steps are lost in it"


def with_a_huge_loss(gan, logit):
    """The GAN whose discriminator's logits are all about `logit`, ±10¹²."""
    gan.discriminator.layers[-1].params["b"][...] = logit
    return gan


def setting(rng, batch=11, **changes):
    """A GAN of the library with random parameters, a minibatch and noise for as many examples."""
    config = {**CONFIG, **changes}
    gan = GAN(**config, rng=0, dtype=np.float64)
    gan.flat_params[...] = rng.normal(0, 0.5, gan.flat_params.shape)
    return gan, config, rng.normal(size=(batch, config["data_dim"])), rng.normal(size=(batch, config["latent_dim"]))


def turn(exercise, gan, config, player, x, z, *before):
    """One turn of the student's game: the loss, and what is in both players' gradients afterwards."""
    return exercise.run("gan_turn", config, gan.flat_params, player, x, z, *before)


def right(gan, player, x, z):
    """-> loss, gradient of that player; by the library."""
    gan.zero_grads()
    loss, _ = gan.discriminator_loss(x, z) if player == "discriminator" else gan.generator_loss(z)
    return loss, getattr(gan, player).flat_grads.copy()


def part_from_real(gan, x, z):
    """What real examples alone contribute to the gradient of the discriminator."""
    gan.zero_grads()
    logits, cache = gan.discriminator.forward(x)
    gan.discriminator.backward(gan.discriminator_objective(logits, logits)[1], cache, wrt="params")
    return gan.discriminator.flat_grads.copy()


@points(2)
def test_discriminator_loss(exercise, rng):
    """The discriminator's loss."""
    gan, config, x, z = setting(rng)
    got = turn(exercise, gan, config, "discriminator", x, z)
    loss, _ = right(gan, "discriminator", x, z)
    close("the loss", got["loss"], loss)
    close('the part "discriminator"', got["part"], loss)


@points(3)
def test_discriminator_gradient(exercise, rng):
    """The discriminator's gradient: from real and from generated examples."""
    gan, config, x, z = setting(rng)
    got, want = turn(exercise, gan, config, "discriminator", x, z)["discriminator"], right(gan, "discriminator", x, z)[1]
    from_real = part_from_real(gan, x, z)
    close("the discriminator's flat_grads", got, want, mistakes=mistakes_of.discriminator(from_real, want - from_real))
    for logit in (1e12, -1e12):
        gan = with_a_huge_loss(gan, logit)
        got = turn(exercise, gan, config, "discriminator", x, z)["discriminator"]
        close(f"the discriminator's flat_grads {HUGE}", got, right(gan, "discriminator", x, z)[1], rtol=1e-11)


@points(1)
def test_discriminator_loss_leaves_the_generator_alone(exercise, rng):
    """The discriminator's loss does not touch the generator's gradient."""
    gan, config, x, z = setting(rng)
    got = turn(exercise, gan, config, "discriminator", x, z, 3.0)
    assert np.all(np.asarray(got["generator"]) == 3), "the discriminator's loss changes the generator's gradient"
    gan = with_a_huge_loss(gan, -1e12)
    got = turn(exercise, gan, config, "discriminator", x, z, 3.0)
    accumulated("the discriminator's flat_grads", got["discriminator"], right(gan, "discriminator", x, z)[1], 3.0)
    assert np.array_equal(got["params"], gan.flat_params), "a loss must not change parameters"


@points(1)
def test_generator_loss(exercise, rng):
    """The generator's loss."""
    gan, config, x, z = setting(rng)
    got = turn(exercise, gan, config, "generator", x, z)
    loss, _ = right(gan, "generator", x, z)
    close("the loss", got["loss"], loss)
    close('the part "generator"', got["part"], loss)


@points(4)
def test_generator_gradient(exercise, rng):
    """The generator's gradient, through the discriminator."""
    gan, config, x, z = setting(rng)
    got, want = turn(exercise, gan, config, "generator", x, z)["generator"], right(gan, "generator", x, z)[1]
    close("the generator's flat_grads", got, want, mistakes=mistakes_of.generator(want))
    gan = with_a_huge_loss(gan, -1e12)
    got = turn(exercise, gan, config, "generator", x, z)["generator"]
    close(f"the generator's flat_grads {HUGE}", got, right(gan, "generator", x, z)[1], rtol=1e-11)


@points(2)
def test_generator_loss_leaves_the_discriminator_alone(exercise, rng):
    """The generator's loss does not touch the discriminator's gradient."""
    gan, config, x, z = setting(rng)
    got = turn(exercise, gan, config, "generator", x, z, 3.0)
    untouched = np.all(np.asarray(got["discriminator"]) == 3)
    assert untouched, "the generator's loss changes the discriminator's gradient: pass through it with wrt='input'"
    assert np.array_equal(got["params"], gan.flat_params), "a loss must not change parameters"
    gan = with_a_huge_loss(gan, -1e12)
    got = turn(exercise, gan, config, "generator", x, z, 3.0)
    accumulated("the generator's flat_grads", got["generator"], right(gan, "generator", x, z)[1], 3.0)
