"""Mistakes in the losses of a GAN."""

import numpy as np


def _softplus(x):
    return np.logaddexp(0, x)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def discriminator(real, fake):
    """{words: loss}."""
    n, m, mean = len(real), len(fake), np.mean
    total = lambda a, b: float(a + b)
    right = total(mean(_softplus(-real)), mean(_softplus(fake)))
    return {
        "the sign of the logits of real examples is wrong in softplus": total(mean(_softplus(real)), mean(_softplus(fake))),
        "the sign of the logits of generated examples is wrong in softplus": total(mean(_softplus(-real)), mean(_softplus(-fake))),
        "real and generated examples are exchanged": total(mean(_softplus(real)), mean(_softplus(-fake))),
        "the loss of generated examples is missing": float(mean(_softplus(-real))),
        "the loss of real examples is missing": float(mean(_softplus(fake))),
        "the loss of generated examples is subtracted": total(mean(_softplus(-real)), -mean(_softplus(fake))),
        "the loss has the wrong sign: the discriminator minimises it": -right,
        "the loss is half of what it should be: each mean counts in full": right / 2,
        "one mean over all examples stands where each has its own": float(np.sum(_softplus(-real)) + np.sum(_softplus(fake))) / (n + m),
        "sums stand where means belong": float(np.sum(_softplus(-real)) + np.sum(_softplus(fake))),
        "both are divided by the number of real examples": float(np.sum(_softplus(-real)) + np.sum(_softplus(fake))) / n,
        "both are divided by the number of generated examples": float(np.sum(_softplus(-real)) + np.sum(_softplus(fake))) / m,
        "the logarithm is missing: this is of probabilities, D itself": total(mean(_sigmoid(-real)), mean(_sigmoid(fake))),
        "the logits are used as they are, as by a critic": total(-mean(real), mean(fake)),
        "the logarithm is one to base 2": right / np.log(2),
        "softplus is taken of probabilities, where it belongs to logits": total(mean(_softplus(-_sigmoid(real))), mean(_softplus(_sigmoid(fake)))),
    }


def minimax(fake):
    """{words: loss}."""
    return {
        "the loss has the wrong sign: mean log(1 − D) is negative": np.mean(_softplus(fake)),
        "this is mean log D; the generator's minimax loss is mean log(1 − D)": -np.mean(_softplus(-fake)),
        "this is the non-saturating loss": np.mean(_softplus(-fake)),
        "the sum stands where the mean belongs": -np.sum(_softplus(fake)),
        "the logarithm is missing: this is mean (1 − D)": np.mean(1 - _sigmoid(fake)),
    }


def non_saturating(fake):
    """{words: loss}."""
    return {
        "the loss has the wrong sign: −mean log D is positive": -np.mean(_softplus(-fake)),
        "this is −mean log(1 − D): the sign of the logits is wrong in softplus": np.mean(_softplus(fake)),
        "this is the minimax loss": -np.mean(_softplus(fake)),
        "the sum stands where the mean belongs": np.sum(_softplus(-fake)),
        "the logarithm is missing: this is −mean D": -np.mean(_sigmoid(fake)),
    }


DREAL = {
    "the sign of the logits is wrong in σ: this is −σ(real) / n": lambda real, fake: -_sigmoid(real) / len(real),
    "it is divided by the number of generated examples, where real ones have their own": lambda real, fake: -_sigmoid(-real) / len(fake),
    "it is divided by the number of all examples": lambda real, fake: -_sigmoid(-real) / (len(real) + len(fake)),
    "it is softplus that stands where its derivative σ belongs": lambda real, fake: -np.logaddexp(0, -real) / len(real),
    "the factor σ' = p (1 − p) is too much": lambda real, fake: -_sigmoid(-real) * _sigmoid(real) * (1 - _sigmoid(real)) / len(real),
    "this is the gradient with respect to the probability D, −1 / D": lambda real, fake: -1 / _sigmoid(real) / len(real),
    "σ is missing: this is −1 / n, as of a critic": lambda real, fake: np.full_like(real, -1 / len(real)),
}
DFAKE = {
    "the sign of the logits is wrong in σ: this is σ(−fake) / m": lambda real, fake: _sigmoid(-fake) / len(fake),
    "the sign of the logits is wrong in σ, and that of the gradient": lambda real, fake: -_sigmoid(-fake) / len(fake),
    "it is divided by the number of real examples, where generated ones have their own": lambda real, fake: _sigmoid(fake) / len(real),
    "it is divided by the number of all examples": lambda real, fake: _sigmoid(fake) / (len(real) + len(fake)),
    "it is softplus that stands where its derivative σ belongs": lambda real, fake: np.logaddexp(0, fake) / len(fake),
    "this is the gradient with respect to the probability D, 1 / (1 − D)": lambda real, fake: 1 / (1 - _sigmoid(fake)) / len(fake),
    "σ is missing: this is 1 / m, as of a critic": lambda real, fake: np.full_like(fake, 1 / len(fake)),
}
MINIMAX = {
    "the sign of the logits is wrong in σ: this is the gradient of the non-saturating loss": lambda fake: -_sigmoid(-fake) / len(fake),
    "the sign of the logits is wrong in σ, and that of the gradient": lambda fake: _sigmoid(-fake) / len(fake),
    "it is softplus that stands where its derivative σ belongs": lambda fake: -np.logaddexp(0, fake) / len(fake),
    "σ is missing: this is −1 / m, as of a critic": lambda fake: np.full_like(fake, -1 / len(fake)),
    "this is the gradient with respect to the probability D, −1 / (1 − D)": lambda fake: -1 / (1 - _sigmoid(fake)) / len(fake),
}
NON_SATURATING = {
    "the sign of the logits is wrong in σ: this is the gradient of the minimax loss": lambda fake: -_sigmoid(fake) / len(fake),
    "the sign of the logits is wrong in σ, and that of the gradient": lambda fake: _sigmoid(fake) / len(fake),
    "it is softplus that stands where its derivative σ belongs": lambda fake: -np.logaddexp(0, -fake) / len(fake),
    "σ is missing: this is −1 / m, as of a critic": lambda fake: np.full_like(fake, -1 / len(fake)),
    "this is the gradient with respect to the probability D, −1 / D": lambda fake: -1 / _sigmoid(fake) / len(fake),
}
