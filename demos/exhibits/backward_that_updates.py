"""A backward that also updates the weights.

    wrong       backward(dy, cache):  dW = xᵀ dy;  W ← W − lr · dW;
                dx = dy Wᵀ with the weights as they are *after* the update
    right       backward computes gradients; an optimizer, and nobody else, changes parameters

In a classifier it trains, a little wrongly. In a GAN the generator's step goes through the discriminator, and
trains it as well, in the wrong direction; so such libraries need `trainable = False` switches, which somebody
must remember to throw.
"""

import numpy as np

from exhibits.display import Piece, heat_map
from scratchgen.gradcheck import check_layer
from scratchgen.layers import Linear


class SelfUpdating(Linear):
    """Linear, impatient."""

    lr = 0.05

    def backward(self, dy, x):
        dW, db = x.T @ dy, dy.sum(axis=0)
        self.grads["W"] += dW
        self.grads["b"] += db
        self.params["W"] -= self.lr * dW
        self.params["b"] -= self.lr * db
        return dy @ self.params["W"].T


def make(layer_class):
    return layer_class(3, 4, rng=0, dtype=np.float64)


def learns(layer_class):
    """It fits a linear function by calling forward and backward, and dW is xᵀ dy."""
    layer, rng = make(layer_class), np.random.default_rng(0)
    x = rng.normal(size=(20, 3))
    target = x @ rng.normal(size=(3, 4))
    losses = []
    for _ in range(100):
        y, cache = layer.forward(x)
        losses.append(0.5 * np.sum((y - target) ** 2) / len(x))
        layer.zero_grads()
        layer.backward((y - target) / len(x), cache)
        assert np.allclose(layer.grads["W"], x.T @ (y - target) / len(x))
    assert losses[-1] < 0.1 * losses[0]


TITLE = "A backward that also updates the weights"
LESSON = (
    "Backward computes; only an optimizer updates. "
    "Then the generator's step can go through the discriminator without touching it."
)
PIECES = [
    Piece(
        "backward subtracts lr · dW from W, then computes dx with the new W",
        "it learns a linear function, and dW is xᵀ dy",
        SelfUpdating,
        learns,
    )
]
REPAIRED = Linear


def checks(layer_class, seed=0):
    return [check_layer(make(layer_class), np.random.default_rng(seed).normal(size=(5, 3)), seed=seed)]


def draw(axes, layer_class):
    layer, rng = make(layer_class), np.random.default_rng(0)
    before = layer.params["W"].copy()
    y, cache = layer.forward(rng.normal(size=(5, 3)))
    layer.backward(rng.normal(size=y.shape), cache)
    heat_map(axes, layer.params["W"] - before, 0.2)
    axes.set_xlabel("W after backward − W before")
