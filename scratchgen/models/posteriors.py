"""What an encoder's output h means: q(z|x), the distribution of an example's latent variable.

    z, cache = q.forward(h, eps)       a sample (batch, n), as a function of h and noise,
                                       so that gradients flow
    dh       = q.backward(dz, cache)   the way back through z
    kl, dh   = q.kl(cache, weight)     KL(q(z|x) ‖ N(0, I)), mean over the batch; the gradient of weight · KL

"gaussian"   h = [μ | logvar]            z = μ + σ ∘ ε, σ = e^(½ logvar);
                                         the KL in closed form (losses/gaussian.py)
"iaf"        h = [μ | logvar | c]        z = flow(z₀; c), z₀ = μ + σ ∘ ε;
                                         an invertible flow (iaf.py)

With a flow the density of z follows from that of z₀ by the change of variables,
log q(z|x) = log q₀(z₀|x) − logdet, where logdet = log |det ∂z/∂z₀|. So the KL is the Gaussian's and a
correction, estimated from the sample at hand:

    KL(q ‖ p) = E[log q₀(z₀) − logdet − log p(z)]
              = KL(q₀ ‖ p) + E[½ ‖z‖² − ½ ‖z₀‖² − logdet]        as log p(z₀) − log p(z) = ½ ‖z‖² − ½ ‖z₀‖²

    dz = z / batch    dz₀ = −z₀ / batch    dlogdet = −1 / batch    and through the flow to z₀, c, its weights
"""

from typing import NamedTuple

import numpy as np

from scratchgen.layers import Reparameterize
from scratchgen.losses import gaussian_kl, gaussian_kl_rows
from scratchgen.models.iaf import InverseAutoregressiveFlow
from scratchgen.models.likelihoods import split
from scratchgen.ops import add, join_columns, op


@op
def log_weight(log_px, z, eps, logvar):
    """log p(x|z) p(z) / q(z|x) of each example: (batch,), (batch, n) × 3 -> (batch,).  With z = μ + σ ε,

    log p(z) − log q(z|x) = Σ −½ z² + ½ ε² + ½ logvar        (the two ½ log 2π cancel)
    """
    return log_px + 0.5 * np.sum(eps**2 - z**2 + logvar, axis=1)


@op
def join_scaled(a, b, weight):  # [weight a | weight b]
    return np.concatenate([weight * a, weight * b], axis=1)


@op
def flow_kl(z0, z, logdet, weight):
    """-> KL(q ‖ p) − KL(q₀ ‖ p), a number, and dz0, dz of weight times that.

    z0, z (batch, n), logdet (batch,).
    """
    batch = z.shape[0]
    correction = (0.5 * np.sum(z**2 - z0**2, dtype=np.float64) - np.sum(logdet, dtype=np.float64)) / batch
    return correction, -weight * z0 / batch, weight * z / batch


@op
def flow_kl_rows(kl, z0, z, logdet):
    """KL(q₀ ‖ p) of each example -> that of q:  (batch,), (batch, n) × 2, (batch,) -> (batch,)."""
    return kl + 0.5 * np.sum(z**2 - z0**2, axis=1) - logdet


class Drawn(NamedTuple):
    """What the way back from z needs, and what is asked about z:
    z, mu, logvar (batch, n), and the cache of the reparameterization.
    """

    z: np.ndarray
    mu: np.ndarray
    logvar: np.ndarray
    cache: tuple


