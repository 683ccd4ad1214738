"""Mistakes in exercise 8, the losses of a GAN: (part of the solution, what a student writes there, how it should be named)."""

D_LOSS = "loss = np.sum(softplus(-real), dtype=np.float64) / n + np.sum(softplus(fake), dtype=np.float64) / m"
D_RETURN = "return loss, -sigmoid(-real) / n, sigmoid(fake) / m"
MINIMAX = "return -np.sum(softplus(fake), dtype=np.float64) / m, -sigmoid(fake) / m"
NON_SATURATING = "return np.sum(softplus(-fake), dtype=np.float64) / m, -sigmoid(-fake) / m"

MISTAKES = [
    (D_LOSS, "loss = np.mean(softplus(real)) + np.mean(softplus(fake))", "sign of the logits of real examples|half|loss"),
    (D_LOSS, "loss = np.mean(softplus(-real)) + np.mean(softplus(-fake))", "sign of the logits of generated examples"),
    (D_LOSS, "loss = np.mean(softplus(real)) + np.mean(softplus(-fake))", "real and generated examples are exchanged"),
    (D_LOSS, "loss = (np.sum(softplus(-real)) + np.sum(softplus(fake))) / (n + m)", "one mean over all examples"),
    (D_LOSS, "loss = np.sum(softplus(-real)) + np.sum(softplus(fake))", "sums stand where means belong"),
    (D_LOSS, "loss = (np.sum(softplus(-real)) + np.sum(softplus(fake))) / n", "number of real examples"),
    (D_LOSS, "loss = 0.5 * (np.mean(softplus(-real)) + np.mean(softplus(fake)))", "half of what it should be"),
    (D_LOSS, "loss = np.mean(softplus(-real))", "loss of generated examples is missing"),
    (D_LOSS, "loss = -np.mean(softplus(-real)) - np.mean(softplus(fake))", "the loss has the wrong sign"),
    (D_LOSS, "loss = np.mean(sigmoid(-real)) + np.mean(sigmoid(fake))", "the logarithm is missing"),
    (D_LOSS, "loss = np.mean(fake) - np.mean(real)", "as by a critic"),
    (D_RETURN, "return loss, -sigmoid(real) / n, sigmoid(fake) / m", "the sign of the logits is wrong"),
    (D_RETURN, "return loss, sigmoid(-real) / n, sigmoid(fake) / m", "dreal has the wrong sign"),
    (D_RETURN, "return loss, -sigmoid(-real), sigmoid(fake) / m", "not divided by the batch size"),
    (D_RETURN, "return loss, -sigmoid(-real) / m, sigmoid(fake) / m", "number of generated examples|number of rows of fake"),
    (D_RETURN, "return loss, -sigmoid(-real) / (n + m), sigmoid(fake) / m", "number of all examples|number of rows of fake and real"),
    (D_RETURN, "return loss, -sigmoid(-real) / n, sigmoid(fake) / n", "number of real examples|number of rows of real"),
    (D_RETURN, "return loss, -sigmoid(-real) / n, -sigmoid(fake) / m", "dfake has the wrong sign"),
    (D_RETURN, "return loss, -sigmoid(-real) / n, sigmoid(-fake) / m", "the sign of the logits is wrong"),
    (D_RETURN, "return loss, sigmoid(fake) / m, -sigmoid(-real) / n", "dreal|shape"),
    (D_RETURN, "return loss, -softplus(-real) / n, sigmoid(fake) / m", "softplus that stands where its derivative"),
    (D_RETURN, "return loss, -sigmoid(-real) / n, 0 * fake", "zero everywhere"),
    (D_RETURN, "return loss, -sigmoid(-real) / n, sigmoid(fake) * (1 - sigmoid(fake)) / m", "dfake"),
    (D_RETURN, "return loss, -1 / sigmoid(real) / n, sigmoid(fake) / m", "with respect to the probability"),
    (MINIMAX, "return np.mean(softplus(fake)), -sigmoid(fake) / m", "the loss has the wrong sign"),
    (MINIMAX, "return np.mean(softplus(-fake)), -sigmoid(-fake) / m", "non-saturating loss"),
    (MINIMAX, "return -np.sum(softplus(fake)), -sigmoid(fake) / m", "the sum stands where the mean belongs"),
    (MINIMAX, "return -np.mean(softplus(fake)), sigmoid(fake) / m", "wrong sign"),
    (MINIMAX, "return -np.mean(softplus(fake)), -sigmoid(-fake) / m", "sign of the logits"),
    (MINIMAX, "return -np.mean(softplus(fake)), -sigmoid(fake)", "not divided by the batch size"),
    (NON_SATURATING, "return -np.mean(softplus(fake)), -sigmoid(fake) / m", "minimax loss"),
    (NON_SATURATING, "return np.mean(softplus(fake)), -sigmoid(-fake) / m", "sign of the logits is wrong"),
    (NON_SATURATING, "return np.mean(softplus(-fake)), sigmoid(-fake) / m", "wrong sign"),
    (NON_SATURATING, "return np.mean(softplus(-fake)), -sigmoid(fake) / m", "minimax loss"),
    (NON_SATURATING, "return np.mean(softplus(-fake)), -sigmoid(-fake)", "not divided by the batch size"),
    (NON_SATURATING, "return -np.mean(softplus(-fake)), -sigmoid(-fake) / m", "the loss has the wrong sign"),
    (NON_SATURATING, "fake *= -1; return np.mean(softplus(fake)), -sigmoid(fake) / m", "changes its argument fake"),
]
