"""Mistakes in importance weights, and in what they do to the gradient."""

import numpy as np


def weights(log_w):
    """{"bound", "weights": {words: what comes out}}."""
    S, w = len(log_w), np.exp(log_w)
    largest = log_w.max(axis=0)
    bound = np.log(w.mean(axis=0))
    return {
        "bound": {
            "this is the log of the sum of the weights, where the mean belongs: − log S": np.log(w.sum(axis=0)),
            "this is the mean of the log-weights, the ELBO, where the log of the mean belongs": log_w.mean(axis=0),
            "the largest log-weight is not added again": bound - largest,
            "the largest log-weight is subtracted twice": bound - 2 * largest,
            "the mean runs over the examples (axis=1), where it should run over the samples (axis=0)": np.log(w.mean(axis=1)),
            "the logarithm is missing": w.mean(axis=0),
            "the bound has the wrong sign": -bound,
            "log S is added, where it should be subtracted": np.log(w.sum(axis=0)) + np.log(S),
            "this is the largest log-weight": largest,
            "it is divided by the number of examples, where it is the number of samples": np.log(w.sum(axis=0) / log_w.shape[1]),
        },
        "weights": {
            "they are not divided by their sum": w,
            "they are not divided by their sum, of e^(log w − largest)": np.exp(log_w - largest),
            "their sum runs over the examples (axis=1), where it should run over the samples (axis=0)": w / w.sum(axis=1, keepdims=True),
            "their sum runs over everything; each example's weights sum to 1 (axis=0)": w / w.sum(),
            "their sum runs over everything; each example's own (axis=0) belongs there": np.exp(log_w - largest) / np.exp(log_w - largest).sum(),
            "they are divided by their mean, where it should be their sum": w / w.mean(axis=0),
            "the exponential is missing": log_w / log_w.sum(axis=0),
            "these are their logarithms": np.log(w / w.sum(axis=0)),
            "they are divided by their largest, where it should be their sum": w / w.max(axis=0),
            "the sign of the log-weights is wrong": (1 / w) / (1 / w).sum(axis=0),
        },
    }  # fmt: skip


def standard(dz, w, z, logvar, eps, batch):
    """{"dz", "past": {words: what comes out}}."""
    n, share = z.shape[1], w[:, None] / batch
    full = np.zeros_like(z)
    return {
        "dz": {
            "what comes from −½ z² is missing": dz,
            "what comes from the decoder, dz, is missing": share * z,
            "w̃ is missing from what comes from −½ z²": dz + z / batch,
            "w̃ multiplies dz as well: it is in dz already": w[:, None] * dz + share * z,
            "w̃ / batch multiplies dz as well: it is in dz already": share * dz + share * z,
            "1 / batch is missing from what comes from −½ z²": dz + w[:, None] * z,
            "what comes from −½ z² has the wrong sign: the loss is minus the bound": dz - share * z,
            "the derivative of ½ z² is z, not ½ z": dz + 0.5 * share * z,
            "the derivative of ½ z² is z, not z²": dz + share * z**2,
            "it is divided by the number of rows, where it should be the number of examples": dz + w[:, None] * z / len(z),
            "ε stands where z belongs": dz + share * eps,
            "the factor 2 is too much: −½ z² has the derivative −z": dz + 2 * share * z,
        },
        "past": {
            "it has the wrong sign: +½ logvar in the bound is −½ in the loss": full + 0.5 * share,
            "nothing reaches logvar past z here; but log q has +½ logvar in it": full,
            "w̃ is missing": full - 0.5 / batch,
            "1 / batch is missing": full - 0.5 * w[:, None],
            "the ½ is missing": full - share,
            "it is multiplied by logvar: the derivative of ½ logvar is ½": full - 0.5 * share * logvar,
            "it is of the variance, not its logarithm": full - 0.5 * share * np.exp(logvar),
            "it is divided by the number of rows, where it should be the number of examples": full - 0.5 * w[:, None] / len(z),
            "it is divided by the number of features as well": full - 0.5 * share / n,
            "what reaches logvar through z is counted here as well": full - 0.5 * share + 0.5 * dz * np.exp(0.5 * logvar) * eps,
        },
    }  # fmt: skip


def doubly(dz, w, z, logvar, eps, batch):
    """{"dz", "past": {words: what comes out}}."""
    w = w[:, None]
    sigma = np.exp(0.5 * logvar)
    through = z - eps / sigma
    standard_z = dz + w / batch * z
    return {
        "dz": {
            "this is the standard gradient": standard_z,
            "w̃ stands where w̃² belongs": dz + w / batch * through,
            "w̃ is not squared in what comes from z and ε": w * dz + w / batch * through,
            "dz is not multiplied by w̃ once more": dz + w**2 / batch * through,
            "1 / batch is missing from what comes from z and ε": w * dz + w**2 * through,
            "ε / σ is missing: the path through log q": w * dz + w**2 / batch * z,
            "z is missing: the path through log p(z)": w * dz - w**2 / batch * eps / sigma,
            "what comes from z and ε is missing": w * dz,
            "ε / σ has the wrong sign": w * dz + w**2 / batch * (z + eps / sigma),
            "ε is multiplied by σ, where it should be divided": w * dz + w**2 / batch * (z - eps * sigma),
            "σ is missing from ε / σ": w * dz + w**2 / batch * (z - eps),
            "σ² stands where σ belongs in ε / σ": w * dz + w**2 / batch * (z - eps / sigma**2),
            "w̃² multiplies dz: one w̃ is in it already": w**2 * dz + w**2 / batch * through,
            "w̃² / batch multiplies dz: w̃ / batch is in it already": w**2 / batch * (dz + through),
            "what comes from z and ε has the wrong sign": w * dz - w**2 / batch * through,
        },
        "past": {"this is the standard gradient's; here nothing reaches logvar past z": np.zeros_like(z) - 0.5 * w / batch},
    }  # fmt: skip
