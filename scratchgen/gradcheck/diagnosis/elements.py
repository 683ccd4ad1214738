"""Mistakes that show element by element: a missing factor, a mask, one branch of a function."""

import re

import numpy as np

from scratchgen.gradcheck.diagnosis.evidence import Diagnosis
from scratchgen.gradcheck.diagnosis.whole import dropout_keep

POWERS = {
    "{}": lambda q: q,
    "(1 − {})": lambda q: 1 - q,
    "(1 − {0}²)": lambda q: 1 - q * q,
    "{}²": lambda q: q * q,
    "√{}": np.sqrt,
    "e^{}": np.exp,
    "e^(½ {})": lambda q: np.exp(q / 2),
    "(1 + {})": lambda q: 1 + q,
}
SPREAD = re.compile("var|std|sigma|deviation")  # names of what measures a spread
CONFUSED = ". Are standard deviation, variance and log-variance confused? σ = e^(½ logvar), σ² = e^logvar"


def mask(e):
    """Dropout and the like: the gradient must be zero exactly where the output does not depend on the input."""
    first = e.draws[0]
    if first.a.shape != first.n.shape:
        return None
    off = [(np.abs(draw.n) < 1e-9 * np.abs(draw.n[e.measured]).max(initial=0)) & e.measured for draw in e.draws]
    passes = [np.abs(draw.a) > 0 for draw in e.draws]
    if not np.any(off[0]) or not np.any(off[0] & passes[0]):
        return None
    keep = dropout_keep(e)
    if keep and all(agrees_up_to_zeros(draw, keep) for draw in e.draws):
        text = f"backward of dropout uses another mask than forward: keep the mask in the cache and multiply d{e.name} by the same one"
        blocked = np.any(~passes[0] & ~off[0] & e.measured)
        if blocked:
            return e.found("mask", text, "dy times the mask of forward")
    for c, scale in ((1.0, ""), *(((keep, " and its scale 1 / (1 − rate)"),) if keep else ())):
        if e.explains(lambda draw, c=c: np.where(np.abs(draw.n) > 0, draw.a / c, 0)):
            n = int(np.sum(off[0] & passes[0]))
            why = "the dropout mask" if keep else "a mask (of the weights, of the side where a ReLU is off, of the winner of a maximum)"
            text = f"{n} elements of d{e.name} that do not influence the output get a gradient: {why}{scale} is not applied in backward"
            return e.found("mask", text, f"d{e.name} with zeros there")


def agrees_up_to_zeros(draw, keep):
    """Whether each element of a is 0, dy, or dy / keep: dropout with some mask."""
    return np.all((np.abs(draw.a) < 1e-12) | np.isclose(draw.a, draw.dy / keep) | np.isclose(draw.a, draw.dy))


def branch(e):
    """Right on one side of zero and wrong on the other."""
    first = e.draws[0]
    if first.a.shape != first.n.shape or not e.is_input:
        return None
    if e.y is not None and e.y.shape == e.array.shape and all(e.agree(draw.a + draw.n, draw.dy) for draw in e.draws):
        if not any(np.any((draw.a != 0) & (np.abs(draw.n) > 1e-9)) for draw in e.draws):
            text = f"the two sides are exchanged: d{e.name} passes dy where the layer blocks it, and blocks it where it passes"
            return e.found("branch", text, f"dy − d{e.name}")
    for words, side in ((f"{e.name} < 0", e.array < 0), (f"{e.name} > 0", e.array > 0)):
        inside, outside = side & e.measured, ~side & e.measured
        if inside.sum() < 2 or outside.sum() < 2 or not right_on(e, outside, 1.0):
            continue
        a, n = first.a[inside], first.n[inside]
        c = float(np.sum(a * n) / np.sum(n * n)) if np.any(n) else np.inf
        if c == np.inf or not right_on(e, inside, c):
            continue
        says = "nothing passes there" if abs(c) < 1e-9 else f"it is {c:.4g} times what it should be there"
        text = f"d{e.name} is wrong exactly where {words}: {says}, and right elsewhere. The slope of that branch is not the one of forward"
        tested = f"Tested: in {inside.sum()} elements backward gives {c:.4g} times the difference quotient, in {outside.sum()} it agrees"
        return Diagnosis("branch", e.name, text, tested, e.enough)


