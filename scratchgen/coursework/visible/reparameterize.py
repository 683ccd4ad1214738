"""Visible tests: the reparameterization trick and the KL divergence."""

import numpy as np

from scratchgen.coursework.mistakes import reparameterize as mistakes_of
from scratchgen.coursework.testing import check_gradient, check_loss_gradient, close, exactly, points, sizes, values


def kl(mu, logvar):
    """KL(N(mu, e^logvar) ‖ N(0, I)) from its closed form, mean over the batch."""
    return 0.5 * np.sum(mu**2 + np.exp(logvar) - logvar - 1) / len(mu)


def inputs(rng):
    """mu, logvar, eps, all (batch, features)."""
    return tuple(rng.normal(size=(3, *sizes(rng, 2))))


def far_apart(rng):
    """mu, logvar and eps such that no formula cancels, and that in sums of them, or of their exponentials, small steps are lost."""
    mu, logvar, eps = rng.normal(size=(4, 3)), rng.uniform(1, 2, size=(4, 3)), rng.normal(size=(4, 3))
    mu[:, 0], logvar[1:3] = mu[:, 0] * 1e12, -logvar[1:3]
    logvar[0, 1] = rng.uniform(60, 70)
    return mu, logvar, eps


@points(1)
def test_sample(exercise, rng):
    """z = μ + σ ∘ ε."""
    (a, b), eps = rng.normal(size=2), rng.normal(size=(1, 2))
    z = exercise.reparameterize(np.array([[a, b]]), np.log(np.array([[4.0, 9.0]])), eps)
    mistakes = mistakes_of.samples(np.array([[a, b]]), np.log(np.array([[4.0, 9.0]])), eps)
    close("z for σ² = 4, 9", z, [[a + 2 * eps[0, 0], b + 3 * eps[0, 1]]], mistakes=mistakes)
    mu, logvar, eps = inputs(rng)
    close("z", exercise.reparameterize(mu, logvar, eps), mu + np.exp(0.5 * logvar) * eps, mistakes=mistakes_of.samples(mu, logvar, eps))


@points(3)
def test_dlogvar(exercise, rng):
    """dlogvar through the sample."""
    mu, logvar, eps = inputs(rng)
    f = lambda logvar: (mu + np.exp(0.5 * logvar) * eps, logvar)
    check_gradient(
        "reparameterize_backward",
        f,
        lambda dz, logvar: exercise.reparameterize_backward(dz, logvar, eps),
        logvar,
        mistakes=mistakes_of.dlogvar(eps),
        cache_names=("logvar",),
    )
    dz, logvar, eps = far_apart(rng)
    exactly("dlogvar", exercise.reparameterize_backward(dz, logvar, eps), 0.5 * dz * np.exp(0.5 * logvar) * eps)


@points(2)
def test_kl(exercise, rng):
    """The KL divergence."""
    mu, logvar, _ = inputs(rng)
    close("kl", values(exercise.gaussian_kl(mu, logvar), 3, "kl, dmu, dlogvar")[0], kl(mu, logvar), mistakes=mistakes_of.kl(mu, logvar))


@points(1)
def test_kl_dmu(exercise, rng):
    """dmu of the KL divergence."""
    mu, logvar, _ = inputs(rng)
    gradient = lambda mu, logvar: values(exercise.gaussian_kl(mu, logvar), 3, "kl, dmu, dlogvar")[1]
    check_loss_gradient("gaussian_kl", kl, gradient, mu, logvar, wrt="mu", mistakes=mistakes_of.DMU)
    mu, logvar, _ = far_apart(rng)
    exactly("dmu", gradient(mu, logvar), mu / 4)


@points(2)
def test_kl_dlogvar(exercise, rng):
    """dlogvar of the KL divergence."""
    mu, logvar, _ = inputs(rng)
    gradient = lambda mu, logvar: values(exercise.gaussian_kl(mu, logvar), 3, "kl, dmu, dlogvar")[2]
    check_loss_gradient("gaussian_kl", kl, gradient, mu, logvar, wrt="logvar", mistakes=mistakes_of.DLOGVAR)
    mu, logvar, _ = far_apart(rng)
    exactly("dlogvar", gradient(mu, logvar), 0.5 * (np.exp(logvar) - 1) / 4)
