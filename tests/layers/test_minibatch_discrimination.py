"""Minibatch discrimination: how close the others are, whatever their order."""

import numpy as np
import pytest

from scratchgen.gradcheck import check_layer
from scratchgen.layers import Linear, MinibatchDiscrimination, Sequential, Tanh
from scratchgen.models import gradient_penalty

X = np.random.default_rng(0).normal(size=(6, 4))


def layer(B=3, C=2, **options):
    return MinibatchDiscrimination(4, B, C, **dict(rng=1, dtype=np.float64) | options)


def closeness(x, T, B, C):
    """o (batch, B), as in the paper, with three axes."""
    M = (x @ T.T).reshape(len(x), B, C)
    c = np.exp(-np.abs(M[:, None] - M[None]).sum(axis=3))  # (batch, batch, B)
    return (c * (1 - np.eye(len(x)))[:, :, None]).sum(axis=1)


@pytest.mark.parametrize(("B", "C"), [(1, 1), (3, 2), (2, 5)])
def test_is_the_papers(backend, B, C):
    features = layer(B, C)
    y, _ = features.forward(X)
    np.testing.assert_array_equal(y[:, :4], X)
    np.testing.assert_allclose(y[:, 4:], closeness(X, features.params["T"], B, C), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(("B", "C"), [(1, 1), (3, 2), (2, 5)])
def test_gradients(backend, B, C):
    assert check_layer(layer(B, C), X, limit=None).ok
    linear = lambda n_in, n_out: Linear(n_in, n_out, rng=n_in, dtype=np.float64)
    assert check_layer(Sequential(linear(4, 4), Tanh(), layer(B, C), linear(4 + B, 2)), X, limit=None).ok


def test_examples_in_another_order_are_the_same_in_another_order(backend):
    features, order, dy = layer(), np.random.default_rng(3).permutation(6), np.random.default_rng(4).normal(size=(6, 7))
    (y, cache), (other, other_cache) = features.forward(X), features.forward(X[order])
    np.testing.assert_allclose(other, y[order], rtol=1e-13)
    np.testing.assert_allclose(features.backward(dy[order], other_cache), features.backward(dy, cache)[order], rtol=1e-12)


def test_equal_examples_are_as_close_as_can_be_and_one_alone_has_nobody_near(backend):
    y, cache = layer().forward(np.repeat(X[:1], 5, axis=0))
    np.testing.assert_array_equal(y[:, 4:], 4)  # the other four, each e⁰
    dx = layer().backward(np.ones_like(y), cache)
    np.testing.assert_array_equal(dx, 1)  # at the kink of |·| the slope is taken as 0
    np.testing.assert_array_equal(layer().forward(X[:1])[0][:, 4:], 0)


def test_every_example_depends_on_every_other(backend):
    features = layer()
    y, moved = features(X), X.copy()
    moved[2, 1] += 0.1
    assert (features(moved)[:, 4:] != y[:, 4:]).all()
    assert features.couples_batch


def test_has_no_penalty():
    network = Sequential(layer(), Linear(7, 1, rng=0, dtype=np.float64))
    with pytest.raises(NotImplementedError, match="MinibatchDiscrimination.*couples the examples"):
        gradient_penalty(network, X)


def test_against_pytorch(backend):
    torch = pytest.importorskip("torch")
    features, dy = layer(), np.random.default_rng(4).normal(size=(6, 7))
    y, cache = features.forward(X)
    dx = features.backward(dy, cache)
    x, T = (torch.tensor(a, requires_grad=True) for a in (X, features.params["T"]))
    M = (x @ T.T).reshape(6, 3, 2)
    o = torch.exp(-(M[:, None] - M[None]).abs().sum(3)).sum(1) - 1
    torch.cat([x, o], dim=1).backward(torch.tensor(dy))
    np.testing.assert_allclose(dx, x.grad.numpy(), rtol=1e-11)
    np.testing.assert_allclose(features.grads["T"], T.grad.numpy(), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(("arguments", "word"), [((0,), "n_in"), ((4, 0), "n_kernels"), ((4, 2, 0), "kernel_dim")])
def test_sizes_that_make_no_layer(arguments, word):
    with pytest.raises(ValueError, match=f"{word} is 0"):
        MinibatchDiscrimination(*arguments)
