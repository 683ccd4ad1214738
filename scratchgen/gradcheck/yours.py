"""What can be checked in a user's file, and how to make instances: layers, classes that look like one, and pairs of functions.

    class MyLinear(Layer)                  arguments of its constructor by their usual names; the inputs are (6, 4)
    class MyLinear                         the same with any class that has forward and backward
    def swish, def swish_backward          y, cache = swish(x); dx = swish_backward(dy, cache)
                                           or y = swish(x); dx = swish_backward(dy, x, y), with arrays of forward by their names

What cannot be made, or called, is a Case, too: its report says why, and the others are not affected.
"""

import copy
import inspect

import numpy as np

from scratchgen.gradcheck.catalogue import BATCH, FEATURES, MASK, OUTPUTS, Case, F, layer_case, n_inputs
from scratchgen.gradcheck.report import NotChecked
from scratchgen.gradcheck.subjects import FunctionSubject, LayerSubject
from scratchgen.layers import Layer

# What to give a constructor, or a function, whose arguments have these names
NUMBERS = {
    **dict.fromkeys(("n", "n_in", "in_features", "n_features", "num_features", "features", "dim", "input_dim", "in_dim", "size"), FEATURES),
    **dict.fromkeys(("n_out", "out_features", "output_dim", "out_dim", "units", "n_hidden", "hidden"), OUTPUTS),
    **dict.fromkeys(("rate", "p", "drop"), 0.4),
    **dict.fromkeys(("slope", "alpha"), 0.2),
    **dict.fromkeys(("rng", "seed"), 0),
    "pieces": 2,
    "mask": MASK,
    "dtype": F,
}
ARRAYS = {  # shapes; every other argument of a function is (batch, features)
    **dict.fromkeys(("W", "w", "weight", "weights"), (FEATURES, OUTPUTS)),
    **dict.fromkeys(("b", "bias"), (OUTPUTS,)),
    **dict.fromkeys(("gamma", "beta"), (FEATURES,)),
}


def cases_in(namespace, module):
    """[Case] of everything in a module's namespace that was defined there and can be checked. module: its name."""
    own = {name: thing for name, thing in namespace.items() if getattr(thing, "__module__", None) == module}
    classes = [thing for thing in own.values() if isinstance(thing, type) and (issubclass(thing, Layer) or looks_like_a_layer(thing))]
    layers = [cls for cls in classes if not issubclass(cls, Layer) or cls.forward is not Layer.forward]
    return [case_of(thing, namespace) for thing in [*dict.fromkeys(layers), *(own[name] for name in pairs(own))]]


def pairs(namespace):
    """Names of the functions f in a namespace that has an f_backward as well."""
    return [name for name in namespace if inspect.isfunction(namespace[name]) and inspect.isfunction(namespace.get(f"{name}_backward"))]


def looks_like_a_layer(cls):
    """Whether a class, of whatever kind, has methods forward and backward of its own."""
    return all(inspect.isfunction(getattr(cls, name, None)) for name in ("forward", "backward"))


def case_of(thing, namespace):
    """The Case of a user's class or function. TypeError if it cannot be checked."""
    name = thing.__name__
    if inspect.isfunction(thing):
        if f"{name}_backward" not in namespace:
            raise TypeError(f"{name} is a function without {name}_backward; both are needed for a check")
        return Case(name, lambda seed: pair_subject(thing, namespace[f"{name}_backward"], seed))
    if isinstance(thing, type) and issubclass(thing, Layer):
        return layer_case(name, lambda: made(thing), *[(BATCH, FEATURES)] * (n_inputs(thing) - 1))  # beside self
    if isinstance(thing, type) and looks_like_a_layer(thing):
        return Case(name, lambda seed: lookalike_subject(made(thing), seed))
    raise TypeError(f"{name} is no layer: it has no forward and backward")


def made(cls):
    """An instance of a class, made with usual arguments. NotChecked, which says what to do, for an argument with an unusual name."""
    arguments = {}
    for name, parameter in inspect.signature(cls).parameters.items():
        needed = parameter.default is parameter.empty and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if name in NUMBERS and (needed or name in ("rng", "seed", "dtype")):
            arguments[name] = NUMBERS[name]
        elif needed:
            way_out = f"register_layer(lambda: {cls.__name__}(…), ({BATCH}, {FEATURES})) says how to make one"
            raise NotChecked(f"{cls.__name__} needs {name!r}, and the check cannot guess it: {way_out}")
    return cls(**arguments)


def drawn(names, seed):
    """[array or number] for arguments of these names."""
    rng = np.random.default_rng([seed, 1])
    given = {"eps": 1e-5} | {name: NUMBERS[name] for name in ("rate", "slope", "alpha")}
    return [given[name] if name in given else rng.standard_normal(ARRAYS.get(name, (BATCH, FEATURES))) for name in names]


def needed_names(function):
    """Names of the arguments without a default."""
    return [p.name for p in inspect.signature(function).parameters.values() if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]


