"""The Parzen window estimator: how likely is held-out data under a model that can only be sampled?

Put a Gaussian of width σ on each of m samples sⱼ and call their mixture the model's density (Breuleux et al. 2011; the GAN paper's table 1):

    log p(x)  =  log (1/m) Σⱼ exp(−‖x − sⱼ‖² / 2σ²)  −  D log(σ √2π)            in nats

σ is the one of ten values, evenly spaced in log from 0.1 to 1, that validation data likes best.

Read it with care: in 784 dimensions 10,000 windows cover little, and the estimate rewards samples near the centres of the data over samples
that look right (Theis et al. 2016). Give it only beside baselines measured in the same way, such as the training data itself.
"""

import numpy as np

from scratchgen.metrics.estimate import estimate
from scratchgen.metrics.log_mean_exp import log_mean_exp

SIGMAS = np.logspace(-1, 0, 10)
BLOCK = 1_000_000  # squared distances in hand at a time: 8 MB


def parzen_log_likelihood(samples, x_test, sigma):
    """Mean log-likelihood of test data under Gaussian windows of width sigma around samples -> Estimate(mean, standard_error) in nats.

    samples: (m, d) from the model; x_test: (n, d). Choose sigma with `parzen_sigma` on validation data, never on x_test.
    Raises ValueError for shapes that do not fit, values that are not finite, or sigma ≤ 0.
    """
    return estimate(parzen_log_densities(samples, as_points(x_test, "x_test"), [sigma])[0])


def parzen_sigma(samples, x_valid, sigmas=SIGMAS):
    """The width among `sigmas` that gives validation data x_valid (n, d) the highest mean log-likelihood, samples (m, d) -> float.

    Raises ValueError as `parzen_log_likelihood` does. A choice at the edge of the range says that the range is too small.
    """
    return float(sigmas[parzen_log_densities(samples, as_points(x_valid, "x_valid"), sigmas).mean(axis=1).argmax()])


def parzen_log_densities(samples, x, sigmas):
    """log p(x) of each example of x (n, d) for each width -> (len(sigmas), n) float64. The distances, most of the work, are shared by all widths."""
    sigmas = np.asarray(sigmas, dtype=np.float64)
    if sigmas.ndim != 1 or len(sigmas) == 0 or not (np.isfinite(sigmas) & (sigmas > 0)).all():
        raise ValueError(f"sigma is {sigmas.tolist()}; it must be positive and finite")
    samples = as_points(samples, "samples")
    if samples.shape[1] != x.shape[1]:
        raise ValueError(f"samples has {samples.shape[1]} features, the data {x.shape[1]}; they must have equally many")
    centre = middle(samples)
    samples, x = samples - centre, x - centre
    m, d = samples.shape
    log_p = np.empty((len(sigmas), len(x)))
    rows = max(1, BLOCK // m)
    for start in range(0, len(x), rows):
        d2 = squared_distances(x[start : start + rows], samples)  # (rows, m)
        for i, sigma in enumerate(sigmas):
            log_p[i, start : start + rows] = log_mean_exp(d2 / (-2 * sigma**2), axis=1) - d * np.log(sigma * np.sqrt(2 * np.pi))
    return log_p


def squared_distances(a, b):
    """‖aᵢ − bⱼ‖² = ‖aᵢ‖² + ‖bⱼ‖² − 2 aᵢ·bⱼ:  (n, d), (m, d) -> (n, m), as one matrix product."""
    d2 = a @ b.T
    d2 *= -2
    d2 += np.square(a).sum(axis=1)[:, None]
    d2 += np.square(b).sum(axis=1)
    return np.maximum(d2, 0, out=d2)  # rounding may leave −1e-15 where a = b


def middle(x):
    """Where to put the origin: (n, d) -> (d,). Distances do not change with it, but their rounding grows with the norms. A median, which one example
    far away does not move."""
    return np.median(x, axis=0)


def rounding(a, b):
    """How far rounding may take squared_distances from ‖aᵢ − bⱼ‖²:  (n, d), (m, d) -> (n, m)."""
    return 4 * a.shape[1] * np.finfo(float).eps * (np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1))


def as_points(x, name):
    """x as a finite float64 array (n, d), n ≥ 1; ValueError in one sentence otherwise."""
    x = np.asarray(x, dtype=np.float64)
    if x.ndim != 2 or x.size == 0:
        raise ValueError(f"{name} has shape {x.shape}; it must be (n, features) with n ≥ 1")
    if not np.isfinite(x).all():
        raise ValueError(f"{name} contains NaN or infinity; it must be finite")
    return x
