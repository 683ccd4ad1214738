import numpy as np
import pytest

from scratchgen.metrics import nearest_neighbours, neighbours


def test_by_hand():
    data = np.array([[0.0, 0], [3, 4], [1, 0], [10, 10]])
    indices, distances = nearest_neighbours(np.array([[0.0, 0], [9, 9]]), data, k=2)
    np.testing.assert_array_equal(indices, [[0, 2], [3, 1]])
    np.testing.assert_allclose(distances, [[0, 1], [np.sqrt(2), np.sqrt(61)]])


def test_a_copy_is_at_no_distance_at_all(monkeypatch):
    monkeypatch.setattr(neighbours, "BLOCK", 500)  # five examples at a time
    data = np.random.default_rng(0).uniform(size=(100, 784)) + 1000
    indices, distances = nearest_neighbours(data[40:60], data)
    np.testing.assert_array_equal(indices[:, 0], np.arange(40, 60))
    np.testing.assert_array_equal(distances, 0)


@pytest.mark.parametrize("k, message", [(0, "k is 0"), (5, "k is 5")])
def test_k_must_be_there(k, message):
    with pytest.raises(ValueError, match=message):
        nearest_neighbours(np.zeros((2, 3)), np.zeros((4, 3)), k)
    with pytest.raises(ValueError, match="x has 2 features, data 3"):
        nearest_neighbours(np.zeros((2, 2)), np.zeros((4, 3)))
