"""Visible tests: softmax cross-entropy."""

import numpy as np

from scratchgen.coursework.mistakes.softmax_cross_entropy import GRADIENTS, losses
from scratchgen.coursework.testing import check_loss_gradient, close, exactly, points, sizes, values


def value(logits, labels):
    """The loss from its definition: −log p_label, mean over the batch."""
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return -np.mean(np.log(p[np.arange(len(labels)), labels]))


def inputs(rng):
    """logits (batch, classes), labels (batch,)."""
    batch, classes = sizes(rng, 2)
    return rng.normal(size=(batch, classes)), rng.integers(0, classes, size=batch)


def far_apart(logits, labels):
    """-> logits for which every example has a loss so large that small steps are lost in it, the right gradient."""
    logits, rows = logits.copy(), np.arange(len(labels))
    logits[rows, labels] = -1e17
    right = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    right[rows, labels] -= 1
    return logits, right / len(labels)


@points(1)
def test_by_hand(exercise, rng):
    """Equal logits of n classes cost log n; logits of 0 and l, label 0, cost log(1 + eˡ)."""
    loss, _ = values(exercise.cross_entropy(np.full((2, 5), 0.3), np.array([4, 0])), 2, "loss, dlogits")
    close("loss of equal logits", loss, np.log(5))
    logit = rng.normal()
    loss, _ = values(exercise.cross_entropy(np.array([[0.0, logit]]), np.array([0])), 2, "loss, dlogits")
    close("loss of two classes", loss, np.log(1 + np.exp(logit)))


@points(2)
def test_loss(exercise, rng):
    """The loss."""
    logits, labels = inputs(rng)
    close("loss", values(exercise.cross_entropy(logits, labels), 2, "loss, dlogits")[0], value(logits, labels), mistakes=losses(logits, labels))


@points(4)
def test_gradient(exercise, rng):
    """The gradient."""
    logits, labels = inputs(rng)
    gradient = lambda logits, labels: values(exercise.cross_entropy(logits, labels), 2, "loss, dlogits")[1]
    check_loss_gradient("cross_entropy", value, gradient, logits, labels, wrt="logits", mistakes=GRADIENTS)
    logits, right = far_apart(logits, labels)
    exactly("dlogits", gradient(logits, labels), right)
