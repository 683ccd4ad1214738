"""Recording: a step that is run again and again becomes a list of operations, which is made better as a whole and replayed.

    step = sg.recorded(step)              step(x) -> loss, say: forward, backward, update

A training step calls the same operations on the same arrays every time, and Python, looking each of them up, takes a good part of a small step. So:

    calls 1 to 3    run as written, and watched. The second and third must be alike: the same operations, on arrays in the same places. What grows by
                    the same amount, such as the place in a random stream, is remembered as growing
    call 4          the list is made better (fusing.py), its temporary arrays get fixed places, and it is replayed. Then all is put back, the step is
                    run as written, and the two are compared, to the bit. So are the tenth, the hundredth, the thousandth replay
    from then on    replayed

What it is safe against. The recorder sees every operation. An array that no operation has made (NumPy has computed it, beside the operations) is a
new one at every call, and is noticed. Numbers that operations take come from attributes of the objects that call them (an optimizer's lr) and from
variables of the step; all of these are compared before every replay, and where one has changed, the step is recorded anew. What grows or is changed
all the time must be said by its class: `counted` are whole numbers that grow alike in every step, `followed` those that an operation takes as they
are. Where anything remains unexplained, the step stays as written, and the log (logging.getLogger("scratchgen")) says why, once.

What it cannot see: what is no attribute of such an object and no variable of the step (a default argument, a variable of a function that it calls),
and what a step does on the host without operations, such as printing or keeping a best loss. A step takes what changes as an argument: arrays are
looked at anew at every replay, other arguments are part of what is recorded.
"""

import inspect
import logging
import sys
from dataclasses import dataclass, field
from numbers import Real

import numpy as np

from scratchgen.ops import checks, dispatch

log = logging.getLogger("scratchgen")
KEPT = 8  # recordings for so many different keys
COMPARED = {0, 10, 100, 1000, 10_000}  # numbers of the replays that are compared with the step as written
SCALARS = (bool, int, float, str, type(None), np.generic)


class NotRecordable(Exception):
    """Why a step stays as written."""


def recorded(step):
    """step(*arrays, *others) as a function that is called in the same way, and replayed from its fourth call on.

    step: changes arrays by operations only. It returns arrays, numbers, or tuples and dicts of them: at a replay, copies of what was computed.
    On the numpy backend, nothing is recorded.
    """
    return Recorded(step)


class Recorded:
    """A step with its recordings, by key: shapes and types of arrays, and the values of everything else."""

    def __init__(self, step):
        self.step, self.recordings, self.said = step, {}, set()
        self.__wrapped__ = step

    def __call__(self, *arguments):
        backend = dispatch.active()
        if backend.assemble is None or dispatch.recorder is not None:
            return self.step(*arguments)
        if any(isinstance(x, np.ndarray) and type(x) is not np.ndarray for x in arguments):
            name = getattr(self.step, "__name__", "the step")
            arguments = [checks.plain(name, f"argument {k}", x) for k, x in enumerate(arguments)]
        try:
            key = backend.name, tuple([(x.shape, x.dtype) if is_array(x) else (type(x), x) for x in arguments])
            found = self.recordings.get(key, ())
        except TypeError:  # an argument that cannot be looked up
            return self.step(*arguments)
        for recording in found:
            if recording.fits():
                return recording(arguments)
        while sum(map(len, self.recordings.values())) >= KEPT:
            del self.recordings[next(iter(self.recordings))]
        self.recordings.setdefault(key, []).append(recording := Recording(self.step, backend, self.said))
        return recording(arguments)


