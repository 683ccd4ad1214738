"""A common form for everything that can be checked: named arrays, a way to run forward on them, and a way to run backward.

LayerSubject       y, cache = layer.forward(x)          dx = layer.backward(dy, cache), and layer.grads
FunctionSubject    y, cache = f(x, w, b)                dx, dw, db = f_backward(dy, cache)
LossSubject        loss, dx, … = loss(x, …)             the value and its gradients together
ObjectiveSubject   loss = objective()                   fills module.flat_grads
"""

import copy
import inspect

import numpy as np

from scratchgen.gradcheck.snapshot import Given, arrays_in, restored, turned_round
from scratchgen.layers.module import Module


class BrokenForward(Exception):
    """forward returns something that cannot be checked; the text says what."""


def float64_only(arrays, what):
    """TypeError unless all arrays are float64."""
    for name, value in arrays.items():
        if value.dtype.kind in "iub":
            raise TypeError(f"{name} of {what} is {value.dtype}, and has no gradient; check_function(f, f_backward, …) leaves such arguments alone")
        if value.dtype != np.float64:
            raise TypeError(
                f"{name} of {what} is {value.dtype}; gradients are checked in float64, because in float32 rounding hides errors up to 1e-3: "
                f"use layer.astype(np.float64) and x.astype(np.float64)"
            )


def positional_names(function, n):
    """Names for the first n arguments of a function: its own where it has them."""
    try:
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        names = [p.name for p in inspect.signature(function).parameters.values() if p.kind in kinds]
    except (TypeError, ValueError):  # a builtin
        names = []
    return names[:n] if len(names) >= n else [f"input{i}" for i in range(n)]


def checked_output(result, who):
    """y, cache from what forward returned; BrokenForward unless it is a pair with a float64 array of finite numbers."""
    if not isinstance(result, tuple) or len(result) != 2:
        raise BrokenForward(f"{who} returns {describe(result)}; it must return the pair (y, cache)")
    y, cache = result
    y = np.float64(y) if isinstance(y, float) else y
    if not isinstance(y, (np.ndarray, np.floating)):
        raise BrokenForward(f"{who} returns {describe(y)} for y; it must be an array")
    if y.dtype != np.float64:
        raise BrokenForward(f"{who} returns y of {y.dtype} for inputs of float64; keep the dtype of the input")
    if not np.all(np.isfinite(y)):
        raise BrokenForward(f"{who} returns NaN or infinity; check it with inputs that it can handle")
    return y, cache


def describe(thing):
    """A few words for an error sentence."""
    if isinstance(thing, np.ndarray):
        return f"an array of shape {thing.shape}"
    return f"{len(thing)} values" if isinstance(thing, (tuple, list)) else "None" if thing is None else f"a {type(thing).__name__}"


def output_of(subject):
    """y for the present values of the arrays, a new array; NaN where a shifted input breaks forward. Streams and statistics are restored."""
    with subject.restored(), subject.watched(subject.given()):
        try:
            return np.array(subject.forward()[0])
        except BrokenForward:
            return np.array(np.nan)


def one_number(value, who):
    """The value of a loss as a 0-d array. TypeError unless it is a single number, ValueError if it is NaN or infinite."""
    if np.ndim(value) or not np.issubdtype(np.asarray(value).dtype, np.number):
        raise TypeError(f"{who} returns {describe(value)} for the loss; it must be one number, such as a mean over the batch")
    if not np.isfinite(value):
        raise ValueError(f"{who} returns {value} for the loss; check it with inputs that it can handle")
    return np.array(float(value))


def named_arrays(options):
    """{name: array} of the arrays among keyword arguments."""
    return {name: a for key, value in options.items() for name, a in arrays_in(value, key)}


