"""Mistakes in the binary cross-entropy."""

import numpy as np


def _p(logits):
    return 1 / (1 + np.exp(-logits))


def losses(logits, targets):
    """{words: loss}."""
    p, batch = _p(logits), len(logits)
    right = np.sum(np.logaddexp(0, logits) - targets * logits) / batch
    return {
        "the loss is averaged over the features as well: sum over features, mean over the batch": right / logits.shape[1],
        "the loss is not divided by the batch size: sum over features, mean over the batch": right * batch,
        "the loss is divided by the number of features in the place of the batch size": right * batch / logits.shape[1],
        "the loss has the wrong sign": -right,
        "the term of the target, t l, is missing from the loss": np.sum(np.logaddexp(0, logits)) / batch,
        "the term of the target, t l, has the wrong sign in the loss": np.sum(np.logaddexp(0, logits) + targets * logits) / batch,
        "the term (1 − t) log(1 − p) is missing from the loss": -np.sum(targets * np.log(p)) / batch,
        "the term t log p is missing from the loss": -np.sum((1 - targets) * np.log(1 - p)) / batch,
        "targets and 1 − targets are exchanged in the loss": np.sum(np.logaddexp(0, logits) - (1 - targets) * logits) / batch,
        "the target multiplies softplus(l), where it belongs to l": np.sum(targets * np.logaddexp(0, logits) - logits) / batch,
        "it is the probability, σ(l), that softplus is taken of, or that t is multiplied with": np.sum(np.logaddexp(0, logits) - targets * p) / batch,
        "softplus is taken of the probability σ(l), where it belongs to the logit": np.sum(np.logaddexp(0, p) - targets * logits) / batch,
        "the logarithm is one to base 2, where the natural one belongs, np.log": right / np.log(2),
    }


GRADIENTS = {
    "this is the gradient with respect to the probability p, not the logit: dlogit = dp · p (1 − p), which cancels": (
        lambda logits, targets: (_p(logits) - targets) / (_p(logits) * (1 - _p(logits))) / len(logits)
    ),
    "the factor p (1 − p) is too much: it has cancelled already": (
        lambda logits, targets: (_p(logits) - targets) * _p(logits) * (1 - _p(logits)) / len(logits)
    ),
    "the logits stand where σ(logits) belongs: logits − targets": lambda logits, targets: (logits - targets) / len(logits),
    "the gradient is that of one part only, of t log p": lambda logits, targets: -targets * (1 - _p(logits)) / len(logits),
    "the gradient is that of one part only, of (1 − t) log(1 − p)": lambda logits, targets: (1 - targets) * _p(logits) / len(logits),
    "the derivative of softplus is taken to be softplus itself; it is σ": lambda logits, targets: (np.logaddexp(0, logits) - targets) / len(logits),
    "targets is multiplied by the logits, as in the loss": lambda logits, targets: (_p(logits) - targets * logits) / len(logits),
}
