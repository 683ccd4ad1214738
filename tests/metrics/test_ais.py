"""Annealed importance sampling against models whose likelihood is known."""

import numpy as np
import pytest

from scratchgen.layers import Linear, Sequential
from scratchgen.metrics import annealed_log_likelihood, bidirectional
from scratchgen.metrics.ais import Chains, sigmoid_betas
from scratchgen.models import VAE
from scratchgen.models.likelihoods import LIKELIHOODS
from scratchgen.ops import Stream

D, LATENT, STD = 6, 3, 0.5


def linear_gaussian(rng, dtype=np.float64):
    """A decoder x = z W + b + 0.5 ε, and its covariance Wᵀ W + 0.25 I."""
    layer = Linear(LATENT, 2 * D, dtype=dtype)
    W, b = rng.normal(size=(LATENT, D)), rng.normal(size=D)
    layer.params["W"][...] = np.hstack([W, np.zeros((LATENT, D))])
    layer.params["b"][...] = np.concatenate([b, np.full(D, 2 * np.log(STD))])
    return Sequential(layer), b, W.T @ W + STD**2 * np.eye(D)


def log_density(x, mean, covariance):
    d = x - mean
    return -0.5 * (np.sum(d @ np.linalg.inv(covariance) * d, axis=1) + np.linalg.slogdet(2 * np.pi * covariance)[1])


def test_the_exact_likelihood_of_a_linear_gaussian_model():
    """To the digits that its standard error allows: the error over 40 examples is a few of theirs, and far below a nat."""
    rng = np.random.default_rng(0)
    decoder, mean, covariance = linear_gaussian(rng)
    x = rng.multivariate_normal(mean, covariance, size=40)
    found = annealed_log_likelihood(decoder, LIKELIHOODS["gaussian"](), LATENT, x, n_distributions=300, n_chains=16, rng=0)
    error = found.log_likelihood - log_density(x, mean, covariance)
    assert abs(error.mean()) < 4 * error.std() / np.sqrt(40) + 0.02  # the mean of log w lies below log p
    assert np.abs(error).max() < 1
    assert 0.4 < found.acceptance < 0.95
    assert np.all((found.effective_chains > 1) & (found.effective_chains <= 16))


def test_weights_are_unbiased_however_few_the_steps():
    """E[w] = p(x), whatever T: with 4 distributions and many chains the mean of w is p(x), within four standard errors."""
    rng = np.random.default_rng(1)
    decoder, mean, covariance = linear_gaussian(rng)
    x = rng.multivariate_normal(mean, covariance, size=1)
    chains = Chains(decoder, LIKELIHOODS["gaussian"](), np.repeat(x, 20_000, axis=0), rng.normal(size=(20_000, LATENT)), 3, Stream(2))
    log_w, _ = chains.log_weights(sigmoid_betas(12), [0.2] * 12)
    w = np.exp(log_w - log_density(x, mean, covariance))
    assert abs(w.mean() - 1) < 4 * w.std() / np.sqrt(len(w))
    assert w.std() / np.sqrt(len(w)) < 0.1  # else the line above would say nothing


def test_a_transition_leaves_its_distribution_alone():
    """Chains that start in p(z) p(x|z) stay in it: mean and covariance of the exact posterior."""
    rng = np.random.default_rng(3)
    decoder, mean, covariance = linear_gaussian(rng)
    W = decoder.layers[0].params["W"][:, :D]
    x = rng.multivariate_normal(mean, covariance, size=1)
    V = np.linalg.inv(np.eye(LATENT) + W @ W.T / STD**2)
    m = (x - mean) @ W.T @ V / STD**2
    z = rng.multivariate_normal(m[0], V, size=20_000)
    chains = Chains(decoder, LIKELIHOODS["gaussian"](), np.repeat(x, len(z), axis=0), z.copy(), 5, Stream(4))
    shares = [chains.move(1.0, 0.13) for _ in range(5)]
    assert 0.3 < np.mean(shares) < 0.97 and not np.allclose(chains.z, z)
    np.testing.assert_allclose(chains.z.mean(axis=0), m[0], atol=5 * np.sqrt(np.diag(V).max() / len(z)))
    np.testing.assert_allclose(np.cov(chains.z.T), V, atol=0.05 * np.diag(V).max())


