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


def over_seeds(each):
    """{name: Estimate} of numbers that were measured with several seeds, dicts {name: number}: means, and their standard errors, of one seed NaN.

    √(Σ (v − mean)² / (n − 1) / n): n is small, and the mean is that of these values.
    """
    names = dict.fromkeys(name for numbers in each for name in numbers)
    values = {name: np.array([numbers[name] for numbers in each if name in numbers], dtype=np.float64) for name in names}
    return {name: Estimate(float(v.mean()), float(v.std(ddof=1) / np.sqrt(len(v))) if len(v) > 1 else float("nan")) for name, v in values.items()}
