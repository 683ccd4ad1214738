"""What a trace measures beside the numbers that it records: of every gradient element the difference quotient, and the loss as its weight is nudged.

The quotients are the gradient checker's own, from its own run over the very step that is shown.
"""

import functools
import inspect
from dataclasses import dataclass

import numpy as np

from scratchgen.gradcheck.checker import check_layer
from scratchgen.gradcheck.contract import Examination
from scratchgen.gradcheck.differences import Differences
from scratchgen.gradcheck.engine import SALT, check_as_it_is, compare
from scratchgen.gradcheck.report import Report, told
from scratchgen.gradcheck.snapshot import Given, Unchanged, restored, shaken, turned_round
from scratchgen.gradcheck.subjects import float64_only, output_of
from scratchgen.layers import Layer
from scratchgen.layers.module import Module
from scratchgen.ops.watching import span
from scratchgen.pages.recorder import Recording, numbers_in, record
from scratchgen.pages.steps import check_step

NUDGES = np.linspace(-1, 1, 11)  # added to a weight
MOST_ELEMENTS = 2000  # of all gradients together


@dataclass(eq=False)
class Measured:
    """One step: its Recording, the checker's Report, and what was measured.

    names: {id(module): name}.  params, inputs, grads: {name: array}, where they lie in memory; inputs are those of a layer that is looked at alone.
    checks: {name: ArrayCheck}, those of the report and of what it could not compare.  losses: {name: (elements, nudges)}.
    """

    recording: Recording
    report: Report
    names: dict
    params: dict
    inputs: dict
    grads: dict
    checks: dict
    losses: dict

    @property
    def arrays(self):
        """{name: array} of all that a gradient was measured of."""
        return self.inputs | self.params


class StepSubject(Given):
    """A step that ends with an update, as something to check: its loss, and the gradients that it leaves in `grads`."""

    contract, inputs = False, []

    def __init__(self, step, params, grads, modules):
        super().__init__()
        self.step, self.arrays, self.grads, self.modules = step, params, grads, modules
        self.params, self.title = params, step.__name__
        float64_only(params, self.title)

    def evaluate(self):
        """The loss, a scalar array; the parameters are put back."""
        before = Unchanged(self.arrays)
        with restored(*self.modules):
            try:
                return np.array(loss_of(self.step()))
            finally:
                before.put_back()

    def gradients(self):
        """{name: gradient}, copies; after a call with other numbers, of which nothing must be left."""
        with turned_round(self.arrays):
            self.evaluate()
        for grad in self.grads.values():
            grad[...] = 0
        self.evaluate()
        return {name: grad.copy() for name, grad in self.grads.items()}


def loss_of(value):
    """The loss that a step returned, perhaps with more. TypeError if it is no number."""
    loss = value[0] if isinstance(value, tuple) and value else value
    try:
        return float(loss)
    except (TypeError, ValueError):
        raise TypeError(f"the step returns {type(loss).__name__}; it must return its loss, a number") from None


def measure_step(step):
    """Record a step and measure its gradients -> Measured. Afterwards its parameters are those that it has updated.

    Raises ValueError where nothing can be measured: no network that outlives the call, or two calls with two losses; and what the step raises.
    """
    step_itself = inspect.unwrap(step)
    found = inspect.getclosurevars(step_itself)
    tops = {name: value for name, value in {**found.globals, **found.nonlocals}.items() if isinstance(value, Module)}
    names = names_of(tops)
    leaves = list({id(leaf): leaf for module in tops.values() for _, leaf in module.leaves()}.values())
    for module in tops.values():
        _ = module.flat_params  # lays them flat, before anything points at them
    every = {f"{names[id(leaf)]}.{key}": (value, leaf.grads[key]) for leaf in leaves for key, value in leaf.params.items()}
    before = Unchanged({name: value for name, (value, _) in every.items()})
    with restored(*tops.values()):
        recording = record(step, step_itself.__code__.co_filename)
    if recording.error:
        raise recording.error
    after = {name: value.copy() for name, (value, _) in every.items()}
    before.put_back()
    written = [span(value.live) for line in recording.lines for value in line.results if value.is_array]
    touched = {name: pair for name, pair in every.items() if any(overlap(span(pair[1]), one) for one in written)}
    if not touched:
        raise ValueError(f"{step.__name__} writes to no gradient of a network that outlives it; make the network outside of the function")
    params, grads = ({name: pair[k] for name, pair in touched.items()} for k in range(2))
    subject = StepSubject(step, params, grads, tuple(tops.values()))
    if subject.evaluate() != subject.evaluate():
        raise ValueError(f"{step.__name__} gives two losses for the same parameters; fix its noise")
    report, *found = measured(subject, subject.evaluate, np.ones(()), {})
    if not report.ok:
        report.diagnoses = layers_that_are_wrong(recording, step_itself.__code__.co_filename, names) or report.diagnoses
    for name, (value, _) in every.items():
        value[...] = after[name]
    return Measured(recording, report, names, params, {}, grads, *found)


