"""Output biases that start at the data's marginals: the first samples have them, nothing is infinite, and training goes on from where it was."""

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.models.marginals import log_odds

rng = np.random.default_rng(0)
P = np.concatenate([[0.0, 1.0], rng.uniform(size=14)])  # two features are constant
X = (rng.random((2000, 16)) < P).astype(np.float32)

MAKERS = {
    "made": lambda **options: sg.MADE(16, hidden=(64,), rng=1, **options),
    "masks, labels": lambda **options: sg.MADE(16, hidden=(64,), n_masks=2, n_classes=2, direct=True, rng=1, **options),
}


def output_bias(model):
    return sg.ops.to_host(model.net.layers[-1].params["b"])


@pytest.mark.parametrize("name", MAKERS)
def test_first_samples_have_the_marginals_of_the_data(name):
    model, untouched = MAKERS[name](), MAKERS[name](marginals=False)
    for each in (model, untouched):
        each.start_from(X)
    off, far = (np.abs(sg.ops.to_host(each.sample(1000, rng=0)).mean(axis=0) - X.mean(axis=0)).mean() for each in (model, untouched))
    assert off < 0.06 < 0.2 < far  # sampling errors are 0.01; the rest is what the small first weights say
    if "direct" not in model.parts:  # without those weights, sampling errors alone
        sg.ops.fill(model.net.layers[-1].params["W"], 0.0)
        p, n = X.mean(axis=0).clip(1e-3, 1 - 1e-3), 4000
        assert (np.abs(sg.ops.to_host(model.sample(n, rng=0)).mean(axis=0) - p) < 4 * np.sqrt(p * (1 - p) / n)).all()


@pytest.mark.parametrize("cls", [sg.VAE, sg.IWAE])
def test_first_samples_of_a_decoder_have_them(cls):
    vae, untouched = cls(16, 2, (8,), marginals=True, rng=1), cls(16, 2, (8,), rng=1)
    for each in (vae, untouched):
        each.start_from(X)
    off, far = (np.abs(sg.ops.to_host(each.sample(500, rng=0)).mean(axis=0) - X.mean(axis=0)).mean() for each in (vae, untouched))
    assert off < 0.06 < 0.2 < far
    assert type(vae)(**vae.config).config == vae.config


def test_a_constant_feature_gives_no_infinity():
    found = log_odds(np.repeat([[0.0, 1.0, 0.5]], 10, axis=0))
    np.testing.assert_allclose(found, [np.log(0.001 / 0.999), np.log(0.999 / 0.001), 0])
    assert np.all(np.diff(log_odds(X[:, np.argsort(X.mean(axis=0))])) >= 0)


def test_fit_starts_there_once():
    """What was trained before goes on from where it is."""
    model, seen = MAKERS["made"](), []
    for x in (X, 1 - X):
        sg.fit(model, x, epochs=1, progress=False, begin=lambda: seen.append(output_bias(model).copy()))
        seen.append(output_bias(model).copy())
    np.testing.assert_allclose(seen[0], log_odds(X), rtol=1e-6)
    assert not np.array_equal(seen[1], seen[0]) and np.array_equal(seen[2], seen[1])


def test_a_resumed_run_does_not_start_again(tmp_path):
    whole, parts, other = (MAKERS["made"]() for _ in range(3))
    sg.fit(whole, X, epochs=4, progress=False)
    sg.fit(parts, X, epochs=2, out=tmp_path, progress=False)
    sg.fit(other, X, epochs=4, out=tmp_path, resume=True, progress=False)
    assert np.array_equal(other.flat_params, whole.flat_params)


def test_other_models_and_other_outputs_start_as_they_were_made():
    x = rng.normal(size=(50, 2)).astype(np.float32)
    for model in (
        sg.MADE(2, (8,), output="gaussian_mixture", rng=1),
        sg.VAE(2, 1, (8,), likelihood="gaussian", marginals=True, rng=1),
        sg.GAN(2, 2, (8,), (8,), output="identity", rng=1),
    ):
        before = {name: player.flat_params.copy() for name, player in model.players().items()}
        model.start_from(x)
        assert all(np.array_equal(player.flat_params, before[name]) for name, player in model.players().items())
