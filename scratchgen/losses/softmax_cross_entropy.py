"""Softmax cross-entropy: the negative log-likelihood of a class label, from logits.

−log p_label,   p = softmax(l)        =  log Σ_k e^(l_k) − l_label
dlogits = (p − onehot(label)) / batch
"""

import numpy as np

from scratchgen.ops import op, reading_waits


@op
def cross_entropy(logits, labels):
    """The definition, without checks -> loss, dlogits."""
    batch, rows = logits.shape[0], np.arange(logits.shape[0])
    shifted = logits - logits.max(axis=1, keepdims=True)  # cancels in p; with it nothing overflows
    log_sum = np.log(np.sum(np.exp(shifted), axis=1))
    loss = np.sum(log_sum - shifted[rows, labels], dtype=np.float64) / batch
    p = np.exp(shifted - log_sum[:, None])
    p[rows, labels] -= 1
    return loss, p / batch


def softmax_cross_entropy(logits, labels):
    """-> loss, dlogits.  logits (batch, classes); labels (batch,) integers from 0 to classes − 1; loss in nats, mean over the batch.

    Raises ValueError for wrong shapes or labels out of range (on a device, where looking would wait, the loss is NaN then), TypeError for
    labels that are not integers.
    """
    if logits.ndim != 2 or labels.shape != logits.shape[:1]:
        raise ValueError(f"labels have shape {tuple(labels.shape)} for logits {tuple(logits.shape)}; needed are (batch,) and (batch, classes)")
    if labels.dtype.kind not in "iu":
        raise TypeError(f"labels are {labels.dtype}; softmax_cross_entropy needs integers, the index of the class")
    last = logits.shape[1] - 1
    if not reading_waits() and len(labels) and not 0 <= labels.min() <= labels.max() <= last:
        raise ValueError(f"labels run from {labels.min()} to {labels.max()}; with logits {tuple(logits.shape)} they must lie in 0 … {last}")
    return cross_entropy(logits, labels)
