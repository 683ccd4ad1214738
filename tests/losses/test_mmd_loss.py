"""The maximum mean discrepancy: closed forms, the definition written out, and PyTorch's gradient."""

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.losses import mmd
from scratchgen.losses.mmd import gaussian_kernels
from scratchgen.ops import dispatch

RNG = np.random.default_rng(0)
X, Y, BANDWIDTHS = RNG.normal(size=(6, 4)), 0.5 + RNG.normal(size=(9, 4)), (0.7, 2.0, 5.0)


def written_out(x, y, bandwidths):
    """MMD² by its definition, every pair on its own."""

    def mean(a, b):
        d2 = np.square(a[:, None] - b).sum(axis=2)
        return sum(np.exp(-d2 / (2 * sigma**2)) for sigma in bandwidths).mean()

    return mean(x, x) + mean(y, y) - 2 * mean(x, y)


def test_two_points(backend):
    """MMD² = 2 (1 − k(a, b)), whose gradient for a is 2 k (a − b) / σ²."""
    a, b, sigma = np.array([[0.3, -1.0]]), np.array([[1.1, 0.4]]), 1.3
    k = np.exp(-np.square(a - b).sum() / (2 * sigma**2))
    loss, dx = mmd(a, b, [sigma])
    assert float(loss) == pytest.approx(2 * (1 - k), rel=1e-14)
    np.testing.assert_allclose(dx, 2 * k * (a - b) / sigma**2, rtol=1e-14)


def test_every_pair_on_its_own(backend):
    assert float(mmd(X, Y, BANDWIDTHS)[0]) == pytest.approx(written_out(X, Y, BANDWIDTHS), rel=1e-13)
    assert float(mmd(X, Y, BANDWIDTHS)[0]) == pytest.approx(float(mmd(Y, X, BANDWIDTHS)[0]), rel=1e-13)


def test_a_sample_and_itself(backend):
    for x in (X, X[::-1], np.concatenate([X, X])):  # in another order, or twice: the same distribution
        loss, dx = mmd(x, X.copy(), BANDWIDTHS)
        assert abs(float(loss)) < 1e-15
        np.testing.assert_allclose(dx, 0, atol=1e-16)


def test_samples_far_apart_are_each_only_like_themselves(backend):
    """Then k is 1 for i = j, and else 0: MMD² = K (1/n + 1/m), K the number of bandwidths; the U-statistic would be 0."""
    x, y = 1e4 * np.arange(4.0)[:, None], 1e4 * np.arange(4.0, 9.0)[:, None]
    assert float(mmd(x, y, (1.0, 3.0))[0]) == pytest.approx(2 * (1 / 4 + 1 / 5), rel=1e-14)


def test_against_pytorch(backend):
    torch = pytest.importorskip("torch")
    x, y = torch.tensor(X, requires_grad=True), torch.tensor(Y)

    def mean(a, b):
        d2 = ((a[:, None] - b) ** 2).sum(2)
        return sum(torch.exp(-d2 / (2 * sigma**2)) for sigma in BANDWIDTHS).mean()

    wanted = mean(x, x) + mean(y, y) - 2 * mean(x, y)
    wanted.backward()
    loss, dx = mmd(X, Y, BANDWIDTHS)
    assert float(loss) == pytest.approx(wanted.item(), rel=1e-12)
    np.testing.assert_allclose(dx, x.grad.numpy(), rtol=1e-10, atol=1e-15)


def test_where_the_origin_lies_costs_no_digits(backend):
    """In float32, ‖a‖² of examples near (1000, …) leaves nothing of distances of order 1, unless the mean is taken off first."""
    x, y = (X + 1000).astype(np.float32), (Y + 1000).astype(np.float32)
    loss, dx = mmd(x, y, BANDWIDTHS)
    wanted, dwanted = mmd(x.astype(np.float64), y.astype(np.float64), BANDWIDTHS)
    assert dx.dtype == np.float32
    assert float(loss) == pytest.approx(float(wanted), rel=1e-5)
    np.testing.assert_allclose(dx, dwanted, rtol=1e-4, atol=1e-7)


def test_in_a_recorded_step():
    x, y = X.astype(np.float32), Y.astype(np.float32)

    def step(x, y):
        loss, dx = mmd(x, y, BANDWIDTHS)
        return loss, dx

    with sg.use_backend("numba"):
        recorded = sg.recorded(step)
        for shift in np.linspace(0, 1, 7, dtype=np.float32):
            (loss, dx), (wanted, dwanted) = recorded(x + shift, y), step(x + shift, y)
            assert float(loss) == float(wanted) and dx.tobytes() == dwanted.tobytes()
        ((recording,),) = recorded.recordings.values()
        assert recording.program is not None and recording.replays > 2


def test_equal_bandwidths_are_compiled_once():
    with sg.use_backend("numba"):
        for _ in range(3):
            mmd(X, Y, [0.25, 3.5])
        run = dispatch.active().operations[gaussian_kernels.__wrapped__]
        calls = [call for calls in run.kinds.values() for call in calls]
        assert len([call for call in calls if (0.25, 3.5) in call.static.values()]) == 1


@pytest.mark.parametrize(
    "bandwidths, error, words",
    [
        (1.0, TypeError, "bandwidths is 1.0; it must be a tuple of positive numbers"),
        ("1", TypeError, "bandwidths is '1'"),
        ((), ValueError, "bandwidths is empty"),
        ((1.0, 0), ValueError, r"bandwidths\[1\] is 0; it must be positive"),
        ((np.nan,), ValueError, r"bandwidths\[0\] is nan"),
        ((None,), TypeError, r"bandwidths\[0\] is None"),
    ],
)
def test_bandwidths_that_are_none(bandwidths, error, words):
    with pytest.raises(error, match=words):
        mmd(X, Y, bandwidths)


def test_arrays_that_do_not_fit():
    with pytest.raises(ValueError, match=r"y has shape \(9, 3\); mmd needs that of x, \(6, 4\)"):
        mmd(X, Y[:, :3], BANDWIDTHS)
    with pytest.raises(TypeError, match="y is float32 and x float64; mmd needs float32 or float64 for all"):
        mmd(X, Y.astype(np.float32), BANDWIDTHS)
