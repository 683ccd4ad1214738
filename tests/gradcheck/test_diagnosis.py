"""A hundred planted mistakes of the kinds that people make: is the first diagnosis the right one, and is a wrong one ever called certain?

Each fault is written as a student would write it, as a layer, a plain function or a loss, and lists the kinds of diagnosis that are right.
"""

import functools

import numpy as np
import pytest

from scratchgen import layers as L
from scratchgen.gradcheck import check_function, check_layer, check_loss, check_objective

N, F, H = 6, 4, 3  # batch, features, outputs


def data(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


FAULTS = []  # (name, check, right kinds, a word of the text)


def fault(name, kinds, word=""):
    """Register a function that runs a check of a faulty backward."""

    def register(check):
        FAULTS.append((name, check, kinds.split("|"), word))
        return check

    return register


def each(layer, mistakes, run):
    """Register many faults of one layer: {name: (kinds, word, backward)}."""
    for name, (kinds, word, backward) in mistakes.items():
        fault(f"{layer}: {name}", kinds, word)(lambda backward=backward: run(backward))


# Linear, as a function of x, w, b

AFFINE = {
    "dx sign": ("sign", "dx", lambda d, x, w: (-d @ w.T, x.T @ d, d.sum(0))),
    "dw sign": ("sign", "dw", lambda d, x, w: (d @ w.T, -x.T @ d, d.sum(0))),
    "db zero": ("zero", "db", lambda d, x, w: (d @ w.T, x.T @ d, np.zeros(H))),
    "dw zero": ("zero", "dw", lambda d, x, w: (d @ w.T, np.zeros_like(w), d.sum(0))),
    "db averaged": ("factor", "batch size", lambda d, x, w: (d @ w.T, x.T @ d, d.mean(0))),
    "dw averaged": ("factor", "batch size", lambda d, x, w: (d @ w.T, x.T @ d / len(x), d.sum(0))),
    "dw doubled": ("factor", "2 times", lambda d, x, w: (d @ w.T, 2 * x.T @ d, d.sum(0))),
    "dx halved": ("factor", "0.5 times", lambda d, x, w: (d @ w.T / 2, x.T @ d, d.sum(0))),
    "dw transposed, wrong shape": ("transposed", "dw", lambda d, x, w: (d @ w.T, d.T @ x, d.sum(0))),
    "dx product does not fit": ("transposed", "product", lambda d, x, w: (d @ w, x.T @ d, d.sum(0))),
    "db not summed": ("not summed", "batch", lambda d, x, w: (d @ w.T, x.T @ d, d)),
    "db of the last example": ("not summed", "last", lambda d, x, w: (d @ w.T, x.T @ d, d[-1])),
    "dw of the first example": ("not summed", "first", lambda d, x, w: (d @ w.T, np.outer(x[0], d[0]), d.sum(0))),
    "db summed over everything": ("broadcast", "everything", lambda d, x, w: (d @ w.T, x.T @ d, np.full(H, d.sum()))),
    "db a scalar": ("broadcast", "everything", lambda d, x, w: (d @ w.T, x.T @ d, d.sum())),
    "db with keepdims": ("shape", "keepdims", lambda d, x, w: (d @ w.T, x.T @ d, d.sum(0, keepdims=True))),
    "dw leaves out a row": ("some elements", "row 3", lambda d, x, w: (d @ w.T, np.vstack([(x.T @ d)[:-1], np.zeros(H)]), d.sum(0))),
    "weight decay added": ("missing term", "weight decay", lambda d, x, w: (d @ w.T, x.T @ d + 0.1 * w, d.sum(0))),
}  # fmt: skip


def run_affine(backward):
    x, w, b = data(N, F), data(F, H, seed=1), data(H, seed=2)
    return check_function(lambda x, w, b: (x @ w + b, (x, w)), lambda d, cache: backward(d, *cache), x, w, b)


each("affine", AFFINE, run_affine)

SQUARE = {
    "dx with w": ("transposed", "dx", lambda d, x, w: (d @ w, x.T @ d)),
    "dw transposed": ("transposed", "dw", lambda d, x, w: (d @ w.T, d.T @ x)),
    "both exchanged": ("wrong input", "changed places", lambda d, x, w: (x.T @ d, d @ w.T)),
    "dw from dx": ("wrong input", "gradient of x", lambda d, x, w: (d @ w.T, d @ w.T)),
}


def run_square(backward):
    x, w = data(F, F), data(F, F, seed=1)
    return check_function(lambda x, w: (x @ w, (x, w)), lambda d, cache: backward(d, *cache), x, w)


each("square product", SQUARE, run_square)


# Linear, as a layer


class StudentLinear(L.Linear):
    def __init__(self, backward):
        L.Linear.__init__(self, F, H, rng=0, dtype=np.float64)
        self.how = backward

    def backward(self, dy, x):
        return self.how(self, dy, x)


def plus(self, dW, db):
    self.grads["W"] += dW
    self.grads["b"] += db


def overwrite(self, dy, x):
    self.grads["W"][...] = x.T @ dy
    self.grads["b"][...] = dy.sum(0)
    return dy @ self.params["W"].T


def rebind(self, dy, x):
    self.grads["W"] = x.T @ dy
    self.grads["b"] = dy.sum(0)
    return dy @ self.params["W"].T


def descend(self, dy, x):
    plus(self, x.T @ dy, dy.sum(0))
    dx = dy @ self.params["W"].T
    self.params["W"] -= 0.01 * self.grads["W"]
    return dx


LINEAR = {
    "overwrites": ("overwritten", "+=", overwrite),
    "rebinds": ("overwritten", "+=", rebind),
    "updates the weights": ("mutated", "optimizer", descend),
    "bias not summed": ("not summed", "db", lambda self, dy, x: (plus(self, x.T @ dy, dy), dy @ self.params["W"].T)[1]),
    "dW transposed": ("transposed", "dW", lambda self, dy, x: (plus(self, dy.T @ x, dy.sum(0)), dy @ self.params["W"].T)[1]),
    "no return": ("missing", "return", lambda self, dy, x: plus(self, x.T @ dy, dy.sum(0))),
    "W forgotten": ("zero", "dW", lambda self, dy, x: (plus(self, 0, dy.sum(0)), dy @ self.params["W"].T)[1]),
    "W and b averaged": ("factor", "batch size", lambda self, dy, x: (plus(self, x.T @ dy / N, dy.mean(0)), dy @ self.params["W"].T)[1]),
}  # fmt: skip
each("linear", LINEAR, lambda backward: check_layer(StudentLinear(backward), data(N, F)))


# Activations: y = f(x), both in the cache


def run_elementwise(f):
    return lambda backward: check_function(lambda x: ((y := f(x)), (x, y)), lambda d, cache: backward(d, *cache), data(N, F))


each(
    "tanh",
    {
        "from x": ("wrong operand", "output y", lambda d, x, y: d * (1 - x**2)),
        "not squared": ("missing factor|wrong operand|missing term", "y", lambda d, x, y: d * (1 - y)),
        "without the 1": ("missing term", "the 1", lambda d, x, y: -d * y**2),
        "plus for minus": ("sign", "y²", lambda d, x, y: d * (1 + y**2)),
        "dy passed on": ("dy unchanged", "dy itself", lambda d, x, y: d),
        "without dy": ("dy ignored", "multiplies it by dy", lambda d, x, y: 1 - y**2),
        "factor twice": ("missing factor", "twice|once too often", lambda d, x, y: d * (1 - y**2) ** 2),
        "square doubled": ("factor", "2 times", lambda d, x, y: d * (1 - 2 * y**2)),
    },
    run_elementwise(np.tanh),
)
each(
    "sigmoid",
    {
        "without 1 − y": ("missing factor|missing term", "y", lambda d, x, y: d * y),
        "only 1 − y": ("missing factor", "y", lambda d, x, y: d * (1 - y)),
        "from x": ("wrong operand", "input x", lambda d, x, y: d * x * (1 - x)),
        "sign": ("sign", "dx", lambda d, x, y: d * y * (y - 1)),
        "tanh's": ("unknown", "", lambda d, x, y: d * (1 - y) * (1 + y)),
    },
    run_elementwise(lambda x: 1 / (1 + np.exp(-x))),
)
each(
    "softplus",
    {
        "sigmoid of y": ("wrong operand", "y", lambda d, x, y: d / (1 + np.exp(-y))),
        "sign of the exponent": ("wrong operand|missing factor", "", lambda d, x, y: d / (1 + np.exp(x))),
    },
    run_elementwise(lambda x: np.logaddexp(0, x)),
)
each(
    "relu",
    {
        "passes everything": ("mask", "off", lambda d, x, y: d),
        "wrong side": ("branch", "exchanged", lambda d, x, y: d * (x < 0)),
        "zero": ("zero", "dx", lambda d, x, y: d * (y < 0)),
        "without dy": ("dy ignored", "dy", lambda d, x, y: (y > 0) * 1.0),
        "multiplied by y": ("missing factor", "once too often", lambda d, x, y: d * y),
    },
    run_elementwise(lambda x: np.maximum(x, 0)),
)
each(
    "leaky relu",
    {
        "slope forgotten": ("branch", "x < 0", lambda d, x, y: d * (x > 0)),
        "slope twice": ("branch", "x < 0", lambda d, x, y: np.where(x > 0, d, 0.01 * d)),
        "slope 1": ("branch|dy unchanged", "", lambda d, x, y: d),
        "slope on the wrong side": ("branch|unknown", "", lambda d, x, y: np.where(x > 0, 0.1 * d, d)),
    },
    run_elementwise(lambda x: np.where(x > 0, x, 0.1 * x)),
)
each(
    "elu",
    {
        "from x": ("wrong operand", "output y", lambda d, x, y: np.where(x > 0, d, d * (x + 1))),
        "without + alpha": ("branch", "x < 0", lambda d, x, y: np.where(x > 0, d, d * y)),
    },
    run_elementwise(lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0)))),
)
each(
    "square",
    {
        "2 forgotten": ("factor", "0.5 times", lambda d, x, y: d * x),
        "x forgotten": ("missing factor", "x", lambda d, x, y: 2 * d),
    },
    run_elementwise(lambda x: x**2),
)