class Recording:
    """One key's: first watched, then a program; or, where that cannot be, the step as written."""

    def __init__(self, step, backend, said):
        self.step, self.backend, self.said = step, backend, said
        self.watched, self.program, self.state, self.replays = [], None, None, 0

    def fits(self):
        """Whether nothing has changed that it does not know of."""
        return self.program is None or self.state.unchanged()

    def __call__(self, arguments):
        if self.program is None and self.watched is None:
            return self.step(*arguments)
        if self.program is None:
            return self.watch(arguments)
        compare, self.replays = self.replays in COMPARED, self.replays + 1
        return self.compared(arguments) if compare else self.replay(arguments)

    def watch(self, arguments):
        """Run as written, watched; after the third time, make the program."""
        run = Watched(self.step, arguments, self.watched[-1].objects if self.watched else {})
        result = run.call()
        self.watched.append(run)
        if len(self.watched) == 3:
            try:
                _, before, last = self.watched
                self.state = State(before, last)
                script = Script(before, last, self.state, result)
                self.program = self.backend.assemble(script)
                self.state.freeze(last)
                self.watched = ()
            except NotRecordable as reason:
                self.give_up(str(reason))
        return result

    def give_up(self, reason):
        if reason not in self.said:
            log.info("%s stays as written: %s", getattr(self.step, "__qualname__", self.step), reason)
            self.said.add(reason)
        self.program, self.watched = None, None

    def replay(self, arguments):
        result = self.program.replay(arguments, self.state.numbers())
        self.state.advance()
        return result

    def compared(self, arguments):
        """Replay; put everything back; run as written; compare. What was run as written stands."""
        before = self.program.snapshot(), self.state.counts()
        replayed = self.replay(arguments)
        after = self.program.snapshot(), self.state.counts()
        self.program.restore(before[0])
        self.state.set_counts(before[1])
        result = self.step(*arguments)
        same = same_bits(flat(result), flat(replayed)) and same_bits(self.program.state, after[0]) and self.state.counts() == after[1]
        if not same:
            self.give_up("a replay gave other numbers; does it compute with arrays beside the operations?")
        return result


def is_array(x):
    return type(x) is np.ndarray or hasattr(x, "block") and hasattr(x, "shape")


def flat(result):
    """All arrays and numbers in a result, as a list."""
    if isinstance(result, (tuple, list)):
        return [x for part in result for x in flat(part)]
    if isinstance(result, dict):
        return [x for part in result.values() for x in flat(part)]
    return [result]


def mapped(f, result):
    """The result with f(x) in place of every array and number x."""
    if isinstance(result, (tuple, list)):
        parts = [mapped(f, x) for x in result]
        return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
    if isinstance(result, dict):
        return {key: mapped(f, x) for key, x in result.items()}
    return f(result)


def same_bits(a, b):
    """Whether two lists of arrays, numbers and others are equal, arrays to the bit."""

    def bits(x):
        return dispatch.to_host(x).tobytes() if is_array(x) else np.float64(x).tobytes() if isinstance(x, (float, np.floating)) else x

    return len(a) == len(b) and all(bits(x) == bits(y) for x, y in zip(a, b, strict=True))


# Watching


@dataclass
class Place:
    """Where an array of a step lies.  owner: ("made", number of the operation, which of its results), ("given", number of the argument) or
    ("outside", id), whose memory it is in; offset in bytes, from the beginning of that memory, or from the argument's first number."""

    owner: tuple
    offset: int
    shape: tuple
    strides: tuple
    dtype: np.dtype


@dataclass
class Entry:
    """One call of an operation.  arguments: Places, and other things as they are.  results: Places.  callers: ids of the objects that called it,
    the innermost first."""

    definition: object
    run: object
    arguments: tuple
    results: tuple
    arrays: tuple  # the arrays themselves
    callers: tuple = ()

    @property
    def given(self):
        """The arguments themselves."""
        return self.arrays[: len(self.arguments)]


