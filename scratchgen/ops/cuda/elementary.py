"""exp, log and their kin for one number, in the number's own type.

On the device they are those of CUDA's mathematical library, reached through Python's `math`. The simulator uses NumPy's, which keep float32 and give
infinity where `math` would raise. Constants are float32, so that the result of a float32 stays float32: with a plain 0.5 it would be float64.
"""

import math

import numpy as np

from scratchgen.ops.cuda import driver
from scratchgen.ops.cuda.driver import device

ZERO, ONE, TWO = np.float32(0), np.float32(1), np.float32(2)

_library = np if driver.SIMULATED else math
exp, expm1, log, log1p, sqrt, tanh, cos, sin, fmod = (
    _library.exp, _library.expm1, _library.log, _library.log1p, _library.sqrt, _library.tanh, _library.cos, _library.sin, _library.fmod
)  # fmt: skip
arctan = np.arctan if driver.SIMULATED else math.atan


@device
def maximum(a, b):
    """The larger; NaN if one of them is."""
    return a if a > b or a != a else b


@device
def minimum(a, b):
    """The smaller; NaN if one of them is."""
    return a if a < b or a != a else b


@device
def floor(x):
    """The largest whole number ≤ x, in x's type; infinity and NaN stay. (math.floor gives an int.)"""
    whole = x - fmod(x, ONE)  # towards 0
    return x if x - x != ZERO else whole - ONE if x < whole else whole


@device
def ceil(x):
    """The smallest whole number ≥ x, in x's type; infinity and NaN stay."""
    return -floor(-x)
