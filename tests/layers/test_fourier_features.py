"""Fourier features: what they are, their gradient, and what they are for."""

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.gradcheck import check_layer
from scratchgen.layers import FourierFeatures, Linear, Sequential, Tanh, mlp

RNG = np.random.default_rng(0)
X, B = RNG.normal(size=(6, 4)), RNG.normal(size=(4, 3))


def test_are_sines_and_cosines_beside_x(backend):
    y, _ = FourierFeatures(B, dtype=np.float64).forward(X)
    np.testing.assert_allclose(y, np.hstack([X, np.sin(X @ B), np.cos(X @ B)]), rtol=1e-12, atol=1e-13)


def test_gradients(backend):
    assert check_layer(FourierFeatures(B, dtype=np.float64), X, limit=None).ok
    linear = lambda n_in, n_out: Linear(n_in, n_out, rng=n_in, dtype=np.float64)
    assert check_layer(Sequential(linear(4, 4), Tanh(), FourierFeatures(B, dtype=np.float64), linear(10, 2)), X, limit=None).ok


def test_a_step_is_learned_that_is_a_hundredth_of_the_inputs_wide():
    """The same network, trained in the same way, with and without."""
    x = np.linspace(-1, 1, 500, dtype=np.float32)[:, None]
    target = np.tanh(100 * np.sin(7 * x))
    errors = []
    for net in (mlp((1, 32, 32, 1), rng=0), Sequential(FourierFeatures(np.geomspace(1, 40, 8)[None]), mlp((17, 32, 32, 1), rng=0))):
        optimizer = sg.optim.Adam(net, lr=3e-3)
        for _ in range(400):
            y, cache = net.forward(x)
            loss, dy = sg.losses.squared_error(y, target)
            net.zero_grads()
            net.backward(dy, cache, wrt="params")
            optimizer.step()
        errors.append(loss)
    assert errors[1] < errors[0] / 4


@pytest.mark.parametrize("wrong", [np.ones(3), np.ones((0, 3)), [["a"]], [[np.inf]]])
def test_b_must_be_a_matrix_of_finite_numbers(wrong):
    with pytest.raises(ValueError, match="it must be a matrix"):
        FourierFeatures(wrong)
