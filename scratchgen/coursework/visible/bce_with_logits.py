"""Visible tests: binary cross-entropy on logits."""

import numpy as np

from scratchgen.coursework.mistakes.bce_with_logits import GRADIENTS, losses
from scratchgen.coursework.testing import check_loss_gradient, close, exactly, points, sizes, values
from scratchgen.layers.sigmoid import sigmoid


def value(logits, targets):
    """The loss from its definition: −t log p − (1 − t) log(1 − p), summed over features, mean over the batch."""
    p = 1 / (1 + np.exp(-logits))
    return np.sum(-targets * np.log(p) - (1 - targets) * np.log(1 - p)) / len(logits)


def loss_and_gradient(exercise, logits, targets):
    """What the student's function returns: loss, dlogits."""
    return values(exercise.bce_with_logits(logits, targets), 2, "loss, dlogits")


def inputs(rng):
    """logits, targets (batch, features)."""
    shape = sizes(rng, 2)
    return rng.normal(size=shape), rng.uniform(size=shape)


def far_apart(rng):
    """Logits and targets (4, 3) that are not close, so that no formula cancels, and a loss so large that small steps are lost in it."""
    logits, targets = rng.uniform(1, 3, size=(4, 3)), rng.uniform(0, 0.3, size=(4, 3))
    logits[::2], targets[::2] = -logits[::2], 1 - targets[::2]
    logits[0, 0], targets[0, 0] = -1e17, 1
    return logits, targets


@points(1)
def test_by_hand(exercise, rng):
    """Logits of zero cost log 2 each; a single logit l costs log(1 + e⁻ˡ) where the target is 1."""
    loss, _ = loss_and_gradient(exercise, np.zeros((2, 3)), np.array([[0.0, 1.0, 0.5], [1.0, 1.0, 0.0]]))
    close("loss of logits of zero", loss, 3 * np.log(2))
    logit = rng.normal()
    close("loss of one logit with target 1", loss_and_gradient(exercise, np.array([[logit]]), np.ones((1, 1)))[0], np.log(1 + np.exp(-logit)))


@points(2)
def test_loss(exercise, rng):
    """The loss."""
    logits, targets = inputs(rng)
    close("loss", loss_and_gradient(exercise, logits, targets)[0], value(logits, targets), mistakes=losses(logits, targets))


@points(4)
def test_gradient(exercise, rng):
    """The gradient."""
    logits, targets = inputs(rng)
    gradient = lambda logits, targets: loss_and_gradient(exercise, logits, targets)[1]
    check_loss_gradient("bce_with_logits", value, gradient, logits, targets, wrt="logits", mistakes=GRADIENTS)
    logits, targets = far_apart(rng)
    exactly("dlogits", gradient(logits, targets), (sigmoid(logits) - targets) / 4)
