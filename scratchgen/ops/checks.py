"""Checks of an operation's arguments: what is accepted; and shape and dtype checks, with messages, for the compiled backends.

Compiled code reads memory by address and trusts an array's shape. So only NumPy's own arrays are accepted: one of a subclass, whose attributes may
say anything, is replaced by a plain view of its memory, and what only resembles an array is refused.

The shape and dtype checks take the operation's name and anything with shape, ndim and dtype. They run before every kernel, so they are short.
"""

import numbers
from typing import NamedTuple

import numpy as np

REALS = (np.dtype(np.float32), np.dtype(np.float64))
share_memory = getattr(np.may_share_memory, "_implementation", np.may_share_memory)  # bypasses NumPy's dispatch: 95 ns instead of 165
PASSED_ON = (numbers.Real, np.bool_, str, type(None), np.dtype, type, tuple)  # what may be an argument beside arrays; and functions


def plain(who, name, x):
    """The argument `name` in a form that compiled code may take: an array of a subclass (np.matrix, np.memmap) becomes a plain view of its memory,
    everything else stays as it is.

    Raises TypeError for a masked array, and for what is neither an array nor a number, flag, name or function.
    """
    kind = type(x)  # not x.__class__, which may say anything
    if kind is np.ndarray:
        return x
    if issubclass(kind, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array, and {who} would ignore its mask; give x.filled(value), or only what is not masked")
    if issubclass(kind, np.ndarray):
        return np.ndarray.view(x, np.ndarray)
    if issubclass(kind, PASSED_ON) or callable(x) and not hasattr(kind, "shape"):
        return x
    raise TypeError(f"{name} is {described(x)}; {who} takes NumPy arrays and numbers")


def all_plain(who, names, arguments):
    """All arguments of an operation as `plain` gives them. Beside an array, a whole number of more than 64 bits, which NumPy would make an array of
    objects of, is a float. Raises TypeError for one that no float holds."""
    arguments = [plain(who, name, x) for name, x in zip(names, arguments, strict=True)]
    long = [k for k, x in enumerate(arguments) if type(x) is int and not -(2**63) <= x < 2**64]
    if long and any(type(x) is np.ndarray for x in arguments):
        for k in long:
            if arguments[k].bit_length() > 1023:
                raise TypeError(f"{names[k]} is a whole number of {arguments[k].bit_length()} bits; {who} takes what a float can hold")
            arguments[k] = float(arguments[k])
    return arguments


def an_array(who, name, x, wanted="an array"):
    """The argument `name`, which must be an array, as a plain one; one of a device as it is. Raises TypeError for anything else."""
    if type(x) is np.ndarray or hasattr(x, "to_host"):
        return x
    if not issubclass(type(x), np.ndarray):
        raise TypeError(f"{name} is {described(x)}; {who} needs {wanted}")
    return plain(who, name, x)


def host_arrays(who, **arguments):
    """Arguments that must be NumPy arrays, as plain ones. Raises TypeError for anything else."""
    for name, x in arguments.items():
        if not issubclass(type(x), np.ndarray):
            raise TypeError(f"{name} is {described(x)}; {who} takes NumPy arrays")
    return [plain(who, name, x) for name, x in arguments.items()]


def described(x):
    """What was given, in a few words."""
    if isinstance(x, np.ndarray):
        return f"an array {x.shape} of {x.dtype}"
    if hasattr(x, "to_host"):
        return "a device array"
    return "None" if x is None else f"{'an' if type(x).__name__[0] in 'aeiouAEIOU' else 'a'} {type(x).__name__}"


def as_written(definition, parameters):
    """The definition itself, run by NumPy: arguments are made plain, and where NumPy or Python fails on them the error says what was given."""
    ours = str(definition.__module__).startswith("scratchgen.")  # in a user's own, it may be the definition that is wrong

    def run(*arguments):
        arguments = all_plain(definition.__name__, parameters, arguments)
        try:
            return definition(*arguments)
        except (AttributeError, LookupError, ArithmeticError, TypeError, ValueError) as error:
            if not ours:
                raise
            given = ", ".join(f"{name} {described(x)}" for name, x in zip(parameters, arguments, strict=True))
            kind = ValueError if isinstance(error, ValueError) else TypeError
            raise kind(f"{definition.__name__} cannot take these arguments: {given} ({error})") from error

    return run


def folded(a):
    """Whether elements of an array may share memory, as in one that was broadcast."""
    steps = sorted((abs(step), n) for step, n in zip(a.strides, a.shape, strict=True) if n > 1)
    reach = a.itemsize
    for step, n in steps:
        if step < reach:
            return a.size > 0
        reach += step * (n - 1)
    return False


class Product(NamedTuple):
    """The shapes that a matrix product needs, in words, and which of its operands it takes transposed."""

    shapes: str
    transposed: tuple = (False, False)


PRODUCTS = {
    "matmul": Product("(m, k) and (k, n)"),
    "matmul_nt": Product("(m, k) and (n, k)", (False, True)),
    "matmul_tn": Product("(k, m) and (k, n)", (True, False)),
    "add_matmul_tn": Product("(k, m) and (k, n)", (True, False)),
    "linear": Product("(batch, n_in) and (n_in, n_out)"),
}


def check_types(name, arrays):
    """TypeError unless there are float32 or float64 arrays among these, of one type. Beside them there may be whole numbers, such as labels, and
    scalars, such as losses."""
    floats = [a.dtype for a in arrays if a.dtype.kind == "f" and a.ndim] or [a.dtype for a in arrays if a.dtype.kind == "f"]
    if (
        not floats
        or any(dtype != floats[0] or dtype not in REALS for dtype in floats)
        or any(a.dtype.kind not in "fiub" or not a.dtype.isnative for a in arrays)
    ):
        raise TypeError(f"{name} takes arrays of one type, float32 or float64; given {', '.join(str(a.dtype) for a in arrays)}")


def not_writable(name):
    """The error for an array that is to be changed and cannot be."""
    return ValueError(f"{name} changes an array that is read-only; copy() makes one that is not")


def multipliable(a, b):
    """Whether a is (m, k), b is (k, n), and both are float32 or both float64. Called for every product: 0.2 µs."""
    return a.ndim == b.ndim == 2 and a.shape[1] == b.shape[0] and (dtype := a.dtype) == b.dtype and dtype in REALS


def not_multipliable(name, a, b):
    """The exception for operands a (m, k) and b (k, n) that do not fit, with their shapes as the caller of `name` gave them."""
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
        wanted = PRODUCTS[name]
        given = [x.shape[::-1] if flip else x.shape for x, flip in zip((a, b), wanted.transposed, strict=True)]
        return ValueError(f"{name} needs shapes {wanted.shapes}; given {given[0]} and {given[1]}")
    return TypeError(f"{name} needs two float32 or two float64 arrays; given {a.dtype} and {b.dtype}")
