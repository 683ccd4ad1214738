"""Mistakes planted in the library's own layers: the check must find every one."""

import numpy as np
import pytest

from scratchgen import layers as L
from scratchgen.gradcheck import check_layer
from scratchgen.layers.batch_norm import BatchNorm

F = np.float64


class LinearWith(L.Linear):
    """A Linear whose three gradients can be replaced."""

    def __init__(self, n_in, n_out, dx=None, dW=None, db=None):
        L.Linear.__init__(self, n_in, n_out, rng=0, dtype=F)
        self.dx = dx or (lambda dy, x, W: dy @ W.T)
        self.dW = dW or (lambda dy, x, W: x.T @ dy)
        self.db = db or (lambda dy, x, W: dy.sum(axis=0))

    def backward(self, dy, x):
        W = self.params["W"]
        self.grads["W"] += self.dW(dy, x, W)
        self.grads["b"] += self.db(dy, x, W)
        return self.dx(dy, x, W)


class Elementwise(L.Layer):
    """y = f(x), dx = g(dy, x, y)."""

    def __init__(self, f, g):
        self.f, self.g = f, g

    def forward(self, x):
        y = self.f(x)
        return y, (x, y)

    def backward(self, dy, cache):
        return self.g(dy, *cache)


class BatchNormWith(BatchNorm):
    """A BatchNorm whose dx can be replaced."""

    def __init__(self, dx):
        BatchNorm.__init__(self, 4, dtype=F)
        self.params["gamma"][...] = [0.5, 1, 1.5, 2]
        self.dx = dx

    def backward(self, dy, cache):
        self.grads["gamma"] += np.sum(dy * cache.x_hat, axis=0)
        self.grads["beta"] += np.sum(dy, axis=0)
        return self.dx(dy * self.params["gamma"], cache.x_hat, cache.r)


class StaleTanh(L.Layer):
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y, None

    def backward(self, dy, cache):
        return dy * (1 - self.y**2)


class OverwritingLinear(L.Linear):
    def backward(self, dy, x):
        self.grads["W"][...] = x.T @ dy
        self.grads["b"][...] = dy.sum(axis=0)
        return dy @ self.params["W"].T


class RebindingLinear(L.Linear):
    def backward(self, dy, x):
        self.grads["W"] = self.grads["W"] + x.T @ dy
        self.grads["b"] += dy.sum(axis=0)
        return dy @ self.params["W"].T


class UpdatingLinear(L.Linear):
    def backward(self, dy, x):
        self.grads["W"] += x.T @ dy
        self.grads["b"] += dy.sum(axis=0)
        dx = dy @ self.params["W"].T
        self.params["W"] -= 0.1 * self.grads["W"]
        return dx


class UnmaskedMaskedLinear(L.MaskedLinear):
    def backward(self, dy, cache):
        self.grads["W"] += cache[0].T @ dy
        self.grads["b"] += dy.sum(axis=0)
        return dy @ cache[1].T


class MutatingReLU(L.ReLU):
    def backward(self, dy, y):
        dy *= y > 0
        return dy


class FreshMaskDropout(L.Dropout):
    def backward(self, dy, mask):
        return dy * (self.stream.uniform(dy.shape, dy.dtype) >= self.rate) / (1 - self.rate)


class LogvarAsLogStd(L.Layer):
    """The sample of a variational autoencoder with std and variance confused in backward."""

    def forward(self, mu, logvar):
        eps = np.linspace(-1, 2, mu.size).reshape(mu.shape)
        return mu + np.exp(0.5 * logvar) * eps, (logvar, eps)

    def backward(self, dz, cache):
        logvar, eps = cache
        return dz, dz * eps * np.exp(logvar)


class SharesItsOutput(L.Layer):
    """Every forward writes to the same array."""

    def forward(self, x):
        if not hasattr(self, "out"):
            self.out = np.empty_like(x)
        np.tanh(x, out=self.out)
        return self.out.copy(), self.out

    def backward(self, dy, y):
        return dy * (1 - y * y)


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def mean(a):
    return a.mean(axis=0)


sigmoid = lambda x: 1 / (1 + np.exp(-x))

