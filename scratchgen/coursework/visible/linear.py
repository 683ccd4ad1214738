"""Visible tests: the linear layer."""

import numpy as np

from scratchgen.coursework.testing import accumulated, check_gradient, close, exactly, points, sizes


def inputs(rng):
    """x (batch, n_in), W, b."""
    batch, n_in, n_out = sizes(rng, 3)
    return rng.normal(size=(batch, n_in)), rng.normal(size=(n_in, n_out)), rng.normal(size=n_out)


def check_forward(exercise, x, W, b):
    """The student's y."""
    bias = np.zeros(W.shape[1]) if b is None else b
    y = x @ W + bias
    mistakes = {
        "b is multiplied, where it should be added": x @ W * bias,
        "y has the bias b twice": y + bias,
        "b has the wrong sign in y": y - 2 * bias,
    }
    mistakes["the products are taken element by element, or summed over the wrong axis"] = np.broadcast_to(x.sum(axis=1, keepdims=True), y.shape)
    close("y", exercise.linear(x, W, b), y, known={"x": x} | ({} if b is None else {"b": b}), mistakes=mistakes)


def check_backward(exercise, rng, only):
    """GradientMismatch unless the student's gradient of x, W or b, one of the three, is right."""

    def backward(dy, cache):
        got, right = exercise.run("linear_backward", *cache, dy), {"x": dy @ cache[1].T, "W": cache[0].T @ dy, "b": dy.sum(axis=0)}
        return tuple(got["dx" if name == "x" else name] if name == only else right[name] for name in right)

    check_gradient("Linear.backward", lambda x, W, b: (x @ W + b, (x, W, b)), backward, *inputs(rng), only=only, cache_names=("x", "W", "b"))


def far_apart(rng):
    """x, W, b, dy, right dx, dW, db: positive numbers, so that nothing cancels, some so large that a small step in others is lost in y."""
    x, W, b, dy = (rng.uniform(1, 2, size=shape) for shape in ((5, 3), (3, 2), 2, (5, 2)))
    x[:, 0] *= 1e17
    W[0] *= 1e17
    return (x, W, b, dy), (dy @ W.T, x.T @ dy, dy.sum(axis=0))


@points(1)
def test_forward_by_hand(exercise, rng):
    """y = x W + b, numbers you can check by hand."""
    x1, x2, b2 = (float(n) for n in rng.integers(2, 9, size=3))
    check_forward(exercise, *inputs(rng))
    check_forward(exercise, np.array([[x1, x2]]), np.array([[1.0, 0.0, 2.0], [3.0, 1.0, 0.0]]), np.array([0.5, 0.0, b2]))


@points(1)
def test_forward_without_bias(exercise, rng):
    """y = x W where b is None."""
    x, W, _ = inputs(rng)
    check_forward(exercise, x, W, None)


@points(2)
def test_dx(exercise, rng):
    """dx."""
    check_backward(exercise, rng, "x")
    arguments, (dx, _, _) = far_apart(rng)
    exactly("dx", exercise.run("linear_backward", *arguments)["dx"], dx)


@points(2)
def test_dW(exercise, rng):
    """dW."""
    check_backward(exercise, rng, "W")
    arguments, (_, dW, _) = far_apart(rng)
    exactly("dW", exercise.run("linear_backward", *arguments)["W"], dW)


@points(1)
def test_db(exercise, rng):
    """db."""
    check_backward(exercise, rng, "b")
    arguments, (_, _, db) = far_apart(rng)
    exactly("db", exercise.run("linear_backward", *arguments)["b"], db)


@points(1)
def test_gradients_accumulate(exercise, rng):
    """Backward adds to the gradients that are there."""
    x, W, b = inputs(rng)
    dy = rng.normal(size=(len(x), len(b)))
    onto = exercise.run("linear_backward", x, W, b, dy, 3.0)
    accumulated("W's gradient", onto["W"], x.T @ dy, 3.0)
    accumulated("b's gradient", onto["b"], dy.sum(axis=0), 3.0)
    arguments, (_, dW, db) = far_apart(rng)
    onto = exercise.run("linear_backward", *arguments, 10.0)
    exactly("W's gradient, from 10.0 on", onto["W"], dW + 10)
    exactly("b's gradient, from 10.0 on", onto["b"], db + 10)


@points(1)
def test_dW_without_bias(exercise, rng):
    """dW of a layer without bias."""
    (x, W, _, dy), (_, dW, _) = far_apart(rng)
    exactly("dW", exercise.run("linear_backward", x, W, None, dy)["W"], dW)
