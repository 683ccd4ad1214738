"""Hidden tests: Adam."""

import numpy as np

from scratchgen.coursework.hidden import THOUGHT
from scratchgen.coursework.testing import close, points
from scratchgen.coursework.visible.adam import adam, check_step, state, step


@points(1, why=THOUGHT)
def test_weight_decay(exercise, rng):
    """Weight decay through the gradient."""
    check_step(exercise, *state(rng), 2, 0.3, False)


@points(1, why=THOUGHT)
def test_decoupled_weight_decay(exercise, rng):
    """Decoupled weight decay."""
    check_step(exercise, *state(rng), 2, 0.3, True)


@points(1, why=THOUGHT)
def test_ten_steps(exercise, rng):
    """Ten steps from zero moments."""
    p, m, v = rng.normal(size=5), np.zeros(5), np.zeros(5)
    want = p, m, v
    for t in range(1, 11):
        g = rng.normal(size=5)
        p, m, v = step(exercise, p, g, m, v, t)
        want = adam(want[0], g, *want[1:], t)
    for name, got, right in zip("pmv", (p, m, v), want, strict=True):
        close(name, got, right)


@points(1, why=THOUGHT)
def test_zero_gradients(exercise, rng):
    """Where gradient and moments are zero, nothing moves and nothing divides by zero; elsewhere p moves."""
    p, g, m, v = state(rng)
    for array in (g, m, v):
        array[::2] = 0
    close("p", step(exercise, p, g, m, v, 4)[0], np.where(g == 0, p, adam(p, g, m, v, 4)[0]))
