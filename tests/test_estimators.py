"""The estimators of demos/estimators.py: their means against the closed forms, in standard errors, and their variances."""

import math
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

DEMO = Path(__file__).resolve().parents[1] / "demos" / "estimators.py"
REPEATS, BATCH = 20_000, 5
PLACES = [(0.4, 0.6), (-1.3, 1.5)]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """What is defined there, after a quick run."""
    before, sys.argv = sys.argv, ["estimators.py", "--quick", "--out", str(tmp_path_factory.mktemp("demo"))]
    try:
        return runpy.run_path(str(DEMO))
    finally:
        sys.argv = before


def draws(demo, estimator, objective, mu, sigma, batch=BATCH):
    """Estimates (2, REPEATS) of d/dmu and d/dlogvar."""
    f, df, _ = demo["objectives"][objective]
    return demo["estimators"][estimator][0](f, df, mu, sigma, np.random.default_rng(0).standard_normal((REPEATS, batch)))


@pytest.mark.parametrize("mu, sigma", PLACES)
@pytest.mark.parametrize("objective", ["(z − 1)²", "cos 3z", "z > 0"])
@pytest.mark.parametrize("estimator", ["reparameterization", "score function", "with a baseline"])
def test_the_mean_is_the_gradient(demo, estimator, objective, mu, sigma):
    found = draws(demo, estimator, objective, mu, sigma)
    error = found.std(axis=1) / math.sqrt(REPEATS)
    off = np.abs(found.mean(axis=1) - demo["objectives"][objective][2](mu, sigma))
    if (estimator, objective) == ("reparameterization", "z > 0"):  # f′ does not see the step
        assert not found.any() and (off > 0.02).all()
    else:
        assert (off < 4.5 * error).all() and error.max() < 0.15


@pytest.mark.parametrize("mu, sigma", PLACES)
@pytest.mark.parametrize("objective", ["(z − 1)²", "cos 3z", "z > 0"])
def test_the_closed_forms_are_those_of_the_integral(demo, objective, mu, sigma):
    """d/dθ of ∫ q(z) f(z) dz on a fine grid, by central differences."""
    f, _, exact = demo["objectives"][objective]
    z = np.linspace(-15, 15, 600_001)
    mean = lambda mu, sigma: np.sum(f(z) * np.exp(-0.5 * ((z - mu) / sigma) ** 2)) * (z[1] - z[0]) / sigma / math.sqrt(2 * math.pi)
    h = 1e-4
    wider, narrower = sigma * math.exp(0.5 * h), sigma * math.exp(-0.5 * h)  # logvar ± h
    found = (mean(mu + h, sigma) - mean(mu - h, sigma)) / (2 * h), (mean(mu, wider) - mean(mu, narrower)) / (2 * h)
    np.testing.assert_allclose(found, exact(mu, sigma), atol=2e-5)


def test_f_prime_is_the_derivative_of_f(demo):
    z, h = np.linspace(-3, 3, 101), 1e-6
    for name, (f, df, _) in demo["objectives"].items():
        np.testing.assert_allclose(df(z), (f(z + h) - f(z - h)) / (2 * h) if name != "z > 0" else 0, atol=1e-8, err_msg=name)


def test_a_baseline_takes_out_what_the_samples_share(demo):
    """f + 10 has the same gradient: the score function pays for the 10 with noise, with a baseline it does not."""
    eps, (f, df, _) = np.random.default_rng(1).standard_normal((REPEATS, 20)), demo["objectives"]["(z − 1)²"]
    variance = lambda name, f: demo["estimators"][name][0](f, df, 0.4, 0.6, eps).var(axis=1)
    plain, baseline = variance("score function", f), variance("with a baseline", f)
    assert (baseline < 0.8 * plain)[0]
    assert (variance("score function", lambda z: f(z) + 10) > 10 * plain).all()
    np.testing.assert_allclose(variance("with a baseline", lambda z: f(z) + 10), baseline, rtol=1e-9)


def test_which_is_less_noisy_depends_on_f(demo):
    smooth = {name: draws(demo, name, "(z − 1)²", 0.4, 0.6)[0].var() for name in demo["estimators"]}
    assert smooth["reparameterization"] < 0.3 * smooth["with a baseline"] < 0.3 * smooth["score function"]
    eps, (f, df, _) = np.random.default_rng(1).standard_normal((REPEATS, BATCH)), demo["cosine"](8)
    wild = {name: estimate(f, df, 0.4, 0.6, eps)[0].var() for name, (estimate, _) in demo["estimators"].items()}
    assert wild["reparameterization"] > 5 * wild["with a baseline"]
    four = draws(demo, "reparameterization", "(z − 1)²", 0.4, 0.6, 4 * BATCH)[0].var()
    assert four == pytest.approx(smooth["reparameterization"] / 4, rel=0.1)
