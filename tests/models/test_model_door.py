"""What models' methods say to things that are no examples and no noise; a user's own model says the same."""

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.models import Model

X = np.random.default_rng(0).random((6, 5)).astype(np.float32)
MODELS = {
    "vae": sg.VAE(5, 2, hidden=(4,), rng=0),
    "gan": sg.GAN(5, 2, (4,), (3,), rng=0),
    "made": sg.MADE(5, hidden=(7,), rng=0),
}
OF_X = [("vae", name) for name in ("loss", "encode", "reconstruct", "elbo", "log_likelihood", "evaluate")]
OF_X += [("gan", "discriminator_loss"), ("gan", "evaluate"), *(("made", name) for name in ("loss", "log_likelihood", "evaluate"))]
OF_Z = [("vae", "decode"), ("gan", "generator_loss")]
WRONG = [[[0.5]], None, memoryview(X), "x", 0.5, {"x": X}]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda x: type(x).__name__)
@pytest.mark.parametrize(("model", "method"), OF_X + OF_Z)
def test_what_is_no_array(model, method, wrong, backend):
    with pytest.raises(TypeError, match=rf"[xz] is .*; \w+\.{method} needs an array"):
        getattr(MODELS[model], method)(wrong)


@pytest.mark.parametrize("wrong", [X[:, :4], X[0], X[None], X[:, :0]], ids=lambda x: str(x.shape))
@pytest.mark.parametrize(("model", "method"), OF_X)
def test_examples_of_another_shape(model, method, wrong, backend):
    with pytest.raises(ValueError, match=rf"x has shape .*; \w+\.{method} needs \(batch, 5\)"):
        getattr(MODELS[model], method)(wrong)


@pytest.mark.parametrize(("model", "method"), OF_X + OF_Z)
def test_numbers_that_are_not_real(model, method):
    with pytest.raises(TypeError, match="is (object|complex64|datetime64.*); .* needs real numbers"):
        getattr(MODELS[model], method)(X.astype(object) if method != "loss" else X.astype(np.complex64))
    with pytest.raises(TypeError, match="is a masked array"):
        getattr(MODELS[model], method)(np.ma.masked_array(X, X > 0.5))


def test_noise():
    with pytest.raises(TypeError, match="eps is a list; VAE.loss needs an array"):
        MODELS["vae"].loss(X, eps=[0.5])
    with pytest.raises(TypeError, match="z is a float; GAN.discriminator_loss needs an array"):
        MODELS["gan"].discriminator_loss(X, 0.5)
    for rng in (np.zeros((30, 30)), "a", 1.5):
        with pytest.raises(TypeError, match="rng is .*; it must be a seed") as caught:
            MODELS["gan"].sample(2, rng=rng)
        assert "\n" not in str(caught.value)


def test_a_model_of_ones_own_has_the_same_door():
    class Mine(Model):
        data_dim = 5

        def loss(self, x):
            return x.sum(), {}

    with pytest.raises(TypeError, match="x is a list; Mine.loss needs an array"):
        Mine().loss([1.0])
    with pytest.raises(ValueError, match=r"x has shape \(6, 4\); Mine.loss needs \(batch, 5\)"):
        Mine().loss(X[:, :4])
    assert Mine().loss(np.asmatrix(X))[0] == X.sum()
