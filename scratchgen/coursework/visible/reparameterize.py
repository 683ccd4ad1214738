"""Visible tests: the reparameterization trick and the KL divergence."""

import numpy as np

from scratchgen.coursework.testing import check_gradient, check_loss_gradient, close, points, values


def kl(mu, logvar):
    """KL(N(mu, e^logvar) ‖ N(0, I)) from its closed form, mean over the batch."""
    return 0.5 * np.sum(mu**2 + np.exp(logvar) - logvar - 1) / len(mu)


def inputs(rng):
    return rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), rng.normal(size=(4, 3))


@points(1)
def test_sample(exercise, rng):
    """z = μ + σ ∘ ε."""
    z = exercise.reparameterize(np.array([[1.0, -1.0]]), np.log(np.array([[4.0, 9.0]])), np.array([[1.0, -2.0]]))
    close("z for σ² = 4, 9", z, [[3.0, -7.0]])


@points(3)
def test_dlogvar(exercise, rng):
    """dlogvar through the sample."""
    mu, logvar, eps = inputs(rng)
    f = lambda logvar: (mu + np.exp(0.5 * logvar) * eps, logvar)
    check_gradient("reparameterize_backward", f, lambda dz, logvar: exercise.reparameterize_backward(dz, logvar, eps), logvar)


@points(2)
def test_kl(exercise, rng):
    """The KL divergence."""
    mu, logvar, _ = inputs(rng)
    close("kl", values(exercise.gaussian_kl(mu, logvar), 3, "kl, dmu, dlogvar")[0], kl(mu, logvar))


@points(1)
def test_kl_dmu(exercise, rng):
    """dmu of the KL divergence."""
    mu, logvar, _ = inputs(rng)
    gradient = lambda mu, logvar: values(exercise.gaussian_kl(mu, logvar), 3, "kl, dmu, dlogvar")[1]
    check_loss_gradient("gaussian_kl", kl, gradient, mu, logvar, wrt="mu")


@points(2)
def test_kl_dlogvar(exercise, rng):
    """dlogvar of the KL divergence."""
    mu, logvar, _ = inputs(rng)
    gradient = lambda mu, logvar: values(exercise.gaussian_kl(mu, logvar), 3, "kl, dmu, dlogvar")[2]
    check_loss_gradient("gaussian_kl", kl, gradient, mu, logvar, wrt="logvar")