class LayerSubject(Given):
    """A layer with its inputs. `arrays`: inputs, then parameters, all by name; `inputs`: the names of the inputs."""

    contract = True  # forward and backward are apart, so that their contract can be examined

    def __init__(self, layer, inputs, training):
        super().__init__()
        if not isinstance(layer, Module):
            raise TypeError(f"layer is {layer!r}; check_layer needs an instance of a subclass of scratchgen.layers.Layer")
        self.layer, self.training = layer, training
        self.title = repr(layer) if len(repr(layer)) < 80 else type(layer).__name__
        names = positional_names(layer.forward, len(inputs))
        inputs = {name: np.array(x) for name, x in zip(names, inputs, strict=True)}  # copies: they are shifted in place
        self.inputs = list(inputs)
        self.params = {f"{prefix}.{key}".lstrip("."): value for prefix, leaf in layer.leaves() for key, value in leaf.params.items()}
        self.arrays = {("x " + key if key in self.params else key): value for key, value in inputs.items()} | self.params
        self.inputs = list(self.arrays)[: len(inputs)]
        float64_only(self.arrays, self.title)
        self.owned = {id(leaf): dict(leaf.grads) for _, leaf in layer.leaves()}

    def given(self):
        """{name: array} that forward must not change."""
        return self.arrays

    def restored(self):
        """Context: afterwards streams and running statistics are as before."""
        return restored(self.layer)

    def forward(self, **other):
        """y, cache; `other` inputs replace those of their names. Advances streams and statistics."""
        inputs = [other.get(name, self.arrays[name]) for name in self.inputs]
        return checked_output(self.layer.forward(*inputs, training=self.training), f"{type(self.layer).__name__}.forward")

    def backward(self, dy, cache, **wrt):
        """What backward returns."""
        return self.layer.backward(dy, cache, **wrt)

    def live_grads(self):
        """{name: gradient array} of the parameters, as the layers have them now."""
        return {f"{prefix}.{key}".lstrip("."): value for prefix, leaf in self.layer.leaves() for key, value in leaf.grads.items()}

    def replaced_grads(self):
        """Names of gradient arrays that were replaced, by grads[key] = … instead of += …; puts the original ones back."""
        names = []
        for prefix, leaf in self.layer.leaves():
            own = self.owned[id(leaf)]
            names += [f"{prefix}.{key}".lstrip(".") for key, value in own.items() if leaf.grads.get(key) is not value]
            dict.update(leaf.grads, own)
        return names


class FunctionSubject(Given):
    """`y, cache = f(*args)` and `gradients = f_backward(dy, cache)`, one gradient per float array among args, in order."""

    contract = True
    params = {}
    layer = None

    def __init__(self, f, f_backward, args, options):
        super().__init__()
        self.f, self.f_backward, self.options = f, f_backward, options
        self.title = getattr(f, "__name__", "function")
        self.args = {name: np.array(a) if isinstance(a, np.ndarray) else a for name, a in zip(positional_names(f, len(args)), args, strict=True)}
        self.arrays = {name: a for name, a in self.args.items() if isinstance(a, np.ndarray) and a.dtype.kind == "f"}
        if not self.arrays:
            raise TypeError(f"{self.title} is given no float64 array to differentiate with respect to")
        self.inputs = list(self.arrays)
        float64_only(self.arrays, self.title)

    def given(self):
        """{name: array} that f must not change, including labels and arrays among the options."""
        return {name: a for name, a in self.args.items() if isinstance(a, np.ndarray)} | named_arrays(self.options)

    def restored(self):
        """Nothing to restore: a function gets fresh copies of its other arguments every time."""
        return restored()

    def forward(self, **other):
        """y, cache."""
        args = [a if isinstance(a, np.ndarray) else copy.deepcopy(a) for a in (self.args | other).values()]
        return checked_output(self.f(*args, **self.options), self.title)

    def backward(self, dy, cache):
        """What f_backward returns."""
        return self.f_backward(dy, cache)

    def live_grads(self):
        """None: a function has no parameters of its own."""
        return {}

    def replaced_grads(self):
        """None."""
        return []


