"""The host state that a recorded step depends on: what must stay, what grows, and what its user may change.

Numbers that operations take come from attributes of the objects that call them (an optimizer's lr) and from variables of the step. Two watched runs
(watching.py) show which of these stay and which change; only two kinds of change are understood, and a class says which of its attributes they are:

    counted     whole numbers that grow by the same amount in every step        the position in a random stream, an optimizer's steps
    followed    numbers that the user changes, and an operation takes as they are        a learning rate
    beside      attributes that no step depends on

A number in the list of operations that changes from run to run is then a *term*, an attribute plus a constant, and is computed at every replay.
"""

import inspect

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
    """What two runs say of the host state: which attributes and variables stay, which grow (`counted`), which the user changes (`followed`)."""

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
        self.terms = []  # (object, attribute, constant to add, type)

    def freeze(self, last):
        """Remember everything that must stay for the recording to hold: attributes, the contents of lists and dicts, and variables."""
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
        """Whether everything frozen is as it was, and what moves is still a number of its type."""
        try:
            for container, skip, kept in self.frozen:
                if ({key: x for key, x in container.items() if key not in skip} if skip else container) != kept:  # identical objects compare fast
                    return False
        except (ValueError, TypeError):  # of two different arrays
            return False
        return all(state_of(read()) == state for read, state in self.variables) and all(
            isinstance(getattr(thing, name), kind) for thing, name, _, kind in self.terms
        )

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
