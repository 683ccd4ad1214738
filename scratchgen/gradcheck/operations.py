"""Does the compiled form of an operation compute what its NumPy definition does?

    @sg.op
    def swish(x):
        return x / (1 + np.exp(-x))

    report = check_operation(swish, np.linspace(-5, 5, 20).reshape(4, 5))
    report.ok, print(report)

Both are called on the arguments given, in float32 and in float64, contiguous and in other memory layouts, and with NaN, infinities, zeros and a
subnormal number strewn in. Their results, and the arguments that they change, must agree within rounding.
"""

import inspect
from dataclasses import dataclass

import numpy as np

from scratchgen.gradcheck.examples import LAYOUTS, lay, strew
from scratchgen.ops import array, compiles, dispatch, get_backend, to_host, use_backend, why_not_compiled

DTYPES = (np.dtype(np.float32), np.dtype(np.float64))
ROUNDING = 250  # of the type's ε, relative to the element and to the largest


@dataclass
class OperationReport:
    """What check_operation returns; true in an `if` exactly if all is well.

    operation: its name.  backend: which compiled it.  not_compiled: why not, as one sentence, or None.  differences: from its definition.
    """

    operation: str
    backend: str
    not_compiled: str | None
    differences: list

    @property
    def ok(self):
        """Whether it was compiled and equals its definition."""
        return self.not_compiled is None and not self.differences

    def __bool__(self):
        return self.ok

    def __str__(self):
        if self.ok:
            return f"{self.operation}: the form compiled by {self.backend} equals its definition"
        if not self.differences:
            return self.not_compiled
        return "\n".join(
            [f"{self.operation}: the form compiled by {self.backend} differs from its definition", *(f"  {x}" for x in self.differences)]
        )


def check_operation(operation, *arguments, seed=0):
    """Whether an operation, made by @sg.op, compiled by the backend in force (else by numba), equals its definition -> OperationReport.

    arguments: those of one call. Arrays of floats are cast and laid out anew for each comparison; everything else is passed on as it is.
    """
    if not hasattr(operation, "__wrapped__"):
        raise TypeError(f"{getattr(operation, '__name__', operation)!r} is no operation; write @sg.op above its definition")
    with use_backend(get_backend() if compiles() else "numba"):
        differences = [
            f"{dtype}, {layout}: {text}"
            for dtype in DTYPES
            for layout in (*LAYOUTS, "with NaN and infinities")
            for text in compare(operation, [variant(a, dtype, layout, seed) for a in arguments], dtype)
        ]
        return OperationReport(operation.__name__, get_backend(), reason(operation, arguments), differences)


def reason(operation, arguments):
    """Why it is not compiled; None if it is, or has a compiled form written by hand."""
    definition = inspect.unwrap(operation)
    by_hand = str(definition.__module__).startswith("scratchgen.") and definition.__name__ in dispatch.active().by_hand
    return None if by_hand else why_not_compiled(operation, *arguments)


def variant(a, dtype, layout, seed=0):
    """An argument in that type and layout."""
    if isinstance(a, np.dtype):
        return dtype
    if not isinstance(a, np.ndarray) or a.ndim == 0:
        return a
    if a.dtype.kind != "f":
        return lay(a, layout) if layout in LAYOUTS else a
    a = a.astype(dtype)
    return lay(a, layout) if layout in LAYOUTS else strew(a, np.random.default_rng([seed, a.size]))


def compare(operation, arguments, dtype):
    """Sentences that say where the results of the compiled form are not those of the definition."""
    wanted, got = outcome(inspect.unwrap(operation), arguments, np.asarray), outcome(operation, arguments, array)
    if len(wanted) != len(got):
        return [f"{len(got)} arrays come out, where the definition gives {len(wanted)}"]
    names = inspect.signature(operation).parameters
    places = [*(f"result {k}" for k in range(len(wanted) - len(arguments))), *names]
    return [text for place, a, b in zip(places, got, wanted, strict=True) if (text := difference(place, a, b, dtype))]


def outcome(function, arguments, convert):
    """What the function returns, followed by its arguments as it left them; the given arguments are not changed."""
    arguments = [convert(copy_with_layout(a)) if isinstance(a, np.ndarray) else a for a in arguments]
    with np.errstate(all="ignore"):
        result = function(*arguments)
    return [*(result if isinstance(result, tuple) else (result,)), *arguments]


def copy_with_layout(a):
    """A copy with the same strides."""
    if a.flags.c_contiguous or not a.size:
        return a.copy()
    steps = [stride // a.itemsize * (n - 1) for stride, n in zip(a.strides, a.shape, strict=True)]  # from the first number to the last of each axis
    owner = np.empty(sum(map(abs, steps)) + 1, a.dtype)
    view = np.lib.stride_tricks.as_strided(owner[-sum(min(step, 0) for step in steps) :], a.shape, a.strides)
    view[...] = a
    return view


def difference(place, a, b, dtype):
    """A sentence if array a is not b within rounding, else None."""
    if not hasattr(b, "dtype") or isinstance(b, np.dtype):
        if isinstance(b, float):
            a, b = to_host(a), np.float64(b)
        else:
            return None if a is b or a == b else f"{place} is {a!r}, in the definition {b!r}"
    a, b = np.asarray(to_host(a)), np.asarray(b)
    if a.shape != b.shape or (a.dtype != b.dtype and b.ndim):
        return f"{place} is {a.dtype} {a.shape}, in the definition {b.dtype} {b.shape}"
    scale = np.max(np.abs(b[np.isfinite(b)]), initial=1) if b.size else 1
    tolerance = ROUNDING * np.finfo(dtype).eps
    same = np.isclose(a, b, rtol=tolerance, atol=tolerance * scale, equal_nan=True)
    if np.all(same):
        return None
    where = tuple(map(int, np.argwhere(~same)[0]))
    return f"{place}{list(where) or ''} is {a[where]}, in the definition {b[where]}; {np.count_nonzero(~same)} of {a.size} elements differ"
