"""One clear sentence for each mistake: the argument, what was given, what is wanted."""

import difflib
import numbers
import operator


def unknown_name(argument, given, known):
    """ValueError for a name that is not among `known`, with the nearest right one.

    >>> raise unknown_name("backend", "nunba", ["numpy", "numba"])
    ValueError: unknown backend 'nunba'; did you mean 'numba'? Known: numpy, numba
    """
    known = [str(name) for name in known]
    near = difflib.get_close_matches(str(given), known, n=1, cutoff=0.5)
    hint = f"; did you mean '{near[0]}'? Known" if near else "; known"
    return ValueError(f"unknown {argument} {given!r}{hint}: {', '.join(known)}")


def integer(name, value, least):
    """`value` as an int of at least `least`, or TypeError or ValueError about the argument `name`."""
    try:
        value = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is {value!r}; it must be an int") from None
    if value < least:
        raise ValueError(f"{name} is {value}; it must be at least {least}")
    return value


def integers(name, values, least):
    """`values` as a tuple of ints of at least `least` each, or TypeError or ValueError about the argument `name`."""
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise TypeError(f"{name} is {values!r}; it must be a tuple of ints, such as (500,)")
    return tuple(integer(f"{name}[{i}]", value, least) for i, value in enumerate(values))


def number(name, value, fits, wanted):
    """`value`, or TypeError unless it is a real number, ValueError unless fits(value); wanted: what it must do, in words, such as "be positive"."""
    if not isinstance(value, numbers.Real) or not fits(value):
        kind = ValueError if isinstance(value, numbers.Real) else TypeError
        raise kind(f"{name} is {value!r}; it must {wanted}")
    return value
