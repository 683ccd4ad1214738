"""Precision and recall of samples (Kynkäänniemi et al. 2019): are they good, and are they all that there is?

Two faults that one number cannot tell apart: to draw things that are none, and to draw only some of the things there are. Around each example of a
set put a ball that reaches to its k-th nearest neighbour within the set; together the balls stand for where that set lives.

    precision    share of samples that lie in a ball of the data          1: every sample could be real
    recall       share of data that lie in a ball of the samples          1: everything real could be drawn

Distances mean something where features do: in the plane, or in the last hidden layer of a classifier (`features` in frechet.py), not between pixels.
Both depend on k and on how many examples there are, so compare like with like: as many samples as data, and k = 3 as in the paper.
"""

from typing import NamedTuple

import numpy as np

from scratchgen.errors import integer
from scratchgen.metrics.estimate import Estimate, estimate
from scratchgen.metrics.neighbours import nearest_neighbours
from scratchgen.metrics.parzen import BLOCK, as_points, middle, rounding, squared_distances


class PrecisionRecall(NamedTuple):
    precision: Estimate
    recall: Estimate


def precision_recall(samples, data, k=3):
    """-> PrecisionRecall, shares with standard errors.  samples (n, d), data (m, d) features; k: the neighbour that a ball reaches to.

    The errors are those of other examples in the same balls; other balls would add to them.

    Raises ValueError for shapes that do not fit, values that are not finite, sets of at most k examples, or k < 1.
    """
    samples, data, k = as_points(samples, "samples"), as_points(data, "data"), integer("k", k, 1)
    for name, x in (("samples", samples), ("data", data)):
        if len(x) <= k:
            raise ValueError(f"{name} has {len(x)} examples; with k = {k} more than {k} are needed")
    return PrecisionRecall(estimate(within(samples, data, k)), estimate(within(data, samples, k)))


def within(x, data, k):
    """Whether each example of x (n, d) lies in the ball around one of data (m, d) -> (n,) bool."""
    radius = nearest_neighbours(data, data, k + 1)[1][:, k]  # the nearest is the example itself
    center = middle(data)
    x, data, found = x - center, data - center, np.empty(len(x), bool)
    rows = max(1, BLOCK // len(data))
    for start in range(0, len(x), rows):
        some = x[start : start + rows]
        found[start : start + rows] = (squared_distances(some, data) <= radius**2 + rounding(some, data)).any(axis=1)
    return found