@dataclass
class Watched:
    """One run of a step: its Entries, the objects that called operations, and what numbers those had, before and after."""

    step: object
    arguments: tuple
    objects: dict  # id -> object, from the run before
    entries: list = field(default_factory=list)
    reason: str = None

    def call(self):
        self.owners = {}  # id of the owner of memory -> (kind …); the owners are kept alive by self.kept
        self.kept, self.outside = [], {}
        self.given = [(k, id(memory_of(x)[0]), *span(x)) for k, x in enumerate(self.arguments) if is_array(x) and x.size]
        self.before, self.variables = attributes(self.objects), [(name, state_of(read())) for name, read in variables(self.step)]
        self.found, self.depth = dict(self.objects), sys._getframe(0)
        dispatch.recorder = self
        try:
            result = self.step(*self.arguments)
        finally:
            dispatch.recorder = None
        self.after, self.objects = attributes(self.objects), self.found
        self.variables_after = [(name, state_of(read())) for name, read in variables(self.step)]
        return result

    def own(self, x, kind):
        owner, _ = memory_of(x)
        self.kept.append(owner)
        self.owners.setdefault(id(owner), kind)

    def place(self, x):
        owner, start = memory_of(x)
        first, last = span(x)
        for k, memory, low, high in self.given:
            if memory == id(owner) and low <= first and last <= high:
                return Place(("given", k), address_of(x) - address_of(self.arguments[k]), tuple(x.shape), tuple(x.strides), x.dtype)
        kind = self.owners.get(id(owner))
        if kind is None:
            kind = ("outside", id(owner))
            self.own(x, kind)
            self.outside[id(owner)] = owner
        return Place(kind, address_of(x) - start, tuple(x.shape), tuple(x.strides), x.dtype)

    def see(self, definition, run, arguments, result):
        """Called by dispatch after every operation."""
        if getattr(run, "untraceable", None):
            self.reason = self.reason or run.untraceable
        if any(isinstance(x, np.ndarray) and type(x) is not np.ndarray for x in arguments):
            self.reason = self.reason or f"{definition.__name__} takes an array of a subclass of NumPy's"
        results = result if isinstance(result, tuple) else (result,)
        places = tuple(self.place(x) if is_array(x) else x for x in arguments)
        for k, x in enumerate(results):
            if is_array(x) and not any(x is y for y in arguments):
                owner, _ = memory_of(x)
                if id(owner) in self.owners or any(memory == id(owner) for _, memory, *_ in self.given):
                    self.reason = self.reason or f"{definition.__name__} returns a part of an older array"
                self.own(x, ("made", len(self.entries), k))
        found = tuple(self.place(x) if is_array(x) else x for x in results)
        callers, frame = [], sys._getframe(2)
        while frame is not None and frame is not self.depth:
            thing = frame.f_locals.get("self")
            if thing is not None and hasattr(thing, "__dict__"):
                self.found[id(thing)] = thing
                callers.append(id(thing))
            frame = frame.f_back
        self.entries.append(Entry(definition, run, places, found, (*arguments, *results), tuple(callers)))


def memory_of(x):
    """(the object that owns an array's memory, the address at which that begins)."""
    if isinstance(x, np.ndarray):
        while isinstance(x.base, np.ndarray):
            x = x.base
        return (x, x.ctypes.data) if x.base is None else (x.base, 0)
    return x.block, x.block.address


def address_of(x):
    return x.ctypes.data if isinstance(x, np.ndarray) else x.address


def span(x):
    """The first address of an array's numbers, and the one after the last."""
    steps = [(n - 1) * step for n, step in zip(x.shape, x.strides, strict=True)]
    return address_of(x) + sum(step for step in steps if step < 0), address_of(x) + sum(step for step in steps if step > 0) + x.dtype.itemsize


class Same:
    """An object that equals itself alone."""

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return isinstance(other, Same) and other.value is self.value


def state_of(value):
    """What must stay equal for a value to count as unchanged: a number itself; of a list or dict what is in it; of anything else, which one it is."""
    if isinstance(value, SCALARS) or isinstance(value, tuple) and all(isinstance(x, SCALARS) for x in value):
        return value
    if isinstance(value, dict):
        return Same(value), [(key, x if isinstance(x, SCALARS) else Same(x)) for key, x in value.items()]
    if isinstance(value, list):
        return Same(value), [x if isinstance(x, SCALARS) else Same(x) for x in value]
    return Same(value)


def attributes(objects):
    """{(id, name): state} of all attributes of these objects, but those that no step depends on."""
    return {
        (key, name): state_of(value)
        for key, thing in objects.items()
        for name, value in vars(thing).items()
        if name not in getattr(thing, "beside", ())
    }


def variables(step):
    """[(name, function that reads it)] of the variables that a step's code refers to."""
    code = getattr(step, "__code__", None)
    if code is None:  # a method, or an object that can be called
        return variables(step.__func__) if hasattr(step, "__func__") else []
    cells = [(name, lambda cell=cell: cell.cell_contents) for name, cell in zip(code.co_freevars, step.__closure__ or (), strict=True)]
    return cells + [(name, lambda name=name: step.__globals__.get(name)) for name in code.co_names if name in step.__globals__]


