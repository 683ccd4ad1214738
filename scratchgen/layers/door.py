"""The door of every layer, the user's own included:
what forward and backward are given is looked at before they run.

    forward      inputs are arrays of real numbers
    backward     dy is one of the shape of y, and the cache is one that forward has made

A layer remembers nothing between the two, so its door does: for the first array in each cache, the shape of
the y that was returned beside it, as long as that array lives. A cache made elsewhere is taken if it is of
the same type, and named if backward stumbles over it.
"""

import functools
import inspect
import weakref
from itertools import zip_longest

from numpy import generic, ndarray

from scratchgen.errors import unknown_name
from scratchgen.ops.checks import REALS, an_array, described

WRT = ("both", "input", "params")
KEPT = 256  # caches of which a layer's door knows, at most
UNKNOWN = (lambda: UNKNOWN), None, None
NONE = lambda: None  # a reference to None


class WrongCache(TypeError):
    """A cache that backward can do nothing with."""


def check_forward(cls, forward):
    """A layer's forward, with its door: inputs, which have no default, and the noise `eps` must be arrays.
    One that does the same in training and in inference need not take `training`.
    """
    parameters = list(inspect.signature(forward).parameters.values())[1:]
    names = [p.name for p in parameters]
    required = {p.name for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD}
    arrays = required | {"eps"}
    takes_training = "training" in names

    @functools.wraps(forward)
    def wrapper(self, *inputs, **named):
        for x in inputs:
            if type(x) is not ndarray or x.dtype not in REALS:
                inputs = [
                    real_array(self, name, x, cls.forward) if name in arrays else x
                    for name, x in zip_longest(names[: len(inputs)], inputs)
                ]
                break
        if named:
            if not takes_training:
                named.pop("training", None)
            if not arrays.isdisjoint(named):
                named = {
                    name: real_array(self, name, x, cls.forward) if name in arrays else x
                    for name, x in named.items()
                }
        result = forward(self, *inputs, **named)
        if type(result) is tuple and len(result) == 2:
            y, cache = result
            remember(self.y_shapes, cls, getattr(y, "shape", None), cache)
        return result

    return wrapper


def check_backward(owner, backward):
    """A layer's backward, with its door;
    a misspelt wrt would quietly add to gradients, or compute nothing.
    """
    dy_name = list(inspect.signature(backward).parameters)[1]
    forward_of = who_has_forward(owner)  # the class that has made the cache

    @functools.wraps(backward)
    def wrapper(self, dy, cache, wrt="both"):
        if wrt not in WRT:
            raise unknown_name("wrt", wrt, WRT)
        if type(dy) is not ndarray or dy.dtype not in REALS:
            dy = real_array(self, dy_name, dy, backward)
        array = cache if type(cache) is ndarray else first_array(cache)
        ref, cls, shape = self.y_shapes.get(id(array), UNKNOWN)
        if ref() is array and (
            cls is forward_of or (type(self).backward is wrapper and cls is who_has_forward(type(self)))
        ):
            if shape is not None and shape != dy.shape:
                raise ValueError(
                    f"{dy_name} has shape {tuple(dy.shape)}; y of {self!r}, whose gradient it is, has {shape}"
                )
            return backward(self, dy, cache, wrt=wrt)
        made = self.y_shapes.get(forward_of)
        if made and not issubclass(type(cache), tuple(made)):
            raise WrongCache(
                f"cache is {described(cache)}; {self!r} needs what its forward returned beside y"
            )
        try:
            return backward(self, dy, cache, wrt=wrt)
        except WrongCache:
            raise
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise WrongCache(
                f"cache is {described(cache)}; {self!r} needs what its forward returned beside y ({error})"
            ) from error

    return wrapper


def who_has_forward(cls):
    """The class that defines the forward of this one, itself or a parent."""
    return next(each for each in cls.__mro__ if "forward" in vars(each))


def real_array(layer, name, x, method):
    """x as an array of NumPy's own class, or of a device.
    TypeError if it is none, or none of real numbers.
    """
    if name == "eps" and x is None:
        return x
    line = " ".join((method.__doc__ or "").partition("\n\n")[0].split())
    x = an_array(repr(layer), name, x, f"an array: {line}" if line else "an array")
    if x.dtype not in REALS and (x.dtype.kind not in "iub" or not x.dtype.isnative):
        raise TypeError(f"{name} is {x.dtype}; {layer!r} needs float32 or float64")
    return x


def first_array(cache):
    """The first array in a cache, or None."""
    if type(cache) is ndarray:
        return cache
    if isinstance(cache, (tuple, list)):
        for part in cache:
            found = first_array(part)
            if found is not None:
                return found
    return None


def remember(y_shapes, cls, shape, cache):
    """Note the shape of the y returned beside that cache, under the first array in it, and the cache's type,
    under the class whose forward it was. The shape is None where caches of different y begin
    with the same array.
    """
    array = cache if type(cache) is ndarray else first_array(cache)
    ref, owner, before = y_shapes.get(id(array), UNKNOWN)
    if ref() is array and owner is cls and before != shape:
        shape = None
    if len(y_shapes) > KEPT:
        y_shapes.clear()
    y_shapes[id(array)] = NONE if array is None else weakref.ref(array), cls, shape
    # of a 0-d x, NumPy's results are numbers
    y_shapes.setdefault(cls, set()).add(ndarray if isinstance(cache, generic) else type(cache))
