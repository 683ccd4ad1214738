"""What the exhibits of the museum share. An exhibit is a file with these names:

    TITLE, LESSON         one line each
    PIECES                the mistakes, a Piece each: the thing itself (a layer, a model, a function)
                          and a test that it passes
    REPAIRED              the same thing, right
    checks(thing, seed)   what the library says about a thing: [Report or Finding]
    draw(axes, thing)     one panel of the picture

A Report or Finding is true exactly if all is well, and str() has the words.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from scratchgen.plots.canvas import FAINT, INK


class Piece(NamedTuple):
    """A mistake.  mistake, tested: in words.  thing: the code.
    weak_test(thing): raises nothing, though the thing is wrong."""

    mistake: str
    tested: str
    thing: object
    weak_test: Callable


class Finding(NamedTuple):
    """What a property test found. True exactly if all is well."""

    ok: bool
    text: str

    def __bool__(self):
        return self.ok

    def __str__(self):
        return self.text


def heat_map(axes, matrix, limit):
    """A matrix in colours, from −limit (blue) through 0 (white) to limit (red)."""
    matrix = np.atleast_2d(matrix)
    axes.imshow(matrix, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
    axes.set(xticks=[], yticks=[])
    if not np.any(matrix):
        axes.text(0.5, 0.5, "all zero", transform=axes.transAxes, ha="center", va="center", color=INK)
    for spine in axes.spines.values():
        spine.set_color(FAINT)