def measure_case(case, file):
    """Record forward and backward of a layer, or of a pair of functions, as the checker would check it -> Measured.

    case: of gradcheck's catalogue or yours.py; file: of the code that is to be shown.  Raises ValueError for what cannot be made or has no forward.
    """
    try:
        subject = case.subject(case.seed)
    except Exception as error:  # whatever a student's code raises
        raise ValueError(f"{case.name} cannot be made: {told(error)}") from error
    with shaken(subject.params, np.random.default_rng([SALT, case.seed, 1])):  # as check_subject does it
        layer, rng = subject.layer, np.random.default_rng([SALT, case.seed])
        dy = Examination(subject).run(rng)
        if dy is None:
            raise ValueError(str(case.report()))
        for grad in subject.live_grads().values():
            grad[...] = 0
        inputs = [subject.arrays[name] for name in subject.inputs] if layer else list(subject.args.values())
        forward, backward = (layer.forward, layer.backward) if layer else (functools.partial(subject.f, **subject.options), subject.f_backward)
        with subject.restored():
            recording = record(lambda: check_step(forward, backward, inputs, dy), file)
        returned = recording.value[1] if recording.value else ()
        returned = numbers_in(returned if isinstance(returned, tuple) else (returned,))
        grads = dict(zip(subject.inputs, returned, strict=False)) | subject.live_grads()
        left = {name: np.array(grad) for name, grad in grads.items()}
        subject.replaced_grads()
        report, *found = measured(subject, lambda: output_of(subject), dy, left, case.seed)
        report.subject = case.name
        given = {name: array for name, array in subject.arrays.items() if name in subject.inputs}
        return Measured(recording, report, {id(layer): "layer"}, subject.params, given, grads, *found)


def measured(subject, evaluate, dy, left, seed=0):
    """Every element measured, with the parameters that the subject has -> the checker's Report, {name: ArrayCheck},
    {name: losses (elements, nudges)}.

    left: {name: gradient} that the recorded step has left, for where the checker compares nothing: NaN, or a breach of the contract.
    Raises ValueError for too many elements.
    """
    n = sum(array.size for array in subject.arrays.values())
    if n > MOST_ELEMENTS:
        raise ValueError(f"{subject.title} has {n} parameters; at most {MOST_ELEMENTS} are measured one by one: take a smaller network")
    report = check_as_it_is(subject, seed, None, True)
    differences = Differences(evaluate, dy)
    checks = dict(report.arrays)
    for name, array in subject.arrays.items():
        if name not in checks:
            gradient = left[name] if np.shape(left.get(name)) == array.shape else np.full(array.shape, np.nan)
            checks[name] = compare(name, array, gradient, differences, np.random.default_rng(seed), None)
    moved = lambda array, index: [np.sum(dy * differences.shifted(array, index, nudge)) for nudge in NUDGES]
    return report, checks, {name: np.array([moved(array, index) for index in np.ndindex(array.shape)]) for name, array in subject.arrays.items()}


def layers_that_are_wrong(recording, file, names):
    """Diagnoses of the layers that the file defines and the step used, each checked by itself; those of the last come first, as in backward."""
    found = {}
    for call in recording.calls:
        if call.function.file == file and call.function.name == "forward" and isinstance(call.owner, Layer) and not call.owner.parts:
            inputs = tuple(value for value in call.given.values() if isinstance(value, np.ndarray))
            who = f"{names.get(id(call.owner), 'a layer')} ({type(call.owner).__name__})"
            found[who] = [d._replace(text=f"{who}: {d.text}") for d in check_layer(call.owner, inputs).diagnoses]
    return [diagnosis for each in reversed(found.values()) for diagnosis in each]


def names_of(tops):
    """{id(module): its dotted name} of modules and all their parts, the shortest name of each."""
    names = {}

    def walk(name, module):
        if id(module) not in names or name.count(".") < names[id(module)].count("."):
            names[id(module)] = name
        for key, part in module.parts.items():
            walk(f"{name}.{key}", part)

    for name, module in tops.items():
        walk(name, module)
    return names


def overlap(one, other):
    """Whether two stretches of memory (low, high) share an address."""
    return one[0] < other[1] and other[0] < one[1]
