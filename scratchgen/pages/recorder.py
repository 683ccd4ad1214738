"""A step as it ran: its calls, nested as they were, and of each line that made or changed an array what it read and what it wrote.

    recording = record(step)            step: a function without arguments, run once on the numpy backend

A tracer (sys.settrace) follows the functions of the library's layers, losses, models and optimizers, the operations of ops/arrays.py, and the file in
which the step stands; all else runs unseen. Before a line runs, copies are made of the arrays that it names; after it, of those that it made or
changed. A line that only hands on what a call within it has made is not kept. From which elements each was computed is found afterwards, by
experiment: provenance.py.
"""

import functools
import inspect
import sys
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path

import numpy as np

import scratchgen
from scratchgen.ops import use_backend
from scratchgen.ops.watching import span
from scratchgen.pages.statements import source_of

LIBRARY = Path(scratchgen.__file__).parent
SHOWN = tuple(str(LIBRARY / name) for name in ("layers", "losses", "models", "optim", "ops/arrays.py", "pages/steps.py"))
UNSEEN = tuple(str(LIBRARY / name) for name in ("layers/door.py", "losses/shapes.py"))
MOST_NUMBERS, MOST_LINES = 4096, 2000  # of an array, of a step


@dataclass(eq=False)
class Call:
    """A call of a function.  owner: its self.  given: its other arguments.  line, last: the statement of the function that called it.
    inside: Calls and Lines, in order."""

    function: object
    owner: object
    given: dict
    parent: object
    line: int
    last: int
    inside: list = field(default_factory=list)
    running: object = None

    @property
    def is_quiet(self):
        """Whether it has made and changed no array, as a property that only reads."""
        return all(isinstance(inner, Call) and inner.is_quiet for inner in self.inside)


@dataclass(eq=False)
class Value:
    """An array or a number at one moment.  name: as written.  live: the thing itself, for its place in memory.  also: names it got later."""

    name: str
    live: object
    copy: np.ndarray
    also: list = field(default_factory=list)

    @property
    def is_array(self):
        return isinstance(self.live, np.ndarray)


@dataclass(eq=False)
class Line:
    """A statement that ran, or one value of it.

    operands: [Value] before it.  results: [Value] after it.  positions: where each result is among the numbers of the expression; None for an
    operand that a call has changed.  environment: the variables before it.  pure: whether the expression may be computed again.
    """

    call: Call
    statement: object
    part: object
    operands: list
    results: list
    positions: list
    environment: dict
    pure: bool


@dataclass(eq=False)
class Running:
    """A statement that has begun.  read: {name: Value} before it.  n_inside: how much was in its call before."""

    statement: object
    read: dict
    environment: dict
    n_inside: int


