"""Visible tests: batch normalisation."""

import numpy as np

from scratchgen.coursework.mistakes import batch_norm as mistakes_of
from scratchgen.coursework.testing import accumulated, check_gradient, close, exactly, points, sizes, values, written
from scratchgen.layers.batch_norm import batch_norm_backward

EPS = 1e-5


def forward(x, gamma, beta):
    """-> y, x̂, r, mean, var, from the definition."""
    mean, var = x.mean(axis=0), x.var(axis=0)
    r = 1 / np.sqrt(var + EPS)
    x_hat = (x - mean) * r
    return gamma * x_hat + beta, x_hat, r, mean, var


def inputs(rng):
    """x (batch, n), gamma, beta."""
    batch, n = sizes(rng, 2)
    return rng.normal(1.0, 2.0, size=(batch, n)), rng.normal(size=n), rng.normal(size=n)


def added(exercise, dy, x_hat, dgamma=0.0, dbeta=0.0):
    """-> dgamma, dbeta after add_norm_grads, from these numbers on."""
    n = dy.shape[1]
    return exercise.in_place("add_norm_grads", (0, 1), np.full(n, dgamma), np.full(n, dbeta), dy, x_hat)


def check_norm_grads(exercise, rng, only, mistakes):
    """GradientMismatch unless the student's gradient of gamma or of beta is right."""
    x, gamma, beta = inputs(rng)
    place = ("gamma", "beta").index(only)

    def backward(dy, x_hat):
        r = 1 / np.sqrt(x.var(axis=0) + EPS)
        got = written(f"d{only}", added(exercise, dy, x_hat)[place], np.zeros(len(gamma)))
        right = batch_norm_backward(dy, x_hat, r, gamma), np.sum(dy * x_hat, axis=0), dy.sum(axis=0)
        return *right[: place + 1], got, *right[place + 2 :]

    f = lambda x, gamma, beta: forward(x, gamma, beta)[:2]
    check_gradient("add_norm_grads", f, backward, x, gamma, beta, only=only, mistakes=mistakes, cache_names=("x̂",))


def far_apart(rng):
    """dy and x̂ of positive numbers, so that no sum cancels, of very different sizes."""
    return rng.uniform(1, 2, size=(6, 3)) * [1, 1e9, 1e17], rng.uniform(1, 2, size=(6, 3)) * [1e17, 1, 1e9]


@points(2)
def test_forward(exercise, rng):
    """Forward in training: y, x̂, r, mean, var."""
    x, gamma, beta = inputs(rng)
    mistakes = mistakes_of.forward(x, gamma, beta, EPS)
    result = values(exercise.batch_norm(x, gamma, beta, EPS), 5, "y, x̂, r, mean, var")
    answers = dict(zip(("y", "x̂", "r", "mean", "var"), zip(result, forward(x, gamma, beta), strict=True), strict=True))
    for name in ("mean", "var", "r", "x̂", "y"):  # in the order in which they depend on one another
        close(name, *answers[name], known={"x": x, "gamma": gamma, "beta": beta}, mistakes=mistakes[name])


@points(5)
def test_dx(exercise, rng):
    """dx in training: three paths."""
    x, gamma, beta = inputs(rng)

    def f(x):
        y, x_hat, r, _, _ = forward(x, gamma, beta)
        return y, (x_hat, r, gamma)

    check_gradient(
        "batch_norm_backward",
        f,
        lambda dy, cache: exercise.batch_norm_backward(dy, *cache),
        x,
        mistakes=mistakes_of.DX,
        cache_names=("x̂", "r", "gamma"),
    )
    half = rng.integers(1, 50, size=(3, 3)) * 2.0**25
    x_hat = rng.permutation(np.concatenate([half, -half]))  # mean 0 without rounding, and a variance that is not 1
    dy, r, gamma = rng.normal(size=(6, 3)), rng.uniform(0.5, 2, size=3), rng.uniform(0.5, 2, size=3)
    want = batch_norm_backward(dy, x_hat, r, gamma)
    close("dx, for an x̂ that no x gives,", exercise.batch_norm_backward(dy, x_hat, r, gamma), want, rtol=1e-12)


@points(1)
def test_dgamma(exercise, rng):
    """dgamma."""
    check_norm_grads(exercise, rng, "gamma", mistakes_of.DGAMMA)
    dy, x_hat = far_apart(rng)
    exactly("dgamma", added(exercise, dy, x_hat)[0], np.sum(dy * x_hat, axis=0))


@points(1)
def test_dbeta(exercise, rng):
    """dbeta."""
    check_norm_grads(exercise, rng, "beta", mistakes_of.DBETA)
    dy, x_hat = far_apart(rng)
    exactly("dbeta", added(exercise, dy, x_hat)[1], np.sum(dy, axis=0))


@points(1)
def test_dx_in_inference(exercise, rng):
    """dx in inference: the statistics are constants."""
    x, gamma, beta = inputs(rng)
    n = len(gamma)
    mean, r = rng.normal(size=n), 1 / np.sqrt(rng.uniform(0.5, 2, size=n) + EPS)
    f = lambda x: (gamma * (x - mean) * r + beta, (x, r, gamma))
    backward = lambda dy, cache: exercise.batch_norm_inference_backward(dy, *cache[1:])
    check_gradient("batch_norm_inference_backward", f, backward, x, mistakes=mistakes_of.INFERENCE, cache_names=("x", "r", "gamma"))
    dy, gamma, r = far_apart(rng)[0], 10.0 ** rng.integers(-9, 9, size=3), rng.uniform(0.5, 2, size=3)
    exactly("dx", exercise.batch_norm_inference_backward(dy, r, gamma), dy * gamma * r)


@points(1)
def test_gradients_accumulate(exercise, rng):
    """dgamma and dbeta are added to what is there."""
    dy, x_hat = rng.normal(size=(2, *sizes(rng, 2)))
    dgamma, dbeta = added(exercise, dy, x_hat, 3.0, 3.0)
    accumulated("dgamma", dgamma, np.sum(dy * x_hat, axis=0), 3.0)
    accumulated("dbeta", dbeta, np.sum(dy, axis=0), 3.0)
    dy, x_hat = far_apart(rng)
    dgamma, dbeta = added(exercise, dy, x_hat, 10.0, -4.0)
    exactly("dgamma, from 10 on", dgamma, 10 + np.sum(dy * x_hat, axis=0))
    exactly("dbeta, from −4 on", dbeta, -4 + np.sum(dy, axis=0))