MISTAKES = {
    "dW zero": lambda: LinearWith(4, 3, dW=lambda dy, x, W: 0 * W),
    "dx zero": lambda: LinearWith(4, 3, dx=lambda dy, x, W: 0 * x),
    "db zero": lambda: LinearWith(4, 3, db=lambda dy, x, W: np.zeros(3)),
    "dW sign": lambda: LinearWith(4, 3, dW=lambda dy, x, W: -x.T @ dy),
    "dx sign": lambda: LinearWith(4, 3, dx=lambda dy, x, W: -dy @ W.T),
    "dx with W instead of its transpose": lambda: LinearWith(4, 4, dx=lambda dy, x, W: dy @ W),
    "dW transposed": lambda: LinearWith(4, 4, dW=lambda dy, x, W: dy.T @ x),
    "dW averaged over the batch": lambda: LinearWith(4, 3, dW=lambda dy, x, W: x.T @ dy / len(x)),
    "db averaged": lambda: LinearWith(4, 3, db=lambda dy, x, W: dy.mean(axis=0)),
    "db of one example": lambda: LinearWith(4, 3, db=lambda dy, x, W: dy[0]),
    "db not summed": lambda: LinearWith(4, 3, db=lambda dy, x, W: dy),
    "db summed over everything": lambda: LinearWith(4, 3, db=lambda dy, x, W: dy.sum()),
    "db twice": lambda: LinearWith(4, 3, db=lambda dy, x, W: 2 * dy.sum(axis=0)),
    "last row of dW missing": lambda: LinearWith(4, 3, dW=lambda dy, x, W: (x * [1, 1, 1, 0]).T @ dy),
    "dW slightly off": lambda: LinearWith(4, 3, dW=lambda dy, x, W: x.T @ dy * (1 + 1e-5)),
    "dx NaN": lambda: LinearWith(4, 3, dx=lambda dy, x, W: dy @ W.T * np.nan),
    "dx one NaN": lambda: LinearWith(4, 3, dx=lambda dy, x, W: np.where(np.arange(4) == 2, np.nan, dy @ W.T)),
    "dx infinite": lambda: LinearWith(4, 3, dx=lambda dy, x, W: dy @ W.T / 0.0),
    "dx float32": lambda: LinearWith(4, 3, dx=lambda dy, x, W: (dy @ W.T).astype(np.float32)),
    "dx missing": lambda: LinearWith(4, 3, dx=lambda dy, x, W: None),
    "dx of the wrong shape": lambda: LinearWith(4, 3, dx=lambda dy, x, W: (dy @ W.T).T),
    "overwrites grads": lambda: OverwritingLinear(4, 3, rng=0, dtype=F),
    "rebinds grads": lambda: RebindingLinear(4, 3, rng=0, dtype=F),
    "updates the weights": lambda: UpdatingLinear(4, 3, rng=0, dtype=F),
    "mask forgotten": lambda: UnmaskedMaskedLinear(np.tri(4, 3), rng=0, dtype=F),
    "changes dy": MutatingReLU,
    "stale cache": StaleTanh,
    "one output array for all forwards": SharesItsOutput,
    "fresh dropout mask": lambda: FreshMaskDropout(0.4, rng=0),
    "tanh from its input": lambda: Elementwise(np.tanh, lambda dy, x, y: dy * (1 - x * x)),
    "tanh not squared": lambda: Elementwise(np.tanh, lambda dy, x, y: dy * (1 - y)),
    "sigmoid without 1 − y": lambda: Elementwise(sigmoid, lambda dy, x, y: dy * y),
    "sigmoid ignores dy": lambda: Elementwise(sigmoid, lambda dy, x, y: y * (1 - y)),
    "relu lets everything pass": lambda: Elementwise(lambda x: np.maximum(x, 0), lambda dy, x, y: dy),
    "relu, wrong side": lambda: Elementwise(lambda x: np.maximum(x, 0), lambda dy, x, y: dy * (x < 0)),
    "leaky slope forgotten": lambda: Elementwise(lambda x: np.where(x > 0, x, 0.1 * x), lambda dy, x, y: dy * (x > 0)),
    "softmax, diagonal only": lambda: Elementwise(softmax, lambda dy, x, y: dy * y * (1 - y)),
    "softmax, zeros": lambda: Elementwise(softmax, lambda dy, x, y: 0 * x),
    "softmax, sum dropped": lambda: Elementwise(softmax, lambda dy, x, y: dy * y),
    "softmax, assumes cross-entropy": lambda: Elementwise(softmax, lambda dy, x, y: y - dy),
    "softmax, sum over the batch": lambda: Elementwise(softmax, lambda dy, x, y: y * (dy - np.sum(dy * y, axis=0))),
    "batch norm, zeros": lambda: BatchNormWith(lambda g, x_hat, r: 0 * g),
    "batch norm, mean path missing": lambda: BatchNormWith(lambda g, x_hat, r: r * (g - x_hat * mean(g * x_hat))),
    "batch norm, variance path missing": lambda: BatchNormWith(lambda g, x_hat, r: r * (g - mean(g))),
    "batch norm, both paths missing": lambda: BatchNormWith(lambda g, x_hat, r: r * g),
    "batch norm, wrong sign of a path": lambda: BatchNormWith(lambda g, x_hat, r: r * (g - mean(g) + x_hat * mean(g * x_hat))),
    "batch norm, r squared": lambda: BatchNormWith(lambda g, x_hat, r: r * r * (g - mean(g) - x_hat * mean(g * x_hat))),
    "batch norm, N − 1": lambda: BatchNormWith(lambda g, x_hat, r: r * (g - mean(g) - x_hat * np.sum(g * x_hat, axis=0) / (len(g) - 1))),
    "batch norm, r dropped": lambda: BatchNormWith(lambda g, x_hat, r: g - mean(g) - x_hat * mean(g * x_hat)),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", MISTAKES)
def test_is_found(name, backend, rng):
    report = check_layer(MISTAKES[name](), rng.normal(size=(6, 4)))
    assert not report.ok, report.message


def test_std_taken_for_variance_is_found(backend, rng):
    report = check_layer(LogvarAsLogStd(), (rng.normal(size=(5, 3)), rng.normal(size=(5, 3))))
    assert report.arrays["mu"].ok and not report.arrays["logvar"].ok


def test_the_right_versions_pass(backend, rng):
    """The harness itself is sound: without a mistake, nothing is found."""
    x = rng.normal(size=(6, 4))
    right = [
        LinearWith(4, 3),
        Elementwise(np.tanh, lambda dy, x, y: dy * (1 - y * y)),
        Elementwise(softmax, lambda dy, x, y: y * (dy - np.sum(dy * y, axis=1, keepdims=True))),
        BatchNormWith(lambda g, x_hat, r: r * (g - mean(g) - x_hat * mean(g * x_hat))),
    ]
    for layer in right:
        assert check_layer(layer, x).ok