# Softmax


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


SOFTMAX = {
    "diagonal only": ("diagonal only", "diagonal", lambda d, x, y: d * y * (1 - y)),
    "sum missing": ("missing term", "sum", lambda d, x, y: d * y),
    "direct path missing": ("missing term", "direct", lambda d, x, y: -y * np.sum(d * y, 1, keepdims=True)),
    "sum of the wrong sign": ("sign", "sum", lambda d, x, y: y * (d + np.sum(d * y, 1, keepdims=True))),
    "sum over the batch": ("broadcast", "batch", lambda d, x, y: y * (d - np.sum(d * y, 0))),
    "sum over everything": ("broadcast", "everything", lambda d, x, y: y * (d - np.sum(d * y))),
    "mean for sum": ("factor", "", lambda d, x, y: y * (d - np.mean(d * y, 1, keepdims=True))),
    "assumes cross-entropy": ("loss assumed", "cross-entropy", lambda d, x, y: y - d),
    "dy passed on": ("dy unchanged", "p − target", lambda d, x, y: d),
    "factor y missing": ("missing factor", "y", lambda d, x, y: d - np.sum(d * y, 1, keepdims=True)),
    "sum of dy": ("missing term", "sum over the features", lambda d, x, y: y * (d - np.sum(d, 1, keepdims=True))),
}
each("softmax", SOFTMAX, run_elementwise(softmax))


