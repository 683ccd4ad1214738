"""Clipping: the norm comes down to the bound, the direction stays."""

import numpy as np
import pytest

from scratchgen.optim import clip_grad_norm


@pytest.fixture
def module(parameters, dtype):
    module = parameters(dtype)
    module.flat_grads[...] = [3, 4, 0, -12]  # norm 13
    return module


def test_a_long_gradient_is_scaled_to_the_bound(backend, module):
    assert clip_grad_norm(module, 6.5) == pytest.approx(13, rel=1e-6)
    np.testing.assert_allclose(module.flat_grads, [1.5, 2, 0, -6], rtol=1e-6)
    np.testing.assert_array_equal(module.grads["a"], [module.flat_grads[:2]])  # the layers' own arrays


@pytest.mark.parametrize("bound", [13, 20, float("inf")])
def test_a_short_gradient_is_left_alone(backend, module, bound):
    assert clip_grad_norm(module, bound) == pytest.approx(13, rel=1e-6)
    np.testing.assert_array_equal(module.flat_grads, [3, 4, 0, -12])


def test_no_gradient_at_all(backend, module):
    module.zero_grads()
    assert clip_grad_norm(module, 1.0) == 0
    assert not module.flat_grads.any()


def test_the_norm_of_large_float32_gradients_does_not_overflow(backend, parameters):
    module = parameters(np.float32)
    module.flat_grads[...] = 1e25  # the square is beyond float32
    assert clip_grad_norm(module, 1.0) == pytest.approx(2e25, rel=1e-6)
    np.testing.assert_allclose(module.flat_grads, 0.5, rtol=1e-6)


def test_a_nan_is_reported_in_the_norm(backend, module):
    module.flat_grads[1] = np.nan
    assert np.isnan(clip_grad_norm(module, 1.0))


@pytest.mark.parametrize("bound", [0, -1.0, float("nan")])
def test_the_bound_must_be_positive(module, bound):
    with pytest.raises(ValueError, match=f"max_norm is {bound}; it must be positive"):
        clip_grad_norm(module, bound)
