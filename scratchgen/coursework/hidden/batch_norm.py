"""Hidden tests: batch normalisation."""

import numpy as np

from scratchgen.coursework.hidden import LARGE, SIZE
from scratchgen.coursework.testing import close, points, values

EPS = 1e-5


@points(1, why=LARGE)
def test_large_mean(exercise, rng):
    """Features with mean 10⁷: the variance does not drown in it."""
    x = rng.normal(size=(50, 2))
    shifted = x + 1e7
    x = shifted - 1e7  # what is left of x after rounding
    y, _, _, mean, var = values(exercise.batch_norm(shifted, np.ones(2), np.zeros(2), EPS), 5, "y, x̂, r, mean, var")
    close("mean", mean, shifted.mean(axis=0))
    close("var", var, x.var(axis=0), rtol=1e-6)
    close("y", y, (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + EPS), rtol=1e-6)


@points(1, why=SIZE)
def test_at_size(exercise, rng):
    """dx of a real batch, within the time limit."""
    x, dy, gamma = rng.normal(size=(128, 256)), rng.normal(size=(128, 256)), rng.normal(size=256)
    r = 1 / x.std(axis=0)
    x_hat = (x - x.mean(axis=0)) * r
    dx = exercise.batch_norm_backward(dy, x_hat, r, gamma)
    dx_hat = dy * gamma
    close("dx", dx, r * (dx_hat - dx_hat.mean(axis=0) - x_hat * np.mean(dx_hat * x_hat, axis=0)))