def run_square_softmax(backward):
    return check_function(lambda x: ((y := softmax(x)), y), backward, data(5, 5))


fault("softmax: axis lost, square batch", "broadcast", "keepdims")(lambda: run_square_softmax(lambda d, y: y * (d - np.sum(d * y, 1))))
fault("softmax: axis lost", "broadcast", "keepdims")(lambda: run_elementwise(softmax)(lambda d, x, y: y * (d - np.sum(d * y, 1))))


# Normalisation


def mean(a):
    return a.mean(axis=0)


def run_batch_norm(backward):
    def forward(x, gamma, beta):
        std = np.sqrt(x.var(axis=0) + 1e-5)
        x_hat = (x - x.mean(axis=0)) / std
        return gamma * x_hat + beta, (x, x_hat, std, gamma)

    return check_function(forward, lambda d, cache: backward(d, *cache), 2 * data(N, F) + 1, 1 + data(F, seed=1) / 3, data(F, seed=2))


def bn(dx):
    """All three gradients, with a dx of one's own from g = dx̂, x̂ and std."""
    return lambda d, x, x_hat, std, gamma: (dx(d * gamma, x_hat, std), np.sum(d * x_hat, axis=0), d.sum(axis=0))


def bn_dgamma(dgamma):
    """The right dx, with a dgamma of one's own."""

    def backward(d, x, x_hat, std, gamma):
        g = d * gamma
        return (g - mean(g) - x_hat * mean(g * x_hat)) / std, dgamma(d, x, x_hat, std), d.sum(axis=0)

    return backward


