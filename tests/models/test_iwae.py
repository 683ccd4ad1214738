"""The importance weighted bound: its value by log_likelihood, its gradient by autograd, and what "dreg" does to mean and variance."""

import math

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.gradcheck import assert_gradients, check_objective

RNG = np.random.default_rng(6)
X = RNG.random((4, 5))


def make(n_samples=3, estimator="standard", seed=1, dtype=np.float64, **options):
    iwae = sg.IWAE(5, latent_dim=2, hidden=(4,), n_samples=n_samples, estimator=estimator, rng=seed, dtype=dtype, **options)
    iwae.flat_params[...] += np.random.default_rng(3).normal(0, 0.3, iwae.flat_params.shape)
    return iwae


def noise(n_samples, batch=4):
    return RNG.normal(size=(n_samples, batch, 2))


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian", "gaussian_fixed"])
def test_the_loss_is_minus_the_estimate_of_the_likelihood(backend, likelihood):
    iwae = make(4, likelihood=likelihood)
    state = iwae.posterior.reparameterize.stream.state
    loss, parts = iwae.loss(X)
    iwae.posterior.reparameterize.stream.state = state
    assert float(loss) == pytest.approx(-iwae.log_likelihood(X, n_samples=4).mean(), rel=1e-12)
    assert parts == {"loss": loss}


def test_with_one_sample_it_is_the_elbo(backend):
    """A VAE's loss with the same noise, but for the KL, which is in closed form there and from the sample here."""
    iwae, eps = make(1), noise(1)
    vae = sg.VAE(5, latent_dim=2, hidden=(4,), rng=0, dtype=np.float64)
    vae.flat_params[...] = iwae.flat_params
    _, parts = vae.loss(X, eps[0])
    mu, logvar = vae.encode(X)
    z = mu + np.exp(0.5 * logvar) * eps[0]
    kl = np.mean(0.5 * np.sum(z**2 - eps[0] ** 2 - logvar, axis=1))  # log q(z|x) − log p(z)
    assert float(iwae.loss(X, eps)[0]) == pytest.approx(float(parts["nll"]) + kl, rel=1e-13)


def test_many_equal_samples_are_one(backend):
    one, many, eps = make(1), make(6), noise(1)
    loss, same = one.loss(X, eps)[0], many.loss(X, np.repeat(eps, 6, axis=0))[0]
    assert float(loss) == pytest.approx(float(same), rel=1e-13)
    np.testing.assert_allclose(one.flat_grads, many.flat_grads, rtol=1e-9, atol=1e-14)


def test_weights_are_large_and_small_without_overflow(backend):
    iwae = make(5, dtype=np.float32, likelihood="gaussian")
    iwae.decoder.layers[-1].params["b"][5:] = -12  # a tiny variance: log p(x|z) in the hundred thousands
    loss, _ = iwae.loss(X.astype(np.float32))
    assert float(loss) > 1e4 and np.isfinite(iwae.flat_grads).all()


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian", "gaussian_fixed"])
@pytest.mark.parametrize("n_samples", [1, 5])
def test_gradient(backend, n_samples, likelihood):
    iwae, eps = make(n_samples, likelihood=likelihood), noise(n_samples)
    assert_gradients(check_objective(iwae, lambda: iwae.loss(X, eps), limit=None))


def bound(torch, iwae, eps, estimator):
    """What autograd differentiates: the loss, and for dreg what has its gradient for the encoder. -> loss, surrogate, {name: tensor}."""
    params = {name: torch.tensor(value, requires_grad=True) for name, value in iwae.params.items()}
    dense = lambda name, y: y @ params[f"{name}.W"] + params[f"{name}.b"]
    net = lambda name, y: dense(f"{name}.2", torch.tanh(dense(f"{name}.0", y)))
    x, eps = torch.tensor(X), torch.tensor(eps)
    mu, logvar = net("encoder", x).chunk(2, dim=1)
    z = mu + torch.exp(0.5 * logvar) * eps  # (S, batch, n)
    log_w = lambda mu, logvar, z: (
        torch.distributions.Bernoulli(logits=net("decoder", z), validate_args=False).log_prob(x).sum(-1)
        + torch.distributions.Normal(0, 1).log_prob(z).sum(-1)
        - torch.distributions.Normal(mu, torch.exp(0.5 * logvar)).log_prob(z).sum(-1)
    )
    log_weights = log_w(mu, logvar, z)
    loss = -(torch.logsumexp(log_weights, 0) - math.log(len(eps))).mean()
    weights = torch.softmax(log_weights, 0).detach()
    return loss, -(weights**2 * log_w(mu.detach(), logvar.detach(), z)).sum(0).mean(), params


