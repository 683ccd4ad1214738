"""The bound and the importance-weighted estimate, against likelihoods that are known exactly."""

import itertools
import math

import numpy as np
import pytest

from scratchgen.models import VAE

RNG = np.random.default_rng(1)


def log_normal(x, mean, covariance):
    """log N(x; mean, covariance) of each row of x."""
    d = x - mean
    quadratic = np.sum(d @ np.linalg.inv(covariance) * d, axis=1)
    return -0.5 * (quadratic + np.linalg.slogdet(covariance)[1] + len(covariance) * math.log(2 * math.pi))


def linear_vae(W, b, variance):
    """A VAE without hidden layers whose decoder is N(z W + b, variance · I): probabilistic PCA (Tipping & Bishop 1999)."""
    n_latent, n_data = W.shape
    vae = VAE(n_data, n_latent, hidden=(), likelihood="gaussian", rng=0, dtype=np.float64)
    (decoder,) = vae.decoder.layers
    decoder.params["W"][...] = np.concatenate([W, np.zeros_like(W)], axis=1)
    decoder.params["b"][...] = np.concatenate([b, np.full(n_data, math.log(variance))])
    return vae


def set_posterior(vae, W, b, variance):
    """Let the encoder compute the exact q(z|x) = p(z|x) = N((x − b) Wᵀ S / variance, S), S = (W Wᵀ / variance + I)⁻¹, which must be diagonal."""
    S = np.linalg.inv(W @ W.T / variance + np.eye(len(W)))
    np.testing.assert_allclose(S, np.diag(np.diag(S)), atol=1e-12)
    to_mu = W.T @ S / variance
    (encoder,) = vae.encoder.layers
    encoder.params["W"][...] = np.concatenate([to_mu, np.zeros_like(to_mu)], axis=1)
    encoder.params["b"][...] = np.concatenate([-b @ to_mu, np.log(np.diag(S))])


@pytest.fixture
def ppca():
    """W with orthogonal rows (then the posterior has a diagonal covariance, which is all an encoder can say), b, the variance, and data."""
    W = np.array([[1.5, 0.0, 1.5, 0.0, 0.0], [0.0, 0.8, 0.0, -0.8, 0.4]])
    b, variance = RNG.normal(size=5), 0.3
    x = RNG.normal(size=(40, 2)) @ W + b + math.sqrt(variance) * RNG.normal(size=(40, 5))
    return W, b, variance, x


def test_with_the_exact_posterior_one_sample_gives_the_exact_likelihood(backend, ppca):
    """All importance weights are p(x) then, whatever the noise: the estimate has no variance, and must agree to rounding."""
    W, b, variance, x = ppca
    vae = linear_vae(W, b, variance)
    set_posterior(vae, W, b, variance)
    exact = log_normal(x, b, W.T @ W + variance * np.eye(5))
    for n_samples in (1, 7):
        np.testing.assert_allclose(vae.log_likelihood(x, n_samples=n_samples, rng=0), exact, rtol=1e-11)


def test_with_the_exact_posterior_the_bound_is_tight_in_the_mean(backend, ppca):
    W, b, variance, x = ppca
    vae = linear_vae(W, b, variance)
    set_posterior(vae, W, b, variance)
    exact = log_normal(x, b, W.T @ W + variance * np.eye(5))
    draws = np.array([vae.elbo(x, rng=seed) for seed in range(400)])
    error = draws.std(axis=0) / math.sqrt(400)
    assert (np.abs(draws.mean(axis=0) - exact) < 5 * error).all()
    assert error.max() < 0.2
    assert float(vae.loss(x)[0]) == pytest.approx(-exact.mean(), abs=5 * draws.std() / math.sqrt(40))


