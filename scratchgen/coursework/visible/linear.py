"""Visible tests: the linear layer."""

import numpy as np

from scratchgen.coursework.testing import check_gradient, close, points


def inputs(rng):
    return rng.normal(size=(5, 3)), rng.normal(size=(3, 2)), rng.normal(size=2)


@points(1)
def test_forward_by_hand(exercise, rng):
    """y = x W + b, numbers you can check by hand."""
    x, W, b = np.array([[1.0, 2.0]]), np.array([[1.0, 0.0, 2.0], [3.0, 1.0, 0.0]]), np.array([0.5, 0.0, -1.0])
    close("y", exercise.linear(x, W, b), [[7.5, 2.0, 1.0]])


@points(1)
def test_forward_without_bias(exercise, rng):
    """y = x W where b is None."""
    x, W, _ = inputs(rng)
    close("y", exercise.linear(x, W, None), x @ W)


@points(2)
def test_dx(exercise, rng):
    """dx."""
    x, W, b = inputs(rng)
    backward = lambda dy, x: exercise.run("linear_backward", x, W, b, dy)["dx"]
    check_gradient("Linear.backward", lambda x: (x @ W + b, x), backward, x)


@points(2)
def test_dW(exercise, rng):
    """dW."""
    x, W, b = inputs(rng)
    backward = lambda dy, W: exercise.run("linear_backward", x, W, b, dy)["W"]
    check_gradient("Linear.backward", lambda W: (x @ W + b, W), backward, W)


@points(1)
def test_db(exercise, rng):
    """db."""
    x, W, b = inputs(rng)
    backward = lambda dy, b: exercise.run("linear_backward", x, W, b, dy)["b"]
    check_gradient("Linear.backward", lambda b: (x @ W + b, b), backward, b)


@points(1)
def test_gradients_accumulate(exercise, rng):
    """Backward adds to the gradients that are there."""
    (x, W, b), dy = inputs(rng), rng.normal(size=(5, 2))
    once = exercise.run("linear_backward", x, W, b, dy)
    onto = exercise.run("linear_backward", x, W, b, dy, 10.0)
    close("W's gradient, from 10.0 on", onto["W"], once["W"] + 10)
    close("b's gradient, from 10.0 on", onto["b"], once["b"] + 10)
    assert np.any(once["W"] != 0), "W's gradient is zero"
