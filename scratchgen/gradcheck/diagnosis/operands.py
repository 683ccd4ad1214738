"""Wrong operands: backward used another array, or another function of it, than it should have.

The test is an experiment. One array of the cache is replaced by another known one (the output by the input, say), and backward runs again. If its
gradient is then right, that array was the mistake.
"""

import numpy as np

from scratchgen.gradcheck.diagnosis.elements import CONFUSED, SPREAD
from scratchgen.gradcheck.snapshot import arrays_in

TRANSFORMS = {
    "half of": lambda c: c / 2,
    "twice": lambda c: 2 * c,
    "the square root of": np.sqrt,
    "the square of": np.square,
    "the exponential of": np.exp,
    "the exponential of half of": lambda c: np.exp(c / 2),
    "the logarithm of": np.log,
    "twice the logarithm of": lambda c: 2 * np.log(c),
    "one over": lambda c: 1 / c,
    "one minus": lambda c: 1 - c,
}


def remembered(e):
    """[(words, array)] that backward can read and that can be replaced: in the cache, or in the layer if it keeps arrays there."""
    found = list(arrays_in(e.cache))
    layer = getattr(e.subject, "layer", None)
    if layer is not None:
        own = {key: value for key, value in vars(layer).items() if key not in ("params", "grads", "buffers", "parts", "_flat", "_parent")}
        found += [(f"self.{name[6:].strip(chr(39))}", value) for name, value in arrays_in(own, "self.")]
    return [(words, value) for words, value in found if value.dtype == np.float64 and value.flags.writeable and value.size]


def with_exchanged(e, array, values):
    """Whether backward is right once `array` of the cache holds `values`; puts it back."""
    before = array.copy()
    try:
        array[...] = values
        results = [e.backward(draw.dy) for draw in e.draws]
    finally:
        array[...] = before
    return all(result is not None and e.agree(result, draw.n) for result, draw in zip(results, e.draws, strict=True))


def role(e, words, value):
    """What an array is to the reader: the input, the output, or its name."""
    if e.y is not None and np.array_equal(value, e.y):
        return "the output y"
    for name in e.subject.inputs:
        if np.array_equal(value, e.subject.arrays[name]):
            return f"the input {name}"
    return words


def wrong_operand(e):
    """Backward is right with another array of the same shape in place of one in the cache."""
    if e.cache is None and getattr(e.subject, "layer", None) is None or e.y is None:
        return None
    for words, array in remembered(e):
        for other_words, values in e.known.items():
            if values.shape != array.shape or np.array_equal(values, array) or not with_exchanged(e, array, values):
                continue
            used, right = role(e, words, array), role(e, other_words, values)
            text = f"backward uses {used} where {right} belongs, in d{e.name}"
            if {used, right} == {"the output y", f"the input {e.name}"}:
                text += "; the derivative is written in terms of the one and given the other (as 1 − x² for the 1 − y² of tanh)"
            return e.found("wrong operand", text, f"backward with {right} in the place of {used}")


def wrong_function(e):
    """Backward is right with a function of an array in place of the array itself: standard deviation, variance, log-variance."""
    if e.y is None:
        return None
    for words, array in remembered(e):
        used = role(e, words, array)
        for how, transform in TRANSFORMS.items():
            with np.errstate(all="ignore"):
                values = transform(array)
            if not np.all(np.isfinite(values)) or not with_exchanged(e, array, values):
                continue
            text = f"backward should use {how} {used} where it uses {used}, in d{e.name}"
            spread = bool(SPREAD.search(used + e.statistic(array)))
            if spread:
                text += CONFUSED
            return e.found("std and variance" if spread else "wrong operand", text, f"backward with {how} {used}", certain=False)


DERIVATIVES = {"1 − y²": lambda y: 1 - y * y, "y (1 − y)": lambda y: y * (1 - y), "y > 0": lambda y: y > 0}


def missing_derivative(e):
    """A layer with an activation inside whose derivative was left out: backward is right if it is given dy ∘ f′ instead of dy."""
    if e.y is None or (e.y.shape == e.array.shape and e.is_input):
        return None
    for words, derivative in DERIVATIVES.items():
        results = [e.backward(draw.dy * derivative(e.y)) for draw in e.draws]
        if all(result is not None and e.agree(result, draw.n) for result, draw in zip(results, e.draws, strict=True)):
            text = f"the derivative of the activation is missing from d{e.name}: dy must be multiplied by it first, dy ∘ ({words})"
            return e.found("missing factor", text, f"backward of dy ∘ ({words}) in the place of dy")
