"""Dropout and reparameterization: what they draw, and from where."""

import numpy as np
import pytest

from scratchgen import layers as L


def test_sampled_std_is_exp_of_half_the_log_variance(backend):
    """A sampler that takes log-variance for log-std passes every gradient check; only its samples give it away."""
    for logvar in (-2.0, 0.0, 1.5):
        z, _ = L.Reparameterize(rng=0).forward(np.full((200, 500), 3.0), np.full((200, 500), logvar))
        assert abs(z.mean() - 3.0) < 5 * np.exp(0.5 * logvar) / np.sqrt(z.size)
        assert abs(z.std() / np.exp(0.5 * logvar) - 1) < 5 / np.sqrt(2 * z.size)


def test_given_noise_is_used(backend, rng):
    mu, logvar, eps = rng.normal(size=(3, 4, 2))
    assert np.allclose(L.Reparameterize().forward(mu, logvar, eps=eps)[0], mu + np.exp(logvar / 2) * eps, rtol=1e-14)
    u = rng.uniform(size=(4, 2))
    assert np.allclose(L.Dropout(0.3).forward(mu, eps=u)[0], np.where(u >= 0.3, mu / 0.7, 0), rtol=1e-14)


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.5])
def test_dropout_keeps_the_expected_value(rate, backend):
    x = np.full((300, 300), 2.0)
    y, _ = L.Dropout(rate, rng=1).forward(x)
    assert set(np.unique(y)) <= {0.0, 2.0 / (1 - rate)}
    assert abs(np.mean(y == 0) - rate) <= 5 * np.sqrt(rate * (1 - rate) / x.size)
    assert abs(y.mean() - 2.0) <= 5 * 2 * np.sqrt(rate / (1 - rate) / x.size)


def test_dropout_in_inference_is_the_identity(backend, rng):
    x, dy = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    layer = L.Dropout(0.5, rng=0)
    y, cache = layer.forward(x, training=False)
    assert np.array_equal(y, x) and np.array_equal(layer.backward(dy, cache), dy)


def test_backward_uses_the_mask_of_forward(backend):
    layer = L.Dropout(0.5, rng=0)
    y, cache = layer.forward(np.ones((20, 20)))
    layer.forward(np.ones((20, 20)))
    assert np.array_equal(layer.backward(np.ones((20, 20)), cache), y)


@pytest.mark.parametrize("make", [lambda seed: L.Dropout(0.5, rng=seed), lambda seed: L.Reparameterize(rng=seed)], ids=["dropout", "reparameterize"])
def test_the_stream_repeats_from_its_state(make, backend):
    layer, x = make(3), np.ones((4, 5))
    inputs = (x, x) if isinstance(layer, L.Reparameterize) else (x,)
    state = layer.stream.state
    first, second = layer.forward(*inputs)[0], layer.forward(*inputs)[0]
    assert not np.array_equal(first, second)
    layer.stream.state = state
    assert np.array_equal(layer.forward(*inputs)[0], first)
    assert np.array_equal(make(3).forward(*inputs)[0], first) and not np.array_equal(make(4).forward(*inputs)[0], first)


def test_streams_of_a_network_by_name(rng):
    net = L.Sequential(L.Linear(4, 4, rng=0), L.Dropout(0.5), L.Sequential(L.Dropout(0.2)))
    assert list(net.streams()) == ["1.stream", "2.0.stream"]
    assert net.streams()["2.0.stream"] is net.layers[2].layers[0].stream
