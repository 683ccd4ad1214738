"""Mistakes in exercise 3, binary cross-entropy: (part of the solution, what a student writes there, how it should be named)."""

LOSS = "loss = np.sum(softplus(logits) - targets * logits, dtype=np.float64) / batch"
GRADIENT = "dlogits = (sigmoid(logits) - targets) / batch"
RETURN = "return loss, dlogits"

MISTAKES = [
    (LOSS, "loss = np.mean(softplus(logits) - targets * logits)", "averaged over the features as well"),
    (LOSS, "loss = np.sum(softplus(logits) - targets * logits)", "not divided by the batch size"),
    (LOSS, "loss = np.sum(softplus(logits) - targets * logits) / logits.shape[1]", "number of features in the place of the batch size"),
    (LOSS, "loss = -np.sum(softplus(logits) - targets * logits) / batch", "the loss has the wrong sign"),
    (LOSS, "loss = np.sum(softplus(logits)) / batch", "the term of the target"),
    (LOSS, "loss = np.sum(softplus(logits) + targets * logits) / batch", "t l, has the wrong sign"),
    (LOSS, "loss = np.sum(softplus(-logits) - targets * logits) / batch", "loss is"),
    (LOSS, "loss = np.sum(softplus(logits) - targets * sigmoid(logits)) / batch", "probability"),
    (LOSS, "loss = np.sum(softplus(sigmoid(logits)) - targets * logits) / batch", "softplus is taken of the probability"),
    (LOSS, "loss = np.sum(softplus(logits) - (1 - targets) * logits) / batch", "1 − targets are exchanged"),
    (LOSS, "p = sigmoid(logits); loss = -np.sum(targets * np.log(p) + (1 - targets) * np.log(1 - p)) / batch", "FloatingPointError"),
    (LOSS, "p = sigmoid(logits); loss = -np.sum(targets * np.log(p)) / batch", r"\(1 − t\) log\(1 − p\) is missing"),
    (LOSS, "p = sigmoid(logits); loss = -np.sum(targets * np.log2(p) + (1 - targets) * np.log2(1 - p)) / batch", "base 2"),
    (LOSS, "loss = np.sum(softplus(logits) - targets * logits, axis=1)", "is an array of shape|has shape"),
    (LOSS, "loss = (softplus(logits) - targets * logits) / batch", "not summed|has shape"),
    (LOSS, "logits[...] = logits - logits.max(); " + LOSS, "changes its argument logits"),
    (GRADIENT, "dlogits = sigmoid(logits) - targets", "not divided by the batch size"),
    (GRADIENT, "dlogits = (sigmoid(logits) - targets) / logits.size", "divided by"),
    (GRADIENT, "dlogits = (sigmoid(logits) - targets) / logits.shape[1]", "in the place of the batch size"),
    (GRADIENT, "dlogits = (targets - sigmoid(logits)) / batch", "wrong sign"),
    (GRADIENT, "dlogits = sigmoid(logits) / batch", "targets is missing"),
    (GRADIENT, "dlogits = (sigmoid(logits) + targets) / batch", "targets has the wrong sign"),
    (GRADIENT, "dlogits = (logits - targets) / batch", "the logits stand where σ"),
    (GRADIENT, "p = sigmoid(logits); dlogits = (p - targets) * p * (1 - p) / batch", r"p \(1 − p\) is too much"),
    (GRADIENT, "p = sigmoid(logits); dlogits = (p - targets) / (p * (1 - p)) / batch", "with respect to the probability"),
    (GRADIENT, "dlogits = (softplus(logits) - targets) / batch", "softplus itself"),
    (GRADIENT, "dlogits = (sigmoid(logits) - targets * logits) / batch", "multiplied by the logits"),
    (GRADIENT, "dlogits = np.zeros_like(logits)", "zero everywhere"),
    (GRADIENT, "dlogits = np.sum(sigmoid(logits) - targets, axis=0) / batch", "shape"),
    (RETURN, "return loss", "wanted are 2: loss, dlogits"),
    (RETURN, "return dlogits, loss", "shape"),
    (RETURN, "return {loss, 1.0}", "wanted are 2: loss, dlogits"),
    (RETURN, "return None", "is there a `return`"),
    (RETURN, "return loss, None", "None"),
]