@pytest.mark.parametrize("estimator", ["standard", "dreg"])
def test_gradients_agree_with_autograd(estimator):
    torch = pytest.importorskip("torch")
    iwae, eps = make(4, estimator), noise(4)
    loss, _ = iwae.loss(X, eps)
    value, surrogate, params = bound(torch, iwae, eps, estimator)
    assert float(loss) == pytest.approx(value.item(), rel=1e-12)
    names = list(params)
    of_loss = torch.autograd.grad(value, params.values(), retain_graph=True)
    of_surrogate = torch.autograd.grad(surrogate, params.values())
    for name, a, b in zip(names, of_loss, of_surrogate, strict=True):
        wanted = b if estimator == "dreg" and name.startswith("encoder") else a
        np.testing.assert_allclose(iwae.grads[name], wanted.numpy(), rtol=1e-9, atol=1e-14, err_msg=name)


def gradients(estimator, repeats=3000, n_samples=5):
    """Encoder's gradients, one for each draw of the noise, of one example; and the decoder's of the first draw."""
    iwae, rng, found = make(n_samples, estimator), np.random.default_rng(0), []
    with sg.use_backend("numpy"):
        for _ in range(repeats):
            iwae.zero_grads()
            iwae.loss(X[:1], rng.normal(size=(n_samples, 1, 2)))
            found.append(iwae.flat_grads.copy())
    found, n = np.array(found), iwae.encoder.n_params
    return found[:, :n], found[:, n:]


def test_dreg_has_the_standard_gradients_mean_and_less_variance():
    standard, decoder = gradients("standard")
    dreg, same_decoder = gradients("dreg")
    np.testing.assert_array_equal(decoder, same_decoder)
    difference = standard - dreg  # of the same noise
    error = difference.std(axis=0) / math.sqrt(len(difference))
    assert (np.abs(difference.mean(axis=0)) < 5 * error + 1e-12).all() and error.max() > 0
    assert dreg.var(axis=0).sum() < 0.3 * standard.var(axis=0).sum()


def test_dreg_is_exactly_zero_where_the_posterior_is_exact(backend):
    """p(x|z) = N(z w, 1), one latent number: the posterior is N(x wᵀ s, s), s = 1 / (1 + w wᵀ). Nothing is left to learn, and dreg says so."""
    w, found = np.array([[0.8, -0.5, 1.2]]), {}
    for estimator in ("standard", "dreg"):
        iwae = sg.IWAE(3, 1, hidden=(), likelihood="gaussian_fixed", n_samples=4, estimator=estimator, rng=0, dtype=np.float64)
        iwae.decoder.layers[0].params["W"][...], s = w, 1 / (1 + w @ w.T).item()
        iwae.encoder.layers[0].params["W"][...] = np.concatenate([w.T * s, np.zeros((3, 1))], axis=1)
        iwae.encoder.layers[0].params["b"][...] = [0, math.log(s)]
        x = RNG.normal(size=(6, 3))
        loss, _ = iwae.loss(x)
        exact = -0.5 * (x @ np.linalg.inv(np.eye(3) + w.T @ w) * x).sum(axis=1) - 0.5 * np.log((2 * math.pi) ** 3 / s)
        assert float(loss) == pytest.approx(-exact.mean(), rel=1e-12)  # whatever the noise
        found[estimator] = np.abs(iwae.encoder.flat_grads).max()
    assert found["dreg"] < 1e-14 and found["standard"] > 1e-2


@pytest.mark.parametrize("estimator", ["standard", "dreg"])
def test_steps_are_recorded_and_train(estimator, caplog, tmp_path):
    x = np.repeat(np.eye(5, dtype=np.float32), 8, axis=0)
    found = []
    caplog.set_level("INFO", "scratchgen")
    for wrap in (sg.recorded, lambda step: step):
        with sg.use_backend("numba"):
            iwae = sg.IWAE(5, latent_dim=2, hidden=(8,), n_samples=4, estimator=estimator, rng=0)
            optimizers = {"model": sg.optim.Adam(iwae, lr=0.02)}
            step = wrap(lambda x, iwae=iwae, optimizers=optimizers: sg.train.train_step(iwae, optimizers, x, 0))
            found.append([float(step(x)["loss"]) for _ in range(120)])
    assert found[0] == found[1] and "as written" not in caplog.text
    assert np.mean(found[0][-20:]) < 2.5 < found[0][0]  # log 5 = 1.6 would be the best
    sg.save(iwae, tmp_path / "iwae.npz")
    assert sg.load(tmp_path / "iwae.npz").config == iwae.config
    assert set(iwae.evaluate(x, rng=0)) == {"iwae"} and set(iwae.likelihoods(x, rng=0, n_samples=9)) == {"iwae", "log_likelihood"}


def test_bad_arguments():
    with pytest.raises(ValueError, match="n_samples is 0; it must be at least 1"):
        sg.IWAE(5, n_samples=0)
    with pytest.raises(ValueError, match="unknown estimator 'drag'; did you mean 'dreg'"):
        sg.IWAE(5, estimator="drag")
    with pytest.raises(ValueError, match=r"eps has shape \(4, 2\); IWAE.loss needs \(3, 4, 2\)"):
        make().loss(X, RNG.normal(size=(4, 2)))
