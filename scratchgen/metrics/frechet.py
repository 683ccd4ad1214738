"""The Fréchet distance between features of samples and of data (Heusel et al. 2017): are they alike in what a classifier looks at?

Run a classifier over both, and take what its last hidden layer says of each example. Describe each cloud of features by its mean μ and covariance
Σ, as if it were Gaussian. Between two Gaussians the Fréchet (or 2-Wasserstein) distance has a closed form:

    d² = ‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2 (Σ₁^½ Σ₂ Σ₁^½)^½)

With Inception's features this is known as FID; here they are those of the library's own classifier of digits, so compare only with numbers
obtained with the *same* classifier. It is biased upwards, the more the fewer the samples, as chance makes the covariances of few examples differ.
So give the same number of samples each time, many more than there are features, and beside it what real training data score.
"""

import functools

import numpy as np

from scratchgen.metrics.estimate import Estimate
from scratchgen.metrics.parzen import as_points
from scratchgen.ops import array, as_generator, to_host

RESAMPLES = 30


def features(classifier, x):
    """What the last hidden layer of a classifier (of `train_classifier`) says of images x (n, data_dim) -> (n, hidden) float64."""
    x = as_points(x, "x").astype(classifier.dtype)
    last_hidden = lambda h: functools.reduce(lambda h, layer: layer(h), classifier.layers[:-1], h)
    return np.concatenate([to_host(last_hidden(array(x[i : i + 1000]))) for i in range(0, len(x), 1000)]).astype(np.float64)


def frechet_distance(a, b, rng=None):
    """d², with the standard error that resampling (the bootstrap) gives -> Estimate.  a (n, d) features of samples, b (m, d) of data.

    Where d² is little but bias, of equal distributions with few examples for their features, that error can be two to three times too large.
    rng: seed or Generator of the resampling. Raises ValueError for shapes that do not fit, or values that are not finite.
    """
    a, b = as_points(a, "a"), as_points(b, "b")
    if a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise ValueError(f"a has shape {a.shape}, b {b.shape}; two or more examples are needed of each, with equally many features")
    rng = as_generator(rng)
    resampled = lambda x: moments(x[rng.integers(len(x), size=len(x))])
    again = [between_gaussians(*resampled(a), *resampled(b)) for _ in range(RESAMPLES)]
    return Estimate(between_gaussians(*moments(a), *moments(b)), float(np.std(again, ddof=1)))


def moments(x):
    """x (n, d) -> mean (d,), covariance (d, d)."""
    return x.mean(axis=0), np.atleast_2d(np.cov(x, rowvar=False))


def between_gaussians(mean1, covariance1, mean2, covariance2):
    """d² of two Gaussians."""
    w, V = np.linalg.eigh(covariance1)
    root = V * np.sqrt(np.maximum(w, 0)) @ V.T  # Σ₁^½
    cross = np.linalg.eigvalsh(root @ covariance2 @ root)  # the trace of a root is the sum of the roots of the eigenvalues
    return float(np.sum((mean1 - mean2) ** 2) + np.trace(covariance1) + np.trace(covariance2) - 2 * np.sum(np.sqrt(np.maximum(cross, 0))))
