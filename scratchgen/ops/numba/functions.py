"""The functions that generated kernels (ops/source.py) call, by name."""

import math

import numpy as np

from scratchgen.ops.numba import elementary
from scratchgen.ops.numba.memory import numbers_at, scratch
from scratchgen.ops.numba.sums import largest, smallest, total
from scratchgen.ops.source import TYPES

NAMES = {name: getattr(np, "bool_" if name == "boolean" else kind) for kind, name in TYPES.items()} | {
    "inf": math.inf, "nan": math.nan, "range": range, "min": min,
    "numbers_at": numbers_at, "scratch": scratch, "total": total, "largest": largest, "smallest": smallest,
    "exp": elementary.exp, "expm1": elementary.expm1, "log": elementary.log_or_nan, "log1p": math.log1p, "log_one_plus": elementary.log_one_plus,
    "sqrt": math.sqrt, "tanh": elementary.tanh, "sin": math.sin, "cos": math.cos, "arctan": math.atan, "floor": np.floor, "ceil": np.ceil,
    "maximum": elementary.maximum, "minimum": elementary.minimum, "power": pow,
}  # fmt: skip
