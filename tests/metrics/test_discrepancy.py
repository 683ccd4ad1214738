import numpy as np
import pytest

from scratchgen.losses import mmd
from scratchgen.metrics import mmd_estimate
from scratchgen.metrics.discrepancy import unbiased


def test_without_the_pairs_of_an_example_with_itself():
    """The V-statistic of the loss, with the diagonals taken out by hand."""
    x, y = np.random.default_rng(0).normal(size=(2, 6, 3))
    n, bandwidths = 6, (0.5, 2.0)
    k = lambda a, b: sum(np.exp(-np.sum((a - b) ** 2) / (2 * s**2)) for s in bandwidths)
    pairs = lambda a: sum(k(a[i], a[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    assert unbiased(x, y, bandwidths) == pytest.approx(pairs(x) + pairs(y) - 2 * np.mean([[k(a, b) for b in y] for a in x]))
    within = (pairs(x) + pairs(y)) * (n - 1) / n + 2 * len(bandwidths) / n
    assert mmd(x, y, bandwidths)[0] == pytest.approx(within - 2 * np.mean([[k(a, b) for b in y] for a in x]))


def test_zero_within_its_error_for_equal_distributions_and_far_from_it_for_others():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 4000, 2))
    mean, error = mmd_estimate(x, y, block=200)
    assert abs(mean) < 4 * error
    mean, error = mmd_estimate(x + 0.5, y, block=200)
    assert mean > 10 * error


def test_the_order_of_the_examples_says_nothing():
    rng = np.random.default_rng(3)
    data = np.concatenate([rng.normal(0, 1, (1500, 2)), rng.normal(5, 1, (1500, 2))])  # one cluster after the other
    found = mmd_estimate(rng.permutation(data), data)
    assert abs(found.mean) < 5 * found.standard_error < 0.05


def test_bad_input():
    with pytest.raises(ValueError, match="two blocks of 500"):
        mmd_estimate(np.zeros((600, 2)), np.zeros((2000, 2)))
    with pytest.raises(ValueError, match="equally many"):
        mmd_estimate(np.zeros((1000, 2)), np.zeros((2000, 3)))
    with pytest.raises(ValueError, match="most are equal; give bandwidths"):
        mmd_estimate(np.zeros((1000, 2)), np.zeros((1000, 2)))
    with pytest.raises(ValueError, match="most are equal; give bandwidths"):
        mmd_estimate(np.random.default_rng(0).uniform(size=(1000, 784)), np.full((1000, 784), 0.1))
