import numpy as np
import pytest

from scratchgen.metrics import estimate


def test_mean_and_its_error():
    values = np.random.default_rng(0).normal(3, 2, size=10_000)
    mean, error = estimate(values)
    assert mean == pytest.approx(values.mean()) and error == pytest.approx(0.02, rel=0.05)
    assert estimate([True, False, True, True]) == pytest.approx((0.75, np.sqrt(0.75 * 0.25 / 3)))


def test_of_a_single_value_the_error_is_unknown():
    mean, error = estimate([2.0])
    assert mean == 2 and np.isnan(error)


@pytest.mark.parametrize("values", [[], 3.0, [[1.0]]])
def test_nothing_to_average(values):
    with pytest.raises(ValueError, match="values has shape"):
        estimate(values)
