"""The Gaussian's negative log-likelihood and its divergence from N(0, I), against formulas, integrals and samples."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from scratchgen import losses

RNG = np.random.default_rng(2)
X, MU, LOGVAR = RNG.normal(0, 2, (3, 4)), RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4))


def test_nll_is_minus_the_log_of_the_density(backend):
    nll, _, _ = losses.gaussian_nll(X, MU, LOGVAR)
    log_p = [math.log(NormalDist(m, math.exp(v / 2)).pdf(x)) for x, m, v in zip(X.flat, MU.flat, LOGVAR.flat, strict=True)]
    assert float(nll) == pytest.approx(-sum(log_p) / 3, rel=1e-12)
    rows = losses.gaussian_log_likelihood(X, MU, LOGVAR)
    np.testing.assert_allclose(rows, np.reshape(log_p, (3, 4)).sum(axis=1), rtol=1e-12)


def test_nll_gradients_in_closed_form(backend):
    var = np.exp(LOGVAR)
    _, dmu, dlogvar = losses.gaussian_nll(X, MU, LOGVAR)
    np.testing.assert_allclose(dmu, (MU - X) / var / 3, rtol=1e-12)
    np.testing.assert_allclose(dlogvar, (var - (X - MU) ** 2) / (2 * var) / 3, rtol=1e-12)


def test_nll_is_least_at_the_data_and_their_spread(backend):
    """For examples of one Gaussian, the best common mu and variance are the sample's own."""
    x = RNG.normal(3, 2, (500, 1))
    mu, logvar = np.full_like(x, x.mean()), np.full_like(x, np.log(x.var()))
    nll, dmu, dlogvar = losses.gaussian_nll(x, mu, logvar)
    assert abs(dmu.sum()) < 1e-13
    assert abs(dlogvar.sum()) < 1e-13
    assert float(nll) == pytest.approx(0.5 * (math.log(2 * math.pi * x.var()) + 1), rel=1e-12)  # the entropy of that Gaussian


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_kl_is_zero_only_from_the_prior_to_itself(backend, dtype):
    kl, dmu, dlogvar = losses.gaussian_kl(np.zeros((2, 3), dtype), np.zeros((2, 3), dtype))
    assert float(kl) == 0
    assert not dmu.any()
    assert not dlogvar.any()
    kl = losses.gaussian_kl_rows(MU, LOGVAR)
    assert (kl > 0).all()


def test_kl_in_closed_form_for_a_shift_and_for_a_scale(backend):
    zeros = np.zeros((1, 1))
    assert float(losses.gaussian_kl(zeros + 3, zeros)[0]) == pytest.approx(4.5, rel=1e-14)  # ½ μ²
    std = 0.1  # −log σ + ½ (σ² − 1)
    assert float(losses.gaussian_kl(zeros, zeros + 2 * math.log(std))[0]) == pytest.approx(-math.log(std) + 0.5 * (std**2 - 1), rel=1e-13)


def test_kl_against_monte_carlo(backend):
    """KL = E_q[log q(z) − log p(z)], z ~ q, each log density from the standard library."""
    mu, logvar, n = MU[:1, :2], LOGVAR[:1, :2], 20_000
    std = np.exp(logvar / 2)
    z = mu + std * RNG.normal(size=(n, 2))
    log_q = -0.5 * (((z - mu) / std) ** 2 + logvar + math.log(2 * math.pi))
    log_p = -0.5 * (z**2 + math.log(2 * math.pi))
    draws = (log_q - log_p).sum(axis=1)
    error = draws.std() / math.sqrt(n)
    kl = float(losses.gaussian_kl(mu, logvar)[0])
    assert error < 0.05 * kl  # else the next line would prove nothing
    assert abs(draws.mean() - kl) < 4 * error


def test_kl_gradients_in_closed_form(backend):
    _, dmu, dlogvar = losses.gaussian_kl(MU, LOGVAR)
    np.testing.assert_allclose(dmu, MU / 3, rtol=1e-14)
    np.testing.assert_allclose(dlogvar, np.expm1(LOGVAR) / 6, rtol=1e-12)


def test_rows_are_what_the_mean_is_taken_of(backend):
    rows = losses.gaussian_kl_rows(MU, LOGVAR)
    assert rows.shape == (3,)
    assert rows.mean() == pytest.approx(float(losses.gaussian_kl(MU, LOGVAR)[0]), rel=1e-13)


def test_far_away_means_and_tiny_variances_stay_finite(backend):
    x, far = np.zeros((1, 2), np.float32), np.full((1, 2), 1000, np.float32)
    values = losses.gaussian_nll(x, far, np.zeros_like(x)) + losses.gaussian_kl(far, np.full_like(x, -50)) + losses.gaussian_kl(far, x)
    assert all(np.isfinite(value).all() for value in values)
    assert float(losses.gaussian_kl(far, x)[0]) == 1_000_000
    nll, dmu, dlogvar = losses.gaussian_nll(x, x, np.full_like(x, -90))  # σ² = e⁻⁹⁰, below float32's least number
    assert float(nll) == pytest.approx(math.log(2 * math.pi) - 90, rel=1e-6)
    np.testing.assert_array_equal([*dmu[0], *dlogvar[0]], [0, 0, 0.5, 0.5])
    assert losses.gaussian_log_likelihood(x, x, np.full_like(x, -90))[0] == pytest.approx(-float(nll), rel=1e-6)
