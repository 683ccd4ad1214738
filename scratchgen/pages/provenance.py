"""From which elements was each element of a result computed? Found by experiment, for any expression:

    one element of an operand becomes NaN, or is moved up, or down; each element of the result that then differs was computed from it

NaN comes through wherever a number is used, but not through a comparison, which answers to a move. So of dy where y > 0, else 0, it is known that
y decides, and dy comes through only where y is above 0.
"""

import numpy as np

from scratchgen.pages.recorder import numbers_in

MOVE = 10.0


def came_from(line):
    """For each result of a Line: {number of the operand: (starts, elements)}; None where that is not known.

    Element i of the result came from elements[starts[i] : starts[i + 1]] of the operand; both count in the order of rows.
    """
    arrays = [k for k, value in enumerate(line.operands) if value.is_array]
    if not line.pure or not line.operands:
        return [None] * len(line.results)
    names = [line.operands[k].name for k in arrays]
    code = line.part.function(names)

    def compute(values):
        """The results, from values in the place of the operands' own."""
        values = [np.array(value) for value in values]  # a call may write to them
        with np.errstate(all="ignore"):
            found = numbers_in(eval(code, {**line.environment, **{f"_{k}": value for k, value in enumerate(values)}}))
        changed = dict(zip(names, values, strict=True))
        return [
            changed[result.name] if k is None else np.broadcast_to(found[k], result.copy.shape)
            for result, k in zip(line.results, line.positions, strict=True)
        ]

    values = [line.operands[k].copy for k in arrays]
    try:
        usual = compute(values)
        if not all(equal(a, result.copy).all() for a, result in zip(usual, line.results, strict=True)):
            return [None] * len(line.results)
        found = [{k: [[] for _ in range(result.copy.size)] for k in arrays} for result in line.results]
        for which, (k, value) in enumerate(zip(arrays, values, strict=True)):
            for element in range(value.size):
                for other in others(value.flat[element], value.dtype):
                    tried = list(values)
                    tried[which] = np.array(value)
                    tried[which].flat[element] = other
                    for sources, a, b in zip(found, usual, compute(tried), strict=True):
                        for place in np.flatnonzero(~equal(a, b)):
                            if element not in sources[k][place][-1:]:
                                sources[k][place].append(element)
    except Exception:  # whatever a student's code raises when it is tried with other numbers
        return [None] * len(line.results)
    return [{k: packed(lists) for k, lists in sources.items() if any(lists)} for sources in found]


def others(number, dtype):
    """What to put in the place of an element."""
    if dtype.kind == "b":
        return [not number]
    return [np.nan, number + MOVE, number - MOVE] if dtype.kind == "f" else [number + 1]


def equal(a, b):
    """Element by element; NaN equals NaN."""
    return (a == b) | ((a != a) & (b != b))


def packed(lists):
    """(starts, elements) of lists of whole numbers."""
    starts = np.cumsum([0, *map(len, lists)])
    return starts.astype(np.int32), np.array([each for one in lists for each in one], np.int32)
