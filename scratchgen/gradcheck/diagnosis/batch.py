"""Mistakes in summing: over the batch, over the wrong axis, only one example, or with an axis that broadcasting got wrong."""

import numpy as np

from scratchgen.gradcheck.diagnosis.evidence import Diagnosis


def per_example(e, draw):
    """What each example contributes to the gradient: (batch, *array.shape); None where examples cannot be told apart."""
    if e.jacobian is None or not e.shared or not e.rows_are_examples:
        return None
    parts = e.jacobian.reshape(e.array.size, e.batch, -1) * draw.dy.reshape(1, e.batch, -1)
    return np.moveaxis(parts.sum(axis=2), 0, 1).reshape(e.batch, *e.array.shape)


def one_example(e):
    """Only one example counts."""
    if not e.shared or e.jacobian is None or not e.rows_are_examples or e.batch < 2:
        return None
    for k, words in ((0, "first"), (e.batch - 1, "last"), *((k, f"number {k}") for k in range(1, e.batch - 1))):
        if all(e.agree(draw.a, per_example(e, draw)[k]) for draw in e.draws):
            text = f"d{e.name} counts only the {words} example: every example uses {e.name}, so its gradient is the sum over the batch"
            return e.found("not summed", text, "the sum of all examples' contributions")


def wrong_axis(e):
    """Summed over the features, or over everything, where it should be over the batch."""
    if not e.shared or e.jacobian is None or not e.rows_are_examples or e.array.ndim != 1:
        return None
    parts = [per_example(e, draw) for draw in e.draws]
    if all(e.agree(draw.a, np.full(e.array.shape, part.sum())) for draw, part in zip(e.draws, parts, strict=True)):
        text = f"d{e.name} is summed over everything: each element of {e.name} gets the sum over the batch of its own feature (axis=0)"
        return e.found("broadcast", text, "the sum over the batch only")
    if e.batch == e.array.size and all(e.agree(draw.a, part.sum(axis=1)) for draw, part in zip(e.draws, parts, strict=True)):
        text = f"d{e.name} is summed over the wrong axis, the features: the batch is axis 0"
        return e.found("broadcast", text, "the sum over axis 0")


def wrong_shape(e):
    """A gradient of another shape whose sum, transpose or reshaping is right."""
    a, shape = e.draws[0].a, e.array.shape
    if a.shape == shape:
        return None
    axes = a.ndim - len(shape)
    if axes > 0 and a.size > e.array.size and a.shape[axes:] == shape and e.explains(lambda draw: draw.a.sum(axis=tuple(range(axes)))):
        text = f"d{e.name} is not summed over the batch: it has shape {a.shape}, one row per example; every example uses {e.name}, so sum over axis 0"
        return e.found("not summed", text, f"d{e.name}.sum(axis=0)")
    if a.ndim == 2 and a.T.shape == shape and e.explains(lambda draw: draw.a.T):
        return e.found("transposed", f"d{e.name} is transposed: it has shape {a.shape} instead of {shape}", f"d{e.name}ᵀ")
    if a.size == e.array.size and e.explains(lambda draw: draw.a.reshape(shape)):
        text = f"d{e.name} is right but has shape {a.shape} instead of {shape}: sum without keepdims, or reshape it"
        return e.found("shape", text, f"d{e.name}.reshape{shape}")
    if a.size == 1 and e.explains(lambda draw: draw.n):
        total = e.draws[0].n.sum()
        if np.isclose(float(a.reshape(())), total, rtol=1e-5):
            text = f"d{e.name} is summed over everything: each element of {e.name} gets the sum over the batch of its own feature (axis=0)"
            return Diagnosis("broadcast", e.name, text, "Tested: it equals the sum of all elements of the measured gradient", True)


def crossed_rows_and_columns(e):
    """One number per example was applied per feature, because an axis was lost (keepdims=True); possible only where batch = features."""
    if e.array.ndim != 2 or e.array.shape[0] != e.array.shape[1] or len(e.array) < 3 or not np.all(e.measured):
        return None
    text = (
        f"a broadcast mistake in d{e.name}: one number per example is applied to columns instead of rows (or the other way round). The shapes "
        f"fit only because batch and features are equally many ({len(e.array)}); keep the axis, with keepdims=True or [:, None]"
    )
    with np.errstate(all="ignore"):
        ratios = [draw.a / draw.n for draw in e.draws]  # w_j / w_i
        if all(np.all(np.isfinite(r)) and np.allclose(r, r[0][None, :] / r[0][:, None], rtol=1e-4) for r in ratios) and np.ptp(ratios[0]) > 1e-3:
            return e.found("broadcast", text, f"d{e.name} with rows and columns of that factor exchanged")
        for q in (np.ones(e.array.shape), *e.known.values()):
            if q.shape != e.array.shape or np.any(q == 0):
                continue
            crossed = [(draw.n - draw.a) / q for draw in e.draws]  # u_i − u_j
            if all(np.allclose(c, c[:, :1] - c[:, :1].T, rtol=1e-4, atol=1e-6 * np.abs(c).max()) for c in crossed):
                if all(np.abs(c).max() > 1e-4 for c in crossed):
                    return e.found("broadcast", text, f"d{e.name} with rows and columns of that term exchanged")