class GaussianPosterior:
    """q(z|x) = N(μ, σ²), independent in each dimension.

    parts: the modules that it is made of, for the model that has it.
    """

    is_gaussian, outputs_per_latent = True, 2

    def __init__(self, latent_dim, rng=None, dtype=np.float32):
        self.reparameterize = Reparameterize(rng=rng)
        self.parts = {"reparameterize": self.reparameterize}

    def forward(self, h, eps=None):
        """h = [mu | logvar] (batch, 2 n), eps (batch, n) -> z (batch, n), cache."""
        mu, logvar = split(h)
        z, cache = self.reparameterize.forward(mu, logvar, eps=eps)
        return z, Drawn(z, mu, logvar, cache)

    def backward(self, dz, drawn):
        """dz (batch, n) -> dh (batch, 2 n)."""
        return join_columns(*self.reparameterize.backward(dz, drawn.cache))

    def kl(self, drawn, weight):
        """-> kl, a number; dh (batch, 2 n), the gradient of weight · kl."""
        kl, dmu, dlogvar = gaussian_kl(drawn.mu, drawn.logvar)
        return kl, join_scaled(dmu, dlogvar, weight)

    def kl_rows(self, drawn):
        """KL of each example, in nats -> (batch,)."""
        return gaussian_kl_rows(drawn.mu, drawn.logvar)

    def log_weight(self, log_px, drawn):
        """log p(x|z) p(z) / q(z|x) of each example, log_px (batch,) being log p(x|z) -> (batch,)."""
        return log_weight(log_px, drawn.z, drawn.cache.eps, drawn.logvar)

    def middle(self, h):
        """z without noise, which is E_q[z] -> (batch, n)."""
        return split(h)[0]


class Bent(NamedTuple):
    """The same of a z that a flow has made: of the Gaussian's z₀, what Drawn holds;
    z (batch, n), logdet (batch,), and the flow's caches.
    """

    base: Drawn
    z: np.ndarray
    logdet: np.ndarray
    cache: list


class FlowPosterior:
    """q(z|x): a Gaussian, bent by an inverse autoregressive flow that the encoder steers,
    by as many numbers c as z has.
    """

    is_gaussian, outputs_per_latent = False, 3

    def __init__(self, latent_dim, rng=None, dtype=np.float32):
        self.n, self.base = latent_dim, GaussianPosterior(latent_dim, rng=rng, dtype=dtype)
        self.flow = InverseAutoregressiveFlow(latent_dim, latent_dim, rng=rng, dtype=dtype)
        self.reparameterize, self.parts = self.base.reparameterize, {**self.base.parts, "flow": self.flow}

    def forward(self, h, eps=None):
        """h = [mu | logvar | c] (batch, 3 n), eps (batch, n) -> z (batch, n), cache."""
        z0, base = self.base.forward(h[:, : 2 * self.n], eps)
        z, logdet, cache = self.flow.forward(z0, h[:, 2 * self.n :])
        return z, Bent(base, z, logdet, cache)

    def backward(self, dz, bent):
        """dz (batch, n) -> dh (batch, 3 n)."""
        dz0, dc = self.flow.backward(dz, 0.0, bent.cache)
        return join_columns(self.base.backward(dz0, bent.base), dc)

    def kl(self, bent, weight):
        """-> kl, a number, from one sample; dh (batch, 3 n), the gradient of weight · kl."""
        kl, dh_base = self.base.kl(bent.base, weight)
        correction, dz0, dz = flow_kl(bent.base.z, bent.z, bent.logdet, weight)
        dz0_flow, dc = self.flow.backward(dz, -weight / dz.shape[0], bent.cache)
        dh_z0 = self.base.backward(add(dz0, dz0_flow), bent.base)
        return add(kl, correction), join_columns(add(dh_base, dh_z0), dc)

    def kl_rows(self, bent):
        """KL of each example, in nats, from one sample of z -> (batch,)."""
        return flow_kl_rows(self.base.kl_rows(bent.base), bent.base.z, bent.z, bent.logdet)

    def log_weight(self, log_px, bent):
        """log p(x|z) p(z) / q(z|x) of each example, log_px (batch,) being log p(x|z) -> (batch,)."""
        return add(log_weight(log_px, bent.z, bent.base.cache.eps, bent.base.logvar), bent.logdet)

    def middle(self, h):
        """z without noise, a point in the middle of q -> (batch, n)."""
        z, *_ = self.flow.forward(h[:, : self.n], h[:, 2 * self.n :])
        return z


POSTERIORS = {"gaussian": GaussianPosterior, "iaf": FlowPosterior}