def test_bounds_from_both_sides():
    rng = np.random.default_rng(5)
    decoder, mean, covariance = linear_gaussian(rng)
    z = rng.normal(size=(30, LATENT))
    x = z @ decoder.layers[0].params["W"][:, :D] + mean + STD * rng.normal(size=(30, D))
    exact = log_density(x, mean, covariance).mean()
    wide = bidirectional(decoder, LIKELIHOODS["gaussian"](), LATENT, z, x, n_distributions=10, n_chains=2, rng=6)
    narrow = bidirectional(decoder, LIKELIHOODS["gaussian"](), LATENT, z, x, n_distributions=200, n_chains=8, rng=6)
    assert wide.lower.mean() < exact < wide.upper.mean()
    gap = narrow.upper.mean() - narrow.lower.mean()
    assert gap < 0.2 * (wide.upper.mean() - wide.lower.mean())
    assert narrow.lower.mean() - 0.05 < exact < narrow.upper.mean() + 0.05


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_a_vae_in_two_dimensions_against_quadrature(backend, likelihood):
    """∫ p(z) p(x|z) dz on a grid is exact; so is AIS, to its error, in float32."""
    vae = VAE(5, latent_dim=2, hidden=(8,), likelihood=likelihood, rng=0)
    rng = np.random.default_rng(7)
    vae.flat_params[...] = rng.normal(0, 0.7, vae.flat_params.shape)
    x = (rng.uniform(size=(6, 5)) < 0.5).astype(np.float32)
    side = np.linspace(-6, 6, 161)
    z = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    output = vae.decoder(z.astype(np.float32))
    log_prior = -0.5 * np.sum(z**2, axis=1) - np.log(2 * np.pi) + 2 * np.log(side[1] - side[0])
    exact = [np.logaddexp.reduce(log_prior + vae.likelihood.log_likelihood(np.repeat(row[None], len(z), axis=0), output)) for row in x]
    found = annealed_log_likelihood(vae.decoder, vae.likelihood, 2, x, n_distributions=60, n_chains=20, n_leapfrog=5, rng=8)
    np.testing.assert_allclose(found.log_likelihood, exact, atol=0.35)
    assert abs(np.mean(found.log_likelihood - exact)) < 0.1


def test_many_examples_go_in_blocks(monkeypatch):
    """What does not fit side by side goes in turn, each example with all its chains."""
    rng = np.random.default_rng(9)
    decoder, mean, covariance = linear_gaussian(rng)
    monkeypatch.setattr("scratchgen.metrics.ais.ROWS", 8)
    x = rng.multivariate_normal(mean, covariance, size=5)
    found = annealed_log_likelihood(decoder, LIKELIHOODS["gaussian"](), LATENT, x, n_distributions=200, n_chains=4, rng=0)
    np.testing.assert_allclose(found.log_likelihood, log_density(x, mean, covariance), atol=1.5)


@pytest.mark.parametrize(
    "changes, why",
    [
        ({"n_distributions": 0}, "n_distributions"),
        ({"n_chains": 0}, "n_chains"),
        ({"n_leapfrog": 0}, "n_leapfrog"),
        ({"x": np.zeros(3)}, "x has shape"),
        ({"x": np.zeros((2, 1))}, f"x has 1 features; the decoder draws {D}"),
        ({"x": np.full((2, 2 * D), 5.0), "likelihood": LIKELIHOODS["bernoulli"]()}, "x has values from 5 to 5; a Bernoulli likelihood needs"),
    ],
)
def test_bad_settings(changes, why):
    decoder, _, _ = linear_gaussian(np.random.default_rng(0))
    given = {"likelihood": LIKELIHOODS["gaussian"](), "x": np.zeros((1, D))} | changes
    with pytest.raises(ValueError, match=why):
        annealed_log_likelihood(decoder, latent_dim=LATENT, **given)


@pytest.mark.parametrize(("z", "why"), [(np.zeros((2, LATENT)), "z has shape"), (np.full((1, LATENT), np.nan), "z contains NaN")])
def test_where_the_data_came_from_is_looked_at_first(monkeypatch, z, why):
    monkeypatch.setattr("scratchgen.metrics.ais.annealed_log_likelihood", lambda *_: pytest.fail("hours of chains for nothing"))
    with pytest.raises(ValueError, match=why):
        bidirectional(linear_gaussian(np.random.default_rng(0))[0], LIKELIHOODS["gaussian"](), LATENT, z, np.zeros((1, D)))
