"""Two looks: cases in closed form, and PyTorch's gradients."""

import math

import numpy as np
import pytest

from scratchgen.losses import two_looks

RNG = np.random.default_rng(0)
FIRST, SECOND = 2 * RNG.normal(size=(7, 4)), 2 * RNG.normal(size=(7, 4))


def test_sure_balanced_and_agreed_is_the_least_there_is(backend):
    """Every class once, p = q certain: no cross-entropy, and H(p̄) = log K."""
    sure = 200 * np.eye(4)
    loss, dfirst, dsecond = two_looks(sure, sure, 3.0)
    assert float(loss) == pytest.approx(-3 * math.log(4), rel=1e-12)
    np.testing.assert_allclose(dfirst, 0, atol=1e-12)
    np.testing.assert_allclose(dsecond, 0, atol=1e-12)


def test_looks_that_say_nothing(backend):
    """p = q = 1/K: the cross-entropy is log K, and so is H(p̄)."""
    assert float(two_looks(np.zeros((5, 3)), np.zeros((5, 3)), 1.0)[0]) == pytest.approx(0, abs=1e-15)


def test_a_class_that_never_occurs(backend):
    """All in one class: H(p̄) = 0, 0 log 0 = 0."""
    one = np.tile([2000.0, 0, 0], (4, 1))
    loss, *gradients = two_looks(one, one, 4.0)
    assert float(loss) == 0 and all(np.isfinite(g).all() for g in gradients)


@pytest.mark.parametrize("balance", [1.0, 4.0])
def test_against_pytorch(backend, balance):
    torch = pytest.importorskip("torch")
    first, second = (torch.tensor(a, requires_grad=True) for a in (FIRST, SECOND))
    p = first.softmax(1)
    mean = p.mean(0)
    expected = -(p * second.log_softmax(1)).sum(1).mean() + balance * (mean * mean.log()).sum()
    loss, *gradients = two_looks(FIRST, SECOND, balance)
    assert float(loss) == pytest.approx(expected.item(), rel=1e-12)
    for ours, theirs in zip(gradients, torch.autograd.grad(expected, (first, second)), strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-9, atol=1e-13)


def test_shapes_that_differ():
    with pytest.raises(ValueError, match=r"second has shape \(7, 3\); two_looks needs that of first, \(7, 4\)"):
        two_looks(FIRST, SECOND[:, :3], 1.0)


def test_what_else_cannot_be_meant():
    with pytest.raises(TypeError, match="second is float32 and first float64"):
        two_looks(FIRST, SECOND.astype(np.float32), 1.0)
    for balance, error in ((np.nan, ValueError), ("x", TypeError)):
        with pytest.raises(error, match="balance is"):
            two_looks(FIRST, SECOND, balance)
