"""Where backward code is, and how to replace it for a while."""

import ast
import contextlib
import functools
import inspect
import sys
import textwrap
from typing import NamedTuple

import numpy as np

from scratchgen import layers, models
from scratchgen.gradcheck.mutation.faults import faults
from scratchgen.layers.layer import _accept_wrt
from scratchgen.ops import definitions, dispatch

USED_BY_BACKWARD = ("add_matmul_tn", "add_column_sums", "add_product", "matmul_nt", "matmul_tn", "add_norm_grads")
WITH_GRADIENT = ("slope_penalty", "flow_nll", "flow_kl", "fixed_gaussian_nll", "importance_weights")  # in models: a value and its gradient


class Place(NamedTuple):
    """A function that computes gradients. owner: a class, or None for an operation."""

    owner: type | None
    name: str
    function: object
    faults: list
    stale: tuple  # positions of the arguments that may come from an earlier call

    @property
    def words(self):
        """Class.method or the operation's name."""
        return f"{self.owner.__name__}.{self.name}" if self.owner else self.name

    @property
    def file(self):
        """The file it is in, from the package on."""
        return "scratchgen" + inspect.getsourcefile(self.function).rpartition("scratchgen")[2]


def places():
    """Every Place of the library: operations that end in _backward or _second and those they use, losses, methods that go backward, objectives."""
    found = []
    for name, function in definitions.items():
        module = function.__module__
        if module.startswith("scratchgen.losses") and returns_several(function) or name in WITH_GRADIENT:
            in_gradient = lambda node: isinstance(node, ast.Return) or computes_gradients(node)
            found.append(Place(None, name, function, faults(function, in_gradient, returned_from=1), ()))
        elif module.startswith("scratchgen") and (name.endswith(("_backward", "_second")) or name in USED_BY_BACKWARD):
            arrays = [i for i, p in enumerate(inspect.signature(function).parameters) if p in ("x", "y", "x_hat", "winner", "logvar", "eps")]
            found.append(Place(None, name, function, faults(function), tuple(arrays)))
    classes = [thing for thing in vars(layers).values() if inspect.isclass(thing) and thing is not layers.Layer]
    for cls in classes:
        for name, cache in (("backward", 2), ("double_backward", 3)):
            if name in vars(cls):
                function = inspect.unwrap(vars(cls)[name])
                found.append(Place(cls, name, function, faults(function), (cache,)))
    for cls in dict.fromkeys(base for model in models.MODELS.values() for base in model.__mro__ if issubclass(base, models.Model)):
        for name in vars(cls):
            if name == "loss" or name.endswith("_loss"):
                function = inspect.unwrap(vars(cls)[name])
                found.append(Place(cls, name, function, faults(function, computes_gradients), ()))
    for cls in parts_of_models():
        for name in ("nll", "kl", "backward"):
            if name in vars(cls) and not (name == "nll" and hands_on(vars(cls)[name])):
                function = inspect.unwrap(vars(cls)[name])
                bijection = "dlogdet" in inspect.signature(function).parameters
                found.append(Place(cls, name, function, faults(function, returned_from=0 if name == "backward" else 1), (3,) if bijection else ()))
    return found


def returns_several(function):
    """Whether a loss's operation returns more than its value: that and the gradient."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    return any(isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) for node in ast.walk(tree))


def hands_on(function):
    """Whether a loss only calls an operation, a place of its own: with arguments exchanged it is another loss, whose gradient is right."""
    return "return nll," not in inspect.getsource(function)


def parts_of_models():
    """The classes of scratchgen/models that are no models, such as likelihoods, posteriors and bijections."""
    modules = [module for name, module in sorted(sys.modules.items()) if name.startswith("scratchgen.models.")]
    classes = [(module, thing) for module in modules for thing in vars(module).values() if inspect.isclass(thing)]
    return [cls for module, cls in classes if cls.__module__ == module.__name__ and not issubclass(cls, models.Model)]


def computes_gradients(statement):
    """Whether a statement of a model's objective goes backward: it calls backward, or gives names such as dz and dlogvar a value."""
    targets = [name.id for target in getattr(statement, "targets", []) for name in ast.walk(target) if isinstance(name, ast.Name)]
    calls = [ast.unparse(node.func).split(".")[-1] for node in ast.walk(statement) if isinstance(node, ast.Call)]
    return not {"backward", "backward_both"}.isdisjoint(calls) or bool(targets) and all(name.startswith("d") for name in targets)


def compiled(place, source):
    """The changed function, in the module of the original."""
    namespace = dict(vars(sys.modules[place.function.__module__]))
    exec(compile(source, f"<fault in {place.words}>", "exec"), namespace)
    return namespace[place.function.__name__]


def stale(place, position):
    """The function, but one argument comes from the call before (where there was one of the same kind)."""
    last = []

    @functools.wraps(place.function)
    def late(*args, **kwargs):
        args, now = list(args), remember(args[position])
        if last and alike(last[0], now):
            args[position] = last[0]
        last[:] = [now]
        return place.function(*args, **kwargs)

    return late


def remember(value):
    """A copy of an array, or of a tuple or list of them."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, (tuple, list)):
        parts = [remember(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


def alike(a, b):
    """Whether two remembered values have the same structure and shapes."""
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.shape == b.shape
    if isinstance(a, (tuple, list)):
        return isinstance(b, (tuple, list)) and len(a) == len(b) and all(map(alike, a, b))
    return type(a) is type(b)


@contextlib.contextmanager
def planted(place, function):
    """Within the block, `function` runs in this place. The numpy backend must be in force."""
    if place.owner is None:
        operations = dispatch.active().operations
        operations[place.function] = function
        try:
            yield
        finally:
            del operations[place.function]
    else:
        before = vars(place.owner)[place.name]
        of_layer = place.name == "backward" and issubclass(place.owner, layers.Layer)
        all_or_nothing = of_layer and "wrt" not in inspect.signature(place.function).parameters
        setattr(place.owner, place.name, _accept_wrt(function) if all_or_nothing else function)
        try:
            yield
        finally:
            setattr(place.owner, place.name, before)
