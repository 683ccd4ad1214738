"""An LSTM (Hochreiter & Schmidhuber 1997) whose backward gives zeros, in the right shapes.

For t = 1 … T, from h = c = 0:

    [i | f | o | g] = [σ | σ | σ | tanh](x_t W + h U + b)        input, forget and output gate, candidate
    c ← f ∘ c + i ∘ g          h ← o ∘ tanh c

Backward is the same list from bottom to top, from t = T to 1; dh and dc carry the gradient from step to step.
"""

import numpy as np

from exhibits.display import Piece, heat_map
from scratchgen.gradcheck import check_layer
from scratchgen.layers import Layer


class ZeroLSTM(Layer):
    """x (batch, T, n_in) -> the last h (batch, n). backward as it shipped."""

    def __init__(self, n_in=2, n=3, rng=0):
        rng = np.random.default_rng(rng)
        self.params = {
            "W": rng.normal(size=(n_in, 4 * n)),
            "U": rng.normal(size=(n, 4 * n)),
            "b": rng.normal(size=4 * n),
        }
        self.grads = {key: np.zeros_like(value) for key, value in self.params.items()}

    def forward(self, x):
        n = self.params["U"].shape[0]
        h, c, cache = np.zeros((len(x), n)), np.zeros((len(x), n)), []
        for t in range(x.shape[1]):
            a = x[:, t] @ self.params["W"] + h @ self.params["U"] + self.params["b"]  # (batch, 4 n)
            i, f, o = (1 / (1 + np.exp(-a[:, k * n : (k + 1) * n])) for k in range(3))
            g = np.tanh(a[:, 3 * n :])
            before = h, c
            c = f * c + i * g
            h = o * np.tanh(c)
            cache.append((x[:, t], *before, i, f, o, g, c))
        return h, cache

    def backward(self, dh, cache):
        x = np.stack([x for x, *_ in cache], axis=1)
        for key in self.grads:
            self.grads[key] += np.zeros_like(self.params[key])
        return np.zeros_like(x)


class LSTM(ZeroLSTM):
    """The same forward, with its derivative."""

    def backward(self, dh, cache):
        dc, dx = np.zeros_like(dh), []
        for x, h, c_before, i, f, o, g, c in reversed(cache):
            tanh_c = np.tanh(c)
            dc = dc + dh * o * (1 - tanh_c**2)  # c reaches the loss through h, and through the next step
            di, df, do, dg = dc * g, dc * c_before, dh * tanh_c, dc * i
            da = np.concatenate(
                [di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g**2)], axis=1
            )
            self.grads["W"] += x.T @ da
            self.grads["U"] += h.T @ da
            self.grads["b"] += da.sum(axis=0)
            dx.append(da @ self.params["W"].T)
            dh, dc = da @ self.params["U"].T, dc * f
        return np.stack(dx[::-1], axis=1)


def shapes_only(layer_class):
    """Every gradient has the shape of what it belongs to."""
    layer, x = layer_class(), np.ones((4, 5, 2))
    h, cache = layer.forward(x)
    dx = layer.backward(np.ones_like(h), cache)
    assert h.shape == (4, 3) and dx.shape == x.shape
    assert all(layer.grads[key].shape == value.shape for key, value in layer.params.items())


TITLE = "An LSTM whose backward returns zeros"
LESSON = "A test of shapes says nothing about values. Zeros have every shape."
PIECES = [Piece("all gradients that backward gives are zeros", "all shapes are right", ZeroLSTM, shapes_only)]
REPAIRED = LSTM


def checks(layer_class, seed=0):
    return [check_layer(layer_class(), np.random.default_rng(seed).normal(size=(4, 3, 2)), seed=seed)]


def draw(axes, layer_class):
    layer = layer_class()
    h, cache = layer.forward(np.random.default_rng(0).normal(size=(4, 3, 2)))
    layer.backward(np.ones_like(h), cache)
    heat_map(axes, layer.grads["U"], 0.8)
    axes.set_xlabel("dU, from state to gates")