class Recording:
    """What `record` returns.  top: the Call of the step.  calls, lines: every Call and Line, in order.  value: what the step returned.
    error: the exception that ended it, or None."""

    def __init__(self, shown):
        self.shown, self.top, self.lines, self.value, self.error = shown, None, [], None, None
        self.calls, self.stack, self.spans, self.made = [], [], [], {}

    def run(self, step):
        """Run the step under the tracer."""
        before = sys.gettrace()
        sys.settrace(self.follow)
        try:
            self.value = step()
        except Exception as error:  # a student's code may raise anything
            self.error = error
        finally:
            sys.settrace(before)

    def follow(self, frame, event, _):
        """The tracer of new frames: a Call for one that is shown."""
        code = frame.f_code
        if not code.co_filename.startswith(self.shown) or code.co_filename.startswith(UNSEEN) or code.co_flags & inspect.CO_GENERATOR:
            return None
        source = source_of(code.co_filename)
        function = source and source.function(code)
        if not function:
            return None
        parent = self.stack[-1] if self.stack else None
        given = {name: value for name, value in frame.f_locals.items() if name != "self"}
        statement = parent.running.statement if parent and parent.running else None
        line, last = (statement.first, statement.last) if statement else (0, 0)
        call = Call(function, frame.f_locals.get("self"), given, parent, line, last)
        if parent:
            parent.inside.append(call)
        elif self.top is None:
            self.top = call
        self.calls.append(call)
        self.stack.append(call)

        def happened(frame, event, value):
            if event == "line":
                self.reach(call, frame)
            elif event == "exception":
                call.running = None
            elif event == "return":
                self.finish(call, frame, value)
                self.stack.pop()
            return happened

        return happened

    def reach(self, call, frame):
        """A line is about to run."""
        found, running = call.function.statements.get(frame.f_lineno), call.running
        if running and found is running.statement and frame.f_lineno != found.first:
            return  # a later line of the same statement
        self.finish(call, frame)
        if found:
            environment = {**frame.f_globals, **frame.f_locals}
            names = [name for part in found.parts for name in (*part.operands, *part.targets, *part.bases)]
            read = {name: value for name in names if (value := value_of(name, environment))}
            call.running = Running(found, read, environment, len(call.inside))

    def finish(self, call, frame, returned=None):
        """The statement that ran has ended: keep what it made or changed."""
        running, call.running = call.running, None
        if running is None:
            return
        statement, read, inside = running.statement, running.read, call.inside[running.n_inside :]
        environment = {**frame.f_globals, **frame.f_locals}
        pure = all(isinstance(inner, Line) or inner.owner is None or inner.is_quiet for inner in inside)
        for value in read.values():
            self.keep(value)
        for part in statement.parts:
            operands = [read[name] for name in part.operands if name in read]
            values = values_returned(call.function.name, part, returned) if statement.returns else values_assigned(part, environment)
            results = [(value, k) for k, value in enumerate(values) if self.is_new(value, part, operands, read.get(value.name))]
            if not inside:
                results += [(value, None) for value in changed(operands, [value for value, _ in results])]
            self.rename(part, environment)
            for value, _ in results:
                self.keep(value)
                self.made[id(value.live)] = value
            if results:
                line = Line(call, statement, part, operands, *map(list, zip(*results, strict=True)), running.environment, pure)
                call.inside.append(line)
                self.lines.append(line)

    def is_new(self, value, part, operands, before):
        """Whether a statement has made this value, or written to it, and did not only give it another name.  before: the same Value, before it."""
        if not value.is_array:  # a number counts if it was computed from arrays, or from what was
            return id(value.live) not in self.made and any(isinstance(each.live, (np.ndarray, np.floating)) for each in operands)
        if part.writes and before is not None and before.is_array and span(before.live) == span(value.live):
            return True
        low, high = span(value.live)
        return not any(low < end and start < high for start, end in self.spans)

    def rename(self, part, environment):
        """Note the names that a statement gives to what was made before it."""
        for name in part.targets:
            older = self.made.get(id(evaluated(name, environment)))
            if older and name not in (older.name, *older.also) and "cache" not in name:
                older.also.append(name)

    def keep(self, value):
        """Remember where an array lies, or which number this is; nothing may take its place, so it is kept alive."""
        if value.is_array:
            self.spans.append(span(value.live))
        self.made.setdefault(id(value.live), value)


def record(step, *files):
    """Run step() once and watch -> Recording.  files: whose functions are shown, beside the library's.

    Raises ValueError for a step that is not small.
    """
    recording = Recording((*SHOWN, *files))
    with use_backend("numpy"):
        recording.run(step)
    most = max((value.copy.size for line in recording.lines for value in (*line.operands, *line.results)), default=0)
    if most > MOST_NUMBERS or len(recording.lines) > MOST_LINES:
        raise ValueError(
            f"the step has {len(recording.lines)} lines and an array of {most} numbers; at most {MOST_LINES} and {MOST_NUMBERS} can be shown: "
            f"take a smaller network and fewer examples"
        )
    return recording


def values_returned(function, part, returned):
    """[Value] of what a return statement, or one value of its tuple, has returned."""
    value = returned if part.index is None or not isinstance(returned, tuple) else returned[part.index]
    return [Value(f"{function}(…)", number, np.array(number)) for number in numbers_in(value)]


def values_assigned(part, environment):
    """[Value] of what a statement's targets hold now; where a single number was written to an item, the array that it is in."""
    found = [(name, number) for name in part.targets for number in numbers_in(evaluated(name, environment))]
    if part.writes and not all(isinstance(number, np.ndarray) for _, number in found):
        found = [(name, number) for name in part.bases for number in numbers_in(evaluated(name, environment))]
    return [Value(name, number, np.array(number)) for name, number in found]


def changed(operands, results):
    """[Value] of the operands that a call has changed, as they are now, but for those that are results already."""
    known = [span(value.live) for value in results if value.is_array]
    arrays = [value for value in operands if value.is_array and span(value.live) not in known]
    return [Value(value.name, value.live, np.array(value.live)) for value in arrays if not np.array_equal(value.live, value.copy, equal_nan=True)]


@functools.cache
def compiled(name):
    return compile(name, "<operand>", "eval")


def evaluated(name, environment):
    """What stands under a name, an attribute or an item as it is written; None if nothing does."""
    try:
        return eval(compiled(name), environment)
    except Exception:  # not yet assigned, or a property that raises
        return None


def value_of(name, environment):
    """Its Value, if it is an array of numbers or a number; else None."""
    value = evaluated(name, environment)
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub" or isinstance(value, Real) and not isinstance(value, bool):
        return Value(name, value, np.array(value))


def numbers_in(value):
    """The arrays and floats in a value, or in tuples, lists and dicts."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub" or isinstance(value, (float, np.floating)):
        return [value]
    if isinstance(value, (tuple, list, dict)):
        return [number for each in (value.values() if isinstance(value, dict) else value) for number in numbers_in(each)]
    return []
