"""Classes without names against labels: brute force over all matchings, and what is no classes."""

import itertools

import numpy as np
import pytest

from scratchgen.metrics import best_agreement

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("K", [2, 3, 5, 6])
def test_all_matchings_tried_one_by_one(K):
    for _ in range(5):
        classes, y = RNG.integers(K, size=60), RNG.integers(K, size=60)
        classes[0] = y[1] = K - 1
        found = best_agreement(classes, y)
        assert found.fraction == max(np.mean(np.array(matching)[classes] == y) for matching in itertools.permutations(range(K)))
        assert sorted(found.labels) == list(range(K)) and found.fraction == np.mean(np.array(found.labels)[classes] == y)


def test_other_names_for_the_same_classes_agree_in_full():
    y, names = RNG.integers(10, size=500), RNG.permutation(10)
    found = best_agreement(names[y], y)
    assert found.fraction == 1 and (names[list(range(10))] == np.argsort(found.labels)).all()


def test_the_largest_counts_first_would_not_do():
    """Greedily 0 is matched with 0, for 6 of 15, and 1 with 1 for none: 6. The other way round it is 5 + 4."""
    classes, y = np.repeat([0, 0, 1], [6, 5, 4]), np.repeat([0, 1, 0], [6, 5, 4])
    assert best_agreement(classes, y) == (9 / 15, (1, 0))


def test_more_classes_than_labels_and_more_labels_than_classes():
    assert best_agreement(np.array([0, 1, 2, 2]), np.array([0, 0, 1, 1])).fraction == 0.75
    assert best_agreement(np.array([0, 0, 1, 1]), np.array([0, 1, 2, 2])).fraction == 0.75
    assert best_agreement(np.zeros(4, int), np.arange(4)).fraction == 0.25


@pytest.mark.parametrize(
    "classes, y, error, words",
    [
        (np.zeros((2, 2), int), np.zeros((2, 2), int), ValueError, r"both must be \(n,\)"),
        (np.zeros(2, int), np.zeros(3, int), ValueError, r"classes have shape \(2,\), y \(3,\)"),
        (np.zeros(0, int), np.zeros(0, int), ValueError, "n ≥ 1"),
        (np.zeros(2), np.zeros(2, int), TypeError, "classes is float64; wanted are integers"),
        (np.zeros(2, int), np.array([0, -1]), ValueError, "y runs from -1 to 0"),
        (np.array([0, 20]), np.zeros(2, int), ValueError, "classes runs from 0 to 20"),
    ],
)
def test_what_is_no_classes(classes, y, error, words):
    with pytest.raises(error, match=words):
        best_agreement(classes, y)
