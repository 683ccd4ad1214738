"""One clear sentence for each mistake: the argument, what was given, what is wanted."""

import difflib
import numbers
import operator
import os

import numpy as np

LARGEST = 2**48  # more numbers than any array has


class Failed(RuntimeError):
    """The command was right, but the run failed."""


def shown(value):
    """A value in an error's sentence: what it is in Python, on one line and not too long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:77]}…"


def unknown_name(argument, given, known):
    """ValueError for a name that is not among `known`, with the nearest right one.

    >>> raise unknown_name("backend", "nunba", ["numpy", "numba"])
    ValueError: unknown backend 'nunba'; did you mean 'numba'? Known: numpy, numba
    """
    known = [str(name) for name in known]
    near = difflib.get_close_matches(str(given), known, n=1, cutoff=0.5)
    hint = f"; did you mean '{near[0]}'? Known" if near else "; known"
    return ValueError(f"unknown {argument} {shown(given)}{hint}: {', '.join(known)}")


def one_of(name, value, known):
    """`value`, if it is among `known`, names and perhaps None; else ValueError with the nearest right one."""
    if not isinstance(value, (str, type(None))) or value not in known:
        raise unknown_name(name, value, [each for each in known if each])
    return value


def flag(name, value):
    """`value` as a bool; TypeError unless it is True or False, Python's or NumPy's."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} is {shown(value)}; it must be True or False")
    return bool(value)


def integer(name, value, least, most=2**128):
    """`value` as an int from `least` to `most`, or TypeError or ValueError about the argument `name`."""
    try:
        value = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is {shown(value)}; it must be an int") from None
    if value < least:
        raise ValueError(f"{name} is {value}; it must be at least {least}")
    if value > most:
        raise ValueError(f"{name} is {value}; it must be at most {most}")
    return value


def integers(name, values, least):
    """`values` as a tuple of ints of at least `least` each, or TypeError or ValueError about the argument `name`."""
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise TypeError(f"{name} is {shown(values)}; it must be a tuple of ints, such as (500,)")
    return tuple(integer(f"{name}[{i}]", value, least, LARGEST) for i, value in enumerate(values))


def number(name, value, fits, wanted):
    """`value`, or TypeError unless it is a real number, ValueError unless fits(value); wanted: what it must do, in words, such as "be positive"."""
    if not isinstance(value, numbers.Real) or not fits(value):
        kind = ValueError if isinstance(value, numbers.Real) else TypeError
        raise kind(f"{name} is {shown(value)}; it must {wanted}")
    return value


def environment_integer(name):
    """The environment variable as an int of at least 1, None if it is not set; ValueError for anything else."""
    text = os.environ.get(name)
    if not text:
        return None
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise ValueError(f"{name} is {text[:40]!r}; it must be a whole number of at least 1")
    return value
