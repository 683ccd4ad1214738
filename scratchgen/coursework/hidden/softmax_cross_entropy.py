"""Hidden tests: softmax cross-entropy."""

import numpy as np

from scratchgen.coursework.testing import close, points, values


@points(2)
def test_large_logits(exercise, rng):
    """Logits of ±1000: finite, and right."""
    logits = np.array([[1000.0, 999.0, -1000.0], [-1000.0, 1000.0, 0.0]])
    loss, dlogits = values(exercise.cross_entropy(logits, np.array([0, 0])), 2, "loss, dlogits")
    close("loss", loss, (np.log1p(np.exp(-1)) + 2000) / 2)
    p = 1 / (1 + np.exp(-1))
    close("dlogits", dlogits, np.array([[p - 1, 1 - p, 0], [-1, 1, 0]]) / 2)


@points(1)
def test_inputs_stay(exercise, rng):
    """Logits and labels are not changed."""
    logits, labels = rng.normal(size=(4, 3)), np.array([2, 0, 1, 1])
    before = logits.copy(), labels.copy()
    _, dlogits = values(exercise.cross_entropy(logits, labels), 2, "loss, dlogits")
    assert np.array_equal(logits, before[0]), "your function changes the logits it is given; work on a copy"
    assert np.array_equal(labels, before[1]), "your function changes the labels it is given; work on a copy"
    close("the sum of dlogits over the classes", np.asarray(dlogits).sum(axis=1), np.zeros(4))


@points(1)
def test_at_size(exercise, rng):
    """1000 classes, within the time limit."""
    logits, labels = rng.normal(size=(50, 1000)), rng.integers(0, 1000, size=50)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    loss, dlogits = values(exercise.cross_entropy(logits, labels), 2, "loss, dlogits")
    close("loss", loss, -np.mean(np.log(p[np.arange(50), labels])))
    close("dlogits", dlogits, (p - np.eye(1000)[labels]) / 50)
