"""A mean and how far to trust it. A number from samples is one of many that it might have been; its standard error says how far those lie apart.

mean = (1/n) Σ v_i              standard error = std / √n
"""

from typing import NamedTuple

import numpy as np


class Estimate(NamedTuple):
    """A mean of independent values, and its standard error."""

    mean: float
    standard_error: float


def estimate(values):
    """The Estimate that values (n,) give, n ≥ 1; booleans count as 0 and 1: their mean is a share."""
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"values has shape {values.shape}; an estimate needs (n,) with n ≥ 1")
    return Estimate(float(values.mean()), float(values.std() / np.sqrt(len(values))))
