"""Mistakes in softmax cross-entropy."""

import numpy as np


def _p(logits, axis=1):
    e = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _onehot(logits, labels):
    return np.eye(logits.shape[1])[labels]


def losses(logits, labels):
    """{words: loss}."""
    batch, onehot = len(logits), _onehot(logits, labels)
    right = -np.sum(np.log(_p(logits)) * onehot) / batch
    lse, top = np.log(np.exp(logits).sum(axis=1)), logits.max(axis=1)
    label = np.sum(logits * onehot, axis=1)
    return {
        "the loss is not divided by the batch size: it is the mean over the batch": right * batch,
        "the loss is divided by the number of classes in the place of the batch size": right * batch / logits.shape[1],
        "the loss is averaged over the classes as well": right / logits.shape[1],
        "the loss has the wrong sign": -right,
        "the logarithm is one to base 2, where the natural one belongs, np.log": right / np.log(2),
        "the sum of the exponentials runs over the batch (axis=0), where it should run over the classes": -np.sum(np.log(_p(logits, 0)) * onehot)
        / batch,
        "the largest logit is subtracted in one of the two terms only": np.mean(lse - top - label),
        "the largest logit is subtracted in one of the two terms only, that of the label": np.mean(lse - label + top),
        "the term l_label is missing from the loss": np.mean(lse),
        "the term l_label is missing from the loss, and the largest logit is subtracted": np.mean(lse - top),
        "the term l_label has the wrong sign": np.mean(lse + label),
        "the logarithm is missing: this is the mean of −p_label": -np.sum(_p(logits) * onehot) / batch,
        "the sum over k of −log p_k is taken over all classes, not the label alone": -np.sum(np.log(_p(logits))) / batch,
        "the logarithm of the sum is missing: l_label alone": -np.mean(label),
        "the logarithm is of one sum over the whole batch": np.log(np.exp(logits).sum()) - np.mean(label),
    }


GRADIENTS = {
    "the sum of the exponentials runs over the batch (axis=0), where it should run over the classes": (
        lambda logits, labels: (_p(logits, 0) - _onehot(logits, labels)) / len(logits)
    ),
    "the exponentials are not divided by their sum": lambda logits, labels: (np.exp(logits) - _onehot(logits, labels)) / len(logits),
    "the exponentials are not divided by their sum: e^(l − m) in the place of p": (
        lambda logits, labels: (np.exp(logits - logits.max(axis=1, keepdims=True)) - _onehot(logits, labels)) / len(logits)
    ),
    "the logits stand where p = softmax(logits) belongs": lambda logits, labels: (logits - _onehot(logits, labels)) / len(logits),
    "this is the gradient with respect to p, −1 / p_label, not to the logits": lambda logits, labels: (
        -_onehot(logits, labels) / _p(logits) / len(logits)
    ),
    "the gradient is computed for the label's logit only: the other logits stand in the sum, too": (
        lambda logits, labels: (_p(logits) - 1) * _onehot(logits, labels) / len(logits)
    ),
    "1 is subtracted everywhere, where it belongs to the label's logit only": lambda logits, labels: (_p(logits) - 1) / len(logits),
    "1 is subtracted, at each label, from all rows: index rows and labels together, p[np.arange(batch), labels]": (
        lambda logits, labels: (_p(logits) - _onehot(logits, labels).any(axis=0)) / len(logits)
    ),
    "the factor p (1 − p) is too much": lambda logits, labels: (_p(logits) - _onehot(logits, labels)) * _p(logits) * (1 - _p(logits)) / len(logits),
}
