"""A mean and how far to trust it. A number from samples is one of many that it might have been; its standard error says how far those lie apart.

    mean = (1/n) Σ v_i            standard error = √(Σ (v_i − mean)² / (n − 1) / n)

n − 1, because the mean is that of these values: it lies nearer to them than the true one. Of a single value nothing is known, and the error is NaN.
"""

from typing import NamedTuple

import numpy as np


class Estimate(NamedTuple):
    """A mean of independent values, and its standard error."""

    mean: float
    standard_error: float

    def as_json(self):
        """{"mean", "standard_error"}, for JSON, which knows no NaN: None of a single value's error."""
        return {"mean": self.mean, "standard_error": None if np.isnan(self.standard_error) else self.standard_error}


def estimate(values):
    """The Estimate that values (n,) give, n ≥ 1; booleans count as 0 and 1: their mean is a share."""
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"values has shape {values.shape}; an estimate needs (n,) with n ≥ 1")
    return Estimate(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan"))


def over_seeds(each):
    """{name: Estimate} of numbers that were measured with several seeds, dicts {name: number}."""
    names = dict.fromkeys(name for numbers in each for name in numbers)
    return {name: estimate([numbers[name] for numbers in each if name in numbers]) for name in names}