class State:
    """What a step reads and moves on the host: attributes and variables that stay; whole numbers of streams and optimizers that grow (a class says
    which, in `counted`); numbers that its user changes and an operation takes as they are (in `followed`)."""

    def __init__(self, before, last):
        objects = self.objects = before.objects
        self.step = last.step
        for name, read in variables(last.step):
            if hasattr(read(), "__next__"):
                raise NotRecordable(f"it takes from an iterator, {name}")
        for earlier, later in ((before.variables, last.variables), (last.variables, last.variables_after)):
            if earlier != later:
                changed = [name for (name, x), (_, y) in zip(earlier, later, strict=True) if x != y]
                raise NotRecordable(f"its variable {changed[0]} changes")
        for thing in last.objects.values():
            for name, value in vars(thing).items():
                if inspect.isroutine(value) and hasattr(type(thing), name):
                    raise NotRecordable(f"{type(thing).__name__}.{name} is replaced in an object, and a replay would not call it")
        moved = [key for key, value in last.before.items() if last.after.get(key) != value]
        for key in moved:
            if key[1] not in getattr(objects[key[0]], "counted", ()):
                raise NotRecordable(f"it changes {type(objects[key[0]]).__name__}.{key[1]}")
            if key not in before.before or before.after[key] - before.before[key] != last.after[key] - last.before[key]:
                raise NotRecordable("what it counts does not grow by the same amount")
        self.moving = [(objects[key[0]], key[1], last.after[key] - last.before[key], last.before[key]) for key in moved]
        self.elsewhere = [key for key, value in last.before.items() if key not in moved and before.after.get(key, value) != value]
        for key in self.elsewhere:
            if key[1] not in getattr(objects[key[0]], "followed", ()):
                raise NotRecordable(f"{type(objects[key[0]]).__name__}.{key[1]} changes between calls, and its effect is not known")
        self.terms = []  # (object, attribute, what to add, type): how a number that an operation takes follows from what moves

    def freeze(self, last):
        """Remember all that must stay for the recording to hold: attributes, what is in lists and dicts, and variables."""
        self.frozen = []  # (dict or list, keys that may change, a copy)
        free = {(id(thing), name) for thing, name, *_ in (*self.moving, *self.terms)}
        for thing in last.objects.values():
            skip = frozenset(name for name in vars(thing) if (id(thing), name) in free or name in getattr(thing, "beside", ()))
            self.freeze_one(vars(thing), skip)
            for name, value in vars(thing).items():
                if isinstance(value, (dict, list)) and name not in skip:
                    self.freeze_one(value)
        self.variables = [(read, state_of(read())) for _, read in variables(last.step)]
        self.objects = self.elsewhere = None

    def freeze_one(self, container, skip=frozenset()):
        kept = {key: x for key, x in container.items() if key not in skip} if isinstance(container, dict) else list(container)
        self.frozen.append((container, skip, kept))

    def unchanged(self):
        """Whether all that stays is as it was, and what moves is still a number of its kind."""
        try:
            for container, skip, kept in self.frozen:
                if ({key: x for key, x in container.items() if key not in skip} if skip else container) != kept:  # the same things are equal at once
                    return False
        except (ValueError, TypeError):  # two arrays, which are not one thing
            return False
        return all(state_of(read()) == state for read, state in self.variables) and all(
            isinstance(getattr(thing, name), kind) for thing, name, _, kind in self.terms
        )

    def term(self, first, second, callers, before, last):
        """Remember a number that was `first` in one run and `second` in the next, as an attribute of one of its callers plus a constant -> its number
        here."""
        kind = int if isinstance(second, (int, np.integer)) else (int, float)
        for caller in callers:
            for thing, name, growth, value in self.moving:
                if id(thing) == caller and growth and second - first == value - before.before[caller, name]:
                    self.terms.append((thing, name, second - value, kind))
                    return len(self.terms) - 1
            for key in self.elsewhere:
                if key[0] == caller and last.before[key] == second and before.before.get(key) == first:
                    self.terms.append((self.objects[caller], key[1], 0, kind))
                    return len(self.terms) - 1
        raise NotRecordable(f"a number changes from {first} to {second}, and no attribute of an optimizer, layer or model says why")

    def check(self):
        """Raises NotRecordable if an attribute that its user changes is not what an operation takes."""
        used = {(id(thing), name) for thing, name, *_ in self.terms}
        for key in self.elsewhere:
            if key not in used:
                raise NotRecordable(f"{type(self.objects[key[0]]).__name__}.{key[1]} changes between calls, and its effect is not known")

    def numbers(self):
        """The values of all terms now."""
        return [getattr(thing, name) + constant for thing, name, constant, _ in self.terms]

    def counts(self):
        return [getattr(thing, name) for thing, name, *_ in self.moving]

    def set_counts(self, counts):
        for (thing, name, *_), value in zip(self.moving, counts, strict=True):
            setattr(thing, name, value)

    def advance(self):
        """Move what one step moves."""
        for thing, name, growth, _ in self.moving:
            setattr(thing, name, getattr(thing, name) + growth)


