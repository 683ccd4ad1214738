"""Mistakes in the masks of MADE."""

import numpy as np


def masks(sizes, ordering):
    """{words: the masks}."""
    D, hidden = sizes[0], sizes[1:-1]
    ordering = np.asarray(ordering)
    place = np.argsort(ordering) + 1
    units = [1 + np.arange(H) * (D - 1) // H for H in hidden]

    def build(first, hidden, last, within=np.less_equal, output=np.less):
        degrees = [np.asarray(first), *hidden]
        result = [within(a[:, None], b[None, :]) for a, b in zip(degrees[:-1], degrees[1:], strict=True)]
        return [mask.astype(float) for mask in [*result, output(degrees[-1][:, None], np.asarray(last)[None, :])]]

    return {
        "the last mask lets an output see its own input: it needs < where the others have ≤": build(place, units, place, output=np.less_equal),
        "all masks have <, where only the last one may: too many connections are cut": build(place, units, place, within=np.less),
        "≤ and < are exchanged between the last mask and the others": build(place, units, place, np.less, np.less_equal),
        "the comparison is the wrong way round, ≥ and >: outputs see what comes after them": build(place, units, place, np.greater_equal, np.greater),
        "the order is not used: the features are taken as they come": build(np.arange(1, D + 1), units, np.arange(1, D + 1)),
        "ordering itself is taken for the degrees: ordering[0] is the feature that comes first, so its degree is 1": build(
            ordering + 1, units, ordering + 1
        ),
        "the inputs are in the order given, the outputs are not": build(place, units, np.arange(1, D + 1)),
        "the outputs are in the order given, the inputs are not": build(np.arange(1, D + 1), units, place),
        "nothing is cut: all masks are 1": [np.ones(shape) for shape in zip(sizes[:-1], sizes[1:], strict=True)],
        "everything is cut: all masks are 0": [np.zeros(shape) for shape in zip(sizes[:-1], sizes[1:], strict=True)],
        "the degrees of hidden units begin at 0; they are 1 … D − 1": build(place, [degrees - 1 for degrees in units], place),
        "the degrees of hidden units run to D; they are 1 … D − 1": build(place, [1 + np.arange(H) * D // H for H in hidden], place),
        "the degrees of hidden units repeat, 1 … D − 1, 1 …, where the lesson spreads them evenly": build(
            place, [1 + np.arange(H) % max(D - 1, 1) for H in hidden], place
        ),
        "the degrees of hidden units are all 1": build(place, [np.ones(H, int) for H in hidden], place),
        "the degrees of hidden units are in the wrong order": build(place, [degrees[::-1] for degrees in units], place),
    }
