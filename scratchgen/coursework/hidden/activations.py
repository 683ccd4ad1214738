"""Hidden tests: activations."""

import numpy as np

from scratchgen.coursework.hidden import DTYPE, LARGE, SIZE
from scratchgen.coursework.testing import close, dtype_kept, points
from scratchgen.coursework.visible.activations import FORWARD
from scratchgen.layers.relu import relu_backward
from scratchgen.layers.sigmoid import sigmoid_backward
from scratchgen.layers.softmax import softmax_backward
from scratchgen.layers.softplus import softplus_backward
from scratchgen.layers.tanh import tanh_backward


def large(rng):
    """[[−about 1000, −about 40, a small number, about 40, about 1000]]"""
    return np.array([[-1000.0, -40.0, 0.0, 40.0, 1000.0]]) + rng.uniform(-2, 2, size=(1, 5))


@points(1, why=LARGE)
def test_sigmoid_of_large_numbers(exercise, rng):
    """Sigmoid of large numbers."""
    x = large(rng)
    _, low, middle, high, _ = x[0]
    want = [[0, np.exp(low), 1 / (1 + np.exp(-middle)), 1 / (1 + np.exp(-high)), 1]]
    close("sigmoid(x) for x from −1000 to 1000", exercise.without_overflow("sigmoid", x), want)


@points(1, why=LARGE)
def test_softplus_of_large_numbers(exercise, rng):
    """Softplus of large numbers."""
    x = large(rng)
    _, low, middle, high, highest = x[0]
    want = [[0, np.exp(low), np.log1p(np.exp(middle)), high, highest]]
    close("softplus(x) for x from −1000 to 1000", exercise.without_overflow("softplus", x), want)


@points(1, why=LARGE)
def test_softmax_of_large_numbers(exercise, rng):
    """Softmax of large numbers."""
    x, shift = rng.normal(size=(2, 3)), np.array([[1000.0], [-1000.0]])
    close("softmax(x) for x about 1000 and −1000", exercise.without_overflow("softmax", x + shift), FORWARD["softmax"](x + shift - shift))


@points(1, why=DTYPE)
def test_dtype(exercise, rng):
    """float32 stays float32."""
    x, dy = (rng.normal(size=(3, 4)).astype(np.float32) for _ in range(2))
    for right in (relu_backward, tanh_backward, sigmoid_backward, softplus_backward, softmax_backward):
        name = right.__name__.removesuffix("_backward")
        y = FORWARD[name](x)
        for what, got, want in [
            (f"{name}(x)", getattr(exercise, name)(x), y),
            (f"{name}_backward(dy, y)", getattr(exercise, right.__name__)(dy, y), right(dy, y)),
        ]:
            dtype_kept(what, got, np.float32)
            close(what, got, want, rtol=1e-5)


@points(1, why=SIZE)
def test_softmax_at_size(exercise, rng):
    """Softmax, backward, of 1000 classes, within the time limit."""
    x, dy = rng.normal(size=(20, 1000)), rng.normal(size=(20, 1000))
    y = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    close("softmax_backward(dy, y)", exercise.softmax_backward(dy, y), y * (dy - np.sum(dy * y, axis=1, keepdims=True)))
