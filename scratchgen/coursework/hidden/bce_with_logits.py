"""Hidden tests: binary cross-entropy on logits."""

import numpy as np

from scratchgen.coursework.testing import close, dtype_kept, points, values


@points(2)
def test_large_logits(exercise, rng):
    """Logits of ±1000: finite, and right."""
    logits, targets = np.array([[1000.0, -1000.0, 1000.0, -1000.0, -50.0]]), np.array([[1.0, 0.0, 0.0, 1.0, 0.0]])
    loss, dlogits = values(exercise.bce_with_logits(logits, targets), 2, "loss, dlogits")
    close("loss", loss, 2000 + np.exp(-50))
    close("dlogits", dlogits, [[0, 0, 1, -1, np.exp(-50)]])


@points(1)
def test_batch_and_features(exercise, rng):
    """Repeating the batch changes nothing; repeating the features doubles the loss."""
    logits, targets = rng.normal(size=(3, 4)), rng.uniform(size=(3, 4))
    loss, dlogits = values(exercise.bce_with_logits(logits, targets), 2, "loss, dlogits")
    assert loss > 0, "the loss must be positive"
    twice, dtwice = values(exercise.bce_with_logits(np.tile(logits, (2, 1)), np.tile(targets, (2, 1))), 2, "loss, dlogits")
    close("loss of the batch repeated", twice, loss)
    close("dlogits of the batch repeated", dtwice, np.tile(np.asarray(dlogits) / 2, (2, 1)))
    close("loss of the features repeated", exercise.bce_with_logits(np.tile(logits, 2), np.tile(targets, 2))[0], 2 * loss)


@points(1)
def test_dtype(exercise, rng):
    """The gradient of float32 logits is float32."""
    logits, targets = rng.normal(size=(3, 4)).astype(np.float32), rng.uniform(size=(3, 4)).astype(np.float32)
    dtype_kept("dlogits", values(exercise.bce_with_logits(logits, targets), 2, "loss, dlogits")[1], np.float32)
