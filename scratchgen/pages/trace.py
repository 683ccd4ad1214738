"""A training step to walk through: its calls, the source with the line in force, the arrays, and where each number came from.

    write_page("trace.html", trace("vae"))                  one of the steps of steps.py: xor, vae, gan, made
    write_page("trace.html", trace("mine.py:step"))         a function of yours without arguments that makes a step and returns its loss
    write_page("trace.html", trace("mine.py:MyLayer"))      a layer of yours, as `scratchgen gradcheck` would check it

recorder.py runs the step and watches; statements.py reads its source; provenance.py finds what each element was computed from; measured.py has the
difference quotient of every gradient element, and the loss as its weight is nudged. assets/trace.js shows it all.
"""

import functools
import inspect
import os
from pathlib import Path

import numpy as np

from scratchgen.errors import unknown_name
from scratchgen.gradcheck.table import cases_of, load
from scratchgen.gradcheck.yours import needed_names
from scratchgen.ops import use_backend
from scratchgen.ops.watching import span
from scratchgen.pages.measured import NUDGES, measure_case, measure_step, overlap
from scratchgen.pages.page import page
from scratchgen.pages.provenance import came_from
from scratchgen.pages.recorder import LIBRARY, Line
from scratchgen.pages.steps import STEPS

WRONG, KINK = 1, 2  # what the checker says of an element; 0 is right
BODY = """<div id="bar"></div>
<main>
<section id="calls"></section><section id="source"></section><section id="arrays"></section><section id="element" role="status"></section>
</main>"""


def trace(target):
    """The text of the page.  target: see above.

    Raises ValueError for an unknown target or a step that is not small, FileNotFoundError for a missing file, and what the step itself raises.
    """
    with use_backend("numpy"):
        data = {"nudges": NUDGES.astype(np.float32)} | Packed([measure() for measure in measures(target)]).data()
    return page(f"One step, number by number: {Path(target).name}", styles=["trace.css"], scripts=["trace.js"], data=data, body=BODY)


def measures(target):
    """[function -> Measured], one for each step of a target."""
    if target in STEPS:
        return [functools.partial(measure_step, step) for step in STEPS[target]()]
    path, _, name = target.rpartition(":")
    if not path.endswith(".py"):
        raise unknown_name("target", target, [*STEPS, "FILE.py:function", "FILE.py:Layer"])
    things = vars(load(path))
    if name not in things:
        raise unknown_name(
            f"function or layer in {path}", name, [key for key, thing in things.items() if callable(thing) and not key.startswith("_")]
        )
    if inspect.isfunction(things[name]) and not needed_names(things[name]):
        return [functools.partial(measure_step, things[name])]
    (case,) = cases_of(target)
    return [functools.partial(measure_case, case, os.path.abspath(path))]


