"""Hidden tests: binary cross-entropy on logits."""

import numpy as np

from scratchgen.coursework.hidden import DTYPE, LARGE, THOUGHT
from scratchgen.coursework.testing import close, dtype_kept, exactly, points, values
from scratchgen.coursework.visible.bce_with_logits import far_apart, value
from scratchgen.layers.sigmoid import sigmoid


@points(2, why=LARGE)
def test_large_logits(exercise, rng):
    """Logits of ±1000: finite, and right."""
    logits, targets = np.array([[1000.0, -1000.0, 1000.0, -1000.0, -50.0]]), np.array([[1.0, 0.0, 0.0, 1.0, 0.0]])
    logits += rng.uniform(-5, 5, size=(1, 5))
    moderate, target = rng.normal(), rng.uniform()
    logits, targets = np.append(logits, [[moderate]], axis=1), np.append(targets, [[target]], axis=1)
    loss, dlogits = values(exercise.without_overflow("bce_with_logits", logits, targets), 2, "loss, dlogits")
    last = np.log1p(np.exp(moderate)) - target * moderate
    close("loss", loss, logits[0, 2] - logits[0, 3] + np.exp(logits[0, 4]) + last)
    want = [[0, 0, 1, -1, np.exp(logits[0, 4]), 1 / (1 + np.exp(-moderate)) - target]]
    close("dlogits", dlogits, want)
    logits[:, :4] *= 1e14
    close("dlogits of logits of ±10¹⁷", exercise.bce_with_logits(logits, targets)[1], want)


@points(1, why=THOUGHT)
def test_batch_and_features(exercise, rng):
    """Repeating the batch changes nothing; repeating the features doubles the loss."""
    logits, targets = rng.normal(size=(3, 4)), rng.uniform(size=(3, 4))
    loss = value(logits, targets)
    close("loss of the batch repeated", exercise.bce_with_logits(np.tile(logits, (2, 1)), np.tile(targets, (2, 1)))[0], loss)
    close("loss of the features repeated", exercise.bce_with_logits(np.tile(logits, 2), np.tile(targets, 2))[0], 2 * loss)
    logits, targets = far_apart(rng)
    _, dlogits = values(exercise.bce_with_logits(np.tile(logits, (2, 1)), np.tile(targets, (2, 1))), 2, "loss, dlogits")
    exactly("dlogits of the batch repeated", dlogits, np.tile((sigmoid(logits) - targets) / 8, (2, 1)))


@points(1, why=DTYPE)
def test_dtype(exercise, rng):
    """The gradient of float32 logits is float32."""
    logits, targets = rng.normal(size=(3, 4)).astype(np.float32), rng.uniform(size=(3, 4)).astype(np.float32)
    _, dlogits = values(exercise.bce_with_logits(logits, targets), 2, "loss, dlogits")
    dtype_kept("dlogits", dlogits, np.float32)
    close("dlogits", dlogits, (sigmoid(logits) - targets) / 3, rtol=1e-5)
