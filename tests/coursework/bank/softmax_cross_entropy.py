"""Mistakes in exercise 4, softmax cross-entropy: (part of the solution, what a student writes there, how it should be named)."""

SHIFTED = "shifted = logits - logits.max(axis=1, keepdims=True)  # cancels in p; with it nothing overflows"
SUM = "sum_of_e = np.sum(e, axis=1)"
NLL = "nll = np.log(sum_of_e) - np.sum(np.where(onehot, shifted, 0), axis=1)"
LOSS = "loss = np.sum(np.where((labels >= 0) & (labels < classes), nll, np.nan), dtype=np.float64) / batch"
RETURN = "return loss, (e / sum_of_e[:, None] - onehot) / batch"

MISTAKES = [
    (SHIFTED, "shifted = logits - logits.max()", "FloatingPointError"),
    (SHIFTED, "shifted = logits", "FloatingPointError"),
    (SHIFTED, "shifted = logits - logits.max(axis=0)", "FloatingPointError|loss|dlogits"),
    (SHIFTED, "logits -= logits.max(axis=1, keepdims=True); shifted = logits", "changes its argument logits"),
    (SHIFTED, "shifted = logits - logits.max(axis=1)", "Shapes do not fit"),
    (NLL, "nll = np.log(sum_of_e)", "l_label is missing"),
    (NLL, "nll = np.log(sum_of_e) + np.sum(np.where(onehot, shifted, 0), axis=1)", "loss is"),
    (NLL, "nll = np.log(sum_of_e) - np.sum(np.where(onehot, logits, 0), axis=1)", "subtracted in one of the two terms only"),
    (NLL, "nll = np.log2(sum_of_e) - np.sum(np.where(onehot, shifted, 0), axis=1) / np.log(2)", "base 2"),
    (NLL, "nll = -np.sum(np.where(onehot, e / sum_of_e[:, None], 0), axis=1)", "the logarithm is missing"),
    (NLL, "nll = -np.sum(np.log(e / sum_of_e[:, None]), axis=1)", "over all classes|FloatingPointError"),
    (LOSS, "loss = np.sum(nll)", "not divided by the batch size"),
    (LOSS, "loss = np.sum(nll) / classes", "number of classes in the place of the batch size"),
    (LOSS, "loss = -np.sum(nll) / batch", "the loss has the wrong sign"),
    (LOSS, "loss = nll", "is an array of shape"),
    (LOSS, "loss = np.mean(nll) / classes", "averaged over the classes as well"),
    (SUM, "sum_of_e = np.sum(e)", "Error|one sum over the whole batch|index"),
    (RETURN, "return loss, e / sum_of_e[:, None] / batch", "the target is missing"),
    (RETURN, "return loss, e / sum_of_e[:, None] - onehot", "not divided by the batch size"),
    (RETURN, "return loss, (onehot - e / sum_of_e[:, None]) / batch", "wrong sign"),
    (RETURN, "return loss, (e / sum_of_e[:, None] + onehot) / batch", "the target has the wrong sign"),
    (RETURN, "return loss, (e / sum_of_e[:, None] - onehot) / classes", "in the place of the batch size"),
    (RETURN, "return loss, (e / sum_of_e[:, None] - onehot) / logits.size", "divided by"),
    (RETURN, "return loss, (e - onehot) / batch", "not divided by their sum"),
    (RETURN, "return loss, (logits - onehot) / batch", "the logits stand where p"),
    (RETURN, "return loss, (e / e.sum(axis=0) - onehot) / batch", "dlogits|runs over the batch"),
    (RETURN, "return loss, (e / sum_of_e[:, None] - 1) / batch", "1 is subtracted everywhere"),
    (RETURN, "p = e / sum_of_e[:, None]; p[:, labels] -= 1; return loss, p / batch", "from all rows"),
    (RETURN, "p = e / sum_of_e[:, None]; return loss, (p - onehot) * p * (1 - p) / batch", r"p \(1 − p\) is too much"),
    (RETURN, "p = e / sum_of_e[:, None]; return loss, -1.0 * onehot / p / batch", "with respect to p|FloatingPointError"),
    (RETURN, "return loss, np.zeros_like(logits)", "zero everywhere"),
    (RETURN, "return loss", "wanted are 2: loss, dlogits"),
]
