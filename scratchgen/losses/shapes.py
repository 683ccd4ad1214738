"""Losses compare arrays element by element, and NumPy would silently broadcast (n, 1) against (n,):
so the shapes are checked first.
"""

import functools
import inspect

import numpy as np

from scratchgen.ops.checks import REALS, an_array


def equal_shapes(loss):
    """Decorate a loss: ValueError unless all its arrays are (batch, features) of one shape,
    TypeError unless of one dtype.
    """
    return _checked(loss, lambda shape: shape)


def equal_features(loss):
    """The same for a loss whose arrays may be batches of different sizes."""
    return _checked(loss, lambda shape: shape[1:])


def _checked(loss, compared):
    signature = inspect.signature(loss)
    names = list(signature.parameters)

    @functools.wraps(loss)
    def checked(*arrays, **named):
        if named or len(arrays) != len(names):
            arrays = signature.bind(*arrays, **named).args
        return loss(*checked_arrays(loss.__name__, dict(zip(names, arrays, strict=True)), compared))

    return checked


def checked_arrays(who, arrays, compared):
    """{name: array} of what a loss was given -> plain arrays.
    compared: shape -> that part of it in which they must agree.
    """
    names, arrays = tuple(arrays), tuple(arrays.values())
    if any(type(array) is not np.ndarray for array in arrays):
        arrays = [an_array(who, name, array) for name, array in zip(names, arrays, strict=True)]
    first = arrays[0]
    for name, array in zip(names, arrays, strict=True):
        if array.ndim != 2 or compared(array.shape) != compared(first.shape):
            wanted = f"that of {names[0]}, {tuple(first.shape)}" if first.ndim == 2 else "(batch, features)"
            raise ValueError(f"{name} has shape {tuple(array.shape)}; {who} needs {wanted}")
        if array.dtype != first.dtype or array.dtype not in REALS:
            raise TypeError(
                f"{name} is {array.dtype} and {names[0]} {first.dtype}; "
                f"{who} needs float32 or float64 for all"
            )
    return arrays
