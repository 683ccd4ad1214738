"""The reparameterization trick: a random sample through which gradients flow
(Kingma & Welling 2013, section 2.4).

A sample of N(μ, σ²) is written as a function of its parameters and of noise that does not depend on them:

    z = μ + σ ∘ ε,      ε ~ N(0, I),      σ = e^(½ logvar)           logvar = log σ², the log-variance

    dμ      = dz
    dlogvar = dz ∘ ε ∘ ∂σ/∂logvar = ½ dz ∘ ε ∘ σ
"""

from typing import NamedTuple

import numpy as np

from scratchgen.layers.layer import Layer, check_noise
from scratchgen.ops import Stream, op


@op
def reparameterize(mu, logvar, eps):  # z = μ + e^(½ logvar) ∘ ε
    return mu + np.exp(0.5 * logvar) * eps


@op
def reparameterize_backward(dz, logvar, eps):  # dlogvar = ½ dz ∘ ε ∘ e^(½ logvar)
    return 0.5 * dz * eps * np.exp(0.5 * logvar)


class Cache(NamedTuple):
    """What backward needs: logvar and the noise, both (batch, n)."""

    logvar: np.ndarray
    eps: np.ndarray


class Reparameterize(Layer):
    """z ~ N(μ, e^logvar), differentiable, in training and in inference.

    `eps`: the noise, standard normal, instead of the layer's own stream.
    """

    def __init__(self, *, rng=None):
        self.stream = Stream(rng)

    def forward(self, mu, logvar, eps=None):
        """mu, logvar (batch, n) -> z (batch, n)."""
        if mu.shape != logvar.shape:
            raise ValueError(
                f"mu has shape {tuple(mu.shape)} but logvar {tuple(logvar.shape)}; "
                "Reparameterize needs equal shapes"
            )
        if eps is None:
            eps = self.stream.normal(mu.shape, mu.dtype)
        check_noise(self, eps, mu.shape, mu.dtype)
        return reparameterize(mu, logvar, eps), Cache(logvar, eps)

    def backward(self, dz, cache):
        """dz (batch, n) -> dmu, dlogvar (batch, n)."""
        return dz, reparameterize_backward(dz, cache.logvar, cache.eps)