BATCH_NORM = {
    "mean path missing": ("missing term", "through the mean", bn(lambda g, x_hat, std: (g - x_hat * mean(g * x_hat)) / std)),
    "variance path missing": ("missing term", "through the variance", bn(lambda g, x_hat, std: (g - mean(g)) / std)),
    "both paths missing": ("missing term", "through the mean", bn(lambda g, x_hat, std: g / std)),
    "direct path missing": ("missing term", "direct", bn(lambda g, x_hat, std: (-mean(g) - x_hat * mean(g * x_hat)) / std)),
    "mean path not averaged": ("factor", "summed", bn(lambda g, x_hat, std: (g - g.sum(axis=0) - x_hat * mean(g * x_hat)) / std)),
    "variance path, ½ forgotten": ("factor", "variance", bn(lambda g, x_hat, std: (g - mean(g) - 2 * x_hat * mean(g * x_hat)) / std)),
    "variance path, sign": ("sign", "variance", bn(lambda g, x_hat, std: (g - mean(g) + x_hat * mean(g * x_hat)) / std)),
    "N − 1": ("factor", "N − 1", bn(lambda g, x_hat, std: (g - mean(g) - x_hat * np.sum(g * x_hat, axis=0) / (N - 1)) / std)),
    "divided by the variance": (
        "std and variance|missing factor", "", bn(lambda g, x_hat, std: (g - mean(g) - x_hat * mean(g * x_hat)) / std**2)),
    "not divided": ("std and variance|missing factor", "", bn(lambda g, x_hat, std: g - mean(g) - x_hat * mean(g * x_hat))),
    "gamma forgotten": ("missing factor|unknown", "gamma", lambda d, x, x_hat, std, gamma: bn(
        lambda g, x_hat, std: (g - mean(g) - x_hat * mean(g * x_hat)) / std)(d, x, x_hat, std, 1.0)),
    "dgamma from x": ("wrong operand", "x", bn_dgamma(lambda d, x, x_hat, std: np.sum(d * x, axis=0))),
    "dgamma without x_hat": ("wrong input", "beta", bn_dgamma(lambda d, x, x_hat, std: np.sum(d, axis=0))),
    "dgamma averaged": ("factor", "batch size", bn_dgamma(lambda d, x, x_hat, std: mean(d * x_hat))),
    "dgamma not summed": ("not summed", "batch", bn_dgamma(lambda d, x, x_hat, std: d * x_hat)),
    "gradient of inference": ("missing term", "through the mean", bn(lambda g, x_hat, std: g / std)),
}  # fmt: skip
each("batch norm", BATCH_NORM, run_batch_norm)


class StudentLayerNorm(L.LayerNorm):
    def __init__(self, dx, n=F):
        L.LayerNorm.__init__(self, n, dtype=np.float64)
        self.dx = dx
        self.params["gamma"][...] = np.linspace(0.5, 2, n)

    def backward(self, dy, cache):
        self.grads["gamma"] += np.sum(dy * cache.x_hat, axis=0)
        self.grads["beta"] += dy.sum(axis=0)
        return self.dx(dy * self.params["gamma"], cache.x_hat, cache.r[:, None])


def row_mean(a):
    return a.mean(axis=1, keepdims=True)


LAYER_NORM = {
    "mean path missing": ("missing term", "through the mean", lambda g, x_hat, r: r * (g - x_hat * row_mean(g * x_hat))),
    "variance path missing": ("missing term", "through the variance", lambda g, x_hat, r: r * (g - row_mean(g))),
    "r squared": ("std and variance|missing factor", "", lambda g, x_hat, r: r**2 * (g - row_mean(g) - x_hat * row_mean(g * x_hat))),
    "sign": ("sign", "dx", lambda g, x_hat, r: -r * (g - row_mean(g) - x_hat * row_mean(g * x_hat))),
    "sums for means": ("factor", "summed", lambda g, x_hat, r: r * (g - F * row_mean(g) - F * x_hat * row_mean(g * x_hat))),
}
each("layer norm", LAYER_NORM, lambda dx: check_layer(StudentLayerNorm(dx), data(N, F)))
fault("layer norm: r applied to columns", "broadcast", "keepdims")(
    lambda: check_layer(StudentLayerNorm(lambda g, x_hat, r: r.T * (g - row_mean(g) - x_hat * row_mean(g * x_hat)), n=5), data(5, 5))
)


# Dropout, masks, maxima


class StudentDropout(L.Dropout):
    def __init__(self, how):
        L.Dropout.__init__(self, 0.4, rng=0)
        self.how = how

    def backward(self, dy, mask):
        return self.how(self, dy, mask)


