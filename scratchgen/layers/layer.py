"""The contract of a layer.

    y, cache = layer.forward(x)          x (batch, in) -> y (batch, out);  cache: what backward needs
    dx = layer.backward(dy, cache)       dy = dLoss/dy -> dx = dLoss/dx;   adds dLoss/dparams to layer.grads

The layer itself remembers nothing between the two, so one layer may run forward several times before it runs
backward. Nobody ever changes x, dy or a cache. A layer of your own needs only these two methods, and `params`
and `grads` if it has parameters:

    class Scale(Layer):                      # y = s x
        def __init__(self):
            self.params, self.grads = {"s": np.ones(1)}, {"s": np.zeros(1)}

        def forward(self, x):
            return self.params["s"] * x, x

        def backward(self, dy, x):
            self.grads["s"] += (dy * x).sum()   # ds = Σ dy x
            return self.params["s"] * dy        # dx = s dy

A layer in a discriminator with a gradient penalty needs a third method, because there the gradient itself is
part of the loss (see models/gradient_penalty.py):

    ddy, dx = layer.double_backward(ddx, dy, cache)      ddx = dP/d(dx) -> dP/d(dy), dP/dx;
                                                         adds dP/dparams to layer.grads

This base class gives it the two keywords that every layer understands:

    forward(x, training=False)          inference: dropout off, running statistics used
    backward(dy, cache, wrt="both")     "input": dx only, grads untouched;  "params": grads only, returns None

and looks at what they are given (door.py): inputs must be arrays, dy of the shape of y.
"""

import functools
import inspect

from scratchgen.layers.door import check_backward, check_forward
from scratchgen.layers.module import Module
from scratchgen.ops import copy_of, copy_to


class Layer(Module):
    """Base class of all layers: `forward(x) -> y, cache` and `backward(dy, cache) -> dx`."""

    # what door.py remembers; no attribute, for no step depends on it, and no copy needs it
    __slots__ = ("y_shapes",)

    def __new__(cls, *args, **kwargs):
        self = super().__new__(cls)
        self.y_shapes = {}
        return self

    def forward(self, x, training=True):
        """x -> (y, cache)."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def backward(self, dy, cache, wrt="both"):
        """dy = dLoss/dy, cache from forward -> dx = dLoss/dx; adds to grads."""
        raise NotImplementedError(f"{type(self).__name__} has no backward")

    def double_backward(self, ddx, dy, cache):
        """The backward of backward. For P, a function of dx = backward(dy, cache):
        ddx = dP/d(dx) -> dP/d(dy), dP/dx; adds dP/dparams to grads.

        dP/dx is what reaches x through the cache: None where backward does not depend on x.
        Raises NotImplementedError for a layer without it.
        """
        coupled = (
            "it couples the examples, so that none of them has a gradient of its own; "
            "LayerNorm does not couple them"
        )
        why = coupled if self.couples_batch else "it has no double_backward"
        raise NotImplementedError(f"a penalty on the gradient of {self!r} cannot be computed: {why}")

    def __call__(self, *inputs):
        """Inference: only y."""
        return self.forward(*inputs, training=False)[0]

    def __init_subclass__(cls):
        if "forward" in vars(cls):
            cls.forward = check_forward(cls, cls.forward)
        if "backward" in vars(cls):
            takes_wrt = "wrt" in inspect.signature(cls.backward).parameters
            cls.backward = check_backward(cls, cls.backward if takes_wrt else _accept_wrt(cls.backward))

    def __repr__(self):
        return f"{type(self).__name__}()"

    def check_input(self, x, n_features):
        """ValueError unless x is (batch, n_features); TypeError unless it has the dtype of the parameters."""
        if x.ndim != 2 or x.shape[1] != n_features:
            raise ValueError(f"x has shape {tuple(x.shape)}; {self!r} needs (batch, {n_features})")
        for value in self.params.values():
            if x.dtype != value.dtype:
                raise TypeError(
                    f"x is {x.dtype} but {self!r} is {value.dtype}; "
                    f"use x.astype({value.dtype}) or layer.astype({x.dtype})"
                )
            break


def check_noise(layer, eps, shape, dtype):
    """ValueError unless eps, noise that a layer was given, has that shape; TypeError unless that dtype."""
    if tuple(eps.shape) != tuple(shape):
        raise ValueError(f"eps has shape {tuple(eps.shape)}; {layer!r} needs {tuple(shape)}")
    if eps.dtype != dtype:
        raise TypeError(f"eps is {eps.dtype}; {layer!r} needs that of its input, {dtype}")


def _accept_wrt(backward):
    """Adds `wrt` to a backward without it: "input" restores the gradients, "params" drops dx."""

    @functools.wraps(backward)
    def wrapper(self, dy, cache, wrt="both"):
        if wrt == "params" and not self.params:
            return None
        before = {key: copy_of(value) for key, value in self.grads.items()} if wrt == "input" else {}
        dx = backward(self, dy, cache)
        for key, value in before.items():
            copy_to(self.grads[key], value)
        return None if wrt == "params" else dx

    return wrapper
