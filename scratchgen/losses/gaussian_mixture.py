"""Mixtures of Gaussians, one for each feature:
what a network must say about a number whose distribution may have several peaks.

    p(x) = Σ_k π_k N(x; μ_k, σ_k²)    π = softmax(logits),  σ_k² = e^logvar_k,  k = 1 … K

Write t_k = log π_k + log N(x; μ_k, σ_k²). Then

    nll = −log Σ_k e^(t_k)            computed after the largest t_k is taken out, so that nothing overflows

and the derivative of a log-sum-exp is a softmax: d nll/dt_k = −r_k, where

    r_k = e^(t_k) / Σ_j e^(t_j)       the *responsibility* of component k for x: the share that it has in p(x)

The rest is the chain rule. With log π_k = logits_k − log Σ_j e^(logits_j),
and the derivatives of log N from gaussian.py, weighted by r_k,

    dlogits_k = π_k − r_k             Σ_j r_j = 1
    dmu_k     = −r_k u_k / σ_k        u_k = (x − μ_k) / σ_k
    dlogvar_k = ½ r_k (1 − u_k²)

each divided by the batch: sum over features, mean over the batch.
With K = 1 all r are 1, and this is gaussian_nll.
"""

import numpy as np

from scratchgen.losses.gaussian import LOG_2PI
from scratchgen.losses.shapes import checked_arrays
from scratchgen.ops import op
from scratchgen.ops.checks import an_array


def log_softmax(logits):
    """log π (rows, K)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))


@op
def mixture_nll(x, logits, mu, logvar, batch):
    """-> nll, dlogits, dmu, dlogvar.  x (rows, 1), the others (rows, K);
    a row is a feature of an example, of which there are `batch`.
    """
    log_pi = log_softmax(logits)
    inverse = np.exp(-0.5 * logvar)  # 1 / σ
    u = (x - mu) * inverse
    t = log_pi - 0.5 * (LOG_2PI + logvar + u**2)
    largest = t.max(axis=1, keepdims=True)
    e = np.exp(t - largest)
    sum_of_e = np.sum(e, axis=1, keepdims=True)
    nll = -np.sum(largest + np.log(sum_of_e), dtype=np.float64) / batch
    r = e / sum_of_e
    r_u = np.where(r > 0, r * u, 0)  # so far away that r is 0, u² may be infinite
    return nll, (np.exp(log_pi) - r) / batch, -r_u * inverse / batch, 0.5 * (r - r_u * u) / batch


@op
def mixture_log_density(x, logits, mu, logvar):
    """log p(x) of each row:  x (rows, 1), the others (rows, K) -> (rows,)."""
    u = (x - mu) * np.exp(-0.5 * logvar)
    t = log_softmax(logits) - 0.5 * (LOG_2PI + logvar + u**2)
    largest = t.max(axis=1)
    return largest + np.log(np.sum(np.exp(t - largest[:, None]), axis=1))


def gaussian_mixture_nll(x, logits, mu, logvar):
    """-> nll, dlogits, dmu, dlogvar.  x (batch, features) is data: it gets no gradient;
    logits, mu, logvar (batch, features, K); nll in nats.

    Raises ValueError for other shapes, TypeError for what is no array, or of another dtype.
    """
    given = {"logits": logits, "mu": mu, "logvar": logvar}
    given = {name: an_array("gaussian_mixture_nll", name, a) for name, a in {"x": x, **given}.items()}
    x, logits = given.pop("x"), given["logits"]
    for name, a in given.items():
        if x.ndim != 2 or a.ndim != 3 or a.shape[:2] != x.shape or a.shape != logits.shape or not a.shape[2]:
            raise ValueError(
                f"{name} has shape {tuple(a.shape)} for x {tuple(x.shape)}; gaussian_mixture_nll needs "
                f"x (batch, features) and the others (batch, features, K), all of one shape"
            )
    batch, features, K = logits.shape
    rows = {name: a.reshape(batch * features, K) for name, a in given.items()}
    checked_arrays("gaussian_mixture_nll", {"x": x.reshape(-1, 1)} | rows, lambda shape: shape[:1])
    nll, *gradients = mixture_nll(x.reshape(batch * features, 1), *rows.values(), batch)
    return nll, *(gradient.reshape(batch, features, K) for gradient in gradients)
