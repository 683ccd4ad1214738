"""Batch and layer normalisation: what their outputs look like, and what batch normalisation remembers."""

import numpy as np
import pytest

import scratchgen as sg
from scratchgen import layers as L

F = np.float64


def test_batch_norm_standardises_each_feature(backend, rng):
    y, _ = L.BatchNorm(3, eps=1e-12, dtype=F).forward(rng.normal(5, 3, size=(50, 3)))
    assert np.allclose(y.mean(axis=0), 0, atol=1e-12) and np.allclose(y.var(axis=0), 1, atol=1e-9)


def test_the_gradient_keeps_a_small_share_of_its_component_along_x_hat(backend, rng):
    """eps / (v + eps), and nothing of its mean."""
    layer, x, dy = L.BatchNorm(3, eps=0.5, dtype=F), rng.normal(0, [0.1, 1, 10], size=(50, 3)), rng.normal(size=(50, 3))
    _, cache = layer.forward(x)
    dx, v = layer.backward(dy, cache), x.var(axis=0)
    share = np.mean(dx * cache.x_hat, axis=0) / (cache.r * np.mean(dy * cache.x_hat, axis=0))
    np.testing.assert_allclose(share, 0.5 / (v + 0.5), rtol=1e-9)
    np.testing.assert_allclose(dx.mean(axis=0), 0, atol=1e-14)


def test_layer_norm_standardises_each_example(backend, rng):
    y, _ = L.LayerNorm(30, eps=1e-12, dtype=F).forward(rng.normal(5, 3, size=(4, 30)))
    assert np.allclose(y.mean(axis=1), 0, atol=1e-12) and np.allclose(y.var(axis=1), 1, atol=1e-9)


def test_gamma_and_beta_scale_and_shift(backend, rng):
    x = rng.normal(size=(6, 3))
    for layer in (L.BatchNorm(3, dtype=F), L.LayerNorm(3, dtype=F)):
        plain, _ = layer.forward(x)
        layer.params["gamma"][...], layer.params["beta"][...] = [2, -1, 0.5], [1, 0, -3]
        assert np.allclose(layer.forward(x)[0], plain * [2, -1, 0.5] + [1, 0, -3], rtol=1e-12)


def test_running_statistics_approach_those_of_the_data(backend, rng):
    layer = L.BatchNorm(2, dtype=F)
    for _ in range(300):
        layer.forward(rng.normal([1, -2], [0.5, 2], size=(64, 2)))
    assert np.allclose(layer.buffers["mean"], [1, -2], atol=0.2)
    assert np.allclose(layer.buffers["var"], [0.25, 4], rtol=0.15)


def test_running_variance_is_unbiased(backend):
    layer, x = L.BatchNorm(1, momentum=1.0, dtype=F), np.array([[0.0], [2.0]])
    layer.forward(x)
    assert np.allclose(layer.buffers["mean"], 1) and np.allclose(layer.buffers["var"], 2)  # Σ (x − 1)² / (2 − 1)


def test_inference_uses_the_running_statistics_and_leaves_them(backend, rng):
    layer = L.BatchNorm(3, dtype=F)
    layer.forward(rng.normal(2, 3, size=(20, 3)))
    mean, var = layer.buffers["mean"].copy(), layer.buffers["var"].copy()
    x = rng.normal(size=(1, 3))
    assert np.allclose(layer(x), (x - mean) / np.sqrt(var + 1e-5), rtol=1e-12)
    assert np.array_equal(layer.buffers["mean"], mean) and np.array_equal(layer.buffers["var"], var)


def test_which_layers_couple_the_batch():
    assert L.BatchNorm(3).couples_batch and not L.LayerNorm(3).couples_batch
    assert L.Sequential(L.Linear(3, 3), L.BatchNorm(3)).couples_batch and not L.Sequential(L.Linear(3, 3)).couples_batch


def test_examples_mix_exactly_where_couples_batch_says_so(backend, rng):
    x = rng.normal(size=(4, 3))
    other = x.copy()
    other[1:] += 1.5
    for layer in (L.BatchNorm(3, dtype=F), L.LayerNorm(3, dtype=F), L.Softmax(), L.Linear(3, 2, rng=0, dtype=F)):
        unchanged = np.allclose(layer.forward(x)[0][0], layer.forward(other)[0][0], rtol=1e-12)
        assert unchanged != layer.couples_batch


@pytest.mark.parametrize("scale", [1e15, 1e18, 1e20, 1e30, 1e36])
@pytest.mark.parametrize("make", [L.LayerNorm, L.BatchNorm])
def test_large_numbers_on_both_backends(make, scale):
    """Where squares leave float32, both give what the definition gives."""
    x, results = np.random.default_rng(0).normal(size=(6, 40), scale=scale).astype(np.float32), []
    for backend in ("numpy", "numba"):
        with sg.use_backend(backend), np.errstate(over="ignore"):
            y, cache = make(40).forward(x)
            results.append((y, cache.x_hat, cache.r))
    for numpy, numba in zip(*results, strict=True):
        np.testing.assert_allclose(numba, numpy, rtol=1e-4, atol=1e-5 * np.abs(numpy).max())
