"""Batch normalisation: each feature is shifted and scaled to mean 0 and variance 1 over the batch
(Ioffe & Szegedy 2015).

    μ = mean_n x_n        v = mean_n (x_n − μ)²        r = 1 / √(v + eps)             (n,) each
    x̂ = (x − μ) r         y = gamma ∘ x̂ + beta                                       (batch, n)

Derivation, in full, for one feature and a batch of N examples. gamma and beta are as in a linear layer:

    dgamma = Σ_n dy_n x̂_n          dbeta = Σ_n dy_n          dx̂_n = dy_n gamma

x_n reaches the loss on three paths: directly, through μ and through v. Take them in turn, g_n = dx̂_n:

    directly       ∂x̂_n/∂x_n = r                                          gives   g_n r
    through v      dv = Σ_m g_m (x_m − μ) · ∂r/∂v,   ∂r/∂v = −½ r³
                   ∂v/∂x_n = 2 (x_n − μ) / N                              gives  −r x̂_n · (1/N) Σ_m g_m x̂_m
    through μ      dμ = −r Σ_m g_m   (v's own dependence on μ is zero, because Σ_m (x_m − μ) = 0)
                   ∂μ/∂x_n = 1 / N                                        gives  −r · (1/N) Σ_m g_m

    dx = r (dx̂ − mean dx̂ − x̂ ∘ mean(dx̂ ∘ x̂))

In words: the gradient loses its component along the constant vector, to which the output is blind, and all
but a share of its component along x̂. The share is eps / (v + eps), because mean x̂² = v / (v + eps): scaling
x − μ changes x̂ only as far as eps matters beside v. The same in runnable NumPy:

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x, dy = rng.normal(size=(6, 1)), rng.normal(size=(6, 1))
    >>> normalise = lambda x: (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5)
    >>> x_hat, r = normalise(x), 1 / np.sqrt(x.var(0) + 1e-5)
    >>> dx = r * (dy - dy.mean(0) - x_hat * np.mean(dy * x_hat, 0))
    >>> step = np.zeros_like(x); step[2] = 1e-6
    >>> bool(abs(np.sum(dy * (normalise(x + step) - normalise(x - step))) / 2e-6 - dx[2, 0]) < 1e-8)
    True

In inference the running statistics take the place of μ and v. They are constants then, so dx = gamma r ∘ dy.
"""

from typing import NamedTuple

import numpy as np

from scratchgen.errors import integer, number
from scratchgen.layers.layer import Layer
from scratchgen.ops import array, op


@op
def batch_norm(x, gamma, beta, eps):
    """The training form -> y, x̂ (batch, n), r, mean, var (n,)."""
    mean = x.mean(axis=0)
    var = np.mean((x - mean) ** 2, axis=0)
    r = 1 / np.sqrt(var + eps)
    x_hat = (x - mean) * r
    return gamma * x_hat + beta, x_hat, r, mean, var


@op
def batch_norm_backward(dy, x_hat, r, gamma):  # dx = r (dx̂ − mean dx̂ − x̂ ∘ mean(dx̂ ∘ x̂))
    dx_hat = dy * gamma  # dx̂ = dy ∘ gamma
    return r * (dx_hat - dx_hat.mean(axis=0) - x_hat * np.mean(dx_hat * x_hat, axis=0))


@op
def add_norm_grads(dgamma, dbeta, dy, x_hat):  # dgamma += Σ_n dy ∘ x̂,   dbeta += Σ_n dy
    dgamma += np.sum(dy * x_hat, axis=0)
    dbeta += np.sum(dy, axis=0)


@op
def batch_norm_inference(x, gamma, beta, mean, var, eps):
    """y = gamma ∘ x̂ + beta with the given mean and var -> y, x̂ (batch, n), r (n,)."""
    r = 1 / np.sqrt(var + eps)
    x_hat = (x - mean) * r
    return gamma * x_hat + beta, x_hat, r


@op
def batch_norm_inference_backward(dy, r, gamma):  # dx = gamma r ∘ dy
    return gamma * r * dy


@op
def update_running(running, value, keep, weight):  # running <- keep · running + weight · value
    running[...] = keep * running + weight * value


class Cache(NamedTuple):
    """What backward needs: x̂ (batch, n), r (n,), and whether the statistics were the batch's."""

    x_hat: np.ndarray
    r: np.ndarray
    training: bool


class BatchNorm(Layer):
    """Normalise each of n features over the batch, then scale and shift.

    eps: added to the variance.
    momentum: weight of the new batch in the running statistics.
    params: gamma, beta (n,).
    buffers: mean, var (n,), the running statistics used in inference; var is the unbiased estimate.
    """

    couples_batch = True

    def __init__(self, n, *, eps=1e-5, momentum=0.1, dtype=np.float32):
        n, eps = integer("n", n, 1), number("eps", eps, lambda eps: eps > 0, "be positive")
        self.n, self.eps = n, eps
        self.momentum = number(
            "momentum", momentum, lambda momentum: 0 <= momentum <= 1, "be a number from 0 to 1"
        )
        self.params = {"gamma": array(np.ones(n), dtype), "beta": array(np.zeros(n), dtype)}
        self.grads = {"gamma": array(np.zeros(n), dtype), "beta": array(np.zeros(n), dtype)}
        self.buffers = {"mean": array(np.zeros(n), dtype), "var": array(np.ones(n), dtype)}

    def forward(self, x, training=True):
        """x (batch, n) -> y (batch, n); in training the batch needs at least 2 examples."""
        self.check_input(x, self.n)
        gamma, beta = self.params["gamma"], self.params["beta"]
        if not training:
            y, x_hat, r = batch_norm_inference(
                x, gamma, beta, self.buffers["mean"], self.buffers["var"], self.eps
            )
            return y, Cache(x_hat, r, training)
        batch = x.shape[0]
        if batch < 2:
            raise ValueError(
                f"x has shape {tuple(x.shape)}; {self!r} needs at least 2 examples in training, "
                "one has no variance"
            )
        y, x_hat, r, mean, var = batch_norm(x, gamma, beta, self.eps)
        # var divides by N; the variance outside the batch is estimated by dividing by N − 1
        unbiased = batch / (batch - 1)
        update_running(self.buffers["mean"], mean, 1 - self.momentum, self.momentum)
        update_running(self.buffers["var"], var, 1 - self.momentum, self.momentum * unbiased)
        return y, Cache(x_hat, r, training)

    def backward(self, dy, cache, wrt="both"):
        """dy (batch, n) -> dx (batch, n)."""
        if wrt != "input":
            add_norm_grads(self.grads["gamma"], self.grads["beta"], dy, cache.x_hat)
        if wrt == "params":
            return None
        if cache.training:
            return batch_norm_backward(dy, cache.x_hat, cache.r, self.params["gamma"])
        return batch_norm_inference_backward(dy, cache.r, self.params["gamma"])

    def __repr__(self):
        return f"BatchNorm({self.n})"