DROPOUT = {
    "not scaled": ("mask", "scale", lambda self, dy, mask: dy * (mask > 0)),
    "scaled twice": ("mask", "twice", lambda self, dy, mask: dy * mask / 0.6),
    "mask forgotten": ("mask", "mask", lambda self, dy, mask: dy),
    "only scaled": ("mask", "mask", lambda self, dy, mask: dy / 0.6),
    "fresh mask": ("mask", "new mask", lambda self, dy, mask: dy * (self.stream.uniform(dy.shape, float) >= 0.4) / 0.6),
    "another mask": ("mask", "another mask", lambda self, dy, mask: dy * mask[::-1]),
    "inverted mask": ("mask", "mask", lambda self, dy, mask: dy * (mask == 0) / 0.6),
}
each("dropout", DROPOUT, lambda how: check_layer(StudentDropout(how), data(N, F)))


class StaleDropout(L.Dropout):
    def forward(self, x, training=True):
        y, self.mask = L.Dropout.forward(self, x, training=training)
        return y, None

    def backward(self, dy, cache):
        return dy * self.mask


fault("dropout: mask in self", "stale cache", "second")(lambda: check_layer(StaleDropout(0.4, rng=0), data(N, F)))


class UnmaskedLinear(L.MaskedLinear):
    def backward(self, dy, cache):
        self.grads["W"] += cache[0].T @ dy
        self.grads["b"] += dy.sum(0)
        return dy @ cache[1].T


fault("masked linear: mask forgotten", "mask", "mask")(lambda: check_layer(UnmaskedLinear(np.tri(F, H), rng=0, dtype=float), data(N, F)))


class StudentMaxout(L.Maxout):
    def backward(self, dy, winner):
        return np.repeat(dy, self.pieces, axis=1)


fault("maxout: all pieces", "mask", "winner")(lambda: check_layer(StudentMaxout(2), data(N, F)))


# The reparameterization trick, function style with std or variance in the cache

LATENT = {
    "½ forgotten": ("factor", "½", lambda dz, lv, eps: (dz, dz * eps * np.exp(lv / 2))),
    "variance for std": ("std and variance", "variance", lambda dz, lv, eps: (dz, 0.5 * dz * eps * np.exp(lv))),
    "log-variance as log-std": ("std and variance", "variance", lambda dz, lv, eps: (dz, dz * eps * np.exp(lv))),
    "eps forgotten": ("missing factor", "cache[1]", lambda dz, lv, eps: (dz, 0.5 * dz * np.exp(lv / 2))),
    "std forgotten": ("std and variance|missing factor", "", lambda dz, lv, eps: (dz, 0.5 * dz * eps)),
    "exchanged": ("wrong input", "changed places", lambda dz, lv, eps: (0.5 * dz * eps * np.exp(lv / 2), dz)),
    "dmu times std": ("std and variance|missing factor", "", lambda dz, lv, eps: (dz * np.exp(lv / 2), 0.5 * dz * eps * np.exp(lv / 2))),
    "dlogvar zero": ("zero", "dlogvar", lambda dz, lv, eps: (dz, 0 * dz)),
    "dmu negative": ("sign", "dmu", lambda dz, lv, eps: (-dz, 0.5 * dz * eps * np.exp(lv / 2))),
}


def run_latent(backward):
    eps = data(N, F, seed=3)
    forward = lambda mu, logvar: (mu + np.exp(logvar / 2) * eps, (logvar, eps))
    return check_function(forward, lambda dz, cache: backward(dz, *cache), data(N, F), data(N, F, seed=1))


each("reparameterize", LATENT, run_latent)


# A layer with its activation inside


def run_dense(backward):
    forward = lambda x, w, b: (np.tanh(x @ w + b), (x, w, x @ w + b))
    return check_function(forward, lambda d, cache: backward(d, *cache), data(N, F), data(F, H, seed=1), data(H, seed=2))


def through(dz):
    """All gradients from dz = ∂L/∂(x w + b)."""
    return lambda d, x, w, z: (dz(d, z) @ w.T, x.T @ dz(d, z), dz(d, z).sum(0))


each("dense tanh", {
    "from the pre-activation": ("wrong operand", "output y", through(lambda d, z: d * (1 - z**2))),
    "derivative forgotten": ("missing factor", "activation", through(lambda d, z: d)),
    "dw from dy": ("missing factor", "dw", lambda d, x, w, z: (dz := d * (1 - np.tanh(z) ** 2)) is not None and (dz @ w.T, x.T @ d, dz.sum(0))),
}, run_dense)  # fmt: skip


def run_unit_length(backward):
    def forward(x):
        length = np.sqrt(np.sum(x**2, axis=1, keepdims=True))
        return x / length, (x / length, length)

    return check_function(forward, lambda d, cache: backward(d, *cache), data(N, F))


