"""The host state that a recorded step depends on: what must stay, what grows, and what its user may change.

Numbers that operations take come from attributes of the objects that call them (an optimizer's lr) and of objects that these hold (self.settings),
and from variables of the step and their attributes. Two watched runs (watching.py) show which of these stay and which change; only two kinds of
change are understood, and a class says which of its attributes they are:

    counted     whole numbers that grow by the same amount in every step        the position in a random stream, an optimizer's steps
    followed    numbers that the user changes, and an operation takes as they are        a learning rate
    beside      attributes that no step depends on

A number in the list of operations that changes from run to run is then a *term*, an attribute plus a constant, and is computed at every replay.
"""

import functools
import inspect
from itertools import compress
from operator import is_
from types import CodeType, ModuleType

import numpy as np

SCALARS = (bool, int, float, str, type(None), np.generic)


class NotRecordable(Exception):
    """Why a step stays as written."""


class Same:
    """A wrapper that makes an object equal only to itself."""

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return isinstance(other, Same) and other.value is self.value


def state_of(value):
    """What is compared to see whether a value has changed: a number itself, the contents of a list or dict, the identity of anything else."""
    if isinstance(value, SCALARS) or isinstance(value, tuple) and all(isinstance(x, SCALARS) for x in value):
        return value
    if isinstance(value, dict):
        return Same(value), [(key, x if isinstance(x, SCALARS) else Same(x)) for key, x in value.items()]
    if isinstance(value, list):
        return Same(value), [x if isinstance(x, SCALARS) else Same(x) for x in value]
    return Same(value)


def attributes(objects):
    """{(id, name): state} of all attributes of these objects, except those in `beside`."""
    return {
        (key, name): state_of(value) for key, thing in objects.items() for name, value in vars(thing).items() if name not in said_by(thing, "beside")
    }


def said_by(thing, what):
    """The names in `counted`, `followed` or `beside` of an object's class."""
    return getattr(type(thing), what, ())


def has_attributes(x):
    """Whether x is an object whose attributes may be settings: no class, module, function or array."""
    kind = type(x)  # not the object, whose __getattr__ may do anything
    return (
        bool(kind.__dictoffset__)
        and not issubclass(kind, (type, ModuleType, np.ndarray))
        and not hasattr(kind, "to_host")
        and not inspect.isroutine(x)
    )


def held_by(objects):
    """{id: object} of the plain objects among the attributes of these objects. One that counts is none: it matters where it calls operations."""
    values = [x for thing in objects.values() for x in vars(thing).values()]
    return {id(x): x for x in values if has_attributes(x) and not said_by(x, "counted")}


def variables(step):
    """[(name, function that reads it)] of the variables that a step's code refers to, its defaults, and the arguments of a functools.partial."""
    if isinstance(step, functools.partial):
        fixed = [(f"argument {k}", lambda x=x: x) for k, x in enumerate(step.args)]
        return fixed + [(name, lambda name=name: step.keywords.get(name)) for name in step.keywords] + variables(step.func)
    if hasattr(step, "__func__"):  # a method
        return variables(step.__func__)
    inner = variables(step.__wrapped__) if hasattr(step, "__wrapped__") else []
    code = getattr(step, "__code__", None)
    if code is None:  # an object that can be called
        call = type(step).__call__
        return inner + (variables(call) if hasattr(call, "__code__") else [])
    cells = [(name, lambda cell=cell: contents(cell)) for name, cell in zip(code.co_freevars, step.__closure__ or (), strict=True)]
    names = [name for name in dict.fromkeys(names_in(code)) if name in step.__globals__]
    defaults = [(f"default {k}", lambda x=x: x) for k, x in enumerate([*(step.__defaults__ or ()), *(step.__kwdefaults__ or {}).values()])]
    return cells + [(name, lambda name=name: step.__globals__.get(name)) for name in names] + defaults + inner


def names_in(code):
    """The names that code looks up, also in the functions and comprehensions inside it."""
    return [*code.co_names, *(name for x in code.co_consts if isinstance(x, CodeType) for name in names_in(x))]


def contents(cell):
    """The value of a variable of a closure, None before it has one."""
    try:
        return cell.cell_contents
    except ValueError:
        return None


class Count(int):
    """A count during a watched call. note: called when Python code asks for more than its sum with a number: then the step may branch on it."""

    def __new__(cls, value, note):
        self = super().__new__(cls, value)
        self.note = note
        return self

    def __add__(self, other):
        if isinstance(other, int):
            return Count(int.__add__(self, other), self.note)
        self.note()
        return int.__add__(self, other)

    __radd__ = __add__

    def __sub__(self, other):
        return self + -other

    def __reduce__(self):  # a copy is a number
        return int, (plain(self),)


def noting(method):
    def noted(self, *others):
        self.note()
        return method(self, *others)

    return noted


COMPARED = "lt le gt ge eq ne hash bool int float"
COMPUTED = "mul rmul truediv rtruediv floordiv rfloordiv mod rmod divmod rdivmod pow and rand or xor rshift lshift rsub neg"
for _name in f"{COMPARED} {COMPUTED}".split():
    setattr(Count, f"__{_name}__", noting(getattr(int, f"__{_name}__")))