class IntTerm(int):
    """A whole number that moves.  term: which of the state's terms it is. Its value is that of the last run."""


class FloatTerm(float):
    """A number that changes between calls; likewise."""


def moving_number(value, term):
    """The value, as one that knows its term."""
    result = IntTerm(value) if isinstance(value, (int, np.integer)) else FloatTerm(value)
    result.term = term
    return result


class Script:
    """What two equal runs have in common: entries whose arguments are Places, numbers, Terms and others.

    outside: id -> owner of memory.  given: the arguments of the step.  result: what the step returned, with Places in place of arrays.
    """

    def __init__(self, before, last, state, result):
        for run in (before, last):
            if run.reason:
                raise NotRecordable(run.reason)
        if len(before.entries) != len(last.entries):
            raise NotRecordable("two calls in a row ran different operations")
        self.outside, self.given, self.state, self.entries = last.outside, last.arguments, state, []
        for k, (_, memory, low, high) in enumerate(last.given):
            if any(memory == other and low < stop and start < high for _, other, start, stop in last.given[:k]):
                raise NotRecordable("two of its arguments share memory")
        if any(step <= 0 and n > 1 for x in last.arguments if is_array(x) for n, step in zip(x.shape, x.strides, strict=True)):
            raise NotRecordable("it is given an array that runs backwards, or repeats itself")
        for a, b in zip(before.entries, last.entries, strict=True):
            if a.definition is not b.definition or a.results != b.results or len(a.arguments) != len(b.arguments):
                raise NotRecordable("two calls in a row ran different operations")
            arguments = tuple(self.common(x, y, b, state, before, last) for x, y in zip(a.arguments, b.arguments, strict=True))
            self.entries.append(Entry(b.definition, b.run, arguments, b.results, b.arrays))
        state.check()
        self.result = mapped(lambda x: self.place(x, last), result)

    @property
    def growths(self):
        """By how much each term grows in a step."""
        growth = {(id(thing), name): by for thing, name, by, _ in self.state.moving}
        return [growth.get((id(thing), name), 0) for thing, name, *_ in self.state.terms]

    def common(self, x, y, entry, state, before, last):
        if isinstance(x, Place) and isinstance(y, Place):
            if x != y:
                raise NotRecordable(f"{entry.definition.__name__} takes an array that no operation has made: it is another one each time")
            return y
        if isinstance(x, Real) and isinstance(y, Real) and not isinstance(x, bool) and x != y:
            return moving_number(y, state.term(x, y, entry.callers, before, last))
        if type(x) is not type(y) or not (x is y or x == y or x != x and y != y):
            raise NotRecordable(f"a number that {entry.definition.__name__} takes changes from {x} to {y}")
        return y

    def place(self, x, last):
        """A part of the result: a Place for an array."""
        if not is_array(x):
            return x
        place = last.place(x)
        if place.owner[0] == "outside" and id(memory_of(x)[0]) not in self.outside:
            raise NotRecordable("it returns an array that no operation has made")
        return place
