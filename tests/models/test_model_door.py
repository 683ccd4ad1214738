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


@pytest.mark.parametrize("kind", [sg.AAE, sg.Diffusion, sg.FlowMatching, sg.GAN, sg.GMMN, sg.InfoGAN, sg.MADE, sg.MAF, sg.RealNVP, sg.VAE])
def test_labels_for_a_model_that_takes_none(kind):
    with pytest.raises((TypeError, ValueError), match="unexpected keyword argument 'y'|y was given to a model without labels"):
        kind(5, rng=0).sample(2, y=np.zeros(2, int))


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


@pytest.mark.parametrize(
    ("call", "words"),
    [(lambda x: sg.FlowMatching(2, hidden=(3,)).loss(x, eps=x[:1]), r"eps has shape \(1, 2\); FlowMatching.loss needs that of x, \(3, 2\)"),
     (lambda x: sg.FlowMatching(2, hidden=(3,)).loss(x, t=np.array([0, 0.5, 2])), "FlowMatching.loss needs .*times from 0 to 1"),
     (lambda x: sg.Diffusion(2, hidden=(3,), n_steps=4).loss(x, t=np.array([1, 4, 5])), "Diffusion.loss needs .*times from 1 to 4"),
     (lambda x: sg.Diffusion(2, hidden=(3,), n_steps=4).predict_noise(x, np.array([1])), r"t has shape \(1,\); Diffusion.predict_noise needs \(3,\)"),
     (lambda x: sg.RealNVP(2, 2, hidden=(3,), dequantize=0.5).loss(x, u=x[:1]), r"u has shape \(1, 2\); RealNVP.loss needs that of x"),
     (lambda x: sg.InfoGAN(2, 2).generate(x, [np.zeros(3, int)]), "codes has 1 parts; this InfoGAN needs 2")],
)  # fmt: skip
def test_noise_times_and_codes_of_another_shape_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call(np.ones((3, 2), np.float32))