each("unit length", {
    "path through the length missing": ("missing term", "sum over the features", lambda d, y, length: d / length),
    "length squared": ("missing factor", "cache[1]", lambda d, y, length: (d - y * np.sum(d * y, 1, keepdims=True)) / length**2),
}, run_unit_length)  # fmt: skip
each("mean over the batch", {
    "not divided": ("factor", "batch size", lambda d, x: np.ones(x.shape) * d),
}, lambda backward: check_function(lambda x: (x.mean(axis=0), x), backward, data(N, F)))  # fmt: skip


# Stale caches


class StaleTanh(L.Layer):
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y, None

    def backward(self, dy, cache):
        return dy * (1 - self.y**2)


class StaleLinear(L.Linear):
    def forward(self, x, training=True):
        self.x = x
        return L.Linear.forward(self, x)

    def backward(self, dy, cache):
        self.grads["W"] += self.x.T @ dy
        self.grads["b"] += dy.sum(0)
        return dy @ self.params["W"].T


class HiddenPreactivation(L.Layer):
    """A hidden slot and a wrong operand at once: the input where the output belongs."""

    def forward(self, x):
        return np.tanh(x), x

    def backward(self, dy, x):
        return dy * (1 - x * x)


class ReusedOutput(L.Layer):
    def __init__(self):
        self.out = np.empty((N, F))

    def forward(self, x):
        np.tanh(x, out=self.out)
        return self.out, self.out

    def backward(self, dy, y):
        return dy * (1 - y * y)


class InPlace(L.ReLU):
    def backward(self, dy, y):
        dy *= y > 0
        return dy


fault("tanh: stale", "stale cache", "second")(lambda: check_layer(StaleTanh(), data(N, F)))
fault("linear: stale", "stale cache", "second")(lambda: check_layer(StaleLinear(F, H, rng=0, dtype=float), data(N, F)))
fault("tanh layer: from x", "wrong operand", "output y")(lambda: check_layer(HiddenPreactivation(), data(N, F)))
fault("tanh: one output array", "stale cache", "second")(lambda: check_layer(ReusedOutput(), data(N, F)))
fault("relu: changes dy", "mutated", "dy")(lambda: check_layer(InPlace(), data(N, F)))


# Losses

sigmoid = lambda x: 1 / (1 + np.exp(-x))


def bce(dlogits):
    def loss(logits, targets):
        return np.sum(np.logaddexp(0, logits) - targets * logits) / len(logits), dlogits(logits, targets)

    return check_loss(loss, data(N, F), np.random.default_rng(1).uniform(size=(N, F)), wrt="logits")


def kl(gradients):
    def loss(mu, logvar):
        return 0.5 * np.sum(mu**2 + np.exp(logvar) - logvar - 1) / len(mu), *gradients(mu, logvar)

    return check_loss(loss, data(N, F), data(N, F, seed=1))


def squared(dx):
    return check_loss(lambda x, t: (0.5 * np.sum((x - t) ** 2) / len(x), dx(x, t)), data(N, F), data(N, F, seed=1), wrt="x")


def cross_entropy(dx):
    labels = np.array([0, 3, 1, 2, 2, 0])

    def loss(x, labels):
        return -np.sum(np.log(softmax(x)[np.arange(len(x)), labels])) / len(x), dx(x, labels)

    return check_loss(loss, data(N, F), labels)


each("bce", {
    "not averaged": ("factor", "batch size", lambda x, t: sigmoid(x) - t),
    "averaged over all elements": ("factor", "divided", lambda x, t: (sigmoid(x) - t) / x.size),
    "sign": ("sign", "", lambda x, t: (t - sigmoid(x)) / N),
    "target missing": ("missing term", "target", lambda x, t: sigmoid(x) / N),
    "prediction is the logit": ("unknown|missing term", "", lambda x, t: (x - t) / N),
    "target's sign": ("sign", "target", lambda x, t: (sigmoid(x) + t) / N),
}, bce)  # fmt: skip
each("kl", {
    "mu zero": ("zero", "dmu", lambda mu, lv: (0 * mu, 0.5 * (np.exp(lv) - 1) / N)),
    "½ forgotten": ("factor", "½", lambda mu, lv: (mu / N, (np.exp(lv) - 1) / N)),
    "−1 forgotten": ("missing term", "−1", lambda mu, lv: (mu / N, 0.5 * np.exp(lv) / N)),
    "dmu not averaged": ("factor", "batch size", lambda mu, lv: (mu, 0.5 * (np.exp(lv) - 1) / N)),
    "exchanged": ("wrong input", "changed places", lambda mu, lv: (0.5 * (np.exp(lv) - 1) / N, mu / N)),
    "dmu doubled": ("factor", "2 times", lambda mu, lv: (2 * mu / N, 0.5 * (np.exp(lv) - 1) / N)),
}, kl)  # fmt: skip
each("squared error", {
    "½ ignored": ("factor", "½", lambda x, t: 2 * (x - t) / N),
    "sign": ("sign", "", lambda x, t: (t - x) / N),
    "target missing": ("missing term", "t", lambda x, t: x / N),
}, squared)  # fmt: skip
each("cross-entropy", {
    "target missing": ("missing term", "target", lambda x, t: softmax(x) / N),
    "not averaged": ("factor", "batch size", lambda x, t: softmax(x) - np.eye(F)[t]),
    "target's sign": ("sign", "target", lambda x, t: (softmax(x) + np.eye(F)[t]) / N),
}, cross_entropy)  # fmt: skip


