"""Nearest neighbours: did the model learn by heart?

A picture that a model draws may be a training example, seen again. So look at each sample beside the training examples nearest to it:
copies are at distance 0, and what is new differs from them in more than noise. And measure how far samples are from their nearest training
examples beside how far *test* examples are: samples of the data's own distribution are as far away as those.
"""

import numpy as np

from scratchgen.errors import integer
from scratchgen.metrics.parzen import BLOCK, as_points, middle, squared_distances


def nearest_neighbours(x, data, k=1):
    """The k examples of data (m, d) nearest to each example of x (n, d) -> indices (n, k), distances (n, k), nearest first.

    Raises ValueError for shapes that do not fit, values that are not finite, or k that is not in 1 … m.
    """
    x, data = as_points(x, "x"), as_points(data, "data")
    if x.shape[1] != data.shape[1]:
        raise ValueError(f"x has {x.shape[1]} features, data {data.shape[1]}; they must have equally many")
    k = integer("k", k, 1, len(data))
    center = middle(data)
    x, data = x - center, data - center
    indices, distances = np.empty((len(x), k), int), np.empty((len(x), k))
    rows = max(1, BLOCK // len(data))
    for start in range(0, len(x), rows):
        d2 = squared_distances(x[start : start + rows], data)
        nearest = np.argpartition(d2, k - 1, axis=1)[:, :k]
        exact = np.sum((x[start : start + rows, None] - data[nearest]) ** 2, axis=2)  # a copy is at 0, where the product's rounding is not
        order = np.argsort(exact, axis=1, kind="stable")
        indices[start : start + rows] = np.take_along_axis(nearest, order, axis=1)
        distances[start : start + rows] = np.sqrt(np.take_along_axis(exact, order, axis=1))
    return indices, distances
