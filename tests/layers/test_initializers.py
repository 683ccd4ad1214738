"""Initialisers: moments, bounds, orthogonality, reproducibility."""

import numpy as np
import pytest

from scratchgen.layers import Linear, initializers

SHAPE = (300, 200)
VARIANCES = {"glorot_uniform": 2 / 500, "glorot_normal": 2 / 500, "he_uniform": 2 / 300, "he_normal": 2 / 300}


@pytest.mark.parametrize("name", VARIANCES)
def test_mean_and_variance(name, rng):
    W = initializers.initialize(name, SHAPE, rng)
    assert W.shape == SHAPE
    assert abs(W.mean()) < 5 * np.sqrt(VARIANCES[name] / W.size)
    assert abs(W.var() / VARIANCES[name] - 1) < 5 * np.sqrt(2 / W.size)


@pytest.mark.parametrize("name", ["glorot_uniform", "he_uniform"])
def test_uniform_stays_within_its_bound_and_comes_near_it(name, rng):
    W, bound = initializers.initialize(name, SHAPE, rng), np.sqrt(3 * VARIANCES[name])
    assert 0.999 * bound < np.abs(W).max() <= bound


@pytest.mark.parametrize("name", ["glorot_normal", "he_normal"])
def test_normal_has_the_tails_of_a_normal(name, rng):
    W = initializers.initialize(name, SHAPE, rng) / np.sqrt(VARIANCES[name])
    assert abs(np.mean(np.abs(W) > 2) - 0.0455) < 5 * np.sqrt(0.0455 / W.size)


@pytest.mark.parametrize("shape", [(20, 20), (30, 10), (10, 30), (1, 5), (5, 1)])
def test_orthogonal(shape, rng):
    W = initializers.orthogonal(shape, rng)
    assert W.shape == shape
    small = W.T @ W if shape[0] >= shape[1] else W @ W.T
    assert np.allclose(small, np.eye(min(shape)), atol=1e-12)


def test_custom_and_unknown(rng):
    W = Linear(50, 40, init=initializers.uniform(0.05), rng=0).params["W"]
    assert 0.049 < np.abs(W).max() <= 0.05 and W.dtype == np.float32
    assert abs(Linear(50, 40, init=initializers.normal(0.1), rng=0).params["W"].std() / 0.1 - 1) < 0.1
    with pytest.raises(ValueError, match="unknown init 'he_norml'; did you mean 'he_normal'"):
        Linear(3, 2, init="he_norml")


def test_same_seed_same_weights_and_bias_starts_at_zero():
    a, b, other = Linear(5, 4, rng=3), Linear(5, 4, rng=3), Linear(5, 4, rng=4)
    assert np.array_equal(a.params["W"], b.params["W"]) and not np.array_equal(a.params["W"], other.params["W"])
    assert not a.params["b"].any()


def test_signals_keep_their_size_through_a_deep_relu_network_with_he(rng):
    x = rng.normal(size=(200, 100))
    for seed in range(10):
        x = np.maximum(x @ initializers.he_normal((100, 100), np.random.default_rng(seed)), 0)
    assert 0.2 < np.sqrt(np.mean(x**2)) < 5
