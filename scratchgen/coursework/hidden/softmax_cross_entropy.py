"""Hidden tests: softmax cross-entropy."""

import numpy as np

from scratchgen.coursework.hidden import LARGE, SIZE, THOUGHT
from scratchgen.coursework.testing import close, exactly, points, values
from scratchgen.coursework.visible.softmax_cross_entropy import far_apart, value


@points(2, why=LARGE)
def test_large_logits(exercise, rng):
    """Logits of ±1000: finite, and right, also in a row in which all are small beside those of the others."""
    less, more = rng.uniform(0.5, 2), rng.uniform(500, 1500)
    logits = np.array([[more, more - less, -1000.0], [-1000.0, more, 0.0]])
    less = more - logits[0, 1]  # what is left of it after rounding
    loss, dlogits = values(exercise.without_overflow("cross_entropy", logits, np.array([0, 0])), 2, "loss, dlogits")
    close("loss", loss, (np.log1p(np.exp(-less)) + more + 1000) / 2)
    p = 1 / (1 + np.exp(-less))
    close("dlogits", dlogits, np.array([[p - 1, 1 - p, 0], [-1, 1, 0]]) / 2)
    logits, labels = rng.normal(size=(2, 3)), np.array([1, 2])
    low = logits + np.array([[1000.0], [-1000.0]])
    loss, _ = values(exercise.without_overflow("cross_entropy", low, labels), 2, "loss, dlogits")
    close("loss of rows far from one another", loss, value(low - np.array([[1000.0], [-1000.0]]), labels))


@points(1, why=THOUGHT)
def test_shifted_logits(exercise, rng):
    """Another constant added to the logits of each row changes nothing."""
    logits, labels = rng.normal(size=(4, 3)), np.array([2, 0, 1, 1])
    shift = rng.normal(size=(4, 1))
    loss, _ = values(exercise.cross_entropy(logits + shift, labels), 2, "loss, dlogits")
    close("loss", loss, value(logits, labels))
    logits, right = far_apart(logits, labels)
    exactly("dlogits", values(exercise.cross_entropy(logits + shift, labels), 2, "loss, dlogits")[1], right)


@points(1, why=SIZE)
def test_at_size(exercise, rng):
    """1000 classes, within the time limit."""
    logits, labels = rng.normal(size=(50, 1000)), rng.integers(0, 1000, size=50)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    loss, dlogits = values(exercise.cross_entropy(logits, labels), 2, "loss, dlogits")
    close("loss", loss, -np.mean(np.log(p[np.arange(50), labels])))
    close("dlogits", dlogits, (p - np.eye(1000)[labels]) / 50)
