import numpy as np
import pytest

from scratchgen.metrics import kmeans, parzen_log_likelihood, parzen_sigma


def test_finds_clusters():
    rng = np.random.default_rng(0)
    centres = np.array([[0.0, 0], [50, 0], [0, 50]])
    x = (centres[:, None] + rng.normal(size=(3, 200, 2))).reshape(-1, 2)
    found = max((kmeans(x, 3, n_iterations=10, rng=seed) for seed in range(5)), key=lambda c: np.ptp(c, axis=0).sum())
    found = found[np.lexsort(found.round(-1).T)]
    np.testing.assert_allclose(found, centres[np.lexsort(centres.T)], atol=0.5)


def test_each_iteration_brings_examples_nearer():
    x = np.random.default_rng(1).uniform(size=(500, 3))
    spread = [np.mean(np.min(np.sum((x[:, None] - kmeans(x, 20, n, rng=0)) ** 2, axis=2), axis=1)) for n in range(6)]
    assert all(later < earlier for earlier, later in zip(spread[:-1], spread[1:], strict=True))


def test_centres_beat_real_data_at_parzen_s_game():
    """The reason why the window is never given alone. In many dimensions k means are nearer to new data than k examples are."""
    rng = np.random.default_rng(2)
    draw = lambda n: (rng.normal(size=(n, 3)) @ np.random.default_rng(9).normal(size=(3, 50)) + 0.3 * rng.normal(size=(n, 50))) / 10
    train, valid, test = draw(4000), draw(500), draw(500)
    score = lambda samples: parzen_log_likelihood(samples, test, parzen_sigma(samples, valid)).mean
    assert score(kmeans(train, 300, rng=0)) > score(train[:300]) + 1


def test_bad_k():
    with pytest.raises(ValueError, match="k is 5"):
        kmeans(np.zeros((4, 2)), 5)
