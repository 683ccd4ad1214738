"""Binary cross-entropy on logits: the negative log-likelihood of independent coin flips.

With p = σ(l) = 1 / (1 + e⁻ˡ), one target t in [0, 1] costs

    −t log p − (1 − t) log(1 − p)  =  softplus(l) − t l,            softplus(l) = log(1 + eˡ)

because −log p = softplus(−l) = softplus(l) − l and −log(1 − p) = softplus(l). In this form nothing overflows,
and a wrong guess has its whole cost and gradient however sure it is; of a right one, what is below the
rounding of l is lost, which is nothing beside l. Its derivative is famously simple, because softplus' = σ:

    loss = (1 / batch) Σ_n Σ_j softplus(l_nj) − t_nj l_nj            sum over features, mean over the batch
    dlogits = (σ(l) − t) / batch
"""

import numpy as np

from scratchgen.layers.sigmoid import sigmoid
from scratchgen.layers.softplus import softplus
from scratchgen.losses.shapes import equal_shapes
from scratchgen.ops import op


@equal_shapes
@op
def bce_with_logits(logits, targets):
    """-> loss, dlogits.  logits, targets (batch, features); targets in [0, 1]; loss in nats."""
    batch = logits.shape[0]
    loss = np.sum(softplus(logits) - targets * logits, dtype=np.float64) / batch
    dlogits = (sigmoid(logits) - targets) / batch
    return loss, dlogits


@equal_shapes
def bernoulli_nll(x, logits):
    """Negative log-likelihood of x under Bernoulli(σ(logits)) -> nll, dlogits.
    The binary cross-entropy by its other name.
    """
    return bce_with_logits(logits, x)


@equal_shapes
@op
def bernoulli_log_likelihood(x, logits):
    """log p(x) of each example, in nats:  x, logits (batch, features) -> (batch,)."""
    return np.sum(x * logits - softplus(logits), axis=1)
