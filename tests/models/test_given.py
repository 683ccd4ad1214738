"""Labels as columns of a network's input."""

import numpy as np
import pytest

from scratchgen.models.given import Labels


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_labels_become_columns_of_their_own(backend, dtype):
    x, y = np.arange(6, dtype=dtype).reshape(3, 2), np.array([2, 0, 2])
    given = Labels(3).given(x, y)
    assert given.dtype == x.dtype
    np.testing.assert_array_equal(given, np.concatenate([x, np.eye(3)[y]], axis=1))


def test_without_classes_nothing_changes():
    x = np.ones((2, 2))
    assert Labels(None).given(x, None) is x
    with pytest.raises(ValueError, match="without labels"):
        Labels(None).given(x, np.array([0, 1]))


@pytest.mark.parametrize(
    "y, error, why",
    [
        (None, ValueError, "y is missing"),
        ([0, 1], TypeError, "y"),
        (np.array([0]), ValueError, "has shape"),
        (np.array([0.0, 1.0]), TypeError, "integers"),
        (np.array([0, 3]), ValueError, "0 … 2"),
        (np.array([-1, 1]), ValueError, "0 … 2"),
    ],
)
def test_labels_that_are_none(y, error, why):
    with pytest.raises(error, match=why):
        Labels(3).given(np.ones((2, 2)), y)


def test_a_pack_gets_the_labels_of_all_its_examples(backend):
    """Two rows, of two examples each; a fifth example fills no pack."""
    x, y = np.arange(4.0).reshape(2, 2), np.array([2, 0, 1, 1, 0])
    onehot = np.eye(3)[y[:4]]
    np.testing.assert_array_equal(Labels(3).given(x, y, pack=2), np.concatenate([x, onehot[::2], onehot[1::2]], axis=1))
    with pytest.raises(ValueError, match=r"y has shape \(3,\) for x \(2, 2\); needed is \(4,\)"):
        Labels(3).given(x, y[:3], pack=2)