def pair_subject(f, f_backward, seed):
    """The subject of a pair with y, cache = f(…); or of one with y = f(…), where f_backward takes what it needs by name."""
    names, wanted = needed_names(f), needed_names(f_backward)[1:]
    arguments = drawn(names, seed)
    if isinstance(f(*drawn(names, seed)), tuple):
        return FunctionSubject(f, f_backward, arguments, {})
    output = {"out", "output", "y", *({wanted[0]} if len(wanted) == 1 and wanted[0] not in names else ())}

    def forward(*inputs):
        y = f(*inputs)
        return y, {"y": y} | dict(zip(names, inputs, strict=True))

    def backward(dy, cache):
        missing = [name for name in wanted if name not in cache and name not in output]
        if missing:
            raise NotChecked(f"{f_backward.__name__} takes {', '.join(missing)}; {f.__name__} returns y alone, so only {', '.join(cache)} are known")
        return f_backward(dy, *(cache.get(name, cache["y"]) for name in wanted))

    forward.__signature__, forward.__name__ = inspect.signature(f), f.__name__
    return FunctionSubject(forward, backward, arguments, {})


def lookalike_subject(layer, seed):
    """The subject of an object with forward and backward: with its parameters where it has params and grads, or W and dW, else of inputs alone."""
    arrays = drawn(needed_names(layer.forward), seed)
    if isinstance(getattr(layer, "params", None), dict) and isinstance(getattr(layer, "grads", None), dict) and len(arrays) == 1:
        return LayerSubject(Lookalike(layer), arrays, True)
    if len(arrays) == 1 and (gradients := gradients_of(layer, arrays)):
        return LayerSubject(Lookalike(layer, gradients), arrays, True)
    forward = Lookalike.forward_of(layer)
    forward.__signature__, forward.__name__ = inspect.signature(layer.forward), type(layer).__name__
    return FunctionSubject(forward, Lookalike.backward_of(layer), arrays, {})


def gradients_of(layer, arrays):
    """{attribute: that of its gradient} of an object that keeps them so, such as W and dW, as a trial run shows; empty where there are none."""
    trial = copy.deepcopy(layer)
    try:
        y, cache = Lookalike.forward_of(trial)(*arrays)
        Lookalike.backward_of(trial)(np.ones_like(y), cache)
    except Exception:  # the check itself will tell
        return {}
    parameters = [name for name, value in vars(layer).items() if isinstance(value, np.ndarray) and value.dtype.kind == "f"]
    spelt = {name: (f"d{name}", f"d_{name}", f"grad_{name}", f"{name}_grad") for name in parameters}
    after = {name for name, value in vars(trial).items() if isinstance(value, np.ndarray)}
    return {name: found for name, each in spelt.items() if (found := next((attribute for attribute in each if attribute in after), None))}


class Lookalike(Layer):
    """A layer around an object of another class: y = forward(x) or y, cache = forward(x), and backward(dy) or backward(dy, cache).

    gradients: {attribute: that of its gradient}, of an object without params and grads.
    """

    def __init__(self, inner, gradients=None):
        self.inner, self.gradients = inner, gradients or {}
        if gradients is None:
            self.params, self.grads = dict(inner.params), dict(inner.grads)
        else:
            self.params = {name: np.array(getattr(inner, name), F) for name in gradients}
            self.grads = {name: np.zeros_like(value) for name, value in self.params.items()}
            vars(inner).update(self.params)

    @staticmethod
    def forward_of(inner, without=()):
        """Its forward, as one that returns y, cache."""

        def forward(*inputs):
            result = inner.forward(*inputs)
            return result if isinstance(result, tuple) else (result, copy.deepcopy(Lookalike.remembered(inner, without)))

        return forward

    @staticmethod
    def backward_of(inner):
        """Its backward, as one that is given dy, cache."""
        if len(needed_names(inner.backward)) > 1:
            return inner.backward

        def backward(dy, cache):
            vars(inner).update(copy.deepcopy(cache))
            return inner.backward(dy)

        return backward

    @staticmethod
    def remembered(inner, without=()):
        """What such an object keeps as attributes between forward and backward: its cache."""
        return {name: value for name, value in vars(inner).items() if name not in ("params", "grads", *without)}

    def forward(self, x):
        """x -> y, cache."""
        return self.forward_of(self.inner, (*self.gradients, *self.gradients.values()))(x)

    def backward(self, dy, cache):
        """dy -> dx; where the object replaces a gradient instead of adding to it, ours is replaced as well."""
        if self.gradients:
            return self.backward_to_attributes(dy, cache)
        dict.update(self.inner.grads, self.grads)
        dx = self.backward_of(self.inner)(dy, cache)
        for name, grad in self.inner.grads.items():
            if grad is not self.grads.get(name):
                self.grads[name] = grad
        return dx

    def backward_to_attributes(self, dy, cache):
        """dy -> dx; what the object then has as dW is added to the gradient of W. ValueError if it does not fit."""
        for attribute in self.gradients.values():
            if isinstance(getattr(self.inner, attribute, None), np.ndarray):  # of one that adds to it
                setattr(self.inner, attribute, np.zeros_like(getattr(self.inner, attribute)))
        dx = self.backward_of(self.inner)(dy, cache)
        for name, attribute in self.gradients.items():
            value, grad = getattr(self.inner, attribute), self.grads[name]
            if np.ndim(value) < grad.ndim:
                raise ValueError(f"{attribute} has shape {np.shape(value)}; it must have that of {name}, {grad.shape}")
            grad += value
        return dx

    def __repr__(self):
        return type(self.inner).__name__
