"""Hidden tests: the linear layer."""

import numpy as np

from scratchgen.coursework.hidden import SHAPES, SIZE, THOUGHT
from scratchgen.coursework.testing import close, exactly, points
from scratchgen.coursework.visible.linear import far_apart


def inputs(rng, batch, n_in, n_out):
    """x, W, b, dy."""
    shapes = [(batch, n_in), (n_in, n_out), (n_out,), (batch, n_out)]
    return [rng.normal(size=shape) for shape in shapes]


@points(1, why=SHAPES)
def test_forward_of_other_shapes(exercise, rng):
    """Forward for other shapes: one example, one feature, no example."""
    for batch, n_in, n_out in [(1, 4, 3), (6, 1, 1), (0, 3, 2)]:
        x, W, b, _ = inputs(rng, batch, n_in, n_out)
        close("y", exercise.linear(x, W, b), x @ W + b, known={"x": x, "b": b})


@points(2, why=THOUGHT)
def test_wrt(exercise, rng):
    """The argument wrt."""
    arguments, (dx, dW, _) = far_apart(rng)
    only_dx = exercise.run("linear_backward", *arguments, 7.0, "input")
    exactly("dx with wrt='input'", only_dx["dx"], dx)
    close("W's gradient, which was 7 before, with wrt='input'", only_dx["W"], np.full((3, 2), 7.0))
    close("b's gradient, which was 7 before, with wrt='input'", only_dx["b"], np.full(2, 7.0))
    no_dx = exercise.run("linear_backward", *arguments, 0.0, "params")
    assert no_dx["dx"] is None, "with wrt='params' backward must return None"
    exactly("W's gradient with wrt='params'", no_dx["W"], dW)


@points(1, why=SIZE)
def test_at_size(exercise, rng):
    """Backward of a layer of real size, within the time limit."""
    x, W, b, dy = inputs(rng, 100, 400, 300)
    result = exercise.run("linear_backward", x, W, b, dy)
    close("dx", result["dx"], dy @ W.T)
    close("W's gradient", result["W"], x.T @ dy)
    close("b's gradient", result["b"], dy.sum(axis=0))
