"""Softmax cross-entropy: the negative log-likelihood of a class label, from logits.

With p = softmax(l), one example costs

    −log p_label  =  log Σ_k e^(l_k) − l_label

    d/dl_k        =  e^(l_k) / Σ_j e^(l_j) − [k = label]  =  p_k − onehot(label)_k

    loss    = (1 / batch) Σ_n −log p_label             mean over the batch
    dlogits = (p − onehot(label)) / batch
"""

import numpy as np

from scratchgen.ops import is_async, op
from scratchgen.ops.checks import REALS, an_array


@op
def cross_entropy(logits, labels):
    """The definition, without checks -> loss, dlogits."""
    batch, classes = logits.shape
    onehot = labels[:, None] == np.arange(classes, like=logits)  # (batch, classes)
    shifted = logits - logits.max(axis=1, keepdims=True)  # cancels in p; with it nothing overflows
    e = np.exp(shifted)
    sum_of_e = np.sum(e, axis=1)
    nll = np.log(sum_of_e) - np.sum(np.where(onehot, shifted, 0), axis=1)
    loss = np.sum(np.where((labels >= 0) & (labels < classes), nll, np.nan), dtype=np.float64) / batch
    return loss, (e / sum_of_e[:, None] - onehot) / batch  # p − onehot


def softmax_cross_entropy(logits, labels):
    """-> loss, dlogits.  logits (batch, classes); labels (batch,) integers from 0 to classes − 1;
    loss in nats, mean over the batch.

    Raises ValueError for wrong shapes or labels out of range (on a device, where looking would wait, the loss
    is NaN then), TypeError for labels that are not integers, or logits that are not float32 or float64.
    """
    logits = an_array("softmax_cross_entropy", "logits", logits)
    labels = an_array("softmax_cross_entropy", "labels", labels)
    if logits.ndim != 2 or labels.shape != logits.shape[:1]:
        raise ValueError(
            f"labels have shape {tuple(labels.shape)} for logits {tuple(logits.shape)}; "
            f"needed are (batch,) and (batch, classes)"
        )
    if logits.dtype not in REALS:
        raise TypeError(f"logits are {logits.dtype}; softmax_cross_entropy needs float32 or float64")
    if labels.dtype.kind not in "iu":
        raise TypeError(
            f"labels are {labels.dtype}; softmax_cross_entropy needs integers, the index of the class"
        )
    last = logits.shape[1] - 1
    if not is_async() and len(labels) and not 0 <= labels.min() <= labels.max() <= last:
        raise ValueError(
            f"labels run from {labels.min()} to {labels.max()}; "
            f"with logits {tuple(logits.shape)} they must lie in 0 … {last}"
        )
    return cross_entropy(logits, labels)
