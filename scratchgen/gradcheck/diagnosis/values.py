"""Why is a value wrong, where the right one is known? Hypotheses about outputs, losses and updates, tested before they are reported.

    listed mistakes      the caller names them: {"the variance is divided by N − 1": what comes out then, …}
    in general           zero, a constant factor, transposed, another shape, a term of known arrays, a factor, one of them itself, one side of zero

Each predicts the answer, and is believed only if every number agrees. A single number agrees with many mistakes, so with fewer than ENOUGH numbers
nothing is certain; and where two hypotheses fit, neither is.
"""

import math

import numpy as np

from scratchgen.gradcheck.diagnosis.evidence import Diagnosis
from scratchgen.gradcheck.diagnosis.whole import SMALL_CONSTANT, SMALL_ERROR, near, size_factors

ENOUGH = 4  # numbers
SAME = 1e-10  # relative to the largest; a coincidence does not agree so well
FACTORS = {"{}": lambda q: q, "{}²": lambda q: q * q, "√{}": np.sqrt, "(1 − {})": lambda q: 1 - q, "(1 + {})": lambda q: 1 + q, "e^{}": np.exp}


def explain_value(name, got, want, known=None, mistakes=None, before=0.0):
    """[Diagnosis] of an array `got` where `want` is right: listed mistakes that fit, else the general ones that do.

    name: what it is, in words.  known: {words: array} of what it was computed from, the first with a row for each example.
    mistakes: {words: array} of the results of common mistakes.  before: the old values of an array that is changed in place.
    """
    known = {words: np.asarray(q, dtype=float) for words, q in (known or {}).items()}
    with np.errstate(all="ignore"):
        listed = [words for words, value in (mistakes or {}).items() if same(got, np.asarray(value, dtype=float)) and not same(value, want)]
        found = [(words, True) for words in listed] or list(general(name, got, want, known, before))
    tested = "Tested: all of the answer's numbers are what comes out then" if np.size(got) > 1 else "Tested: the answer is what comes out then"
    certain = len(found) == 1 and np.size(got) >= ENOUGH
    return [Diagnosis("value", None, words, tested, certain and exact) for words, exact in found[:3]]


def same(u, v):
    """Equal up to rounding, shape included."""
    u, v = np.asarray(u, dtype=float), np.asarray(v, dtype=float)
    return u.shape == v.shape and u.size > 0 and bool(np.allclose(u, v, rtol=SAME, atol=SAME * np.max(np.abs(v), initial=0), equal_nan=True))


def general(name, got, want, known, before):
    """Yield (words, whether that explains it fully)."""
    if got.shape != want.shape:
        yield from of_other_shape(name, got, want)
        return
    if not np.any(got):
        yield f"{name} is zero everywhere. Is it computed, and returned?", True
        return
    for words, q in known.items():
        if same(got, q):
            yield f"{name} is {words} itself", True
            return
    off, change = np.abs(got - want), np.abs(want - before)
    if np.all(off <= SMALL_ERROR * np.maximum(change, 0.1 * np.sqrt(np.mean(change**2)))):
        yield f"{name} is nearly right: {SMALL_CONSTANT}", False
        return
    factors = list(constant_factor(name, got, want, known))
    if factors or want.ndim == 0:
        yield from factors
        return
    if want.ndim == 2 and want.shape[0] == want.shape[1] and same(got.T, want):
        yield f"{name} is transposed", True
    found = [*terms(name, got, want, known), *other_factors(name, got, want, known)]
    yield from found or side(name, got, want, known)


def of_other_shape(name, got, want):
    """The right numbers in another shape, or not yet summed."""
    if got.ndim == 2 and same(got.T, want):
        yield f"{name} is transposed: it has shape {got.shape} where it should have {want.shape}", True
    elif got.size == want.size and same(got.reshape(want.shape), want):
        yield f"{name} has the right numbers in shape {got.shape}; wanted is {want.shape}: keepdims, an index or a reshape", True
    elif got.size == 1 and same(got.reshape(()), want.sum()):
        yield f"{name} is summed over everything: it is one number, where an array of shape {want.shape} is wanted", True
    elif want.ndim == 0 and got.ndim:
        for how, total in (
            ("summed", got.sum()),
            ("averaged", got.mean()),
            ("summed over the features and averaged over the batch", got.sum() / len(got)),
        ):
            if same(total, want):
                yield f"{name} is not {how}: it is an array of shape {got.shape}", True
                return


