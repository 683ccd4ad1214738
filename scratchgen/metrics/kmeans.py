"""k-means (Lloyd 1957): k points that stand for many. As "samples" they are the baseline that shames the Parzen window: nothing is learned but
where the data are, and the estimate is above that of real training data (Theis et al. 2016).

    each example goes to its nearest centre;  each centre becomes the mean of its examples;  and so on
"""

import numpy as np

from scratchgen.errors import integer
from scratchgen.metrics.neighbours import nearest_neighbours
from scratchgen.metrics.parzen import as_points
from scratchgen.ops import as_generator


def kmeans(x, k, n_iterations=5, rng=None):
    """k centres of x (n, d) -> (k, d) float64. Begins with k different examples; a centre that is nearest to none stays where it is.

    n_iterations: how often centres move.  rng: seed or Generator of the first ones.
    Raises ValueError for data that are none, or k that is not in 1 … n.
    """
    x = as_points(x, "x")
    centres = x[as_generator(rng).choice(len(x), size=integer("k", k, 1, len(x)), replace=False)]
    for _ in range(integer("n_iterations", n_iterations, 0)):
        nearest = nearest_neighbours(x, centres)[0][:, 0]
        order = np.argsort(nearest, kind="stable")
        owners, starts = np.unique(nearest[order], return_index=True)
        centres[owners] = np.add.reduceat(x[order], starts) / np.diff([*starts, len(x)])[:, None]
    return centres
