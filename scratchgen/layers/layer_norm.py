"""Layer normalisation: each example is shifted and scaled to mean 0 and variance 1 over its features
(Ba et al. 2016).

    μ = mean_j x_j        v = mean_j (x_j − μ)²        r = 1 / √(v + eps)             one of each example
    x̂ = (x − μ) r         y = gamma ∘ x̂ + beta                                       (batch, n)

Batch normalisation turned by a quarter: the means run over the features of one example, not over the batch,
so examples do not mix and inference needs no running statistics. The derivation in batch_norm.py holds with
rows in the place of columns:

    dx = r (dx̂ − mean dx̂ − x̂ ∘ mean(dx̂ ∘ x̂)),      dx̂ = dy ∘ gamma,     means over the features
"""

from typing import NamedTuple

import numpy as np

from scratchgen.errors import integer, number
from scratchgen.layers.batch_norm import add_norm_grads
from scratchgen.layers.layer import Layer
from scratchgen.ops import add_column_sums, array, op


@op
def layer_norm(x, gamma, beta, eps):
    """-> y, x̂ (batch, n), r (batch,)."""
    centred = x - x.mean(axis=1, keepdims=True)
    r = 1 / np.sqrt(np.mean(centred**2, axis=1) + eps)
    x_hat = centred * r[:, None]
    return gamma * x_hat + beta, x_hat, r


@op
def normalise_backward(dx_hat, x_hat, r):  # dx = r (dx̂ − mean dx̂ − x̂ ∘ mean(dx̂ ∘ x̂))
    return r[:, None] * (
        dx_hat - dx_hat.mean(axis=1, keepdims=True) - x_hat * np.mean(dx_hat * x_hat, axis=1, keepdims=True)
    )


@op
def layer_norm_backward(dy, x_hat, r, gamma):  # dx̂ = dy ∘ gamma, and on to dx
    return normalise_backward(dy * gamma, x_hat, r)


@op
def layer_norm_double_backward(ddx, dy, x_hat, r, gamma):
    """-> ddy, dx, and dgamma of each example, all (batch, n).

    P = Σ ddx ∘ dx, and dx = N(g) with g = dy ∘ gamma and N = normalise_backward, a symmetric linear map. So

        dP/dg = N(ddx)         ddy = gamma ∘ dP/dg         dgamma = Σ_n dy ∘ dP/dg

    For dP/dx write h = ddx. Of each example

        P      = r (h·g − n mean h mean g − n mean(h ∘ x̂) mean(g ∘ x̂))
        dP/dx̂ = −r (h mean(g ∘ x̂) + g mean(h ∘ x̂))              and from x̂ on to x as in backward
        dP/dr  = P / r                                             ∂r/∂x = −r² x̂ / n
    """
    h, g = ddx, dy * gamma
    dg = normalise_backward(h, x_hat, r)
    P = np.sum(dg * g, axis=1)
    dx_hat = -r[:, None] * (
        h * np.mean(g * x_hat, axis=1, keepdims=True) + g * np.mean(h * x_hat, axis=1, keepdims=True)
    )
    dx = normalise_backward(dx_hat, x_hat, r) - (P * r / g.shape[1])[:, None] * x_hat
    return gamma * dg, dx, dy * dg


class Cache(NamedTuple):
    """What backward needs: x̂ (batch, n) and r (batch,)."""

    x_hat: np.ndarray
    r: np.ndarray


class LayerNorm(Layer):
    """Normalise each example over its n features, then scale and shift.

    eps: added to the variance.  params: gamma, beta (n,).
    """

    def __init__(self, n, *, eps=1e-5, dtype=np.float32):
        n, eps = integer("n", n, 1), number("eps", eps, lambda eps: eps > 0, "be positive")
        self.n, self.eps = n, eps
        self.params = {"gamma": array(np.ones(n), dtype), "beta": array(np.zeros(n), dtype)}
        self.grads = {"gamma": array(np.zeros(n), dtype), "beta": array(np.zeros(n), dtype)}

    def forward(self, x):
        """x (batch, n) -> y (batch, n)."""
        self.check_input(x, self.n)
        y, x_hat, r = layer_norm(x, self.params["gamma"], self.params["beta"], self.eps)
        return y, Cache(x_hat, r)

    def backward(self, dy, cache, wrt="both"):
        """dy (batch, n) -> dx (batch, n)."""
        if wrt != "input":
            add_norm_grads(self.grads["gamma"], self.grads["beta"], dy, cache.x_hat)
        if wrt != "params":
            return layer_norm_backward(dy, cache.x_hat, cache.r, self.params["gamma"])

    def double_backward(self, ddx, dy, cache):
        """ddx (batch, n) -> ddy, dx (batch, n)."""
        ddy, dx, dgamma = layer_norm_double_backward(ddx, dy, cache.x_hat, cache.r, self.params["gamma"])
        add_column_sums(self.grads["gamma"], dgamma)
        return ddy, dx

    def __repr__(self):
        return f"LayerNorm({self.n})"
