"""exp, log and their kin for one number, in the number's own type.

On the device they are those of CUDA's mathematical library, by way of Python's `math`. The simulator takes NumPy's, which keep float32 and give
infinity where `math` would raise. Constants are float32, so that a float32 formula stays one: a plain 0.5 would make it float64.
"""

import math

import numpy as np

from scratchgen.ops.cuda import driver
from scratchgen.ops.cuda.kernels import device
from scratchgen.ops.formulas import ONE, ZERO

TWO = np.float32(2)

_library = np if driver.SIMULATED else math
exp, expm1, log, log1p, sqrt, tanh, cos, sin = (
    _library.exp, _library.expm1, _library.log, _library.log1p, _library.sqrt, _library.tanh, _library.cos, _library.sin
)  # fmt: skip


@device
def softplus_and_sigmoid(x):
    """log(1 + eˣ) and its derivative 1 / (1 + e⁻ˣ), from e^−|x|, which never overflows."""
    e = exp(-abs(x))
    return (ZERO if x < ZERO else x) + log1p(e), (ONE if x >= ZERO else e) / (ONE + e)


@device
def softplus(x):
    """log(1 + eˣ)."""
    return softplus_and_sigmoid(x)[0]


@device
def sigmoid(x):
    """1 / (1 + e⁻ˣ)."""
    return softplus_and_sigmoid(x)[1]
