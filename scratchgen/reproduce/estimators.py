"""How noisy three estimates of one gradient are, as in a figure of Mohamed et al. 2020, on a toy where the variances are known.

The gradient of E[f(z)], z ~ N(μ, σ²), with respect to μ: by the reparameterization, by the score function, and by that with a baseline.
demos/estimators.py derives and draws them; here each is measured on f(z) = (z − 2)² at μ = 0, σ = 1.
"""

import numpy as np

from scratchgen.reproduce.study import Published, Reproduction

MU, K = 0.0, 2.0


def run(study):
    """Draw, and measure the variance of each estimate of one sample."""
    n = study.choose(quick=100_000, default=2_000_000)
    eps = np.random.default_rng(study.seed).standard_normal(n)
    f = lambda z: (z - K) ** 2
    z = MU + eps
    for name, estimates in (
        ("reparameterization", 2 * (z - K)),
        ("score function", f(z) * eps),
        ("score function, baseline", (f(z) - f(z).mean()) * eps),
    ):
        study.measure(name, lambda estimates=estimates: (estimates - estimates.mean()) ** 2)  # their mean is the variance


ESTIMATORS = Reproduction(
    name="estimators",
    title="Variance of three estimates of d/dμ E[(z − 2)²], z ~ N(μ, 1), at μ = 0 (closed forms; Mohamed et al. 2020)",
    run=run,
    published={
        "reparameterization": Published(4, origin="exact"), "score function": Published(87, origin="exact"),
        "score function, baseline": Published(42, origin="exact"),
    },
    unit="variance of one sample's estimate",
    differs=("the toy is ours, because its variances are known; the paper's figure shows such toys without numbers",),
    quick="100,000 samples of 2,000,000",
)  # fmt: skip
