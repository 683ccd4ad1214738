"""Visible tests: activations."""

import numpy as np

from scratchgen.coursework.mistakes import activations as mistakes_of
from scratchgen.coursework.mistakes.activations import SLOPE
from scratchgen.coursework.testing import check_gradient, close, exactly, points, sizes
from scratchgen.layers.leaky_relu import leaky_relu_backward
from scratchgen.layers.relu import relu_backward
from scratchgen.layers.sigmoid import sigmoid_backward
from scratchgen.layers.softmax import softmax_backward
from scratchgen.layers.softplus import softplus_backward
from scratchgen.layers.tanh import tanh_backward


def check_backward(exercise, rng, right, *options):
    """The student's backward, at the right outputs, then at numbers that are no outputs: it depends neither on x nor on a forward."""
    name = right.__name__
    backward = lambda dy, y: getattr(exercise, name)(dy, y, *options)
    forward = FORWARD[name.removesuffix("_backward")]
    mistakes = mistakes_of.BACKWARD.get(name, {})
    check_gradient(name, lambda x: (y := forward(x), y), backward, rng.normal(size=sizes(rng, 2)), mistakes=mistakes)
    dy, y = rng.uniform(1, 2, size=(4, 3)), rng.uniform(1.5, 4, size=(4, 3))
    if right not in (relu_backward, softmax_backward):  # negative ones too; softmax would cancel, and of ReLU `y > 0` and `y != 0` are both right
        y[::2] *= -1
    if right is relu_backward:
        y[::2, 1:] = 0
    if right in (relu_backward, leaky_relu_backward):
        y[:, 0] *= 1e17
    exactly(f"{name}(dy, y), for numbers y that no x gives,", backward(dy, y), right(dy, y, *options))


FORWARD = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, SLOPE * x),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "softmax": lambda x: np.exp(x) / np.exp(x).sum(axis=1, keepdims=True),
}


def check_forward(exercise, rng, name, *options):
    """The student's function of random numbers, and of zeros; negative ones are among them."""
    x = rng.normal(size=sizes(rng, 2))
    x[0], x[1] = 0, -np.abs(x[1])
    mistakes = {words: wrong(x) for words, wrong in mistakes_of.FORWARD[name].items()}
    close(f"{name}(x)", getattr(exercise, name)(x, *options), FORWARD[name](x), known={"x": x}, mistakes=mistakes)


@points(0.5)
def test_relu(exercise, rng):
    """ReLU."""
    check_forward(exercise, rng, "relu")


@points(1)
def test_relu_backward(exercise, rng):
    """ReLU, backward."""
    check_backward(exercise, rng, relu_backward)


@points(0.5)
def test_leaky_relu(exercise, rng):
    """Leaky ReLU."""
    check_forward(exercise, rng, "leaky_relu", SLOPE)


@points(1)
def test_leaky_relu_backward(exercise, rng):
    """Leaky ReLU, backward."""
    check_backward(exercise, rng, leaky_relu_backward, SLOPE)


@points(0.5)
def test_tanh(exercise, rng):
    """tanh."""
    check_forward(exercise, rng, "tanh")


@points(1)
def test_tanh_backward(exercise, rng):
    """tanh, backward."""
    check_backward(exercise, rng, tanh_backward)


@points(0.5)
def test_sigmoid(exercise, rng):
    """Sigmoid."""
    check_forward(exercise, rng, "sigmoid")


@points(1)
def test_sigmoid_backward(exercise, rng):
    """Sigmoid, backward."""
    check_backward(exercise, rng, sigmoid_backward)


@points(0.5)
def test_softplus(exercise, rng):
    """Softplus."""
    check_forward(exercise, rng, "softplus")


@points(1.5)
def test_softplus_backward(exercise, rng):
    """Softplus, backward, from y alone."""
    check_backward(exercise, rng, softplus_backward)


@points(1)
def test_softmax(exercise, rng):
    """Softmax of each row."""
    check_forward(exercise, rng, "softmax")


@points(3)
def test_softmax_backward(exercise, rng):
    """Softmax, backward, for any dy."""
    check_backward(exercise, rng, softmax_backward)
