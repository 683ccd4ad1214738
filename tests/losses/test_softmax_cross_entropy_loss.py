"""Softmax cross-entropy, against the textbook formula and at its extremes."""

import math

import numpy as np
import pytest

from scratchgen.losses import bce_with_logits, softmax_cross_entropy

RNG = np.random.default_rng(4)
LOGITS, LABELS = RNG.normal(0, 3, (6, 5)), np.array([0, 4, 2, 2, 1, 3])


def softmax(row):
    e = [math.exp(l) for l in row]
    return [x / sum(e) for x in e]


def test_is_minus_log_of_the_labels_probability(backend):
    loss, dlogits = softmax_cross_entropy(LOGITS, LABELS)
    p = np.array([softmax(row) for row in LOGITS])
    assert float(loss) == pytest.approx(-sum(math.log(p[n, k]) for n, k in enumerate(LABELS)) / 6, rel=1e-13)
    np.testing.assert_allclose(dlogits, (p - np.eye(5)[LABELS]) / 6, rtol=1e-12)


@pytest.mark.parametrize("k", [2, 10, 1000])
def test_no_idea_costs_log_k(backend, k):
    loss, _ = softmax_cross_entropy(np.full((3, k), 7.0), np.array([0, 1, k - 1]))
    assert float(loss) == pytest.approx(math.log(k), rel=1e-14)


def test_gradients_of_an_example_sum_to_zero(backend):
    """A constant added to all logits changes no probability, so the loss has no slope in that direction."""
    loss, dlogits = softmax_cross_entropy(LOGITS, LABELS)
    np.testing.assert_allclose(dlogits.sum(axis=1), 0, atol=1e-16)
    assert float(softmax_cross_entropy(LOGITS + 50, LABELS)[0]) == pytest.approx(float(loss), rel=1e-12)


def test_two_classes_are_a_binary_cross_entropy_on_the_difference(backend):
    loss, dlogits = softmax_cross_entropy(LOGITS[:, :2], LABELS % 2)
    binary, ddifference = bce_with_logits(LOGITS[:, 1:2] - LOGITS[:, :1], (LABELS % 2).astype(float)[:, None])
    assert float(loss) == pytest.approx(float(binary), rel=1e-13)
    np.testing.assert_allclose(dlogits[:, 1:], ddifference, rtol=1e-11)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logits_of_a_thousand(backend, dtype):
    logits = np.array([[1000, -1000, 0], [1000, -1000, 0]], dtype)
    loss, dlogits = softmax_cross_entropy(logits, np.array([0, 1]))
    assert float(loss) == 1000  # nothing for the first example, 2000 for the second
    np.testing.assert_array_equal(dlogits, [[0, 0, 0], [0.5, -0.5, 0]])


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8])
def test_any_integers_are_labels(backend, dtype):
    assert float(softmax_cross_entropy(LOGITS, LABELS.astype(dtype))[0]) == float(softmax_cross_entropy(LOGITS, LABELS)[0])


@pytest.mark.parametrize(
    "labels, error, words",
    [
        (LABELS[:, None], ValueError, r"labels have shape \(6, 1\)"),  # would broadcast
        (LABELS[:5], ValueError, r"labels have shape \(5,\) for logits \(6, 5\)"),
        (np.eye(5)[LABELS], ValueError, r"needed are \(batch,\)"),
        (LABELS.astype(float), TypeError, "labels are float64; .* integers"),
        (LABELS + 1, ValueError, "from 1 to 5; .* 0 … 4"),
        (LABELS - 1, ValueError, "from -1 to 3"),  # NumPy would take −1 for the last class
    ],
)
def test_labels_that_are_none(labels, error, words):
    with pytest.raises(error, match=words):
        softmax_cross_entropy(LOGITS, labels)