# Networks and models: the mistake is found in its layer


class WrongTanh(L.Tanh):
    def backward(self, dy, y):
        return -dy * (1 - y * y)


def in_a_network():
    lin = lambda a, b: L.Linear(a, b, rng=0, dtype=float)
    return check_layer(L.Sequential(lin(F, 5), WrongTanh(), lin(5, 5), L.Sigmoid(), lin(5, H)), data(N, F))


fault("network: wrong sign in layer 1", "sign", "layer 1, WrongTanh")(in_a_network)


def skip(dx):
    return check_function(lambda x: (x + np.sin(x), x), dx, data(N, F))


fault("skip connection: path missing", "missing term", "skip")(lambda: skip(lambda d, x: d * np.cos(x)))


def decayed_objective():
    net, x = L.mlp((F, 5, 2), "tanh", rng=0, dtype=float), data(N, F)

    def objective():
        y, cache = net.forward(x)
        net.backward(y / N, cache)
        return 0.5 * np.sum(y**2) / N + 0.05 * np.sum(net.params["0.W"] ** 2)

    return check_objective(net, objective)


def doubled_objective():
    net, x = L.mlp((F, 5, 2), "tanh", rng=0, dtype=float), data(N, F)

    def objective():
        y, cache = net.forward(x)
        net.backward(y, cache)
        return 0.5 * np.sum(y**2) / N

    return check_objective(net, objective)


fault("objective: penalty without gradient", "missing term", "weight decay")(decayed_objective)
fault("objective: not averaged", "factor", "")(doubled_objective)


@functools.cache
def judged(number):
    """(report, its first diagnosis, whether that is right) of fault number n."""
    _, check, kinds, word = FAULTS[number]
    report = check()
    assert not report.ok and report.diagnoses, report.message
    first = report.diagnoses[0]
    return report, first, first.kind in kinds and any(w in first.text for w in word.split("|"))


@pytest.mark.parametrize("number", range(len(FAULTS)), ids=[name for name, *_ in FAULTS])
def test_no_wrong_diagnosis_is_called_certain(number):
    report, first, right = judged(number)
    assert right or not first.certain, report.message


def test_the_first_diagnosis_is_right():
    wrong = [(FAULTS[n][0], judged(n)[1].text) for n in range(len(FAULTS)) if not judged(n)[2]]
    assert len(FAULTS) >= 60 and len({name.split(":")[0] for name, *_ in FAULTS}) >= 8
    assert len(wrong) <= 0.05 * len(FAULTS), wrong


def test_diagnoses_that_say_nothing_are_rare():
    unknown = [FAULTS[n][0] for n in range(len(FAULTS)) if judged(n)[1].kind == "unknown"]
    assert len(unknown) <= 0.05 * len(FAULTS), unknown


def test_where_nothing_fits_the_worst_elements_are_shown():
    x = data(N, F)
    report = check_function(lambda x: (np.sin(x), x), lambda d, x: d * np.cos(x) + np.cos(7 * x * d) * x**3, x)
    assert "no common mistake explains dx" in report.message and report.message.count("backward says") >= 3
    assert not report.diagnoses[0].certain


def test_what_is_right_has_no_diagnosis():
    assert check_layer(L.Softmax(), data(N, F)).diagnoses == []


def test_ambiguous_sizes_are_not_certain():
    """Divided by the batch size or by the number of outputs? Both are 4, so neither is certain; with 5 examples it is."""
    forward, backward = lambda x, w: (x @ w, (x, w)), lambda d, c: (d @ c[1].T, c[0].T @ d / 4)
    first = check_function(forward, backward, data(4, 3), data(3, 4)).diagnoses[0]
    assert first.kind == "factor" and not first.certain and "the batch size" in first.text and "the number of outputs" in first.text
    assert check_function(forward, backward, data(4, 3), data(3, 5)).diagnoses[0].certain


