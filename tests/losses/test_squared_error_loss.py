"""Half the squared distance."""

import math

import numpy as np
import pytest

from scratchgen.losses import gaussian_nll, squared_error

RNG = np.random.default_rng(5)
Y, TARGETS = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3))


def test_is_half_the_squared_distance(backend):
    loss, dy = squared_error(Y, TARGETS)
    assert float(loss) == pytest.approx(sum(0.5 * (y - t) ** 2 for y, t in zip(Y.flat, TARGETS.flat, strict=True)) / 4, rel=1e-14)
    np.testing.assert_allclose(dy, (Y - TARGETS) / 4, rtol=1e-14)


def test_three_four_five(backend):
    loss, dy = squared_error(np.array([[3.0, 4.0]]), np.zeros((1, 2)))
    assert float(loss) == 12.5
    np.testing.assert_array_equal(dy, [[3, 4]])


def test_is_a_gaussian_of_variance_1_up_to_its_constant(backend):
    loss, dy = squared_error(Y, TARGETS)
    nll, dmu, _ = gaussian_nll(TARGETS, Y, np.zeros_like(Y))
    assert float(nll) == pytest.approx(float(loss) + 3 * 0.5 * math.log(2 * math.pi), rel=1e-14)
    np.testing.assert_allclose(dy, dmu, rtol=1e-14)
