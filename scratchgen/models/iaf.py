"""The inverse autoregressive flow (Kingma et al. 2016): invertible steps that bend a Gaussian sample.

One step moves each dimension of z towards a place m, by as much as a gate σ leaves open:

    [m | s] = net([z | c])          an autoregressive network (made.py):
                                    m_d and s_d see z_1 … z_(d−1), and the context c
    σ       = 1 / (1 + e⁻ˢ)
    z′      = σ ∘ z + (1 − σ) ∘ m        = m + σ ∘ (z − m)

Because m_d and s_d see neither z_d nor what comes after it, ∂z′/∂z is triangular, with σ on its diagonal. So
the volume changes by

    logdet = log |det ∂z′/∂z| = Σ_d log σ_d = −Σ_d softplus(−s_d)

Given z′, one would find z dimension after dimension, a pass through the network for each. Nobody has to: a
posterior is asked for a sample, which is one pass forward, and for the density of that very sample. Backward,
given dz′ and dlogdet:

    dm = dz′ ∘ (1 − σ)
    ds = dz′ ∘ (z − m) ∘ σ ∘ (1 − σ) + dlogdet (1 − σ)          ∂σ/∂s = σ (1 − σ),   ∂ log σ/∂s = 1 − σ
    [dz | dc] = net.backward([dm | ds])                         and dz += dz′ ∘ σ,  the way past the network

The first step takes the dimensions in their order, the second in the opposite one, and so on: what came last,
and was seen by nobody, comes first. A gate begins almost open, with s = 2, σ = 0.88: the flow starts near the
Gaussian.
"""

import numpy as np

from scratchgen.layers import MaskedLinear, Module, Sequential, Tanh
from scratchgen.layers.sigmoid import sigmoid
from scratchgen.layers.softplus import softplus
from scratchgen.models.made import made_masks
from scratchgen.ops import add, as_generator, fill, join_columns, op

STEPS = 2
WIDTH = 8  # hidden units of each network, for each dimension of z
OPEN = 2.0  # the s at which gates begin


@op
def gated(z, ms):
    """-> z′ (batch, n), logdet (batch,).  z (batch, n), ms = [m | s] (batch, 2 n)."""
    n = z.shape[1]
    m, s = ms[:, :n], ms[:, n:]
    return m + sigmoid(s) * (z - m), -np.sum(softplus(-s), axis=1)


@op
def gated_backward(dz, dlogdet, z, ms):
    """-> dz past the network (batch, n), [dm | ds] (batch, 2 n).

    dz (batch, n); dlogdet: a number, the same for every example.
    """
    n = z.shape[1]
    m, s = ms[:, :n], ms[:, n:]
    gate = sigmoid(s)
    return dz * gate, np.concatenate([dz * (1 - gate), (dz * (z - m) * gate + dlogdet) * (1 - gate)], axis=1)


def autoregressive_net(n, context, ordering, rng, dtype):
    """[z | c] (batch, n + context) -> [m | s] (batch, 2 n),
    both of which see earlier z only, and all of c.
    """
    # feature n stands for c: before all others, seen by all
    first, last = made_masks((n + 1, WIDTH * n, n + 1), (n, *ordering))
    hidden = MaskedLinear(np.vstack([first[:n], np.repeat(first[n:], context, axis=0)]), rng=rng, dtype=dtype)
    output = MaskedLinear(np.hstack([last[:, :n], last[:, :n]]), rng=rng, dtype=dtype)
    fill(output.params["b"][n:], OPEN)
    return Sequential(hidden, Tanh(), output)


class InverseAutoregressiveFlow(Module):
    """Inverse autoregressive flow of STEPS steps.

    n: dimensions of z.
    context: of c.
    """

    def __init__(self, n, context, rng=None, dtype=np.float32):
        self.n, rng = n, as_generator(rng)
        orderings = [range(n)[:: 1 if step % 2 == 0 else -1] for step in range(STEPS)]
        self.nets = [autoregressive_net(n, context, ordering, rng, dtype) for ordering in orderings]
        self.set_parts(**{str(step): net for step, net in enumerate(self.nets)})

    def forward(self, z, c):
        """z (batch, n), c (batch, context) -> the last step's z (batch, n),
        logdet of all steps (batch,), caches.
        """
        total, caches = None, []
        for net in self.nets:
            ms, net_cache = net.forward(join_columns(z, c))
            caches.append((z, ms, net_cache))
            z, logdet = gated(z, ms)
            total = logdet if total is None else add(total, logdet)
        return z, total, caches

    def backward(self, dz, dlogdet, caches):
        """dz (batch, n), dlogdet a number -> dz (batch, n), dc (batch, context); adds to grads."""
        dc = None
        for net, (z, ms, net_cache) in zip(reversed(self.nets), reversed(caches), strict=True):
            dz_past, dms = gated_backward(dz, dlogdet, z, ms)
            dzc = net.backward(dms, net_cache)  # [dz | dc]
            dz = add(dz_past, dzc[:, : self.n])
            dc = dzc[:, self.n :] if dc is None else add(dc, dzc[:, self.n :])
        return dz, dc
