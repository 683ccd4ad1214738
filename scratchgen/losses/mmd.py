"""Maximum mean discrepancy: how far two samples are apart,
told from distances between their examples alone (Gretton et al. 2012).

A kernel k(a, b) says how alike two examples are. Here it is a sum of Gaussians of several widths σ,
because none suits all scales of the data:

    k(a, b) = Σ_σ exp(−‖a − b‖² / 2σ²)

If x and y come from one distribution, examples of x are on average as much like each other as like those
of y. What is missing to that is

    MMD² = mean_ij k(x_i, x_j) + mean_ij k(y_i, y_j) − 2 mean_ij k(x_i, y_j)

A kernel is an inner product of feature vectors, k(a, b) = φ(a)·φ(b), and so this is ‖mean φ(x) − mean φ(y)‖²:
it compares the means of *all* those features, of which a Gaussian has infinitely many, and is 0 in the
limit of large samples only if the distributions are equal.

The means run over all pairs, i = j among them: the V-statistic. It is a squared length, so never negative,
and exactly 0 for a sample and itself; one may take its root. The U-statistic leaves i = j out, has no bias,
and may be negative. The pairs i = j are constants, k(a, a): for the gradient the choice changes no more than
a factor (n − 1)/n of the first mean.

The gradient. With w(a, b) = Σ_σ exp(−‖a − b‖² / 2σ²) / σ²,  dk(a, b)/da = −w(a, b) (a − b),
and x_i stands in the first mean twice, as i and as j:

    dx_i = − (2/n²) Σ_j w(x_i, x_j) (x_i − x_j)  +  (2/nm) Σ_j w(x_i, y_j) (x_i − y_j)

Against the gradient, each x_i moves away from its own kind, and towards the y near by.
All sums over j are matrix products:

    ‖a_i − b_j‖² = ‖a_i‖² + ‖b_j‖² − 2 (a bᵀ)_ij          Σ_j w_ij (a_i − b_j) = a_i Σ_j w_ij − (w b)_i
"""

import math

import numpy as np

from scratchgen.errors import number, shown
from scratchgen.losses.shapes import checked_arrays
from scratchgen.ops import matmul, matmul_nt, op


@op
def column_means(y):  # (m, D) -> (D,)
    return np.mean(y, axis=0, dtype=np.float64).astype(y.dtype)


@op
def from_center(a, center):  # distances stay as they are, and fewer of their digits cancel
    return a - center


@op
def squared_lengths(a):  # ‖a_i‖²:  (n, D) -> (n,)
    return np.sum(a * a, axis=1)


@op
def gaussian_kernels(aa, bb, ab, bandwidths):
    """-> mean k, w (n, m), Σ_j w_ij (n,).  aa = ‖a_i‖² (n,), bb = ‖b_j‖² (m,), ab = a bᵀ (n, m);
    bandwidths: a tuple of σ.
    """
    squared = np.maximum(aa[:, None] + bb - 2 * ab, 0)  # ‖a_i − b_j‖²
    k = [np.exp(squared * (-0.5 / sigma**2)) for sigma in bandwidths]
    w = sum(k_sigma * (1 / sigma**2) for k_sigma, sigma in zip(k, bandwidths, strict=True))
    return np.sum(sum(k), dtype=np.float64) / (ab.shape[0] * ab.shape[1]), w, np.sum(w, axis=1)


@op
def discrepancy(xx, yy, xy):  # of the three means
    return xx + yy - 2 * xy


@op
def discrepancy_backward(x, sums_xx, w_xx_x, sums_xy, w_xy_y, m):
    """-> dx (n, D).  sums_xx = Σ_j w(x_i, x_j), sums_xy = Σ_j w(x_i, y_j) (n,);
    w_xx_x = w_xx x, w_xy_y = w_xy y (n, D);  m: examples of y.
    """
    n = x.shape[0]
    apart = sums_xx[:, None] * x - w_xx_x  # Σ_j w(x_i, x_j) (x_i − x_j)
    towards = sums_xy[:, None] * x - w_xy_y
    return 2 * towards / (n * m) - 2 * apart / (n * n)


def mmd(x, y, bandwidths):
    """-> MMD² (no unit, from 0 to twice the number of bandwidths), dx.
    x (n, features) generated, y (m, features) data, which gets no gradient.

    bandwidths: the σ of the Gaussian kernels, positive numbers, in units of the data.
    Memory: n (n + m) + m² numbers, whatever the features.
    Raises ValueError for bandwidths that are none, or arrays of different features;
    TypeError for what is no array, or of another dtype.
    """
    x, y = checked_arrays("mmd", {"x": x, "y": y}, lambda shape: shape[1:])
    bandwidths, center = check_bandwidths(bandwidths), column_means(y)
    x, y = from_center(x, center), from_center(y, center)
    x2, y2 = squared_lengths(x), squared_lengths(y)
    xx, w_xx, sums_xx = gaussian_kernels(x2, x2, matmul_nt(x, x), bandwidths)
    xy, w_xy, sums_xy = gaussian_kernels(x2, y2, matmul_nt(x, y), bandwidths)
    yy, _, _ = gaussian_kernels(y2, y2, matmul_nt(y, y), bandwidths)
    dx = discrepancy_backward(x, sums_xx, matmul(w_xx, x), sums_xy, matmul(w_xy, y), y.shape[0])
    return discrepancy(xx, yy, xy), dx


def check_bandwidths(bandwidths):
    """The bandwidths as a tuple of floats.
    TypeError or ValueError unless they are positive numbers, one or more.
    """
    if isinstance(bandwidths, str) or not hasattr(bandwidths, "__iter__"):
        raise TypeError(
            f"bandwidths is {shown(bandwidths)}; it must be a tuple of positive numbers, such as (1.0, 2.0)"
        )
    bandwidths = tuple(bandwidths)
    if not bandwidths:
        raise ValueError("bandwidths is empty; mmd needs one at least")
    return tuple(
        float(number(f"bandwidths[{i}]", each, lambda sigma: 0 < sigma < math.inf, "be positive"))
        for i, each in enumerate(bandwidths)
    )
