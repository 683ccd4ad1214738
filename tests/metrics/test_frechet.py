import numpy as np
import pytest

from scratchgen.layers import mlp
from scratchgen.metrics import features, frechet_distance


def test_closed_form_of_gaussians_that_commute():
    """Diagonal covariances: d² = Σ (μ₁ − μ₂)² + (σ₁ − σ₂)²."""
    rng = np.random.default_rng(0)
    a, b = rng.normal([0, 0, 0], [1, 2, 3], size=(100_000, 3)), rng.normal([1, 0, 2], [1, 1, 1], size=(100_000, 3))
    distance, error = frechet_distance(a, b, rng=0)
    assert distance == pytest.approx(1 + 4 + 1 + 4, abs=4 * error) and 0 < error < 0.1


def test_turned_gaussians():
    """d² does not change when both are turned, and is 0 between a cloud and itself."""
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(500, 4)) @ rng.normal(size=(4, 4)), rng.normal(size=(400, 4))
    turn = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    assert frechet_distance(a @ turn, b @ turn, rng=0).mean == pytest.approx(frechet_distance(a, b, rng=0).mean, rel=1e-9)
    assert frechet_distance(a, a, rng=0).mean == pytest.approx(0, abs=1e-6)
    assert frechet_distance(a, b, rng=0).mean == pytest.approx(frechet_distance(b, a, rng=0).mean, rel=1e-9)


def test_features_are_what_the_last_layer_sees():
    net = mlp((4, 5, 3, 2), rng=0)
    x = np.random.default_rng(2).uniform(size=(1500, 4)).astype(np.float32)
    np.testing.assert_allclose(net.layers[-1](features(net, x).astype(np.float32)), net(x), rtol=1e-5)


def test_bad_input():
    with pytest.raises(ValueError, match="equally many features"):
        frechet_distance(np.zeros((3, 2)), np.zeros((3, 4)))
    with pytest.raises(ValueError, match="x contains NaN"):
        features(mlp((2, 3, 2), rng=0), np.full((1, 2), np.nan))
