"""Mistakes in the reparameterization trick and the KL divergence."""

import numpy as np


def samples(mu, logvar, eps):
    """{words: z}."""
    return {
        "e^logvar, the variance, stands where σ = e^(½ logvar) belongs": mu + np.exp(logvar) * eps,
        "logvar stands where σ = e^(½ logvar) belongs": mu + logvar * eps,
        "½ logvar stands where σ = e^(½ logvar) belongs": mu + 0.5 * logvar * eps,
        "the sign of the exponent is wrong: σ = e^(½ logvar)": mu + np.exp(-0.5 * logvar) * eps,
        "it is √|logvar| that stands where σ = e^(½ logvar) belongs": mu + np.sqrt(np.abs(logvar)) * eps,
        "the ½ stands before the exponential: σ = e^(½ logvar), not ½ e^logvar": mu + 0.5 * np.exp(logvar) * eps,
        "2 logvar stands in the exponent: σ = e^(½ logvar)": mu + np.exp(2 * logvar) * eps,
        "σ is missing: this is μ + ε": mu + eps,
        "μ is missing": np.exp(0.5 * logvar) * eps,
        "ε is missing: this is μ + σ": mu + np.exp(0.5 * logvar),
        "μ is multiplied by σ as well": (mu + eps) * np.exp(0.5 * logvar),
        "ε has the wrong sign": mu - np.exp(0.5 * logvar) * eps,
        "μ and ε are exchanged": eps + np.exp(0.5 * logvar) * mu,
        "μ is multiplied, where it should be added": mu * np.exp(0.5 * logvar) * eps,
    }


def dlogvar(eps):
    """{words: a wrong backward(dz, logvar)}."""
    return {
        "e^logvar, the variance, stands where σ = e^(½ logvar) belongs": lambda dz, logvar: 0.5 * dz * eps * np.exp(logvar),
        "the variance is differentiated: this is dz ∘ ε ∘ e^logvar, but z holds σ = e^(½ logvar)": lambda dz, logvar: dz * eps * np.exp(logvar),
        "ε is missing": lambda dz, logvar: 0.5 * dz * np.exp(0.5 * logvar),
        "σ = e^(½ logvar) is missing": lambda dz, logvar: 0.5 * dz * eps,
        "σ = e^(½ logvar) and the ½ are missing: this is the gradient with respect to σ": lambda dz, logvar: dz * eps,
        "the sign of the exponent is wrong: σ = e^(½ logvar)": lambda dz, logvar: 0.5 * dz * eps * np.exp(-0.5 * logvar),
        "½ logvar stands where σ = e^(½ logvar) belongs": lambda dz, logvar: 0.5 * dz * eps * 0.5 * logvar,
        "logvar stands where σ = e^(½ logvar) belongs": lambda dz, logvar: 0.5 * dz * eps * logvar,
        "dz is missing": lambda dz, logvar: 0.5 * eps * np.exp(0.5 * logvar) + 0 * dz,
        "it is divided by σ, where it should be multiplied": lambda dz, logvar: 0.5 * dz * eps / np.exp(0.5 * logvar),
    }


def kl(mu, logvar):
    """{words: kl}."""
    batch, total = len(mu), lambda terms: 0.5 * np.sum(terms) / len(mu)
    var = np.exp(logvar)
    right = total(mu**2 + var - logvar - 1)
    return {
        "kl is not divided by the batch size: sum over features, mean over the batch": right * batch,
        "kl is averaged over the features as well: sum over features, mean over the batch": right / mu.shape[1],
        "kl is divided by the number of features in the place of the batch size": right * batch / mu.shape[1],
        "kl has the wrong sign": -right,
        "the ½ is missing from kl": 2 * right,
        "the ½ stands in kl twice": right / 2,
        "the term −1 is missing from kl": total(mu**2 + var - logvar),
        "the 1 has the wrong sign in kl": total(mu**2 + var - logvar + 1),
        "the term −logvar is missing from kl": total(mu**2 + var - 1),
        "logvar has the wrong sign in kl": total(mu**2 + var + logvar - 1),
        "the term μ² is missing from kl": total(var - logvar - 1),
        "μ is not squared in kl": total(mu + var - logvar - 1),
        "μ² has the wrong sign in kl": total(-(mu**2) + var - logvar - 1),
        "the variance e^logvar is missing from kl": total(mu**2 - logvar - 1),
        "the variance has the wrong sign in kl": total(mu**2 - var - logvar - 1),
        "σ = e^(½ logvar) stands where the variance e^logvar belongs in kl": total(mu**2 + np.exp(0.5 * logvar) - logvar - 1),
        "logvar is squared, where the variance e^logvar belongs in kl": total(mu**2 + logvar**2 - logvar - 1),
        "the variance is squared in kl: it is e^logvar, not e^(2 logvar)": total(mu**2 + var**2 - logvar - 1),
        "logvar is taken for log σ: σ² = e^logvar, not e^(2 logvar)": total(mu**2 + var**2 - 2 * logvar - 1),
        "the 1 is subtracted once, not for every feature": 0.5 * (np.sum(mu**2 + var - logvar) - 1) / batch,
        "½ logvar, log σ, stands where logvar belongs in kl": total(mu**2 + var - 0.5 * logvar - 1),
        "logvar is taken a logarithm of once more in kl": total(mu**2 + var - np.log(np.abs(logvar)) - 1),
    }


DMU = {
    "μ is squared in dmu: the derivative of ½ μ² is μ": lambda mu, logvar: mu**2 / len(mu),
    "dmu has the factor ½ σ² …: it is the gradient of logvar": lambda mu, logvar: 0.5 * (np.exp(logvar) - 1) / len(mu),
    "dmu is divided by the variance": lambda mu, logvar: mu / np.exp(logvar) / len(mu),
}
DLOGVAR = {
    "the term −1 is missing from dlogvar": lambda mu, logvar: 0.5 * np.exp(logvar) / len(mu),
    "the term of the variance e^logvar is missing from dlogvar": lambda mu, logvar: np.full_like(mu, -0.5 / len(mu)),
    "the 1 has the wrong sign in dlogvar": lambda mu, logvar: 0.5 * (np.exp(logvar) + 1) / len(mu),
    "σ = e^(½ logvar) stands where the variance e^logvar belongs in dlogvar": lambda mu, logvar: 0.5 * (np.exp(0.5 * logvar) - 1) / len(mu),
    "this is the gradient with respect to the variance, ½ (1 − 1/σ²), not to its logarithm": lambda mu, logvar: 0.5 * (1 - np.exp(-logvar)) / len(mu),
    "logvar stands where the variance e^logvar belongs in dlogvar": lambda mu, logvar: 0.5 * (logvar - 1) / len(mu),
    "−logvar is differentiated to −logvar, not −1": lambda mu, logvar: 0.5 * (np.exp(logvar) - logvar) / len(mu),
    "the variance has an exponent of the wrong sign in dlogvar": lambda mu, logvar: 0.5 * (np.exp(-logvar) - 1) / len(mu),
    "logvar is taken for log σ: σ² = e^logvar, not e^(2 logvar)": lambda mu, logvar: (np.exp(2 * logvar) - 1) / len(mu),
    "the ½ multiplies only the variance in dlogvar": lambda mu, logvar: (0.5 * np.exp(logvar) - 1) / len(mu),
}