def plain(x):
    """A Count as the number that it is, anything else as it is."""
    return int.__add__(x, 0) if type(x) is Count else x


def same(x, y):
    """Whether x may stand for y: it is y, or an equal number of its type."""
    return x is y or type(x) is type(y) and state_of(x) == state_of(y)


class State:
    """What two runs say of the host state: which attributes and variables stay, which grow (`counted`), which the user changes (`followed`)."""

    def __init__(self, before, last):
        objects = self.objects = last.objects
        self.step = last.step
        for name, read in variables(last.step):
            if hasattr(type(read()), "__next__"):
                raise NotRecordable(f"it takes from an iterator, {name}")
        for earlier, later in ((before.variables, last.variables), (last.variables, last.variables_after)):
            if earlier != later:
                changed = next((name for name, x in (*later, *earlier) if (name, x) not in earlier or (name, x) not in later), "")
                raise NotRecordable(f"its variable {changed} changes")
        for thing in last.objects.values():
            for name, value in vars(thing).items():
                if inspect.isroutine(value) and hasattr(type(thing), name):
                    raise NotRecordable(f"{type(thing).__name__}.{name} is replaced in an object, and a replay would not call it")
        moved = [key for key, value in last.before.items() if last.after.get(key) != value]
        for key in moved:
            if key[1] not in said_by(objects[key[0]], "counted"):
                raise NotRecordable(f"it changes {type(objects[key[0]]).__name__}.{key[1]}")
            if key not in before.before or before.after[key] - before.before[key] != last.after[key] - last.before[key]:
                raise NotRecordable("what it counts does not grow by the same amount")
        self.moving = [(objects[key[0]], key[1], last.after[key] - last.before[key], last.before[key]) for key in moved]
        self.elsewhere = [key for key, value in last.before.items() if key not in moved and before.after.get(key, value) != value]
        for key in self.elsewhere:
            if key[1] not in said_by(objects[key[0]], "followed"):
                raise NotRecordable(f"{type(objects[key[0]]).__name__}.{key[1]} changes between calls, and its effect is not known")
        self.terms = []  # (object, attribute, constant to add, type)

    def freeze(self, last):
        """Remember everything that must stay for the recording to hold: attributes, the contents of lists and dicts, and variables."""
        self.frozen, self.parts, self.arrays = {}, [], []  # (dict or list, a copy); (a dict's values, which of them stay, these)
        free = {(id(thing), name) for thing, name, *_ in (*self.moving, *self.terms)}
        self.variables = [(read, read()) for _, read in variables(last.step)]
        for _, value in self.variables:
            self.freeze_one(value)
        for thing in last.objects.values():
            stays = [(id(thing), name) not in free and name not in said_by(thing, "beside") for name in vars(thing)]
            if all(stays):
                self.freeze_one(vars(thing))
            else:
                self.parts.append((vars(thing).values(), stays, list(compress(vars(thing).values(), stays))))
            if id(thing) in last.callers:  # lists of others may be long, such as a set of data
                for value in compress(vars(thing).values(), stays):
                    self.freeze_one(value)
        self.frozen, self.objects, self.elsewhere = list(self.frozen.values()), None, None

    def freeze_one(self, container):
        if isinstance(container, (dict, list)):
            self.frozen[id(container)] = container, container.copy()
            entries = container.items() if isinstance(container, dict) else enumerate(container)
            self.arrays += [(container, key, x) for key, x in entries if isinstance(x, np.ndarray) and x.size == 1]

    def unchanged(self):
        """Whether everything frozen is as it was, and what moves is still a number of its type."""
        try:
            for container, kept in self.frozen:
                if container != kept:  # identical objects compare fast
                    return False
        except (ValueError, TypeError):  # of two different arrays
            return False
        for values, stays, kept in self.parts:
            if len(values) != len(stays) or not all(map(is_, compress(values, stays), kept)) and not all(map(same, compress(values, stays), kept)):
                return False
        for read, value in self.variables:
            if (x := read()) is not value and not same(x, value):
                return False
        for container, key, array in self.arrays:  # == may be true of an array with one element and another one
            if container[key] is not array:
                return False
        for thing, name, _, kind in self.terms:
            if not isinstance(getattr(thing, name), kind):
                return False
        return True

    def term(self, first, second, callers, before, last):
        """Explain a number that was `first` in one run and `second` in the next, as an attribute of one of the callers plus a constant.

        -> the index of that term.  Raises NotRecordable where no attribute explains it.
        """
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
        """Raises NotRecordable for an attribute that its user changes, if no operation takes it as it is."""
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
        """Advance what grows by one step."""
        for thing, name, growth, _ in self.moving:
            setattr(thing, name, getattr(thing, name) + growth)


class IntTerm(int):
    """A whole number that changes from step to step.  term: its index among the state's terms. The value is that of the last watched run."""


class FloatTerm(float):
    """The same, of a number that need not be whole."""


def moving_number(value, term):
    """The value as an IntTerm or FloatTerm."""
    result = IntTerm(value) if isinstance(value, (int, np.integer)) else FloatTerm(value)
    result.term = term
    return result
