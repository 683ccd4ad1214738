"""Posteriors: the density of a bent sample against a numerical Jacobian, the KL against its definition, both against PyTorch's autograd."""

import math

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.models.iaf import InverseAutoregressiveFlow
from scratchgen.models.posteriors import FlowPosterior, GaussianPosterior

RNG = np.random.default_rng(5)
D, BATCH = 4, 6


def off_centre(module, seed=3):
    """Parameters away from where they begin, where mistakes may hide."""
    module.flat_params[...] += np.random.default_rng(seed).normal(0, 0.3, module.flat_params.shape)
    return module


def flow(n=D, context=3):
    return off_centre(InverseAutoregressiveFlow(n, context, rng=0, dtype=np.float64))


def posterior():
    """A flow's posterior, and an encoder's output."""
    q = FlowPosterior(D, rng=0, dtype=np.float64)
    off_centre(q.flow)
    return q, RNG.normal(size=(BATCH, 3 * D))


def jacobian(f, z, h=1e-6):
    """∂f/∂z of one example z (n,), by central differences: [j, i] = ∂f_j / ∂z_i."""
    return np.stack([(f(z + h * e) - f(z - h * e)) / (2 * h) for e in np.eye(len(z))], axis=1)


def log_normal(x):
    return -0.5 * np.sum(x**2 + math.log(2 * math.pi), axis=1)


def test_logdet_is_that_of_the_jacobian(backend):
    bend, z, c = flow(), RNG.normal(size=(BATCH, D)), RNG.normal(size=(BATCH, 3))
    _, logdet, _ = bend.forward(z, c)
    for n in range(BATCH):
        J = jacobian(lambda each, n=n: bend.forward(each[None], c[[n]])[0][0], z[n])
        sign, numerical = np.linalg.slogdet(J)
        assert sign == 1 and logdet[n] == pytest.approx(numerical, abs=1e-8)
    assert np.ptp(logdet) > 0.1


def test_each_step_is_triangular_and_their_orders_are_opposite():
    """Through one step, z′_d depends on earlier z only; through two, everything on everything."""
    bend, c = flow(), RNG.normal(size=(1, 3))
    whole = jacobian(lambda z: bend.forward(z[None], c)[0][0], RNG.normal(size=D))
    assert (np.abs(whole) > 1e-6).all()
    nets = bend.nets
    for at, upper in ((0, False), (1, True)):
        bend.nets = [nets[at]]
        J = jacobian(lambda z: bend.forward(z[None], c)[0][0], RNG.normal(size=D))
        beyond = np.triu(J, 1) if not upper else np.tril(J, -1)
        within = J - beyond
        assert (beyond == 0).all() and np.count_nonzero(np.abs(within) > 1e-8) == D * (D + 1) // 2


@pytest.mark.parametrize("n", [1, D])
def test_the_context_steers_every_step_of_every_dimension(n):
    bend = InverseAutoregressiveFlow(n, 3, rng=0, dtype=np.float64)
    off_centre(bend, seed=4)
    z, c = RNG.normal(size=(1, n)), RNG.normal(size=3)
    for net in bend.nets:
        assert (np.abs(jacobian(lambda c, net=net: net(np.hstack([z, c[None]]))[0], c)) > 1e-4).all()


def test_it_begins_near_the_gaussian():
    z, c = RNG.normal(size=(100, D)), np.zeros((100, 3))
    bent, logdet, _ = InverseAutoregressiveFlow(D, 3, rng=0, dtype=np.float64).forward(z, c)
    assert np.corrcoef(bent.ravel(), z.ravel())[0, 1] > 0.95
    np.testing.assert_allclose(logdet, 2 * D * math.log(1 / (1 + math.exp(-2))), rtol=0.3)


def test_its_density_is_that_of_its_samples():
    """Two dimensions, one x: what log_weight and kl_rows say of log q is how many samples fall into a small square."""
    q = FlowPosterior(2, rng=0, dtype=np.float64)
    off_centre(q.flow, seed=8)
    h = np.tile([[0.3, -0.2, -1.0, -0.5, 0.7, 0.4]], (200_000, 1))
    z, cache = q.forward(h)
    log_q = log_normal(z) - q.log_weight(np.zeros(len(z)), cache)
    centre = np.median(z, axis=0)
    for width in (0.1, 0.2):
        near = (np.abs(z - centre) < width / 2).all(axis=1)
        assert near.sum() > 500 and near.mean() / width**2 == pytest.approx(np.exp(log_q[near]).mean(), rel=5 / math.sqrt(near.sum()) + 0.02)


