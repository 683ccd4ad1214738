"""Who checks the checker? Plant hundreds of mistakes in the library's backward code, one at a time; the check must find every one.

    python -m scratchgen.gradcheck.mutation            a quarter of an hour; exit status 1 if a mistake is missed

A mistake that is not found is compared with the original on many random inputs. If it gives the same gradients on all of them (y ≥ 0
where y > 0 was written), it is no mistake; it is listed as a survivor, with the largest difference. If not, the check has failed.
"""

from typing import NamedTuple

import numpy as np

from scratchgen.gradcheck.catalogue import all_cases
from scratchgen.gradcheck.engine import check_subject
from scratchgen.gradcheck.mutation.places import compiled, places, planted, stale
from scratchgen.ops import use_backend

N_INPUTS = 25  # random inputs on which a survivor is compared with the original


class Outcome(NamedTuple):
    """The outcome for one planted mistake. difference: the largest relative one on random inputs; None if it was found."""

    where: str
    kind: str
    what: str
    found: bool
    difference: float | None


def run(names=None, seed=0, progress=lambda place, outcomes: None):
    """Plant every mistake, check the cases that run it -> [Outcome].

    names: only of these functions ("tanh_backward", "Linear.backward"), None for all.  progress(place, outcomes): called after each.
    """
    outcomes = []
    with use_backend("numpy"), np.errstate(all="ignore"):
        for place in places():
            if names is None or place.words in names:
                mine = run_place(place, seed)
                progress(place, mine)
                outcomes += mine
    return outcomes


def run_place(place, seed):
    """[Outcome] of the mistakes in one function; none where no case runs it."""
    cases = [case for case in all_cases() if runs(case, place, seed)]
    outcomes = []
    for kind, line, what, make in mistakes(place) if cases else ():
        with planted(place, make()):
            found = any(fails(case, seed) for case in cases)
        difference = None if found else largest_difference(place, make(), cases)
        outcomes.append(Outcome(f"{place.file}:{line} {place.words}", kind, what, found, difference))
    return outcomes


def mistakes(place):
    """Yield (kind, line, what, make) where make() is the function with the mistake."""
    for fault in place.faults:
        yield fault.kind, fault.line, fault.what, lambda fault=fault: compiled(place, fault.source)
    code = place.function.__code__
    for i in place.stale:
        yield "stale", code.co_firstlineno, f"{code.co_varnames[i]} of the call before", lambda i=i: stale(place, i)


def runs(case, place, seed):
    """Whether the gradients of a case are computed with the function in that place."""
    called = []

    def note(*args, **kwargs):
        called.append(True)
        return place.function(*args, **kwargs)

    with planted(place, note):
        gradients(case, seed)
    return bool(called)


def fails(case, seed):
    """Whether the check finds something wrong; code that breaks is found too."""
    try:
        return not check_subject(case.subject(seed), seed, case.limit, diagnosed=False).ok
    except Exception:  # a planted mistake may break anything
        return True


def gradients(case, seed):
    """All gradients of a case for inputs drawn from a seed, in one flat array."""
    subject = case.subject(seed)
    rng = np.random.default_rng(seed)
    for value in subject.params.values():
        value += 0.1 * rng.standard_normal(value.shape)
    if subject.contract:
        y, cache = subject.forward()
        result = subject.backward(rng.standard_normal(y.shape), cache)
        values = [*(result if isinstance(result, tuple) else (result,)), *subject.live_grads().values()]
    else:
        values = subject.gradients().values()
    return np.concatenate([np.ravel(value) for value in values])


def largest_difference(place, function, cases):
    """The largest |planted − original| over the size of the original, over cases and N_INPUTS random inputs; infinite if it breaks."""
    largest = 0.0
    for case in cases:
        for seed in range(100, 100 + N_INPUTS):
            original = gradients(case, seed)
            with planted(place, function):
                try:
                    other = gradients(case, seed)
                except Exception:  # as above
                    return np.inf
            if other.shape != original.shape or not np.all(np.isfinite(other)):
                return np.inf
            largest = max(largest, float(np.max(np.abs(other - original)) / np.max(np.abs(original))))
    return largest
