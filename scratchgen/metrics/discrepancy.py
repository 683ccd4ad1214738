"""The maximum mean discrepancy of samples and data, measured without bias: losses/mmd.py derives it, and trains with it.

Without the pairs of an example with itself, and with means over blocks of examples that share none (Zaremba et al. 2013):

    MMD² = mean_{i≠j} k(x_i, x_j) + mean_{i≠j} k(y_i, y_j) − 2 mean_{ij} k(x_i, y_j)

Each block, of examples in random order, is an independent estimate, in expectation 0 if the distributions are equal, and then often below 0; their
mean has a standard error.
The kernel is a sum of Gaussians whose widths are 1/4 … 4 times the median distance between examples of the data.
"""

import numpy as np

from scratchgen.errors import integer
from scratchgen.losses.mmd import check_bandwidths
from scratchgen.metrics.estimate import estimate
from scratchgen.metrics.parzen import as_points, middle, rounding, squared_distances

FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)


def mmd_estimate(samples, data, bandwidths=None, block=500):
    """-> Estimate of MMD².  samples (n, d), data (m, d); bandwidths: the σ; None: 1/4 … 4 of the median distance.  block: examples of a block.

    Raises ValueError for shapes that do not fit, values that are not finite, or fewer than two blocks.
    """
    samples, data = as_points(samples, "samples"), as_points(data, "data")
    if samples.shape[1] != data.shape[1]:
        raise ValueError(f"samples has {samples.shape[1]} features, data {data.shape[1]}; they must have equally many")
    n = min(len(samples), len(data)) // integer("block", block, 2)
    if n < 2:
        raise ValueError(f"samples has {len(samples)} examples, data {len(data)}; two blocks of {block} are needed of each")
    samples, data = (np.random.default_rng(0).permutation(x) for x in (samples, data))  # they may come sorted, by class for one
    if bandwidths is None:
        if not (median := median_distance(data[:block])):
            raise ValueError("the median distance between examples of data is 0: most are equal; give bandwidths")
        bandwidths = [factor * median for factor in FACTORS]
    bandwidths = check_bandwidths(bandwidths)
    return estimate([unbiased(samples[i * block : (i + 1) * block], data[i * block : (i + 1) * block], bandwidths) for i in range(n)])


def median_distance(x):
    """The median of the distances between different examples of x (n, d)."""
    x = x - middle(x)
    d2 = squared_distances(x, x)
    return float(np.sqrt(np.median(np.where(d2 > rounding(x, x), d2, 0)[np.triu_indices(len(x), 1)])))


def unbiased(x, y, bandwidths):
    """MMD² of x and y (n, d)."""
    center, n = middle(y), len(x)
    x, y = x - center, y - center
    kernel = lambda a, b: sum(np.exp(squared_distances(a, b) / (-2 * sigma**2)) for sigma in bandwidths)
    within = lambda a: (kernel(a, a).sum() - n * len(bandwidths)) / (n * (n - 1))  # k(a, a) is the number of bandwidths
    return within(x) + within(y) - 2 * kernel(x, y).mean()
