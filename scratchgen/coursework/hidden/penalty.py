"""Hidden tests: a penalty on a gradient, and what layers do for its gradient."""

import numpy as np

from scratchgen.coursework.hidden import DTYPE, SHAPES, THOUGHT
from scratchgen.coursework.testing import close, dtype_kept, exactly, points, values
from scratchgen.coursework.visible.penalty import check_network, dpenalty, far_apart, network, penalty
from scratchgen.layers.tanh import tanh_second


@points(1, why=THOUGHT)
def test_slope_of_zero(exercise, rng):
    """Where the slope is zero it has no direction: the gradient there is zero, and the others are what they were."""
    g = rng.normal(size=(4, 3))
    g[2] = 0
    P, _ = values(exercise.slope_penalty(g, 1.0, 3.0), 2, "penalty, dg")
    close("the penalty", P, penalty(g, 1.0, 3.0))
    for center in (1.0, -1e12):  # the second so far away that small steps are lost in the penalty
        with np.errstate(invalid="ignore", divide="ignore"):
            want = np.nan_to_num(dpenalty(g, center, 3.0))
        close("dg", values(exercise.slope_penalty(g, center, 3.0), 2, "penalty, dg")[1], want)


@points(1, why=THOUGHT)
def test_centers(exercise, rng):
    """Other centers, 0 among them."""
    g = rng.normal(size=(3, 4)) * [1, 1e17, 1, 1]
    for center in (0.0, -2e17):
        _, dg = values(exercise.slope_penalty(g, center, 5.0), 2, "penalty, dg")
        exactly(f"dg for center {center:g}", dg, dpenalty(g, center, 5.0))


@points(1, why=SHAPES)
def test_other_shapes(exercise, rng):
    """Other networks, and a batch of one."""
    for batch, n, hidden in [(1, 4, 2), (7, 1, 6)]:
        check_network(exercise, *network(rng, batch, n, hidden), 0.5, 2.0)
        W, b, ddx, dy, x = far_apart(rng, batch, n, hidden)
        got = exercise.run("linear_double_backward", W, b, ddx, dy, x)
        exactly("ddy", got["ddy"], ddx @ W)
        exactly("W's gradient", got["W"], ddx.T @ dy)


@points(1, why=DTYPE)
def test_dtype(exercise, rng):
    """float32 stays float32."""
    ddx, dy, y = (rng.uniform(1, 2, size=(3, 4)).astype(np.float32) for _ in range(3))
    _, dg = values(exercise.slope_penalty(ddx, 1.0, 10.0), 2, "penalty, dg")
    dtype_kept("dg", dg, np.float32)
    close("dg", dg, dpenalty(ddx, 1.0, 10.0), rtol=1e-4)
    dx = exercise.tanh_second(ddx, dy, y)
    dtype_kept("tanh_second(ddx, dy, y)", dx, np.float32)
    close("tanh_second(ddx, dy, y)", dx, tanh_second(ddx, dy, y), rtol=1e-4)
