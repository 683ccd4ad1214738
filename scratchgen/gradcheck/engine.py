"""The check of one subject: the gradients of backward against measured ones, element by element, and the contract."""

import numpy as np

from scratchgen.gradcheck.contract import Examination
from scratchgen.gradcheck.diagnosis import diagnose
from scratchgen.gradcheck.differences import Differences, directions
from scratchgen.gradcheck.report import ArrayCheck, Element, Fault, Report
from scratchgen.gradcheck.snapshot import shaken
from scratchgen.gradcheck.subjects import LayerSubject, output_of

LIMIT = 200  # elements per array that are measured one by one
N_DIRECTIONS = 2
SALT = 0x5EED  # so that dy is not equal to an x that a test drew from default_rng(seed): dW = xᵀ dy would then be symmetric


def check_subject(subject, seed=0, limit=LIMIT, diagnosed=True):
    """Check a subject of subjects.py -> Report; diagnosed=False leaves out the diagnoses."""
    with shaken(subject.params, np.random.default_rng([SALT, seed, 1])):
        return check_as_it_is(subject, seed, limit, diagnosed)


def check_as_it_is(subject, seed, limit, diagnosed):
    """Check a subject with the parameters that it has."""
    rng = np.random.default_rng([SALT, seed])
    examination = Examination(subject)
    if subject.contract:
        dy = examination.run(rng)
        differences = Differences(lambda: output_of(subject), dy) if examination.gradients else None
    else:
        dy = np.ones(())
        examination.keep(subject.gradients())
        differences = Differences(subject.evaluate, dy) if examination.gradients else None
    checks = {
        name: compare(name, subject.arrays[name], np.asarray(gradient), differences, rng, limit) for name, gradient in examination.gradients.items()
    }
    noted = {fault.array for fault in examination.faults if fault.kind == "mutated"}
    for name in subject.mutated:
        if name not in noted:
            text = f"{subject.title} changes {name} in place; it must leave its inputs and parameters as they are"
            examination.faults.append(Fault("mutated", name, text))
    report = Report(subject.title, checks, examination.faults, seed)
    if diagnosed and dy is not None and not report.ok:
        report.diagnoses = explain(subject, dy, examination.gradients or examination.raw_gradients, report, rng)
    return report


def explain(subject, dy, gradients, report, rng):
    """[Diagnosis]; for a network, of its first layer that is wrong by itself."""
    layer = getattr(subject, "layer", None)
    if getattr(layer, "layers", None):
        x = subject.arrays[subject.inputs[0]]
        with subject.restored():
            for i, part in enumerate(layer.layers):
                alone = check_subject(LayerSubject(part, (x,), subject.training))
                if alone.diagnoses:
                    return [d._replace(text=f"layer {i}, {part!r}: {d.text}") for d in alone.diagnoses]
                x, _ = part.forward(x, training=subject.training)
    return diagnose(subject, dy, gradients, report.arrays, report.faults, rng)


def compare(name, array, gradient, differences, rng, limit):
    """ArrayCheck of one array."""
    sampled = limit is not None and array.size > limit
    chosen = np.sort(rng.choice(array.size, limit, replace=False)) if sampled else np.arange(array.size)
    check = ArrayCheck(name, gradient, np.full(array.shape, np.nan), len(chosen), worst=None)
    elements = []
    for flat in chosen:
        index = tuple(int(i) for i in np.unravel_index(flat, array.shape))
        a = float(gradient[index])
        verdict = differences.judge(a, array, index)
        check.numeric[index] = verdict.estimate.central
        element = Element(name, index, a, verdict.estimate.central, verdict.estimate.tolerance(a))
        if verdict.kink:
            check.kinks.append(element)
        elif not verdict.ok:
            check.wrong.append(element)
        if not verdict.kink:
            elements.append(element)
    check.wrong.sort(key=lambda element: -element.badness)
    check.worst = max(elements, key=lambda element: element.badness, default=None)
    if sampled:
        typical = float(np.sqrt(np.mean(gradient**2)))  # the size of gradient · u for a random u of length 1
        for u in directions(array.shape, N_DIRECTIONS, rng):
            a = float(np.sum(gradient * u))
            verdict = differences.judge(a, array, ..., u, scale=typical)
            check.directions.append((a, verdict.estimate.central, verdict.ok))
    return check
