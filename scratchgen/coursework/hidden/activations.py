"""Hidden tests: activations."""

import numpy as np

from scratchgen.coursework.testing import close, dtype_kept, points

LARGE = np.array([[-1000.0, -40.0, 0.0, 40.0, 1000.0]])


@points(1)
def test_sigmoid_of_large_numbers(exercise, rng):
    """Sigmoid of large numbers."""
    close("sigmoid(x) for x from −1000 to 1000", exercise.sigmoid(LARGE), [[0, np.exp(-40), 0.5, 1 / (1 + np.exp(-40)), 1]])


@points(1)
def test_softplus_of_large_numbers(exercise, rng):
    """Softplus of large numbers."""
    close("softplus(x) for x from −1000 to 1000", exercise.softplus(LARGE), [[0, np.exp(-40), np.log(2), 40, 1000]])


@points(1)
def test_softmax_of_large_numbers(exercise, rng):
    """Softmax of large numbers."""
    p = 1 / (1 + np.exp(-1))
    close("softmax(x)", exercise.softmax(np.array([[1000.0, 999.0], [-999.0, -1000.0]])), [[p, 1 - p], [p, 1 - p]])


@points(1)
def test_dtype(exercise, rng):
    """float32 stays float32."""
    x, dy = (rng.normal(size=(3, 4)).astype(np.float32) for _ in range(2))
    for name in ("relu", "tanh", "sigmoid", "softplus", "softmax"):
        y = getattr(exercise, name)(x)
        dtype_kept(f"{name}(x)", y, np.float32)
        dtype_kept(f"{name}_backward(dy, y)", getattr(exercise, f"{name}_backward")(dy, np.asarray(y, np.float32)), np.float32)


@points(1)
def test_softmax_at_size(exercise, rng):
    """Softmax, backward, of 1000 classes, within the time limit."""
    x, dy = rng.normal(size=(20, 1000)), rng.normal(size=(20, 1000))
    y = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    close("softmax_backward(dy, y)", exercise.softmax_backward(dy, y), y * (dy - np.sum(dy * y, axis=1, keepdims=True)))
