"""Operations: the mathematics is written once, in NumPy; compiled twins of it are looked up by name.

    @op
    def tanh(x):                 # the definition: what is read
        return np.tanh(x)

Calling `tanh` runs the twin of the same name in the backend in force, or the definition where that backend has none:

    numpy    no twins: every call runs the definition
    numba    scratchgen/ops/numba: compiled for multicore CPUs, same arrays as NumPy
    cuda     scratchgen/ops/cuda: compiled for an NVIDIA GPU, arrays that live on the device

With NUMBA_DISABLE_JIT=1 the numba backend has no twins either, so that a debugger steps through the definitions.
"""

import functools
import importlib
import os
from types import SimpleNamespace

import numpy as np

from scratchgen.errors import unknown_name

BACKENDS = ("numpy", "numba", "cuda")

definitions = {}  # name -> the NumPy definition of each operation, in the order of definition
_active = None  # the backend in force; None until the first operation or use_backend loads it


def op(definition):
    """Make a NumPy function an operation: callers get its twin in the backend in force.

    Raises ValueError if another operation has that name: twins are found by name alone.
    """
    name = definition.__name__
    if name in definitions:
        raise ValueError(f"operation {name!r} is already defined in {definitions[name].__module__}")
    definitions[name] = definition

    @functools.wraps(definition)
    def call(*args, **kwargs):
        return (_active or _load_default()).twins.get(name, definition)(*args, **kwargs)

    return call


class use_backend:
    """Choose the backend: `sg.use_backend("numpy")` from here on, or `with sg.use_backend("numpy"):` for a while.

    The choice holds for the whole process. Raises ValueError for an unknown name, RuntimeError if the backend cannot run here.
    """

    def __init__(self, name):
        global _active
        if name not in BACKENDS:
            raise unknown_name("backend", name, BACKENDS)
        self._before = _active
        _active = _load(name)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        global _active
        _active = self._before


def get_backend():
    """Name of the backend in force: "numpy", "numba" or "cuda"."""
    return (_active or _load_default()).name


def has_twin(name):
    """Whether the backend in force runs operation `name` compiled."""
    return name in (_active or _load_default()).twins


def array(x, dtype=None):
    """`x` as an array of the backend in force. Where dtype allows, an array that is there already is taken over without a copy."""
    return (_active or _load_default()).array(x, dtype)


def to_host(x):
    """`x` as a NumPy array, copied from the device if it lives there."""
    return (_active or _load_default()).to_host(x)


def empty(shape, dtype=np.float32):
    """A new array of the backend in force, values undefined."""
    return (_active or _load_default()).empty(shape, dtype)


def reading_waits():
    """Whether reading a number waits for all work begun before: on a device, where work is only queued. A training step then reads none."""
    return (_active or _load_default()).reading_waits


def replayed(function, counters):
    """`function(x)`, a step on a minibatch, to be called as step(x, key=…) again and again. On a device it is recorded, and launched as a whole.

    counters: [(object, name of an attribute)], the integers that function changes on the host; it changes nothing else there.
    key: whatever makes one call do other things than the next, such as a learning rate.  What function returns depends on the key alone.
    """
    return (_active or _load_default()).replayed(function, counters)


@functools.cache
def _load(name):
    """The backend as an object with name, twins {name: function}, array, to_host, empty, replayed, reading_waits."""
    if name == "cuda":
        return importlib.import_module("scratchgen.ops.cuda").backend()
    functions = dict(array=_host_array, to_host=_host_array, empty=np.empty, replayed=_called)
    host = SimpleNamespace(name=name, twins={}, reading_waits=False, **functions)
    if name == "numba" and os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0"):
        numba = importlib.import_module("scratchgen.ops.numba")
        host.twins, host.empty = numba.twins(), numba.empty
    return host


def _called(function, counters):
    return lambda x, key=(): function(x)


def _host_array(x, dtype=None):
    """`x` as a NumPy array, also if it lives on a device."""
    return np.asarray(x.to_host() if hasattr(x, "to_host") else x, dtype)


def _load_default():
    use_backend(os.environ.get("SCRATCHGEN_BACKEND") or "numba")
    return _active
