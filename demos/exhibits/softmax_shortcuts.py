"""Two softmax backwards that are not softmax's.

    y_j = e^(x_j) / Σ_k e^(x_k)        ∂y_j/∂x_i = y_j (δ_ij − y_i)        dx_i = y_i (dy_i − Σ_j dy_j y_j)

What shipped:

    dx = dy ∘ y ∘ (1 − y)       i = j only, as for a sigmoid; but a higher x_i also lowers all other outputs
    dx = dy                     in the belief that dy is p − target already, as before a cross-entropy
"""

import numpy as np

from exhibits.display import Piece, heat_map
from scratchgen.gradcheck import check_layer
from scratchgen.layers import Softmax

H = 1e-5


class Diagonal(Softmax):
    """As it shipped."""

    def backward(self, dy, y):
        return dy * y * (1 - y)


class AssumesCrossEntropy(Softmax):
    """As the other shipped."""

    def backward(self, dy, y):
        return dy


def own_input_only(layer_class):
    """Each output against its own input: ∂y_j/∂x_j is y_j (1 − y_j)."""
    layer, x = layer_class(), np.random.default_rng(0).normal(size=(1, 4))
    y, cache = layer.forward(x)
    for j in range(4):
        dy = np.eye(4)[[j]]
        numeric = (layer(x + H * dy) - layer(x - H * dy))[0, j] / (2 * H)
        assert np.isclose(layer.backward(dy, cache)[0, j], numeric)


def before_a_cross_entropy(layer_class):
    """The gradient of −Σ target log softmax(x), when backward is given p − target."""
    layer, x, target = layer_class(), np.random.default_rng(0).normal(size=(1, 4)), np.eye(4)[[2]]
    p, cache = layer.forward(x)
    dx = layer.backward(p - target, cache)
    loss = lambda x: -np.sum(target * np.log(layer(x)))
    numeric = [(loss(x + H * step) - loss(x - H * step)) / (2 * H) for step in np.eye(4)]
    assert np.allclose(dx[0], numeric)


TITLE = "Two softmax backwards: only the diagonal, and only before a cross-entropy"
LESSON = (
    "A layer's backward is dx = Jᵀ dy with all of J, for any dy. "
    "Check it with a random dy, not with the one it is used with."
)
PIECES = [
    Piece(
        "dx = dy ∘ y ∘ (1 − y): the diagonal of the Jacobian, without the paths to the other outputs",
        "each output is differenced with respect to its own input, and agrees",
        Diagonal,
        own_input_only,
    ),
    Piece(
        "dx = dy: what comes in is taken to be p − target already",
        "before a cross-entropy, given p − target, it agrees with difference quotients of the loss",
        AssumesCrossEntropy,
        before_a_cross_entropy,
    ),
]
REPAIRED = Softmax


def checks(layer_class, seed=0):
    return [check_layer(layer_class(), np.random.default_rng(seed).normal(size=(3, 4)), seed=seed)]


def draw(axes, layer_class):
    layer = layer_class()
    _, cache = layer.forward(np.array([[1.0, 0.2, 0.5, -0.5]]))
    heat_map(axes, np.concatenate([layer.backward(dy[None], cache) for dy in np.eye(4)]), 0.25)
    axes.set(xlabel="inputs", ylabel="outputs")