def test_the_density_of_a_bent_sample_by_change_of_variables(backend):
    """log p(z) − log q(z|x), with log q = log N(z₀; μ, σ²) − log |det ∂z/∂z₀|, the determinant by differences."""
    (q, h), eps = posterior(), RNG.normal(size=(BATCH, D))
    z, cache = q.forward(h, eps)
    mu, logvar, c = h[:, :D], h[:, D : 2 * D], h[:, 2 * D :]
    z0 = mu + np.exp(0.5 * logvar) * eps
    logdet = [np.linalg.slogdet(jacobian(lambda each, n=n: q.flow.forward(each[None], c[[n]])[0][0], z0[n]))[1] for n in range(BATCH)]
    log_q = log_normal(eps) - 0.5 * logvar.sum(axis=1) - logdet
    log_px = RNG.normal(size=BATCH)
    np.testing.assert_allclose(q.log_weight(log_px, cache), log_px + log_normal(z) - log_q, atol=1e-7)
    exact_base = 0.5 * np.sum(mu**2 + np.exp(logvar) - logvar - 1, axis=1)
    from_sample = log_normal(eps) - 0.5 * logvar.sum(axis=1) - log_normal(z0)  # of the Gaussian's part, where the KL has its mean
    np.testing.assert_allclose(q.kl_rows(cache), log_q - log_normal(z) - from_sample + exact_base, atol=1e-7)
    assert q.kl(cache, 1.0)[0] == pytest.approx(q.kl_rows(cache).mean(), rel=1e-12)


def test_without_noise_it_is_in_the_middle(backend):
    (q, h), zero = posterior(), np.zeros((BATCH, D))
    np.testing.assert_array_equal(q.middle(h), q.forward(h, zero)[0])
    gaussian = GaussianPosterior(D)
    np.testing.assert_array_equal(gaussian.middle(h[:, : 2 * D]), gaussian.forward(h[:, : 2 * D], zero)[0])


def test_the_kl_of_both_has_its_mean():
    """KL(q ‖ p) = E[log q(z|x) − log p(z)], for one x, with as many samples as there are rows."""
    bent, h = posterior()
    for q in bent, FlowPosterior(D, rng=0, dtype=np.float64):
        _, cache = q.forward(np.repeat(h[:1], 50_000, axis=0))
        kl, by_definition = q.kl_rows(cache), -q.log_weight(np.zeros(50_000), cache)
        assert abs(kl.mean() - by_definition.mean()) < 5 * np.std(kl - by_definition) / math.sqrt(50_000)
    assert kl.std() < by_definition.std()  # near a Gaussian, what is known in closed form is no noise


def test_gradients_agree_with_autograd():
    torch = pytest.importorskip("torch")
    vae = off_centre(sg.VAE(5, latent_dim=3, hidden=(4,), posterior="iaf", beta=0.7, rng=1, dtype=np.float64))
    x, eps = RNG.random((BATCH, 5)), RNG.normal(size=(BATCH, 3))
    with sg.use_backend("numpy"):
        loss, parts = vae.loss(x, eps)
    params = {name: torch.tensor(value, requires_grad=True) for name, value in vae.params.items()}
    masks = {name: torch.tensor(value) for name, value in vae.all_buffers().items()}

    def dense(name, y):
        W = params[f"{name}.W"] * masks[f"{name}.mask"] if f"{name}.mask" in masks else params[f"{name}.W"]
        return y @ W + params[f"{name}.b"]

    y = torch.tensor(x)
    mu, logvar, c = dense("encoder.2", torch.tanh(dense("encoder.0", y))).chunk(3, dim=1)
    z0 = z = mu + torch.exp(0.5 * logvar) * torch.tensor(eps)
    logdet = 0
    for step in range(2):
        m, s = dense(f"flow.{step}.2", torch.tanh(dense(f"flow.{step}.0", torch.cat([z, c], dim=1)))).chunk(2, dim=1)
        gate = torch.sigmoid(s)
        z, logdet = gate * z + (1 - gate) * m, logdet + torch.log(gate).sum(dim=1)
    logits = dense("decoder.2", torch.tanh(dense("decoder.0", z)))
    nll = torch.nn.functional.binary_cross_entropy_with_logits(logits, y, reduction="sum") / BATCH
    kl = (0.5 * (mu**2 + logvar.exp() - logvar - 1).sum(dim=1) + 0.5 * (z**2 - z0**2).sum(dim=1) - logdet).mean()
    total = nll + 0.7 * kl
    total.backward()
    assert float(parts["kl"]) == pytest.approx(kl.item(), rel=1e-12) and float(loss) == pytest.approx(total.item(), rel=1e-12)
    for name, value in params.items():
        np.testing.assert_allclose(vae.grads[name], value.grad.numpy(), rtol=1e-9, atol=1e-13, err_msg=name)
