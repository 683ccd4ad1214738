"""Visible tests: a penalty on a gradient, and what layers do for its gradient."""

import numpy as np

from scratchgen.coursework.mistakes import penalty as mistakes_of
from scratchgen.coursework.testing import accumulated, check_gradient, check_loss_gradient, close, exactly, points, sizes, values
from scratchgen.layers import Linear, Sequential, Tanh
from scratchgen.layers.tanh import tanh_second
from scratchgen.models import gradient_penalty


def penalty(g, center, weight):
    """weight · mean (‖g_n‖ − center)²."""
    return weight * np.mean((np.sqrt(np.sum(g**2, axis=1)) - center) ** 2)


def dpenalty(g, center, weight):
    """Its gradient, where no g_n is zero."""
    norm = np.sqrt(np.sum(g**2, axis=1, keepdims=True))
    return 2 * weight * (norm - center) / norm * g / len(g)


def far_apart(rng, batch=5, n_in=3, n_out=2):
    """W, b, ddx, dy, x, all positive, so that nothing cancels; some so large that a small step in others is lost in sums of them."""
    W, b, ddx, dy, x = (rng.uniform(1, 2, size=shape) for shape in ((n_in, n_out), n_out, (batch, n_in), (batch, n_out), (batch, n_in)))
    ddx[:, 0] *= 1e17
    W[0] *= 1e17
    return W, b, ddx, dy, x


def arrays(rng):
    """W, b, ddx, dy, x."""
    batch, n_in, n_out = sizes(rng, 3)
    return tuple(rng.normal(size=shape) for shape in ((n_in, n_out), n_out, (batch, n_in), (batch, n_out), (batch, n_in)))


def network(rng, batch=4, n=3, hidden=5):
    """W, v, x of D(x) = tanh(x W) v."""
    return rng.normal(size=(n, hidden)), rng.normal(size=(hidden, 1)), rng.normal(size=(batch, n))


def right(W, v, x, center, weight):
    """-> penalty, dW, dv; by the library."""
    net = Sequential(Linear(*W.shape, bias=False, dtype=np.float64), Tanh(), Linear(*v.shape, bias=False, dtype=np.float64))
    net.layers[0].params["W"][...], net.layers[2].params["W"][...] = W, v
    P = gradient_penalty(net, x, center, weight)
    return P, net.layers[0].grads["W"], net.layers[2].grads["W"]


def check_network(exercise, W, v, x, center, weight):
    """AssertionError unless penalty, dW and dv are right."""
    got = exercise.run("penalty_of_a_network", W, v, x, center, weight)
    for name, key, want in zip(("the penalty", "dW", "dv"), ("penalty", "W", "v"), right(W, v, x, center, weight), strict=True):
        close(name, got[key], want)


@points(1)
def test_penalty(exercise, rng):
    """The penalty."""
    g = rng.normal(size=sizes(rng, 2))
    P, _ = values(exercise.slope_penalty(g, 1.3, 10.0), 2, "penalty, dg")
    close("the penalty", P, penalty(g, 1.3, 10.0), mistakes=mistakes_of.penalties(g, 1.3, 10.0))


@points(2)
def test_penalty_gradient(exercise, rng):
    """The gradient of the penalty with respect to g."""
    gradient = lambda g, center, weight: values(exercise.slope_penalty(g, center, weight), 2, "penalty, dg")[1]
    g = rng.normal(size=sizes(rng, 2))
    wrong = mistakes_of.gradients(1.3, 2.5)
    check_loss_gradient("slope_penalty", lambda g: penalty(g, 1.3, 2.5), lambda g: gradient(g, 1.3, 2.5), g, wrt="g", mistakes=wrong)
    g = rng.normal(size=(4, 3))
    g[0] *= 1e17
    exactly("dg", gradient(g, -0.5, 2.5), dpenalty(g, -0.5, 2.5))


@points(1)
def test_linear_ddy(exercise, rng):
    """The linear layer: ddy."""
    W, b, ddx, dy, x = arrays(rng)
    got = exercise.run("linear_double_backward", W, b, ddx, dy, x)["ddy"]
    close("ddy", got, ddx @ W, known={"dy": dy}, mistakes=mistakes_of.ddy(W, ddx, dy))
    W, b, ddx, dy, x = far_apart(rng)
    exactly("ddy", exercise.run("linear_double_backward", W, b, ddx, dy, x)["ddy"], ddx @ W)


@points(2)
def test_linear_dW(exercise, rng):
    """The linear layer: what W gets."""
    W, b, ddx, dy, x = arrays(rng)
    close("W's gradient", exercise.run("linear_double_backward", W, b, ddx, dy, x)["W"], ddx.T @ dy, mistakes=mistakes_of.dW(ddx, dy, x))
    backward = lambda ddx, W: exercise.run("linear_double_backward", W, b, ddx, dy, x)["W"]
    check_gradient("Linear.double_backward", lambda W: (dy @ W.T, W), backward, W)
    W, b, ddx, dy, x = far_apart(rng)
    exactly("W's gradient", exercise.run("linear_double_backward", W, b, ddx, dy, x)["W"], ddx.T @ dy)


@points(1)
def test_linear_adds(exercise, rng):
    """The linear layer adds to W's gradient, and leaves b's alone: b is not in dx = dy Wᵀ."""
    W, b, ddx, dy, x = arrays(rng)
    accumulated("W's gradient", exercise.run("linear_double_backward", W, b, ddx, dy, x, 3.0)["W"], ddx.T @ dy, 3.0)
    W, b, ddx, dy, x = far_apart(rng)
    got = exercise.run("linear_double_backward", W, b, ddx, dy, x, 10.0)
    exactly("W's gradient, from 10.0 on", got["W"], ddx.T @ dy + 10)
    exactly("b's gradient, from 10.0 on", got["b"], [10.0, 10.0])
    assert got["dx"] is None, "dx = dy Wᵀ does not depend on x: the second value returned must be None"


@points(3)
def test_tanh(exercise, rng):
    """tanh: what reaches x through y."""
    x, dy = rng.normal(size=(2, *sizes(rng, 2)))
    f = lambda x: (dy * (1 - np.tanh(x) ** 2), np.tanh(x))
    check_gradient("tanh_second", f, lambda ddx, y: exercise.tanh_second(ddx, dy, y), x, mistakes=mistakes_of.tanh_second(dy), cache_names=("y",))
    ddx, dy, y = rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), rng.uniform(1.5, 4, size=(4, 3))
    y[:, 0] *= 1e17
    exactly("tanh_second(ddx, dy, y), for numbers y that no x gives,", exercise.tanh_second(ddx, dy, y), tanh_second(ddx, dy, y))


@points(2)
def test_network(exercise, rng):
    """The penalty on the slope of D(x) = tanh(x W) v."""
    for center in (1.0, 1e12):  # the second so far away that small steps are lost in the penalty
        check_network(exercise, *network(rng), center, 10.0)