class LossSubject(Given):
    """`loss, gradient… = f(*arrays)`: gradients of the arrays named in `wrt`, in that order."""

    contract = False
    params = {}

    def __init__(self, f, args, wrt, options):
        super().__init__()
        self.f, self.options = f, options
        self.title = getattr(f, "__name__", "loss")
        self.args = {name: np.array(a) if isinstance(a, np.ndarray) else a for name, a in zip(positional_names(f, len(args)), args, strict=True)}
        floats = [name for name, a in self.args.items() if isinstance(a, np.ndarray) and a.dtype.kind == "f"]
        n_gradients = len(self.run()) - 1
        names = list(self.args)
        if wrt is None:
            if n_gradients != len(floats):
                raise ValueError(f"{self.title} returns {n_gradients} gradients for {', '.join(floats)}; say with wrt=(…) which they belong to")
            wrt = floats
        wrt = [names[key] if isinstance(key, int) else key for key in ([wrt] if isinstance(wrt, (str, int)) else wrt)]
        if len(wrt) != n_gradients or not set(wrt) <= set(floats):
            raise ValueError(f"wrt is {tuple(wrt)}; {self.title} returns {n_gradients} gradients and takes the float arrays {', '.join(floats)}")
        self.arrays = {name: self.args[name] for name in wrt}
        self.inputs = list(self.arrays)
        float64_only(self.arrays, self.title)

    def run(self):
        """The tuple that the loss returns."""
        with self.watched({name: a for name, a in self.args.items() if isinstance(a, np.ndarray)} | named_arrays(self.options)):
            result = copy.deepcopy(self.f(*self.args.values(), **self.options))  # what is returned may be an argument itself
        if not isinstance(result, tuple) or len(result) < 2:
            raise TypeError(f"{self.title} returns {describe(result)}; a loss returns (loss, gradient, …)")
        return result

    def evaluate(self):
        """The loss, a scalar array."""
        return np.array(float(self.run()[0]))

    def gradients(self):
        """{name: gradient}; after a call with other numbers, of which nothing must be left."""
        with turned_round(self.arrays):
            self.run()
        loss, *gradients = self.run()
        if one_number(loss, self.title) != one_number(self.run()[0], self.title):
            raise ValueError(f"{self.title} gives two values for the same arguments; fix its noise")
        return dict(zip(self.arrays, gradients, strict=True))


class ObjectiveSubject(Given):
    """A whole model's objective: `objective()` returns the loss, or a tuple that begins with it, and adds to the gradients of `module`."""

    contract = False

    def __init__(self, module, objective, context):
        super().__init__()
        if not isinstance(module, Module):
            raise TypeError(f"module is {module!r}; check_objective needs the layer, network or model whose gradients the objective fills")
        self.module, self.objective, self.modules = module, objective, (module, *context)
        _ = module.flat_params  # first, because it rebinds the parameters: those that are shifted must be those that are used
        self.title = f"objective of {type(module).__name__}"
        self.params = {f"{prefix}.{key}".lstrip("."): value for prefix, leaf in module.leaves() for key, value in leaf.params.items()}
        self.arrays, self.inputs = self.params, []
        float64_only(self.arrays, type(module).__name__)

    def value(self):
        """The loss, as the objective returns it."""
        with restored(*self.modules), self.watched(self.params):
            result = self.objective()
        return result[0] if isinstance(result, tuple) else result

    def evaluate(self):
        """The loss, a scalar array."""
        return np.array(float(self.value()))

    def is_steady(self):
        """Whether the loss, which must be one number, is the same twice."""
        return bool(one_number(self.value(), "the objective") == self.evaluate())

    def gradients(self):
        """{name: gradient}, copies; after a call with other numbers, of which nothing must be left."""
        with turned_round(self.arrays):
            self.evaluate()
        self.module.zero_grads()
        self.evaluate()
        return {f"{prefix}.{key}".lstrip("."): value.copy() for prefix, leaf in self.module.leaves() for key, value in leaf.grads.items()}
