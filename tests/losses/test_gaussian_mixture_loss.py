"""The negative log-likelihood of mixtures of Gaussians, one for each feature."""

import numpy as np
import pytest

from scratchgen.losses import gaussian_mixture_nll, gaussian_nll
from scratchgen.losses.gaussian_mixture import mixture_log_density

RNG = np.random.default_rng(3)
X, LOGITS, MU, LOGVAR = RNG.normal(size=(5, 4)), *RNG.normal(size=(3, 5, 4, 3))


def test_against_pytorch(backend):
    torch = pytest.importorskip("torch")
    logits, mu, logvar = (torch.tensor(a, requires_grad=True) for a in (LOGITS, MU, LOGVAR))
    of = torch.distributions
    mixture = of.MixtureSameFamily(of.Categorical(logits=logits), of.Normal(mu, torch.exp(0.5 * logvar)))
    (-mixture.log_prob(torch.tensor(X)).sum() / 5).backward()
    nll, *gradients = gaussian_mixture_nll(X, LOGITS, MU, LOGVAR)
    assert np.isclose(nll, -mixture.log_prob(torch.tensor(X)).sum().item() / 5, rtol=1e-12)
    for got, wanted in zip(gradients, (logits, mu, logvar), strict=True):
        np.testing.assert_allclose(got, wanted.grad.numpy(), rtol=1e-10, atol=1e-14)


def test_one_component_is_a_gaussian(backend):
    one = [a[..., :1] for a in (LOGITS, MU, LOGVAR)]
    nll, dlogits, dmu, dlogvar = gaussian_mixture_nll(X, *one)
    wanted, wanted_dmu, wanted_dlogvar = gaussian_nll(X, MU[..., 0], LOGVAR[..., 0])
    assert np.isclose(nll, wanted, rtol=1e-14) and not np.any(dlogits)
    np.testing.assert_allclose(dmu[..., 0], wanted_dmu, rtol=1e-13)
    np.testing.assert_allclose(dlogvar[..., 0], wanted_dlogvar, rtol=1e-13)


def test_equal_components_are_one(backend):
    """Whatever their shares; and each gets its share of the gradient."""
    mu, logvar = np.repeat(MU[..., :1], 3, axis=2), np.repeat(LOGVAR[..., :1], 3, axis=2)
    nll, dlogits, dmu, _ = gaussian_mixture_nll(X, LOGITS, mu, logvar)
    assert np.isclose(nll, gaussian_nll(X, mu[..., 0], logvar[..., 0])[0], rtol=1e-13)
    np.testing.assert_allclose(dlogits, 0, atol=1e-15)
    pi = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=2, keepdims=True)
    np.testing.assert_allclose(dmu, pi * gaussian_nll(X, mu[..., 0], logvar[..., 0])[1][..., None], rtol=1e-12)


def test_nothing_overflows_far_out(backend):
    """A thousand standard deviations away, with shares of e^1000 to 1."""
    for dtype in (np.float32, np.float64):
        x, logits, mu = np.full((1, 1), 1000.0, dtype), np.array([[[1000.0, 0.0]]], dtype), np.array([[[0.0, 1.0]]], dtype)
        nll, *gradients = gaussian_mixture_nll(x, logits, mu, np.zeros_like(mu))
        assert np.isclose(nll, 0.5 * np.log(2 * np.pi) + 0.5 * 999**2 + 1000, rtol=1e-5)  # the nearer one, in spite of its share
        assert all(np.isfinite(g).all() for g in gradients)


def test_density_integrates_to_one():
    x = np.linspace(-40, 40, 8001)
    p = np.exp(mixture_log_density(x[:, None], *(np.repeat(a[:1, 0], 8001, axis=0) for a in (LOGITS, MU, LOGVAR))))
    assert np.isclose(p.sum() * 0.01, 1, rtol=1e-12)


@pytest.mark.parametrize(
    "arrays, error",
    [
        ((X, LOGITS[:, :3], MU, LOGVAR), ValueError),
        ((X, LOGITS, MU[..., :2], LOGVAR), ValueError),
        ((X[:, 0], LOGITS, MU, LOGVAR), ValueError),
        ((X, LOGITS[..., 0], MU[..., 0], LOGVAR[..., 0]), ValueError),
        ((X, LOGITS[..., :0], MU[..., :0], LOGVAR[..., :0]), ValueError),
        ((X.astype(np.float32), LOGITS, MU, LOGVAR), TypeError),
        ((X, LOGITS, MU, LOGVAR.tolist()), TypeError),
    ],
)
def test_what_does_not_fit(arrays, error):
    with pytest.raises(error, match="gaussian_mixture_nll needs"):
        gaussian_mixture_nll(*arrays)


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("far, logvar", [(1.0, -100.0), (100.0, -80.0), (1e6, -40.0)])
def test_a_narrow_component_far_away_has_no_part_in_it(backend, far, logvar):
    x, logits = np.zeros((1, 1), np.float32), np.zeros((1, 1, 2), np.float32)
    mu, logvar = np.array([[[0, far]]], np.float32), np.array([[[0, logvar]]], np.float32)
    nll, dlogits, dmu, dlogvar = gaussian_mixture_nll(x, logits, mu, logvar)
    assert np.isclose(nll, 0.5 * np.log(2 * np.pi) + np.log(2), rtol=1e-6)
    np.testing.assert_array_equal([dlogits[0, 0], dmu[0, 0], dlogvar[0, 0]], [[-0.5, 0.5], [0, 0], [0.5, 0]])
