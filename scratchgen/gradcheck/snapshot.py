"""Saving and restoring state: what a layer keeps between calls, and arrays that must not change."""

import contextlib
import dataclasses

import numpy as np


@contextlib.contextmanager
def restored(*modules):
    """After the block, random streams and running statistics are as before, so that a second run repeats the first."""
    streams = [stream for module in modules for stream in module.streams().values()]
    leaves = [leaf for module in modules for _, leaf in module.leaves()]
    buffers = [(leaf.buffers, key, value, value.copy()) for leaf in leaves for key, value in leaf.buffers.items()]
    states = [stream.state for stream in streams]
    try:
        yield
    finally:
        for stream, state in zip(streams, states, strict=True):
            stream.state = state
        for owner, key, array, value in buffers:
            array[...] = value
            owner[key] = array  # a student may have replaced the array


@contextlib.contextmanager
def shaken(arrays, rng):
    """Within the block, arrays that are all 0 or all 1 hold random numbers instead; after it, exactly what they held before.

    A new bias is 0 and a new gamma is 1, and a backward that forgets such a parameter would be right by accident.
    """
    plain = {name: array for name, array in arrays.items() if array.size and (np.all(array == 0) or np.all(array == 1))}
    watch = Unchanged(plain)
    for array in plain.values():
        array += rng.uniform(-0.4, 0.4, array.shape)
    try:
        yield
    finally:
        watch.put_back()


@contextlib.contextmanager
def moved(arrays):
    """Within the block, other numbers of about the same size; after it, exactly what was there before."""
    watch = Unchanged(arrays)
    for array in arrays.values():
        array *= 1.25
        array += 0.1
    try:
        yield
    finally:
        watch.put_back()


def other_values(x):
    """An array of other numbers from the same range: in reverse order, or where that is the same, nine tenths of them."""
    flipped = np.ascontiguousarray(np.flip(x))
    return 0.9 * x if np.array_equal(flipped, x) else flipped


@contextlib.contextmanager
def turned_round(arrays):
    """Within the block, each array has other values; after it, exactly what was there before."""
    watch = Unchanged(arrays)
    for array in arrays.values():
        array[...] = other_values(array)
    try:
        yield
    finally:
        watch.put_back()


def arrays_in(thing, name="cache"):
    """Yield (name, array) for every array inside a cache: an array, or tuples, lists, dicts and objects that hold arrays."""
    if isinstance(thing, np.ndarray):
        yield name, thing
    elif isinstance(thing, dict):
        for key, value in thing.items():
            yield from arrays_in(value, f"{name}[{key!r}]")
    elif isinstance(thing, tuple) and hasattr(thing, "_fields"):
        for field in thing._fields:
            yield from arrays_in(getattr(thing, field), f"{name}.{field}")
    elif isinstance(thing, (tuple, list)):
        for i, value in enumerate(thing):
            yield from arrays_in(value, f"{name}[{i}]")
    elif dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        for field in dataclasses.fields(thing):
            yield from arrays_in(getattr(thing, field.name), f"{name}.{field.name}")


class Given:
    """For calls of functions that may change their arguments: restores these, and notes in `mutated` the names of those changed, in order."""

    def __init__(self):
        self.mutated = []

    @contextlib.contextmanager
    def watched(self, arrays):
        """Within the block arrays may be changed; after it they are as before, and the change is noted."""
        watch = Unchanged(arrays)
        try:
            yield
        finally:
            self.mutated += [name for name in watch.changed() if name not in self.mutated]
            watch.put_back()


class Unchanged:
    """Remembers the values of some arrays, to tell later which of them were changed.

    >>> watch = Unchanged({"x": x});  x[0] += 1;  watch.changed()
    ['x']
    """

    def __init__(self, arrays):
        self.arrays = {name: (array, array.copy()) for name, array in arrays.items()}

    def changed(self):
        """Names of the arrays whose values are no longer the same (NaN equals NaN)."""
        return [name for name, (array, before) in self.arrays.items() if not np.array_equal(array, before, equal_nan=array.dtype.kind in "fc")]

    def put_back(self):
        """Give every array its old values again."""
        for array, before in self.arrays.values():
            if array.flags.writeable:
                array[...] = before
