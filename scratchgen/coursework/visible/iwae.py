"""Visible tests: importance weights, and what they do to the gradient."""

import numpy as np

from scratchgen.coursework.mistakes import iwae as mistakes_of
from scratchgen.coursework.testing import check_loss_gradient, close, exactly, points, sizes, values
from scratchgen.models.iwae import doubly_reparameterized, importance_weights, standard_backward

NAMES = ("dz", "what reaches logvar past z")


def setting(rng, S=4, batch=3, n=2, D=5):
    """x, A, mu, logvar, eps of a small importance weighted autoencoder."""
    shapes = ((batch, D), (n, D), (batch, n), (batch, n), (S, batch, n))
    return [rng.normal(size=shape) for shape in shapes]


def loss(x, A, mu, logvar, eps):
    """−log (1/S) Σ_s w_s, mean over the batch, by NumPy."""
    z = mu + np.exp(0.5 * logvar) * eps
    log_px = -0.5 * np.sum((x - z @ A) ** 2 + np.log(2 * np.pi), axis=2)
    log_w = log_px + 0.5 * np.sum(eps**2 - z**2 + logvar, axis=2)
    return -np.mean(np.logaddexp.reduce(log_w, axis=0) - np.log(len(eps)))


def far_apart(rng, rows=12, n=3):
    """dz, w, z, logvar, eps: all positive but z of dreg's difference, some so large that a small step in others is lost in sums of them."""
    dz, z, eps = (rng.uniform(1, 2, size=(rows, n)) for _ in range(3))
    dz[:, 0] *= 1e17
    return dz, rng.uniform(0.1, 1, size=rows), z, rng.uniform(-1, 1, size=(rows, n)), -eps


def check_moderate(rng, function, right, mistakes):
    """AssertionError unless the student's function is right, for numbers that are not far apart."""
    batch, S, n = sizes(rng, 3)
    dz, z, logvar, eps = rng.normal(size=(4, S * batch, n))
    arguments = (dz, rng.uniform(0.1, 1, size=S * batch), z, logvar, eps, batch)
    got, want, wrong = values(function(*arguments), 2, "dz, dlogvar"), right(*arguments), mistakes(*arguments)
    for name, key, ours, theirs in zip(NAMES, ("dz", "past"), got, want, strict=True):
        close(name, ours, theirs, mistakes=wrong[key])


@points(1)
def test_bound(exercise, rng):
    """The bound: log of the mean of the weights."""
    log_w = rng.normal(size=sizes(rng, 2))
    bound, _ = values(exercise.importance_weights(log_w), 2, "bound, weights")
    close("the bound", bound, np.log(np.mean(np.exp(log_w), axis=0)), mistakes=mistakes_of.weights(log_w)["bound"])


@points(2)
def test_weights(exercise, rng):
    """The normalised weights."""
    log_w = rng.normal(size=sizes(rng, 2))
    _, w = values(exercise.importance_weights(log_w), 2, "bound, weights")
    right, mistakes = np.exp(log_w) / np.sum(np.exp(log_w), axis=0), mistakes_of.weights(log_w)["weights"]
    close("the normalised weights", w, right, known={"log_w": log_w}, mistakes=mistakes)
    exactly("the normalised weights", w, np.exp(log_w) / np.sum(np.exp(log_w), axis=0))


@points(3)
def test_standard(exercise, rng):
    """The standard gradient: dz, and what reaches logvar past z."""
    check_moderate(rng, exercise.standard_backward, standard_backward, mistakes_of.standard)
    arrays = far_apart(rng)
    got = values(exercise.standard_backward(*arrays, 4), 2, "dz, dlogvar")
    for name, ours, right in zip(NAMES, got, standard_backward(*arrays, 4), strict=True):
        exactly(name, ours, right)


@points(2)
def test_together(exercise, rng):
    """The gradient of the whole loss with respect to μ and logvar, by difference quotients."""
    x, A, mu, logvar, eps = setting(rng)
    for name in ("mu", "logvar"):
        value = lambda mu, logvar: loss(x, A, mu, logvar, eps)
        gradient = lambda mu, logvar, name=name: exercise.run("iwae_gradients", x, A, mu, logvar, eps)[name]
        check_loss_gradient("standard_backward", value, gradient, mu, logvar, wrt=name)
    x[0] *= 1e9  # where a small step is lost in the loss
    got = exercise.run("iwae_gradients", x, A, mu, logvar, eps)["mu"]
    close("dmu where the loss is so large that small steps are lost in it", got, dmu(x, A, mu, logvar, eps))


def dmu(x, A, mu, logvar, eps):
    """The gradient of the loss with respect to mu, by the library's functions."""
    z = mu + np.exp(0.5 * logvar) * eps
    log_px = -0.5 * np.sum((x - z @ A) ** 2 + np.log(2 * np.pi), axis=2)
    _, w = importance_weights(log_px + 0.5 * np.sum(eps**2 - z**2 + logvar, axis=2))
    return np.sum((w / len(mu))[:, :, None] * (z - (x - z @ A) @ A.T), axis=0)


@points(3)
def test_doubly_reparameterized(exercise, rng):
    """The doubly reparameterized gradient."""
    check_moderate(rng, exercise.doubly_reparameterized, doubly_reparameterized, mistakes_of.doubly)
    arrays = far_apart(rng)
    got = values(exercise.doubly_reparameterized(*arrays, 4), 2, "dz, dlogvar")
    for name, ours, right in zip(NAMES, got, doubly_reparameterized(*arrays, 4), strict=True):
        exactly(name, ours, right)
