"""Mode coverage: does a generator reach every mode of a mixture of Gaussians, and are its samples any good?

With modes c₁ … c_K of equal weight and standard deviation `std`, each sample is assigned to its nearest mode.

    high quality     a sample within 3 std of its nearest mode
    captured         a mode that is nearest to at least one high-quality sample
    reverse KL       KL(q̂ ‖ uniform) = Σₖ q̂ₖ log(K q̂ₖ),   q̂ₖ the fraction of *all* samples nearest to mode k,  0 log 0 = 0

Reverse KL is 0 for balanced modes and log K if all samples sit at one. A perfect sampler in the plane is not at 100 %: the distance
from a two-dimensional Gaussian's centre exceeds 3 std with probability e^(−4.5), so that 98.9 % are of high quality.

Source of the definitions: Srivastava et al. 2017 (VEEGAN), Lin et al. 2018 (PacGAN). They use 2,500 samples. PacGAN's code takes q̂ over the samples
of high quality alone, by which a mode that is reached by bad samples only counts as missed.
"""

from typing import NamedTuple

import numpy as np

from scratchgen.errors import number
from scratchgen.metrics.parzen import as_points


class ModeCoverage(NamedTuple):
    captured: int  # number of modes, of K
    high_quality: float  # fraction of the samples, 0 … 1
    reverse_kl: float  # nats


def mode_coverage(samples, modes, std):
    """Coverage of a mixture's modes by samples -> ModeCoverage(captured, high_quality, reverse_kl).

    samples: (n, d); modes: (K, d), the centres; std: the standard deviation of each mode in every direction.
    Raises ValueError for shapes that do not fit, values that are not finite, or std ≤ 0.
    """
    samples, modes = as_points(samples, "samples"), as_points(modes, "modes")
    if samples.shape[1] != modes.shape[1]:
        raise ValueError(f"samples has {samples.shape[1]} features, modes {modes.shape[1]}; they must have equally many")
    number("std", std, lambda std: 0 < std < np.inf, "be positive and finite")
    d2 = np.square(samples[:, None] - modes).sum(axis=2)  # (n, K)
    nearest = d2.argmin(axis=1)
    good = d2.min(axis=1) <= (3 * std) ** 2
    q = np.bincount(nearest, minlength=len(modes)) / len(samples)
    seen = q[q > 0]
    return ModeCoverage(len(np.unique(nearest[good])), float(good.mean()), float(np.sum(seen * np.log(len(modes) * seen))))