def test_a_loss_divided_by_its_features_is_no_confusion_of_n_and_n_minus_1():
    """On (4, 3) the two give one factor, 4 / 3: neither is certain; and of a loss nobody says that a layer sums over the batch."""
    loss = lambda x, t: (0.5 * np.sum((x - t) ** 2) / len(x), (x - t) / x.shape[1])
    first = check_loss(loss, data(4, 3), data(4, 3, seed=1), wrt="x").diagnoses[0]
    assert not first.certain and "N and N − 1 are confused" in first.text and "(3) in the place of the batch size (4)" in first.text
    first = check_loss(loss, data(7, 5), data(7, 5, seed=1), wrt="x").diagnoses[0]
    assert first.certain and "it is divided by the number of features of x (5) in the place of the batch size (7)" in first.text
    doubly = lambda x, t: (0.5 * np.sum((x - t) ** 2) / len(x), (x - t) / len(x) ** 2)
    text = check_loss(doubly, data(7, 5), data(7, 5, seed=1), wrt="x").diagnoses[0].text
    assert "divided by the batch size (7)" in text and "A layer sums" not in text


def test_a_small_constant_that_was_forgotten():
    def forward(x):
        r = 1 / np.sqrt(x.var(axis=0) + 1e-4)
        return x * r.mean(), r

    x = data(7, 5)
    report = check_function(forward, lambda d, r: d * r.mean(), x)
    assert not report.ok and "nearly right" not in report.message
    report = check_function(lambda x: (x / np.sqrt(2 + 1e-4), None), lambda d, c: d / np.sqrt(2), x)
    assert report.diagnoses[0].kind == "small" and "the eps under a root, is missing" in report.diagnoses[0].text


def test_certain_and_likely_are_told_apart_in_print():
    certain = check_function(lambda x: (x**2, x), lambda d, x: -2 * x * d, data(N, F))
    assert "Certain: dx has the wrong sign\n      Tested: −dx agrees with the difference quotient" in certain.message
    likely = check_function(lambda x: (x**2, x), lambda d, x: 2.3 * x * d, data(N, F))
    assert "Likely: dx is 1.15 times what it should be" in likely.message


X0 = np.random.default_rng(0).normal(size=(6, 4))
SAYS = [  # forward, backward, its arguments, what is said, and whether it is certain
    (lambda x1, x2: (3 * (x1 - x2), None), lambda dy, _: (3 * dy, 3 * dy), (X0, X0[::-1]), "the wrong sign; or dx2 is the gradient of x1", False),
    (lambda x: (1.5 * np.maximum(x, 0), None), lambda dy, _: 1.5 * dy, (X0,), "the side where a ReLU is off", True),
    (lambda x, w: (np.tanh(x), x), lambda dy, x: (dy * (1 - np.tanh(x) ** 2), dy), (X0, 2 * X0), "does not depend on w, and yet dw is", True),
    (lambda x: (x + np.tanh(x), x), lambda dy, x: dy, (X0,), "or in y = x + f(x) without the path through f", True),
    (lambda x: (np.tanh(x.astype(np.float32)).astype(float), x), lambda dy, x: dy * (1 - np.tanh(x) ** 2), (X0,), "rounds to float32 inside", True),
    (lambda p: (np.log(p), p), lambda dy, p: -dy / p, (1e-3 * (1 + X0**2),), "dp has the wrong sign", True),
    (lambda x: (np.sin(x), x), lambda dy, x: -dy * np.cos(x), (1e5 + X0,), "dx has the wrong sign", True),
]  # fmt: skip


@pytest.mark.parametrize(("f", "backward", "arguments", "words", "certain"), SAYS, ids=[words for *_, words, _ in SAYS])
def test_what_is_said_and_how_surely(f, backward, arguments, words, certain):
    report = check_function(f, backward, *(np.array(a) for a in arguments))
    assert not report.ok and words in report.diagnoses[0].text and report.diagnoses[0].certain == certain


def test_weight_decay_is_a_matter_of_parameters():
    report = check_loss(lambda x: (0.05 * np.sum(x**2) + np.sum(np.sin(x)), np.cos(x)), X0)
    assert "the term 0.1 · x is missing from dx" in report.diagnoses[0].text and "decay" not in str(report) and not report.diagnoses[0].certain
