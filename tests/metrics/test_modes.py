import numpy as np
import pytest

from scratchgen.metrics import mode_coverage

ANGLES = 2 * np.pi * np.arange(8) / 8
RING = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)


@pytest.mark.parametrize("seed", range(3))
def test_a_perfect_sampler_scores_98_9_per_cent(seed):
    """P(distance > 3 std) = e^(−4.5) in the plane; 100,000 samples put the fraction within four standard errors, 0.0013."""
    rng = np.random.default_rng(seed)
    n = 100_000
    samples = RING[rng.integers(8, size=n)] + 0.01 * rng.standard_normal((n, 2))
    coverage = mode_coverage(samples, RING, 0.01)
    assert coverage.captured == 8
    assert coverage.high_quality == pytest.approx(1 - np.exp(-4.5), abs=0.0013)
    assert 0 <= coverage.reverse_kl < 5e-4  # of order K/2n


@pytest.mark.parametrize("k", [1, 2, 5, 8])
def test_a_generator_that_knows_k_modes_has_reverse_kl_log_8_over_k(k):
    coverage = mode_coverage(np.repeat(RING[:k], 10, axis=0), RING, 0.01)
    assert coverage.captured == k
    assert coverage.high_quality == 1
    assert coverage.reverse_kl == pytest.approx(np.log(8 / k), abs=1e-12)


def test_a_poor_sample_counts_towards_the_kl_but_captures_nothing():
    samples = np.array([[1.0, 0.0], [1.0, 0.0299], [-1.0, 0.0301]])  # on a mode; 2.99 std off it; 3.01 std off another
    coverage = mode_coverage(samples, RING, 0.01)
    assert coverage.captured == 1
    assert coverage.high_quality == pytest.approx(2 / 3)
    q = np.array([2 / 3, 1 / 3])
    assert coverage.reverse_kl == pytest.approx(np.sum(q * np.log(8 * q)))


def test_order_of_samples_and_modes_does_not_matter():
    rng = np.random.default_rng(0)
    samples = RING[rng.integers(5, size=300)] + 0.02 * rng.standard_normal((300, 2))
    shuffled = mode_coverage(rng.permutation(samples), rng.permutation(RING), 0.01)
    assert shuffled == pytest.approx(mode_coverage(samples, RING, 0.01))


@pytest.mark.parametrize(
    ("samples", "modes", "std", "message"),
    [
        (np.zeros((3, 3)), RING, 0.01, "samples has 3 features, modes 2"),
        (np.zeros(3), RING, 0.01, r"samples has shape \(3,\)"),
        (np.full((3, 2), np.inf), RING, 0.01, "samples contains NaN or infinity"),
        (np.zeros((3, 2)), RING, 0.0, "std is 0.0"),
    ],
)
def test_bad_input_is_named(samples, modes, std, message):
    with pytest.raises(ValueError, match=message):
        mode_coverage(samples, modes, std)
