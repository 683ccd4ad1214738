"""Why is the gradient wrong? Hypotheses about common mistakes, each tested before it is reported.

    evidence.py   what is known about a wrong gradient, and how a hypothesis is tested
    whole.py      zero, sign, constant factor, transpose, another array's gradient, dy itself
    batch.py      sums over the batch: missing, wrong axis, one example, broadcast
    paths.py      paths of the chain rule: only the diagonal, a term missing (through the mean, through the variance, …)
    elements.py   element by element: a missing factor, a mask, one branch of a function
    operands.py   experiments with the cache: the input used for the output, the variance for the standard deviation
    breaches.py   stale caches, overwritten gradients, a backward that raises
    values.py     the same for outputs, losses and updates, where the right values are known

The first hypothesis that fits is reported; where none does, the report says so, and the worst elements are there to look at.
"""

import numpy as np

from scratchgen.gradcheck.diagnosis import batch, breaches, elements, operands, paths, whole
from scratchgen.gradcheck.diagnosis.evidence import Diagnosis, Draw, Evidence

HYPOTHESES = (  # the simplest and most specific first
    whole.unused,
    whole.rounded,
    whole.zero,
    whole.sign,
    whole.nearly,
    whole.factor,
    whole.transposed,
    batch.one_example,
    batch.wrong_axis,
    whole.dy_ignored,
    elements.mask,
    whole.dy_itself,
    paths.diagonal_only,
    paths.terms_of_a_sum,
    elements.branch,
    operands.wrong_operand,
    batch.crossed_rows_and_columns,
    elements.missing_factor,
    operands.missing_derivative,
    paths.missing_known_term,
    paths.missing_shared_path,
    operands.wrong_function,
    elements.some_rows,
    elements.one_side,
)


def diagnose(subject, dy, gradients, checks, faults, rng):
    """[Diagnosis] for what a check found wrong, best first.

    gradients: {name: what backward gives}, where it gives anything;  checks: {name: ArrayCheck};  faults: of the contract.
    """
    dys = dy, rng.standard_normal(dy.shape)
    found = [diagnosis for fault in faults if (diagnosis := breaches.from_fault(fault))]
    wrong = [name for name, check in checks.items() if check.differs]
    misshapen = [fault.array for fault in faults if fault.kind == "shape" and subject.contract]
    if subject.contract:
        raised = [fault.text for fault in faults if fault.kind == "exception"]
        if raised:
            measure = lambda name: Evidence(subject, name, dys, {name: np.zeros(subject.arrays[name].shape)}, None).draws[0].n
            found += [d for d in [breaches.raising(subject, dy, raised[0], measure)] if d]
        unsteady = [fault for fault in faults if fault.kind == "not repeatable"]
        if unsteady:  # two results of such a backward cannot be compared
            return [breaches.not_repeatable(Evidence(subject, fault.array, dys, gradients, None), fault) for fault in unsteady]
    evidence = {name: Evidence(subject, name, dys, gradients, checks.get(name)) for name in [*misshapen, *wrong]}
    others = {name: e.draws for name, e in evidence.items()}
    if evidence and subject.contract and not misshapen:  # an array's right gradient may also have been returned for another array
        right = {name: [next(iter(evidence.values())).backward_of(name, dy) for dy in dys] for name in gradients if name not in evidence}
        others |= {name: [Draw(dy, a, a) for dy, a in zip(dys, values, strict=True)] for name, values in right.items()}
    explained = {diagnosis.array for diagnosis in found}
    for name, e in evidence.items():
        if name not in explained and e.draws and e.draws[0].n is not None:
            found.append(first_that_fits(e, others, name in misshapen))
    return together(found)


def first_that_fits(e, others, misshapen):
    """The Diagnosis of one array."""
    exchanged = whole.other_array(e, others)
    if exchanged:
        rival = whole.sign(e) or whole.factor(e)
        return rival._replace(text=f"{rival.text}; or {exchanged.text}", certain=False) if rival else exchanged
    if misshapen:
        return batch.wrong_shape(e) or no_pattern(e)
    for hypothesis in HYPOTHESES:
        diagnosis = hypothesis(e)
        if diagnosis:
            return diagnosis
    return no_pattern(e)


def no_pattern(e):
    """The Diagnosis where no hypothesis fits, with the worst elements."""
    worst = [str(element) for element in (e.check.wrong[:3] if e.check else [])]
    text = f"no common mistake explains d{e.name}; compare its equation, on paper, with these elements"
    return Diagnosis("unknown", e.name, text, "\n      ".join(worst) or "No sum, transpose or reshaping gives it the right shape", False)


def together(found):
    """Without repetitions; certain ones first, unexplained ones last."""
    result = []
    for diagnosis in found:
        if diagnosis not in result:
            result.append(diagnosis)
    return sorted(result, key=lambda diagnosis: (diagnosis.kind == "unknown", not diagnosis.certain))


__all__ = ["Diagnosis", "diagnose"]
