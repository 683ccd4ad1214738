"""Visible tests: batch normalisation."""

import numpy as np

from scratchgen.coursework.testing import check_gradient, close, points, values

EPS = 1e-5


def forward(x, gamma, beta):
    """-> y, x̂, r, mean, var, from the definition."""
    mean, var = x.mean(axis=0), x.var(axis=0)
    r = 1 / np.sqrt(var + EPS)
    x_hat = (x - mean) * r
    return gamma * x_hat + beta, x_hat, r, mean, var


def inputs(rng):
    return rng.normal(1.0, 2.0, size=(6, 3)), rng.normal(size=3), rng.normal(size=3)


@points(2)
def test_forward(exercise, rng):
    """Forward in training: y, x̂, r, mean, var."""
    x, gamma, beta = inputs(rng)
    result = values(exercise.batch_norm(x, gamma, beta, EPS), 5, "y, x̂, r, mean, var")
    for name, got, want in zip(("y", "x̂", "r", "mean", "var"), result, forward(x, gamma, beta), strict=True):
        close(name, got, want)


@points(5)
def test_dx(exercise, rng):
    """dx in training: three paths."""
    x, gamma, beta = inputs(rng)

    def f(x):
        y, x_hat, r, _, _ = forward(x, gamma, beta)
        return y, (x_hat, r, gamma)

    check_gradient("batch_norm_backward", f, lambda dy, cache: exercise.batch_norm_backward(dy, *cache), x)


@points(1)
def test_dgamma(exercise, rng):
    """dgamma."""
    x, gamma, beta = inputs(rng)

    def backward(dy, x_hat):
        dgamma, dbeta = np.zeros(3), np.zeros(3)
        exercise.add_norm_grads(dgamma, dbeta, dy, x_hat)
        return dgamma

    check_gradient("add_norm_grads", lambda gamma: forward(x, gamma, beta)[:2], backward, gamma)


@points(1)
def test_dbeta(exercise, rng):
    """dbeta."""
    x, gamma, beta = inputs(rng)

    def backward(dy, x_hat):
        dgamma, dbeta = np.zeros(3), np.zeros(3)
        exercise.add_norm_grads(dgamma, dbeta, dy, x_hat)
        return dbeta

    check_gradient("add_norm_grads", lambda beta: forward(x, gamma, beta)[:2], backward, beta)


@points(1)
def test_dx_in_inference(exercise, rng):
    """dx in inference: the statistics are constants."""
    x, gamma, beta = inputs(rng)
    mean, r = rng.normal(size=3), 1 / np.sqrt(rng.uniform(0.5, 2, size=3) + EPS)
    f = lambda x: (gamma * (x - mean) * r + beta, r)
    check_gradient("batch_norm_inference_backward", f, lambda dy, r: exercise.batch_norm_inference_backward(dy, r, gamma), x)
