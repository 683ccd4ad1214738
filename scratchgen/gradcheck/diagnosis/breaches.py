"""Diagnoses of breaches of the contract: those that the examination has shown already, and experiments with a backward that raises."""

import re

import numpy as np

from scratchgen.gradcheck.diagnosis.evidence import Diagnosis
from scratchgen.gradcheck.diagnosis.whole import dropout_keep

SHOWN = {  # kind of fault -> kind of diagnosis: the examination was the test
    "stale": "stale cache",
    "overwritten": "overwritten",
    "mutated": "mutated",
}


def from_fault(fault):
    """The Diagnosis of a Fault that explains itself, or None."""
    if fault.kind in SHOWN:
        return Diagnosis(SHOWN[fault.kind], fault.array, fault.text, "Seen in the examination of the contract", True)
    if fault.kind == "missing" and fault.array is None and "return`" in fault.text:
        return Diagnosis("missing", None, fault.text, "Seen: it returns None", True)


def not_repeatable(e, fault):
    """Backward keeps state or draws noise: in dropout, a mask that is not the one of forward."""
    seen = "Seen: two calls with the same cache give different gradients"
    if dropout_keep(e) is None:
        return Diagnosis("not repeatable", e.name, fault.text, seen, True)
    text = "backward of dropout draws a new mask: keep the mask of forward in the cache, and use the same"
    return Diagnosis("mask", e.name, text, f"{seen}, and forward is a dropout", True)


def raising(subject, dy, error_text, measure):
    """Why backward raises: give it grads of another shape, and see whether it then runs and what it would have added.

    measure: name -> the measured gradient of a parameter.
    """
    batch = dy.shape[0] if dy.ndim else 1
    for _, leaf in subject.layer.leaves() if subject.layer is not None else ():
        for key, own in list(leaf.grads.items()):
            for shape in dict.fromkeys([(batch, *own.shape), own.shape[::-1]]):
                if shape == own.shape:
                    continue
                found = try_with(subject, dy, leaf, key, np.zeros(shape))
                if found is None:
                    continue
                name = next(n for n, value in subject.params.items() if value is leaf.params[key])
                n = measure(name)
                if found.shape == (batch, *own.shape) and np.allclose(found.sum(axis=0), n, rtol=1e-5, atol=1e-8):
                    text = f"d{name} is not summed over the batch: every example uses {name}, so its gradient is a sum over axis 0"
                    return Diagnosis("not summed", name, text, f"Tested: what is added has shape {found.shape}; its sum over axis 0 is right", True)
                if found.shape == own.shape[::-1] and np.allclose(found.T, n, rtol=1e-5, atol=1e-8):
                    text = f"d{name} is transposed: it has shape {found.shape} instead of {own.shape}"
                    return Diagnosis("transposed", name, text, "Tested: its transpose agrees with the difference quotient", True)
    words, kind = about_shapes(error_text)
    return Diagnosis(kind, None, words, f"Not tested, because backward stops: {error_text}", False) if words else None


def about_shapes(error_text):
    """(what may be wrong, kind) where NumPy has refused shapes; (None, None) for another error."""
    if "matmul" in error_text or "not aligned" in error_text:
        return "the sides of a matrix product do not go together: a transpose is missing or on the wrong side (dx = dy Wᵀ, dW = xᵀ dy)", "transposed"
    shapes = [tuple(int(n) for n in re.findall(r"\d+", text)) for text in re.findall(r"\(([\d, ]*)\)", error_text)]
    if "broadcast" in error_text and (len(shapes) == 3 and shapes[0] == shapes[2] or "non-broadcastable output" in error_text and len(shapes) == 2):
        into, what = shapes[:2]
        words = f"an array of shape {what} is added to one of shape {into}"
        if what[1:] == into:
            return f"{words}: the sum over the batch (axis=0) is missing", "not summed"
        if what[::-1] == into:
            return f"{words}: a transpose is missing", "transposed"
        if len(what) == len(into) == 1:
            return f"{words}: the sum runs over the wrong axis; the batch is axis 0", "broadcast"
        return f"{words}: is a sum over the batch missing, or has one kept its axis?", "broadcast"
    if "broadcast" in error_text:
        words = "arrays of these shapes do not go together: has a sum lost its axis (keepdims=True), or is a sum over the batch missing?"
        return words, "broadcast"
    return None, None


def try_with(subject, dy, leaf, key, grad):
    """What backward adds to `grad`, put in place of leaf.grads[key]; None if it still raises."""
    own = leaf.grads[key]
    dict.__setitem__(leaf.grads, key, grad)  # in place of the view into a network's flat array, not into it
    try:
        with subject.restored():
            _, cache = subject.forward()
            subject.backward(dy, cache)
        return leaf.grads[key]
    except Exception:  # the experiment failed
        return None
    finally:
        dict.__setitem__(leaf.grads, key, own)
