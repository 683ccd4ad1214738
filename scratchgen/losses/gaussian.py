"""Gaussians with diagonal covariance, given by mean μ and log-variance:
the negative log-likelihood, and the divergence from N(0, I).

    −log N(x; μ, σ²) = ½ (log 2π + logvar + u²),          u = (x − μ) / σ,  σ = e^(½ logvar)

    d/dμ      = −u / σ
    d/dlogvar = ½ (1 − u²)

    KL(N(μ, σ²) ‖ N(0, 1)) = ½ (μ² + σ² − logvar − 1)                       Kingma & Welling 2013, appendix B

    d/dμ = μ          d/dlogvar = ½ (σ² − 1)

Sum over features, mean over the batch, as everywhere.
"""

import numpy as np

from scratchgen.losses.shapes import equal_shapes
from scratchgen.ops import op

LOG_2PI = float(np.log(2 * np.pi))


@equal_shapes
@op
def gaussian_nll(x, mu, logvar):
    """-> nll, dmu, dlogvar.  x, mu, logvar (batch, features); nll in nats, with its ½ log 2π.
    x is data: it gets no gradient.
    """
    batch = x.shape[0]
    inverse = np.exp(-0.5 * logvar)  # 1 / σ; 1 / σ² would overflow long before
    u = (x - mu) * inverse
    nll = 0.5 * np.sum(LOG_2PI + logvar + u**2, dtype=np.float64) / batch
    return nll, -u * inverse / batch, 0.5 * (1 - u**2) / batch


@equal_shapes
@op
def gaussian_kl(mu, logvar):
    """-> kl, dmu, dlogvar.  KL(N(mu, e^logvar) ‖ N(0, I)) in nats; mu, logvar (batch, features)."""
    batch = mu.shape[0]
    var = np.exp(logvar)
    kl = 0.5 * np.sum(mu**2 + var - logvar - 1, dtype=np.float64) / batch
    return kl, mu / batch, 0.5 * (var - 1) / batch


@equal_shapes
@op
def gaussian_log_likelihood(x, mu, logvar):
    """log N(x; mu, e^logvar) of each example, in nats:  (batch, features) -> (batch,)."""
    u = (x - mu) * np.exp(-0.5 * logvar)
    return -0.5 * np.sum(LOG_2PI + logvar + u**2, axis=1)


@equal_shapes
@op
def gaussian_kl_rows(mu, logvar):
    """KL(N(mu, e^logvar) ‖ N(0, I)) of each example, in nats:  (batch, features) -> (batch,)."""
    return 0.5 * np.sum(mu**2 + np.exp(logvar) - logvar - 1, axis=1)