class Packed:
    """Some Measured steps as the page's data: equal arrays once, functions once, calls and lines counted through."""

    def __init__(self, steps):
        self.functions, self.calls, self.lines, self.arrays, self.numbers = [], [], [], [], {}
        self.gradients, self.objectives, self.elements = [], [], []
        for step in steps:
            self.step = step
            self.offsets, n = {}, sum(len(analytic) for analytic, *_ in self.elements)
            for name, array in step.arrays.items():
                self.offsets[name], n = n, n + array.size
            self.add_objective()
            self.writers = []  # (stretch of memory, number of the line) of what has been written so far
            self.add_call(step.recording.top, None)

    def data(self):
        """The dict that assets/trace.js reads."""
        analytic, numeric, verdict, losses = (np.concatenate(columns) for columns in zip(*self.elements, strict=True))
        return {
            "functions": self.functions, "calls": self.calls, "lines": self.lines, "arrays": self.arrays, "objectives": self.objectives,
            "gradients": self.gradients, "analytic": analytic.astype(np.float32), "numeric": numeric.astype(np.float32), "verdict": verdict,
            "losses": losses.astype(np.float32),
        }  # fmt: skip

    def add_objective(self):
        """The gradients of one step and what the checker says of them."""
        report = self.step.report
        self.objectives.append({
            "ok": report.ok, "report": str(report), "faults": [fault.text for fault in report.faults],
            "diagnoses": [{"kind": found.kind, "text": found.text, "certain": found.certain} for found in report.diagnoses],
        })  # fmt: skip
        for name, array in self.step.arrays.items():
            check, verdict = self.step.checks[name], np.zeros(array.shape, np.uint8)
            for number, elements in ((WRONG, check.wrong), (KINK, check.kinks)):
                for element in elements:
                    verdict[element.index] = number
            self.elements.append((check.analytic.ravel(), check.numeric.ravel(), verdict.ravel(), self.step.losses[name]))
            self.gradients.append({"name": name, "shape": list(array.shape), "first": self.offsets[name], "size": array.size})

    def add_call(self, call, parent):
        """A call and all that is in it -> its number; None if no line is."""
        number = len(self.calls)
        packed = {"function": self.function(call.function), "parent": parent, "line": call.line, "last": call.last, "inside": [], **self.named(call)}
        self.calls.append(packed)
        n_lines = len(self.lines)
        for inner in call.inside:
            if isinstance(inner, Line):
                packed["inside"].append(["line", self.add_line(inner, number)])
            elif (inside := self.add_call(inner, number)) is not None:
                packed["inside"].append(["call", inside])
        if len(self.lines) == n_lines:
            del self.calls[number:]
            return None
        return number

    def named(self, call):
        """{"label", "of"}: decoder.backward, or Linear.backward of decoder.2."""
        name, owner = call.function.name, call.owner
        module = self.step.names.get(id(owner))
        if owner is None:
            return {"label": name, "of": ""}
        if module and getattr(owner, "parts", None):
            return {"label": f"{module.rpartition('.')[2]}.{name}", "of": type(owner).__name__}
        of = module or ""
        return {"label": f"{type(owner).__name__}.{name}", "of": of.partition(".")[2] if of.count(".") > 1 else of}

    def function(self, function):
        """The number of a function."""
        if function not in self.numbers:
            self.numbers[function] = len(self.functions)
            path = Path(function.file)
            file = str(path.relative_to(LIBRARY.parent)) if path.is_relative_to(LIBRARY) else path.name
            described = {"name": function.name, "file": file, "first": function.first, "lines": function.lines}
            self.functions.append(described | {"comments": function.comments, "remarks": function.remarks})
        return self.numbers[function]

    def add_line(self, line, call):
        """A line -> its number."""
        number = len(self.lines)
        operands = [self.value(value) for value in line.operands]
        sources = came_from(line)
        results = []
        for value, source in zip(line.results, sources, strict=True):
            source = source and {str(k): {"starts": starts, "elements": elements} for k, (starts, elements) in source.items()}
            results.append(self.value(value) | {"from": source})
            self.writers.append((span(value.live) if value.is_array else id(value.live), number))
        function, statement, part = line.call.function, line.statement, line.part
        alone = len(statement.parts) == 1
        self.lines.append({
            "call": call, "first": statement.first, "last": statement.last, "equations": function.equations(statement),
            "text": function.code(statement) if alone else str(part), "operands": operands, "results": results,
            "pieces": part.pieces([value.name for value in line.operands], line.environment),
        })  # fmt: skip
        return number

    def value(self, value):
        """A value as it was: its array, the line that wrote it last, and whose gradient or parameter its elements are."""
        at = span(value.live) if value.is_array else id(value.live)
        same = (lambda other: overlap(at, other)) if value.is_array else (lambda other: at == other)
        made = next((number for place, number in reversed(self.writers) if isinstance(place, type(at)) and same(place)), None)
        packed = {"name": value.name.replace("[...]", ""), "also": value.also, "array": self.array(value.copy), "made": made}
        for kind, arrays in (("gradient", self.step.grads), ("parameter", self.step.params), ("input", self.step.inputs)):
            of = np.full(value.copy.shape, -1, np.int32)
            for name, array in arrays.items() if value.is_array else ():
                if overlap(at, span(array)):
                    inside = (addresses(value.live) - array.ctypes.data) // array.itemsize
                    here = (inside >= 0) & (inside < array.size)
                    of[here] = self.offsets[name] + inside[here]
            if np.any(of >= 0):
                packed |= {"kind": kind, "of": of}
                if kind == "gradient":
                    packed |= self.finished(value.copy, of)
                break
        return packed

    def finished(self, values, of):
        """{"final"}: 1 for each element that is what the step's gradient is in the end; before, not all has been added to it."""
        analytic = np.concatenate([column for column, *_ in self.elements])[of]
        return {"final": (np.isclose(values, analytic, rtol=1e-9, atol=1e-300, equal_nan=True) & (of >= 0)).astype(np.uint8)}

    def array(self, copy):
        """The number of an array among those of the page."""
        packed = np.asarray(copy, np.float32)
        key = packed.shape, packed.tobytes()
        if key not in self.numbers:
            self.numbers[key] = len(self.arrays)
            self.arrays.append(packed)
        return self.numbers[key]


def addresses(array):
    """Where each element lies in memory."""
    steps = np.ogrid[tuple(slice(n) for n in array.shape)]
    return array.ctypes.data + sum((index * step for index, step in zip(steps, array.strides, strict=True)), np.zeros(array.shape, np.int64))