def one_side(e):
    """Wrong on one side of zero only, by no known mistake."""
    if e.draws[0].a.shape != e.draws[0].n.shape or not e.is_input:
        return None
    for words, side in ((f"{e.name} < 0", e.array < 0), (f"{e.name} > 0", e.array > 0)):
        outside = ~side & e.measured
        if outside.sum() >= 2 and right_on(e, outside, 1.0):
            text = f"d{e.name} is wrong only where {words}: look at the branch of the function on that side"
            return Diagnosis("branch", e.name, text, "Seen: everywhere else it agrees", False)


def right_on(e, where, c):
    """Whether a = c n on the elements `where`, in every draw."""
    return all(np.allclose(draw.a[where], c * draw.n[where], rtol=1e-5, atol=1e-7 * np.abs(draw.n[e.measured]).max()) for draw in e.draws)


def quantities(e):
    """Yield (words, value) of factors that can be missing; value broadcasts to the shape of the array."""
    shape = e.array.shape
    for words, q in e.known.items():
        if q.size <= 1 or q.ndim > len(shape) or not fits(q.shape, shape):
            continue
        yield from ((pattern.format(words), f(q)) for pattern, f in POWERS.items())
        if len(shape) == 2 and q.shape == shape[:1] and shape[0] != shape[1]:
            yield words, q[:, None]
    if len(shape) == 2 and e.is_input:
        for axis, over in ((0, "the batch"), (1, "the features")):
            eps = getattr(getattr(e.subject, "layer", None), "eps", 1e-5)
            std = np.sqrt(e.array.var(axis=axis, keepdims=True) + eps)
            if shape[axis] > 1:
                yield f"the standard deviation over {over}", std
                yield f"the variance over {over}", std**2


def fits(shape, target):
    """Whether shape broadcasts to target without changing it."""
    return all(a in (1, b) for a, b in zip(shape[::-1], target[::-1], strict=False))


def missing_factor(e):
    """A factor is missing or occurs once too often: the ratio of the two gradients is a known array."""
    if e.draws[0].a.shape != e.array.shape:
        return None
    with np.errstate(all="ignore"):
        for words, q in quantities(e):
            if not np.all(np.isfinite(q)) or np.ptp(q) < 1e-9:
                continue
            spread = bool(SPREAD.search(words))
            also, kind = (CONFUSED, "std and variance") if spread else ("", "missing factor")
            certain = not spread and not words.startswith(("e^", "√"))  # e^x, say, may as well be a wrong sign inside a sigmoid
            for c, times in ((1.0, ""), (0.5, "½ "), (2.0, "2 ")):
                if e.explains(lambda draw, q=q, c=c: draw.a * q * c):
                    text = f"the factor {times}{words} is missing from d{e.name}{also}"
                    return e.found(kind, text, f"d{e.name} ∘ {times}{words}", certain)
                if e.explains(lambda draw, q=q, c=c: draw.a / q / c):
                    text = f"d{e.name} has the factor {times}{words} once too often{also}"
                    return e.found(kind, text, f"d{e.name} / ({times}{words})", certain)
        if e.y is not None and e.y.shape == e.array.shape and e.explains(lambda draw: draw.a / draw.dy):
            return e.found("missing factor", f"d{e.name} is multiplied by dy twice", f"d{e.name} / dy")


def some_rows(e):
    """Zero in some rows or columns and right in the others."""
    a, n = e.draws[0].a, e.draws[0].n
    if a.shape != n.shape or a.ndim == 0:
        return None
    wrong = ~np.isclose(a, n, rtol=1e-5, atol=1e-7 * np.abs(n[e.measured]).max(initial=0)) & e.measured
    for axis, words in zip(range(a.ndim), ("row", "column") if a.ndim == 2 else ("element",) * a.ndim, strict=False):
        others = tuple(i for i in range(a.ndim) if i != axis)
        bad = np.flatnonzero(wrong.any(axis=others))
        if 0 < len(bad) <= max(1, a.shape[axis] // 2) and a.shape[axis] > 1 and wrong.any():
            zeros = not np.any(np.take(a, bad, axis=axis))
            what = "zero" if zeros else "wrong"
            where = f"{words} {bad[0]}" if len(bad) == 1 else f"{words}s {', '.join(map(str, bad))}"
            text = f"d{e.name} is {what} in {where} and right elsewhere: an index or a slice that leaves some out"
            tested = f"Seen: {int(wrong.sum())} of {int(e.measured.sum())} elements differ"
            return Diagnosis("some elements", e.name, text, tested, False)