def test_any_other_encoder_only_approaches_it(backend, ppca):
    W, b, variance, x = ppca
    vae = linear_vae(W, b, variance)
    set_posterior(vae, W, b, variance)
    vae.encoder.layers[0].params["b"][...] += [0.3, -0.3, 0.5, 0.5]  # off centre, and too wide
    exact = log_normal(x, b, W.T @ W + variance * np.eye(5))
    one, many = (vae.log_likelihood(x, n_samples=n, rng=0) for n in (1, 2000))
    assert np.abs(one - exact).max() > 0.5
    np.testing.assert_allclose(many, exact, atol=0.15)


@pytest.fixture
def bernoulli_vae():
    """A small VAE whose weights are large enough for q to miss the posterior visibly, and data."""
    vae = VAE(8, 3, hidden=(6,), rng=3, dtype=np.float64)
    vae.flat_params[...] *= 2
    return vae, (RNG.random((300, 8)) < 0.5).astype(np.float64)


def test_the_bound_is_below_the_estimate_which_rises_with_the_number_of_samples(bernoulli_vae):
    """E[ELBO] = E[log w] ≤ E[log mean of 5 w] ≤ E[log mean of 50 w] (Burda et al. 2015, theorem 1)."""
    vae, x = bernoulli_vae
    elbo = np.mean([vae.elbo(x, rng=seed) for seed in range(20)], axis=0)
    one, five, fifty = (vae.log_likelihood(x, n_samples=n, rng=100) for n in (1, 5, 50))
    steps = [elbo.mean(), five.mean(), fifty.mean()]
    noise = np.std(five - fifty) / math.sqrt(len(x))
    assert np.diff(steps).min() > 5 * noise
    assert abs(one.mean() - elbo.mean()) < 5 * np.std(one - elbo) / math.sqrt(len(x))  # one sample estimates the bound itself


def test_elbo_is_minus_the_loss_for_the_same_noise(backend, bernoulli_vae):
    vae, x = bernoulli_vae
    vae.posterior.reparameterize.stream.state = (11, 0)
    loss, parts = vae.loss(x)
    vae.posterior.reparameterize.stream.state = (11, 0)
    elbo = vae.elbo(x)
    assert elbo.mean() == pytest.approx(-float(loss), rel=1e-12)
    assert float(parts["kl"]) > 0


def test_probabilities_of_all_pictures_sum_to_one():
    """Two pixels and one latent number: p(x) by integrating over a fine grid of z, which sums to 1 and is what the estimate finds."""
    vae = VAE(2, 1, hidden=(4,), rng=0, dtype=np.float64)
    vae.decoder.flat_params[...] *= 3
    vae.encoder.layers[-1].params["b"][1] = 0.5  # a wide q covers the posterior wherever it is
    x = np.array(list(itertools.product([0.0, 1.0], repeat=2)))
    z = np.linspace(-8, 8, 4001)[:, None]
    p1 = vae.decode(z)  # (grid, 2), p(pixel = 1 | z)
    p_x_given_z = np.prod(np.where(x[:, None] == 1, p1, 1 - p1), axis=2)  # (4, grid)
    prior = np.exp(-0.5 * z[:, 0] ** 2) / math.sqrt(2 * math.pi)
    p = np.sum(p_x_given_z * prior, axis=1) * (z[1, 0] - z[0, 0])
    assert p.sum() == pytest.approx(1, rel=1e-6)
    assert p.std() > 0.02  # not all alike
    np.testing.assert_allclose(np.exp(vae.log_likelihood(x, n_samples=10_000, rng=0)), p, rtol=0.06)


def test_more_rows_than_are_worked_on_at_a_time():
    vae = VAE(3, 1, hidden=(2,), rng=0)
    x = RNG.random((2100, 3), dtype=np.float32)
    for estimate in (vae.elbo(x, rng=0), vae.log_likelihood(x, n_samples=2, rng=0)):
        assert estimate.shape == (2100,)
        assert np.isfinite(estimate).all()
    np.testing.assert_array_equal(vae.elbo(x, rng=0)[:1000], vae.elbo(x[:1000], rng=0))
