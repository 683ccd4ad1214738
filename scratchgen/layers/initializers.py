"""Where the weights start: random, and scaled so that signals neither fade nor explode
on their way through the layers.

With W (n_in, n_out) of mean 0, an output y_j = Σ_i x_i W_ij has the mean square
E[y²] = n_in · Var(W) · E[x²]; on the way back, dx_i = Σ_j dy_j W_ij has E[dx²] = n_out · Var(W) · E[dy²].
The rules below choose Var(W) to keep one factor or both near 1:

    Glorot & Bengio 2010 (tanh, sigmoid, linear)   Var(W) = 2 / (n_in + n_out)   a compromise between the two
    He et al. 2015 (ReLU)                          Var(W) = 2 / n_in             ReLU halves the mean square

ReLU halves it because half of a symmetric y is cut to 0. A uniform distribution on ±a has variance a²/3.
`orthogonal` (Saxe et al. 2013) keeps lengths instead: of every x if n_out ≥ n_in, of every dy if
n_out ≤ n_in.
"""

import numpy as np

from scratchgen.errors import one_of


def glorot_uniform(shape, rng):
    """Uniform on ±√(6 / (n_in + n_out))."""
    return uniform(np.sqrt(6 / sum(shape)))(shape, rng)


def glorot_normal(shape, rng):
    """Normal with variance 2 / (n_in + n_out)."""
    return normal(np.sqrt(2 / sum(shape)))(shape, rng)


def he_uniform(shape, rng):
    """Uniform on ±√(6 / n_in)."""
    return uniform(np.sqrt(6 / shape[0]))(shape, rng)


def he_normal(shape, rng):
    """Normal with variance 2 / n_in."""
    return normal(np.sqrt(2 / shape[0]))(shape, rng)


def orthogonal(shape, rng):
    """Orthonormal columns (or rows, where there are fewer of those), uniformly distributed.

    Gram–Schmidt, not a QR of LAPACK, whose last bits depend on the number of BLAS threads.
    """
    q = rng.standard_normal((max(shape), min(shape)))
    for j in range(q.shape[1]):
        q[:, j] /= np.sqrt(np.sum(q[:, j] ** 2))
        q[:, j + 1 :] -= q[:, j, None] * np.sum(q[:, j, None] * q[:, j + 1 :], axis=0)
    return q if shape[0] >= shape[1] else q.T


def uniform(limit):
    """An initialiser: uniform on ±limit."""
    return lambda shape, rng: rng.uniform(-limit, limit, shape)


def normal(std):
    """An initialiser: normal with mean 0 and that standard deviation."""
    return lambda shape, rng: rng.normal(0.0, std, shape)


BY_NAME = {f.__name__: f for f in (glorot_uniform, glorot_normal, he_uniform, he_normal, orthogonal)}


def initialize(init, shape, rng):
    """Weights of that shape, float64: `init` is a name of BY_NAME or a function (shape, rng) -> array.

    Raises ValueError for an unknown name, or a function that gives another shape.
    """
    weights = (init if callable(init) else BY_NAME[one_of("init", init, BY_NAME)])(shape, rng)
    if np.shape(weights) != tuple(shape):
        raise ValueError(f"init gave weights of shape {np.shape(weights)}; wanted {tuple(shape)}")
    return weights
