"""The functions that generated kernels (ops/source.py, writer.py) call, by name."""

import math

import numpy as np

from scratchgen.ops.cuda import elementary
from scratchgen.ops.cuda.driver import cuda
from scratchgen.ops.cuda.elementary import log1p
from scratchgen.ops.cuda.launch import THREADS
from scratchgen.ops.cuda.sums import COLUMNS, FOLDS, LANES, last_of
from scratchgen.ops.source import TYPES

FUNCTIONS = ("exp", "expm1", "log", "log1p", "sqrt", "tanh", "sin", "cos", "arctan", "floor", "ceil", "maximum", "minimum")
SCOPE = {
    "cuda": cuda, "THREADS": THREADS, "COLUMNS": COLUMNS, "LANES": LANES, "inf": math.inf, "nan": math.nan,
    **{name: getattr(np, "bool_" if name == "boolean" else kind) for kind, name in TYPES.items()},
    **{name: getattr(elementary, name) for name in FUNCTIONS}, "log_one_plus": log1p, "power": pow,
    **{f"{op}_{of}": getattr(each, of) for op, each in FOLDS.items() for of in ("of_block", "of_column", "of_blocks", "of_parts")},
    "last_of": last_of,
}  # fmt: skip
# the names in a kernel that are no parameter's
WORDS = {"i", "j", "k", "first", "inside", "shared", "known", "rows", "columns", "partials", "tickets", "totals", "range", "min", "abs", *SCOPE}
PATTERN = r"(t|out|sum|total|size)\d+"
