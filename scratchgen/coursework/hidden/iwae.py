"""Hidden tests: importance weights, and what they do to the gradient."""

import numpy as np

from scratchgen.coursework.hidden import DTYPE, LARGE, SHAPES
from scratchgen.coursework.testing import close, dtype_kept, exactly, points, values
from scratchgen.coursework.visible.iwae import NAMES, far_apart
from scratchgen.models.iwae import doubly_reparameterized, standard_backward


@points(2, why=LARGE)
def test_log_weights_of_any_size(exercise, rng):
    """Log-weights of ±1000, and a sample that is hopeless beside the others."""
    log_w = rng.normal(size=(4, 3))
    shift = np.array([1000.0, -1000.0, 0.0])
    apart = log_w.copy()
    apart[1] -= 2000
    for x, moved in ((log_w, shift), (apart, shift)):
        bound, w = values(exercise.without_overflow("importance_weights", x + moved), 2, "bound, weights")
        again = (x + moved) - moved
        close("the bound", bound, np.log(np.mean(np.exp(again), axis=0)) + moved)
        close("the normalised weights", w, np.exp(again) / np.sum(np.exp(again), axis=0))


@points(1, why=SHAPES)
def test_one_sample(exercise, rng):
    """One sample: the bound is its log-weight, its weight is 1."""
    log_w = rng.normal(size=(1, 6)) - 500
    bound, w = values(exercise.importance_weights(log_w), 2, "bound, weights")
    exactly("the bound", bound, log_w[0])
    exactly("the normalised weights", w, np.ones((1, 6)))
    bound, _ = values(exercise.importance_weights(np.vstack([log_w, log_w])), 2, "bound, weights")
    exactly("the bound of a sample that is there twice", bound, log_w[0])


@points(1, why=SHAPES)
def test_other_shapes(exercise, rng):
    """Other numbers of samples and examples."""
    for rows, n, batch in ((1, 1, 1), (7, 4, 7)):
        arrays = far_apart(rng, rows, n)
        for function in (standard_backward, doubly_reparameterized):
            got = values(getattr(exercise, function.__name__)(*arrays, batch), 2, "dz, dlogvar")
            for name, ours, right in zip(NAMES, got, function(*arrays, batch), strict=True):
                exactly(name, ours, right)


@points(1, why=DTYPE)
def test_dtype(exercise, rng):
    """float32 stays float32."""
    arrays = [a.astype(np.float32) for a in far_apart(rng)]
    bound, w = values(exercise.importance_weights(arrays[2]), 2, "bound, weights")
    dtype_kept("the bound", bound, np.float32)
    close("the normalised weights", w, np.exp(arrays[2]) / np.sum(np.exp(arrays[2]), axis=0), rtol=1e-5)
    for name, ours, right in zip(NAMES, exercise.standard_backward(*arrays, 4), standard_backward(*arrays, 4), strict=True):
        dtype_kept(name, ours, np.float32)
        close(name, ours, right, rtol=1e-5)
