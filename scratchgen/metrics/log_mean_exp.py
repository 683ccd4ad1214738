"""log of a mean of exponentials: how probabilities that are kept as logarithms are averaged.

exp of a log-probability such as −800 is 0 in floating point. Take the largest term m out first; then no term overflows and at least one is 1:

    log (1/n) Σ exp aᵢ   =   m + log (1/n) Σ exp(aᵢ − m),      m = max aᵢ
"""

import numpy as np


def log_mean_exp(a, axis=None):
    """log mean exp a over `axis` (an int, a tuple, or None for all) -> array of the remaining axes, or a scalar.

    −∞ is the logarithm of 0, and that 0 counts in the mean; the mean of zeros alone is −∞. NaN and +∞ propagate.
    Raises ValueError if there is nothing to average.
    """
    a = np.asarray(a)
    axes = range(a.ndim) if axis is None else np.atleast_1d(axis)
    if any(a.shape[i] == 0 for i in axes):
        raise ValueError(f"a has shape {a.shape}; the mean over axis {axis} of no values is undefined")
    m = a.max(axis=axis, keepdims=True)
    shift = np.where(np.isfinite(m), m, 0)  # −∞ − (−∞) would be NaN
    with np.errstate(divide="ignore", over="ignore"):  # log 0 = −∞ and exp ∞ = ∞ are the answers wanted
        return np.log(np.exp(a - shift).mean(axis=axis)) + np.squeeze(shift, axis=axis)[()]
