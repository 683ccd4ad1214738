"""One clear sentence for each mistake: the argument, what was given, what is wanted."""

import difflib


def unknown_name(argument, given, known):
    """ValueError for a name that is not among `known`, with the nearest right one.

    >>> raise unknown_name("backend", "nunba", ["numpy", "numba"])
    ValueError: unknown backend 'nunba'; did you mean 'numba'? Known: numpy, numba
    """
    known = [str(name) for name in known]
    near = difflib.get_close_matches(str(given), known, n=1, cutoff=0.5)
    hint = f"; did you mean '{near[0]}'? Known" if near else "; known"
    return ValueError(f"unknown {argument} {given!r}{hint}: {', '.join(known)}")
