"""One run of a step, watched: which operations it calls, on which arrays, and where these lie in memory.

Two runs are compared by the places of their arrays, not by their addresses: an array that an operation makes lies elsewhere in every run, and is
known by the operation that made it.
"""

import ctypes
import functools
import sys
from dataclasses import dataclass, field
from threading import get_ident

import numpy as np

from scratchgen.ops import dispatch
from scratchgen.ops.host_state import Count, attributes, has_attributes, held_by, plain, said_by, state_of, variables

number_at = ctypes.c_ssize_t.from_address


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


@dataclass
class Place:
    """Where an array of a step lies.

    owner: whose memory it is in: ("made", number of the operation, which of its results), ("given", number of the argument) or ("outside", id).
    offset: in bytes, from the beginning of that memory, or from the argument's first number.
    """

    owner: tuple
    offset: int
    shape: tuple
    strides: tuple
    dtype: np.dtype


def places(things):
    return [x for x in things if isinstance(x, Place)]


@dataclass
class Entry:
    """One call of an operation.

    arguments: Places, and other things as they are.  results: Places.  callers: ids of the objects whose methods called it, the innermost first.
    """

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
    """One run of a step: its Entries, the objects that called operations, and the attributes of these before and after."""

    step: object
    arguments: tuple
    objects: dict  # id -> object, from the run before
    entries: list = field(default_factory=list)
    reason: str = None

    def call(self):
        self.owners = {}  # id of the owner of memory -> (kind, …); self.kept keeps the owners alive, so that ids stay theirs
        self.kept, self.outside = [], {}
        self.given = [(k, id(memory_of(x)[0]), *span(x)) for k, x in enumerate(self.arguments) if is_array(x) and x.size]
        reads = variables(self.step)
        self.objects = self.objects | {id(x): x for x in (read() for _, read in reads) if has_attributes(x)}
        self.before, self.variables = attributes(self.objects), [(name, state_of(read())) for name, read in reads]
        self.found, self.callers, self.depth = dict(self.objects), {}, sys._getframe(0)
        counted = [(x, name) for x in self.objects.values() for name in said_by(x, "counted") if type(vars(x).get(name)) is int]
        for thing, name in counted:
            vars(thing)[name] = Count(vars(thing)[name], functools.partial(self.note, thing, name))
        dispatch.recorders[get_ident()] = self
        try:
            result = self.step(*self.arguments)
        finally:
            del dispatch.recorders[get_ident()]
            for thing, name in counted:
                if name in vars(thing):
                    vars(thing)[name] = plain(vars(thing)[name])
        if any(type(x) is Count for x in flat(result)):
            result = mapped(plain, result)
        self.after, self.objects = attributes(self.objects), held_by(self.callers) | self.found
        self.variables_after = [(name, state_of(read())) for name, read in reads]
        return result

    def note(self, thing, name):
        """Called when Python code computes with a count."""
        self.reason = self.reason or f"it computes with {type(thing).__name__}.{name} beside the operations, or branches on it"

    def own(self, x, kind):
        owner, _ = memory_of(x)
        self.kept.append(owner)
        self.owners.setdefault(id(owner), kind)

    def stands_still(self, before):
        """[(number, argument)] of the arguments that lay at the same addresses in the run before."""
        lay = {(k, low) for k, _, low, _ in before.given}
        return [(k, self.arguments[k]) for k, _, low, _ in self.given if (k, low) in lay]

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
        if getattr(run, "untraceable", None) and (why := run.untraceable.get(run.kind(arguments))):
            self.reason = self.reason or why
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
                self.found[id(thing)] = self.callers[id(thing)] = thing
                callers.append(id(thing))
            frame = frame.f_back
        self.entries.append(Entry(definition, run, places, found, (*arguments, *results), tuple(callers)))


def memory_of(x):
    """(the object that owns an array's memory, the address at which the memory begins)."""
    if isinstance(x, np.ndarray):
        while isinstance(x.base, np.ndarray):
            x = x.base
        return (x, x.ctypes.data) if x.base is None else (x.base, 0)
    return x.block, x.block.address


PROBE = np.zeros(1)
AT_16 = sys.implementation.name == "cpython" and number_at(id(PROBE) + 16).value == PROBE.ctypes.data


def address_of(x):
    """The address of an array's first number. CPython's arrays keep it 16 bytes into the object: x.ctypes.data takes ten times as long, 1.2 µs."""
    if not isinstance(x, np.ndarray):
        return x.address
    return number_at(id(x) + 16).value if AT_16 else x.ctypes.data


def span(x):
    """The first address of an array's numbers, and the one after the last."""
    steps = [(n - 1) * step for n, step in zip(x.shape, x.strides, strict=True)]
    return address_of(x) + sum(step for step in steps if step < 0), address_of(x) + sum(step for step in steps if step > 0) + x.dtype.itemsize
