"""Visible tests: activations."""

import numpy as np

from scratchgen.coursework.testing import check_gradient, close, points

SLOPE = 0.2


def check_backward(exercise, name, x, *options):
    """The student's backward, at the right outputs: it does not depend on the student's forward."""
    backward = lambda dy, y: getattr(exercise, f"{name}_backward")(dy, y, *options)
    forward = FORWARD[name]
    check_gradient(f"{name}_backward", lambda x: (y := forward(x), y), backward, x)


FORWARD = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, SLOPE * x),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "softmax": lambda x: np.exp(x) / np.exp(x).sum(axis=1, keepdims=True),
}


@points(0.5)
def test_relu(exercise, rng):
    """ReLU."""
    close("relu(x)", exercise.relu(np.array([[-2.0, 0.0, 3.0]])), [[0.0, 0.0, 3.0]])


@points(1)
def test_relu_backward(exercise, rng):
    """ReLU, backward."""
    check_backward(exercise, "relu", rng.normal(size=(4, 3)))


@points(0.5)
def test_leaky_relu(exercise, rng):
    """Leaky ReLU."""
    close("leaky_relu(x, 0.2)", exercise.leaky_relu(np.array([[-2.0, 0.0, 3.0]]), SLOPE), [[-0.4, 0.0, 3.0]])


@points(1)
def test_leaky_relu_backward(exercise, rng):
    """Leaky ReLU, backward."""
    check_backward(exercise, "leaky_relu", rng.normal(size=(4, 3)), SLOPE)


@points(0.5)
def test_tanh(exercise, rng):
    """tanh."""
    x = rng.normal(size=(4, 3))
    close("tanh(x)", exercise.tanh(x), np.tanh(x))


@points(1)
def test_tanh_backward(exercise, rng):
    """tanh, backward."""
    check_backward(exercise, "tanh", rng.normal(size=(4, 3)))


@points(0.5)
def test_sigmoid(exercise, rng):
    """Sigmoid."""
    x = rng.normal(size=(4, 3))
    close("sigmoid(x)", exercise.sigmoid(x), FORWARD["sigmoid"](x))


@points(1)
def test_sigmoid_backward(exercise, rng):
    """Sigmoid, backward."""
    check_backward(exercise, "sigmoid", rng.normal(size=(4, 3)))


@points(0.5)
def test_softplus(exercise, rng):
    """Softplus."""
    x = rng.normal(size=(4, 3))
    close("softplus(x)", exercise.softplus(x), FORWARD["softplus"](x))


@points(1.5)
def test_softplus_backward(exercise, rng):
    """Softplus, backward, from y alone."""
    check_backward(exercise, "softplus", rng.normal(size=(4, 3)))


@points(1)
def test_softmax(exercise, rng):
    """Softmax of each row."""
    x = rng.normal(size=(4, 3))
    close("softmax(x)", exercise.softmax(x), FORWARD["softmax"](x))


@points(3)
def test_softmax_backward(exercise, rng):
    """Softmax, backward, for any dy."""
    check_backward(exercise, "softmax", rng.normal(size=(4, 3)))
