"""Hidden tests: an affine map, its log-determinant, and the coupling layer that is made with it."""

import numpy as np

from scratchgen.coursework.hidden import DTYPE, SHAPES, THOUGHT
from scratchgen.coursework.testing import close, dtype_kept, exactly, points, values
from scratchgen.coursework.visible.coupling import check_layer, far_apart, gradients, layer, setting
from scratchgen.models.flow import affine, affine_backward, affine_inverse


@points(1, why=THOUGHT)
def test_bounds(exercise, rng):
    """However large a is, log σ stays within ±B."""
    x, h = setting(rng)
    h *= 1e6
    for name, got, want in zip(("z", "logdet"), values(exercise.affine(x, h), 2, "z, logdet"), affine(x, h), strict=True):
        close(name, got, want)
    close("x", exercise.affine_inverse(x, h), affine_inverse(x, h))


@points(1, why=SHAPES)
def test_other_shapes(exercise, rng):
    """One example, one feature, more of both; other halves."""
    for shape in ((1, 1), (7, 5)):
        (dx, dh), (want_dx, want_dh) = gradients(exercise, rng, *shape)
        exactly("dx", dx, want_dx)
        exactly("dh", dh, want_dh)
    for shape in ((1, 1, 2), (6, 1, 5)):
        check_layer(exercise, *layer(rng, *shape))


@points(1, why=DTYPE)
def test_dtype(exercise, rng):
    """float32 stays float32."""
    single = [a.astype(np.float32) for a in far_apart(rng)]
    results = values(exercise.affine_backward(*single), 2, "dx, dh")
    for name, got, want in zip(("dx", "dh"), results, affine_backward(*single), strict=True):
        dtype_kept(name, got, np.float32)
        exactly(name, got, want, rtol=1e-5)
