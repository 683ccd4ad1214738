"""Hidden tests: binary cross-entropy on logits."""

import numpy as np

from scratchgen.coursework.testing import close, dtype_kept, points, values
from scratchgen.coursework.visible.bce_with_logits import value
from scratchgen.layers.sigmoid import sigmoid


@points(2)
def test_large_logits(exercise, rng):
    """Logits of ±1000: finite, and right."""
    logits, targets = np.array([[1000.0, -1000.0, 1000.0, -1000.0, -50.0]]), np.array([[1.0, 0.0, 0.0, 1.0, 0.0]])
    logits += rng.uniform(-5, 5, size=(1, 5))
    moderate, target = rng.normal(), rng.uniform()
    logits, targets = np.append(logits, [[moderate]], axis=1), np.append(targets, [[target]], axis=1)
    loss, dlogits = values(exercise.bce_with_logits(logits, targets), 2, "loss, dlogits")
    last = np.log1p(np.exp(moderate)) - target * moderate
    close("loss", loss, logits[0, 2] - logits[0, 3] + np.exp(logits[0, 4]) + last)
    close("dlogits", dlogits, [[0, 0, 1, -1, np.exp(logits[0, 4]), 1 / (1 + np.exp(-moderate)) - target]])


@points(1)
def test_batch_and_features(exercise, rng):
    """Repeating the batch changes nothing; repeating the features doubles the loss."""
    logits, targets = rng.normal(size=(3, 4)), rng.uniform(size=(3, 4))
    loss, dlogits = value(logits, targets), (sigmoid(logits) - targets) / 3
    twice, dtwice = values(exercise.bce_with_logits(np.tile(logits, (2, 1)), np.tile(targets, (2, 1))), 2, "loss, dlogits")
    close("loss of the batch repeated", twice, loss)
    close("dlogits of the batch repeated", dtwice, np.tile(dlogits / 2, (2, 1)))
    close("loss of the features repeated", exercise.bce_with_logits(np.tile(logits, 2), np.tile(targets, 2))[0], 2 * loss)


@points(1)
def test_dtype(exercise, rng):
    """The gradient of float32 logits is float32."""
    logits, targets = rng.normal(size=(3, 4)).astype(np.float32), rng.uniform(size=(3, 4)).astype(np.float32)
    _, dlogits = values(exercise.bce_with_logits(logits, targets), 2, "loss, dlogits")
    dtype_kept("dlogits", dlogits, np.float32)
    close("dlogits", dlogits, (sigmoid(logits) - targets) / 3, rtol=1e-5)
