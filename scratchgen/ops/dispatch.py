"""Operations: the mathematics is written once, in NumPy, and compiled from there.

    @op
    def tanh(x):                 # the definition: what is read
        return np.tanh(x)

Calling `tanh` runs it in the backend in force:

    numpy    the definition itself
    numba    compiled for multicore CPUs (scratchgen/ops/numba), same arrays as NumPy
    cuda     compiled for an NVIDIA GPU (scratchgen/ops/cuda), arrays that live on the device

What is compiled is the definition: tracing.py calls it with symbols in place of arrays, and each backend writes kernels from the expression that
comes out. A few operations have a twin by hand instead, found by name, because no expression describes them: matrix products, random bits, gathering.

With NUMBA_DISABLE_JIT=1 the numba backend runs the definitions, too, so that a debugger steps through them.
"""

import contextlib
import functools
import importlib
import inspect
import os
from threading import get_ident
from types import SimpleNamespace

import numpy as np

from scratchgen.errors import shown, unknown_name
from scratchgen.ops.checks import as_written
from scratchgen.ops.host_state import plain
from scratchgen.ops.nodes import Tracing, Untraceable

BACKENDS = ("numpy", "numba", "cuda")

definitions = {}  # name -> the NumPy definition of each operation, in the order of definition
recorders = {}  # thread -> what watches the operations of the step in progress there: recording.py
_announce = None  # called before something is compiled
_active = None  # the backend in force; None until the first operation or use_backend loads it


def op(definition):
    """Make a NumPy function an operation: on numba and cuda, calls are compiled from it.

    It takes arrays of up to two axes, numbers and flags. tracing.py says what it may do with them; a definition that does more runs as written on the
    host, and is refused on a device with a sentence that names the line (`why_not_compiled` gives it anywhere).
    """
    signature = inspect.signature(definition)
    parameters = tuple(signature.parameters)
    definitions[definition.__name__] = definition

    @functools.wraps(definition)
    def call(*args, **kwargs):
        if Tracing.active:  # a definition that calls another
            return definition(*args, **kwargs)
        if kwargs or len(args) != len(parameters):
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            args = bound.args
        backend = _active or _load_default()
        run = backend.operations.get(definition) or _prepare(backend, definition, parameters)
        if not recorders or (recorder := recorders.get(get_ident())) is None:
            return run(*args)
        args = tuple(map(plain, args))
        result = run(*args)
        recorder.see(definition, run, args, result)
        return result

    return call


def _prepare(backend, definition, parameters):
    """The function that runs an operation in a backend, kept for later calls."""
    ours = str(definition.__module__).startswith("scratchgen.")
    run = ours and backend.by_hand.get(definition.__name__) or backend.compile(definition, parameters)
    backend.operations[definition] = run
    return run


def why_not_compiled(operation, *args):
    """Why an operation runs as written for arguments like these, as one sentence; None if it is compiled."""
    from scratchgen.ops.plan import plan
    from scratchgen.ops.tracing import trace

    definition = operation.__wrapped__
    if str(definition.__module__).startswith("scratchgen.") and definition.__name__ in active().by_hand:
        return None
    try:
        plan(trace(definition, args, tuple(inspect.signature(operation).parameters)))
    except Untraceable as error:
        return str(error)


def compiling():
    """Called by backends when they are about to compile something that no cache holds."""
    if _announce is not None:
        _announce()


@contextlib.contextmanager
def announcing(say):
    """Within this context, say() is called once if something must be compiled."""
    global _announce
    before, _announce = _announce, functools.cache(say)
    try:
        yield
    finally:
        _announce = before


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


def active():
    """The backend in force, as an object."""
    return _active or _load_default()


def get_backend():
    """Name of the backend in force: "numpy", "numba" or "cuda"."""
    return (_active or _load_default()).name


def compiles():
    """Whether the backend in force compiles operations."""
    return (_active or _load_default()).compile is not as_written


def array(x, dtype=None):
    """`x` as an array of the backend in force; not copied if it is one already, of that dtype."""
    try:
        dtype = None if dtype is None else np.dtype(dtype)
    except TypeError:
        raise TypeError(f"dtype is {shown(dtype)}; it must be one of NumPy's, such as np.float32") from None
    return (_active or _load_default()).array(x, dtype)


def to_host(x):
    """`x` as a NumPy array, copied from the device if it lives there."""
    return (_active or _load_default()).to_host(x)


def empty(shape, dtype=np.float32):
    """A new array of the backend in force, values undefined."""
    return (_active or _load_default()).empty(shape, dtype)


def is_async():
    """True if execution is asynchronous, so that reading a value synchronises. A training step then reads none."""
    return (_active or _load_default()).is_async


@functools.cache
def _load(name):
    """The backend as an object with name, by_hand {name: function}, compile, assemble, array, to_host, empty, is_async, and what runs each
    operation, operations {definition: function}."""
    if name == "cuda":
        backend = importlib.import_module("scratchgen.ops.cuda").backend()
    elif name == "numba" and os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0"):
        backend = importlib.import_module("scratchgen.ops.numba").backend()
    else:
        functions = dict(array=_host_array, to_host=_host_array, empty=np.empty, compile=as_written)
        backend = SimpleNamespace(name=name, by_hand={}, is_async=False, **functions)
    backend.assemble = getattr(backend, "assemble", None)
    backend.operations = {}
    return backend


def _host_array(x, dtype=None):
    """`x` as a NumPy array, also if it lives on a device."""
    return np.asarray(x.to_host() if hasattr(x, "to_host") else x, dtype)


def _load_default():
    use_backend(os.environ.get("SCRATCHGEN_BACKEND") or "numba")
    return _active
