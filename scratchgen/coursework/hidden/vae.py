"""Hidden tests: the objective of a variational autoencoder."""

from scratchgen.coursework.hidden import SHAPES, THOUGHT
from scratchgen.coursework.testing import close, points
from scratchgen.coursework.visible.vae import HUGE, right, run, setting, with_a_huge_loss


@points(2, why=SHAPES)
def test_gaussian_decoder(exercise, rng):
    """A Gaussian decoder, two hidden layers, another batch, β = ½."""
    config = {"data_dim": 3, "latent_dim": 4, "hidden": [6, 5], "activation": "softplus", "likelihood": "gaussian", "beta": 0.5}
    vae, x, eps = setting(rng, config, batch=7)
    got = run(exercise, vae, x, eps)
    parts, encoder, decoder = right(vae, x, eps)
    close("loss", got["loss"], parts["nll"] + 0.5 * parts["kl"])
    close("the encoder's flat_grads", got["encoder"], encoder)
    close("the decoder's flat_grads", got["decoder"], decoder)
    vae, x = with_a_huge_loss(vae, x)
    got = run(exercise, vae, x, eps)
    _, encoder, decoder = right(vae, x, eps)
    close(f"the encoder's flat_grads {HUGE}", got["encoder"], encoder, rtol=1e-11)
    close(f"the decoder's flat_grads {HUGE}", got["decoder"], decoder, rtol=1e-11)


@points(1, why=THOUGHT)
def test_noise_is_used(exercise, rng):
    """The noise that is given is used."""
    vae, x, eps = setting(rng)
    for name, noise in [("nll", eps), ("nll with the same noise again", eps), ("nll with other noise", -eps)]:
        close(name, run(exercise, vae, x, noise)["nll"], right(vae, x, noise)[0]["nll"])
