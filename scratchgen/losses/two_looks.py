"""The information that two looks at an example share about its class, without labels.

A classifier sees every example twice, and at least once in a changed form (a random map of the picture,
dropout). It gives probabilities p at the first look and q at the second. Take a class drawn from p as a code,
and q as the guess at it; then the mutual information of the code and the second look is at least
(Barber & Agakov 2003)

    I  ≥  H(p̄) − E[−Σ_k p_k log q_k]              p̄_k = mean of p_k over the minibatch

It is large if all classes are equally frequent, if each example is put into one class with certainty, and
if the second look agrees: the cross-entropy is H(p) + KL(p ‖ q). Clustering by information maximisation has
the first two terms (Krause et al. 2010), and with changed examples all three (Hu et al. 2017). A weight μ of
H(p̄) above 1 keeps training from settling early for fewer classes:

    loss  = mean −Σ_k p_k log q_k  −  μ H(p̄)                          p = softmax(l),  log q = log softmax(m)

    dp_k  = (μ log p̄_k − log q_k) / batch     without + μ / batch for all k, which softmax's gradient ignores
    dl_k  = p_k (dp_k − Σ_j p_j dp_j)
    dm    = (q − p) / batch
"""

import math

import numpy as np

from scratchgen.errors import number
from scratchgen.layers.softmax import softmax, softmax_backward
from scratchgen.losses.shapes import checked_arrays
from scratchgen.ops import op


@op
def mean_row(p):  # p̄:  (batch, classes) -> (classes,)
    return np.sum(p, axis=0) / p.shape[0]


@op
def entropy_of(mean):  # -> log p̄ (classes,), H(p̄)
    log_mean = np.log(np.maximum(mean, 1e-30))  # 0 log 0 = 0
    return log_mean, -np.sum(mean * log_mean, dtype=np.float64)


@op
def agreement(p, second, log_mean, entropy, balance):
    """-> loss, dl, dm, of p (batch, classes) and the logits m of the second look."""
    batch = p.shape[0]
    shifted = second - second.max(axis=1, keepdims=True)  # cancels in q; with it nothing overflows
    log_q = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    loss = -np.sum(p * log_q, dtype=np.float64) / batch - balance * entropy
    dp = (balance * log_mean - log_q) / batch
    return loss, softmax_backward(dp, p), (np.exp(log_q) - p) / batch


def two_looks(first, second, balance):
    """-> loss, dfirst, dsecond.  first, second (batch, classes): logits l and m; balance: μ; loss in nats.

    Raises ValueError for shapes that differ, or a balance that is not finite;
    TypeError for what is no array or of another dtype.
    """
    first, second = checked_arrays("two_looks", {"first": first, "second": second}, lambda shape: shape)
    number("balance", balance, math.isfinite, "be finite")
    p = softmax(first)
    return agreement(p, second, *entropy_of(mean_row(p)), balance)
