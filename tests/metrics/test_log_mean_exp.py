import numpy as np
import pytest

from scratchgen.metrics import log_mean_exp


def test_equals_the_direct_computation_where_that_does_not_overflow():
    a = np.random.default_rng(0).normal(size=(3, 4, 5))
    for axis in (None, 0, -1, (0, 2)):
        np.testing.assert_allclose(log_mean_exp(a, axis), np.log(np.exp(a).mean(axis=axis)), rtol=1e-13)


@pytest.mark.parametrize("shift", [-1e4, 1e4])
def test_a_common_factor_only_shifts_the_logarithm(shift):
    a = np.array([[0.1, -0.4, 2.0], [-3.0, 0.0, 1.0]])
    np.testing.assert_allclose(log_mean_exp(a + shift, 1), log_mean_exp(a, 1) + shift, rtol=1e-14)


def test_zero_probabilities_count_in_the_mean():
    assert log_mean_exp(np.array([-np.inf, 0.0])) == pytest.approx(-np.log(2))
    assert log_mean_exp(np.array([-np.inf, -np.inf])) == -np.inf


def test_nan_and_infinity_propagate():
    assert np.isnan(log_mean_exp(np.array([0.0, np.nan])))
    assert log_mean_exp(np.array([0.0, np.inf])) == np.inf


def test_float32_stays_float32_and_a_scalar_comes_back_for_all_axes():
    a = np.full((2, 3), -800, np.float32)
    assert log_mean_exp(a, 0).dtype == np.float32
    assert np.ndim(log_mean_exp(a)) == 0 and log_mean_exp(a) == -800


def test_mean_of_nothing_is_an_error():
    with pytest.raises(ValueError, match=r"a has shape \(3, 0\)"):
        log_mean_exp(np.zeros((3, 0)), axis=1)
