"""Visible tests: the objective of a variational autoencoder."""

import numpy as np

from scratchgen.coursework.mistakes import vae as mistakes_of
from scratchgen.coursework.testing import accumulated, close, points
from scratchgen.losses import gaussian_kl
from scratchgen.models import VAE
from scratchgen.models.likelihoods import split
from scratchgen.ops import join_columns

CONFIG = {"data_dim": 7, "latent_dim": 3, "hidden": [5], "activation": "tanh", "likelihood": "bernoulli", "beta": 0.7}


def setting(rng, config=CONFIG, batch=11):
    """A VAE of the library with random parameters, a minibatch and its noise."""
    vae = VAE(**config, rng=0, dtype=np.float64)
    vae.flat_params[...] = rng.normal(0, 0.5, vae.flat_params.shape)
    x = (rng.uniform(size=(batch, config["data_dim"])) < 0.5).astype(float)
    return vae, x, rng.normal(size=(batch, config["latent_dim"]))


def run(exercise, vae, x, eps, *before):
    """What the student's objective returns, and what is in the gradients afterwards."""
    return exercise.run("vae_loss", {**vae.config, "hidden": list(vae.config["hidden"])}, vae.flat_params, x, eps, *before)


def right(vae, x, eps):
    """-> parts of the loss, gradient of the encoder, of the decoder; by the library."""
    vae.zero_grads()
    _, parts = vae.loss(x, eps=eps)
    return parts, vae.encoder.flat_grads.copy(), vae.decoder.flat_grads.copy()


HUGE = "where the loss is so large that small steps are lost in it"


def with_a_huge_loss(vae, x):
    """The VAE with a logit of about −10¹² where x is 1, or a log-variance of 10¹²: gradients have the usual size."""
    b, x = vae.decoder.layers[-1].params["b"], x.copy()
    if vae.config["likelihood"] == "bernoulli":
        b[0], x[:, 0] = -1e12, 1
    else:
        b[-1] = 1e12
    return vae, x


def kl_part_of_encoder_gradient(vae, x):
    """What the KL term alone, β kl, contributes to the gradient of the encoder."""
    vae.zero_grads()
    h, cache = vae.encoder.forward(x)
    _, dmu, dlogvar = gaussian_kl(*split(h))
    vae.encoder.backward(join_columns(dmu, dlogvar), cache)
    return vae.beta * vae.encoder.flat_grads


def check_part(exercise, vae, x, eps, part):
    """AssertionError unless the loss, or the part of it, is right."""
    parts, *_ = right(vae, x, eps)
    mistakes = mistakes_of.losses(parts["nll"], parts["kl"], vae.beta, *x.shape)
    close(part, run(exercise, vae, x, eps)[part], parts[part], mistakes=mistakes[part])


@points(2)
def test_nll(exercise, rng):
    """The first part of the loss, the negative log-likelihood."""
    check_part(exercise, *setting(rng), "nll")


@points(1)
def test_kl(exercise, rng):
    """The second part, the KL divergence."""
    check_part(exercise, *setting(rng), "kl")


@points(1)
def test_loss(exercise, rng):
    """The loss is the sum of its parts, nll + β kl."""
    check_part(exercise, *setting(rng), "loss")


@points(2)
def test_decoder_gradient(exercise, rng):
    """The gradient of the decoder."""
    vae, x, eps = setting(rng)
    want = right(vae, x, eps)[2]
    close("the decoder's flat_grads", run(exercise, vae, x, eps)["decoder"], want, mistakes=mistakes_of.decoder(want, vae.beta))
    vae, x = with_a_huge_loss(vae, x)
    close(f"the decoder's flat_grads {HUGE}", run(exercise, vae, x, eps)["decoder"], right(vae, x, eps)[2], rtol=1e-11)


@points(4)
def test_encoder_gradient(exercise, rng):
    """The gradient of the encoder: through the sample and through the KL term."""
    vae, x, eps = setting(rng)
    want, through_kl = right(vae, x, eps)[1], kl_part_of_encoder_gradient(vae, x)
    mistakes = mistakes_of.encoder(want - through_kl, through_kl, vae.beta)
    close("the encoder's flat_grads", run(exercise, vae, x, eps)["encoder"], want, mistakes=mistakes)
    vae, x = with_a_huge_loss(vae, x)
    close(f"the encoder's flat_grads {HUGE}", run(exercise, vae, x, eps)["encoder"], right(vae, x, eps)[1], rtol=1e-11)


@points(1)
def test_gradients_accumulate(exercise, rng):
    """The loss adds to the gradients that are there."""
    vae, x, eps = setting(rng)
    got, (_, encoder, decoder) = run(exercise, vae, x, eps, 3.0), right(vae, x, eps)
    accumulated("the encoder's flat_grads", got["encoder"], encoder, 3.0)
    accumulated("the decoder's flat_grads", got["decoder"], decoder, 3.0)
    vae, x = with_a_huge_loss(vae, x)
    got = run(exercise, vae, x, eps, 10.0)
    _, encoder, decoder = right(vae, x, eps)
    close("the encoder's flat_grads, from 10 on", got["encoder"], encoder + 10, rtol=1e-11)
    close("the decoder's flat_grads, from 10 on", got["decoder"], decoder + 10, rtol=1e-11)