def constant_factor(name, got, want, known):
    """got = c · want, for a c with a known cause or, if there are enough numbers, for any c."""
    size = np.sum(want * want)
    c = float(np.sum(got * want) / size) if size else 0.0
    if c == 0 or near(c, 1) or not same(got, c * want):
        return
    minus = " and has the wrong sign" if c < 0 else ""
    first = next((q for q in known.values() if q.ndim == 2), None)
    sizes = {} if first is None else {"the batch size": first.shape[0], "the number of features": first.shape[1]}
    ideas = size_factors(abs(c), sizes)
    if near(abs(c), 1 / math.log(2)) or near(abs(c), 1 / math.log(10)):
        ideas.append("the logarithm is one to base 2 or 10, where the natural one belongs, np.log")
    if near(abs(c), 2) or near(abs(c), 0.5):
        ideas.append("a factor ½ or 2 is missing, or there once too often")
    for words, q in known.items():
        if q.size == 1 and float(q.reshape(())) not in (0.0, 1.0):
            v = abs(float(q.reshape(())))
            ideas += [f"the factor {words} is missing"] * near(abs(c), 1 / v) + [f"the factor {words} is there once too often"] * near(abs(c), v)
    if near(c, -1):
        yield f"{name} has the wrong sign", True
    elif ideas:
        yield f"{name} is {abs(c):.6g} times what it should be{minus}: {'; or '.join(ideas)}", len(ideas) == 1 and first is not None
    elif got.size >= ENOUGH:
        yield f"{name} is {abs(c):.6g} times what it should be{minus}: a constant factor is missing or there once too often", False


def terms(name, got, want, known):
    """got = want + c q, q known (or 1), c a number with a meaning."""
    off = got - want
    for words, q in {"1": np.ones(()), **known}.items():
        try:
            q = np.broadcast_to(q, want.shape)
        except ValueError:
            continue
        size = np.sum(q * q)
        c = float(np.sum(off * q) / size) if size else 0.0
        if c == 0 or not same(off, c * q) or off.size < ENOUGH:
            continue
        if words == "1":
            yield f"{name} is off by the same number everywhere, {c:.4g}: a constant is missing, or there too often", False
        elif near(c, -1):
            yield f"the term {words} is missing from {name}", True
        elif near(c, 1):
            yield f"{name} has the term {words} once too often", True
        elif near(c, -2):
            yield f"the term {words} has the wrong sign in {name}, or is missing twice", True
        else:
            yield f"{name} is off by {c:.4g} times {words}: that term is missing, or has the wrong factor", False


def other_factors(name, got, want, known):
    """got = want · q or want / q, q known."""
    for words, q in known.items():
        if q.size <= 1:
            continue
        for pattern, f in FACTORS.items():
            factor, what = f(q), pattern.format(words)
            if not np.all(np.isfinite(factor)) or np.ptp(factor) < 1e-9:
                continue
            try:
                if same(got * factor, want):
                    yield f"the factor {what} is missing from {name}", pattern == "{}"
                    return
                if same(got, want * factor):
                    yield f"{name} has the factor {what} once too often", pattern == "{}"
                    return
            except ValueError:
                break


def side(name, got, want, known):
    """Wrong on one side of zero only, or in some rows only."""
    wrong = ~np.isclose(got, want, rtol=SAME, atol=SAME * np.max(np.abs(want)))
    for words, q in known.items():
        if q.shape != want.shape:
            continue
        for sign, where in (("<", q < 0), (">", q > 0)):
            if np.any(where) and np.any(~where) and np.all(wrong <= where):
                yield f"{name} is wrong only where {words} {sign} 0: look at that branch of the function", False
                return
    if want.ndim and 0 < np.count_nonzero(wrong.reshape(len(wrong), -1).any(axis=1)) <= len(wrong) // 3:
        rows = np.flatnonzero(wrong.reshape(len(wrong), -1).any(axis=1))
        yield f"{name} is wrong only in {'row' if want.ndim > 1 else 'element'} {', '.join(map(str, rows))}: an index or a slice?", False
