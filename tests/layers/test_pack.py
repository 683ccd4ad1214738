"""Packing: what comes where, what is left over, and the gradient of a gradient through it."""

import numpy as np
import pytest

from scratchgen.gradcheck import check_double_backward, check_layer
from scratchgen.layers import Linear, Pack, Sequential, Tanh
from scratchgen.models import gradient_penalty

X = np.random.default_rng(0).normal(size=(7, 3))


def test_packs_are_neighbours_one_after_the_other(backend):
    y, _ = Pack(2).forward(X)
    np.testing.assert_array_equal(y, X[:6].reshape(3, 6))


def test_one_is_the_identity(backend):
    y, cache = Pack(1).forward(X)
    dy = 2 * X
    np.testing.assert_array_equal(y, X)
    np.testing.assert_array_equal(Pack(1).backward(dy, cache), dy)
    assert not Pack(1).couples_batch and Pack(2).couples_batch


@pytest.mark.parametrize("m", [1, 2, 3, 7])
def test_gradients_also_of_rows_that_are_left_over(backend, m):
    assert check_layer(Pack(m), X).ok and check_double_backward(Pack(m), X).ok
    y, cache = Pack(m).forward(X)
    dx = Pack(m).backward(np.ones_like(y), cache)
    np.testing.assert_array_equal(dx, np.arange(7)[:, None] < 7 // m * m * np.ones(3))


@pytest.mark.parametrize("x", [X[:2], X[0], X[None], X[:0]])
def test_what_fills_no_pack(x):
    with pytest.raises(ValueError, match=r"Pack\(3\) needs \(batch, n\) with a batch of at least 3"):
        Pack(3).forward(x)


def test_a_penalty_goes_through_it(backend):
    """D([x₁ | x₂]) = x₁ v + x₂ w: the gradients at an example are v or w, whichever place it has."""
    critic = Sequential(Pack(2), Linear(6, 1, rng=0, dtype=np.float64))
    W = critic.params["1.W"][:, 0]
    penalty = gradient_penalty(critic, X[:6], 0.0)
    assert float(penalty) == pytest.approx((W**2).sum() / 2, rel=1e-13)
    np.testing.assert_allclose(critic.grads["1.W"][:, 0], W, rtol=1e-13)


def test_in_a_network(backend):
    linear = lambda n_in, n_out: Linear(n_in, n_out, rng=n_in, dtype=np.float64)
    network = Sequential(linear(3, 4), Tanh(), Pack(3), linear(12, 2))
    assert check_layer(network, X).ok and check_double_backward(network, X).ok
