"""Mistakes in a diffusion model."""

import numpy as np

from scratchgen.models.diffusion import HIGH, LOW


def diffused(x, eps, time, center, scale):
    """{words: x_t}."""
    ratio = np.exp(LOW + (HIGH - LOW) * time)
    cos, sin, x0 = 1 / np.sqrt(1 + ratio**2), ratio / np.sqrt(1 + ratio**2), (x - center) / scale
    return {
        "cos and sin are exchanged: this is most noise where it should be least": sin * x0 + cos * eps,
        "the noise is subtracted": cos * x0 - sin * eps,
        "center and scale are forgotten: x₀ = (x − center) / scale": cos * x + sin * eps,
        "center is forgotten: x₀ = (x − center) / scale": cos * x / scale + sin * eps,
        "scale is forgotten: x₀ = (x − center) / scale": cos * (x - center) + sin * eps,
        "it is multiplied by scale, where it should be divided": cos * (x - center) * scale + sin * eps,
        "only x is divided by scale: x₀ = (x − center) / scale": cos * (x / scale - center) + sin * eps,
        "center is added, where it should be subtracted": cos * (x + center) / scale + sin * eps,
        "the data is not shrunk by cos φ": x0 + sin * eps,
        "the noise is not multiplied by sin φ": cos * x0 + eps,
        "the noise is multiplied by tan φ, where it should be sin φ": cos * x0 + ratio * eps,
        "neither cos φ nor sin φ is there": x0 + eps,
        "the noise is missing": cos * x0,
        "cos² and sin² stand where cos and sin belong": cos**2 * x0 + sin**2 * eps,
        "the root of cos² is missing: cos = 1 / √(1 + tan²)": cos**2 * (x0 + ratio * eps),
        "tan is not squared: cos = 1 / √(1 + tan²)": (x0 + ratio * eps) / np.sqrt(1 + ratio),
        "cos φ is 1 − sin φ here: cos² + sin² = 1": (1 - sin) * x0 + sin * eps,
        "the time itself stands where sin φ belongs": (1 - time) * x0 + time * eps,
        "the exponential is missing: tan φ is e to what is between LOW and HIGH": (
            (x0 + (LOW + (HIGH - LOW) * time) * eps) / np.sqrt(1 + (LOW + (HIGH - LOW) * time) ** 2)
        ),
        "LOW and HIGH are exchanged: this runs from noise to data": (
            (x0 + np.exp(HIGH + (LOW - HIGH) * time) * eps) / np.sqrt(1 + np.exp(HIGH + (LOW - HIGH) * time) ** 2)
        ),
    }


def steps(x, eps_hat, noise, cos_t, sin_t, cos_s, sin_s, sigma):
    """{words: x_s}."""
    x0, room = (x - sin_t * eps_hat) / cos_t, np.sqrt(sin_s**2 - sigma**2)
    rest = room * eps_hat + sigma * noise
    return {
        "x₀ is not multiplied by cos φ_s": x0 + rest,
        "x_t stands where x₀ belongs": cos_s * x + rest,
        "x₀ is not divided by cos φ_t": cos_s * (x - sin_t * eps_hat) + rest,
        "only the noise is divided by cos φ_t in x₀": cos_s * (x - sin_t * eps_hat / cos_t) + rest,
        "only x is divided by cos φ_t in x₀": cos_s * (x / cos_t - sin_t * eps_hat) + rest,
        "the noise is added in x₀, where it should be subtracted": cos_s * (x + sin_t * eps_hat) / cos_t + rest,
        "sin φ_t is missing from x₀": cos_s * (x - eps_hat) / cos_t + rest,
        "t and s are exchanged": cos_t * (x - sin_s * eps_hat) / cos_s + np.sqrt(np.abs(sin_t**2 - sigma**2)) * eps_hat + sigma * noise,
        "the fresh noise is missing": cos_s * x0 + room * eps_hat,
        "the fresh noise is not multiplied by σ": cos_s * x0 + room * eps_hat + noise,
        "the predicted noise is missing": cos_s * x0 + sigma * noise,
        "sin φ_s stands where √(sin² φ_s − σ²) belongs": cos_s * x0 + sin_s * eps_hat + sigma * noise,
        "the root is missing: √(sin² φ_s − σ²)": cos_s * x0 + room**2 * eps_hat + sigma * noise,
        "the squares are missing: √(sin² φ_s − σ²)": cos_s * x0 + np.sqrt(np.abs(sin_s - sigma)) * eps_hat + sigma * noise,
        "σ² is added, where it should be subtracted": cos_s * x0 + np.sqrt(sin_s**2 + sigma**2) * eps_hat + sigma * noise,
        "the two noises are exchanged": cos_s * x0 + room * noise + sigma * eps_hat,
        "sin φ_t stands where sin φ_s belongs": cos_s * x0 + np.sqrt(sin_t**2 - sigma**2) * eps_hat + sigma * noise,
        "σ² stands where σ belongs": cos_s * x0 + room * eps_hat + sigma**2 * noise,
    }


def losses(right, batch, D):
    """{words: loss}."""
    return {
        "the ½ is missing from the loss": 2 * right,
        "the loss is not divided by the batch size": right * batch,
        "the loss is averaged over the features as well: sum over features, mean over the batch": right / D,
        "the loss is averaged over everything, without the ½": 2 * right / D,
        "the loss has the wrong sign": -right,
    }


def gradients(right, batch, D):
    """{words: flat_grads}."""
    return {
        "the gradient has the wrong sign: it is that of ε̂, not of ε": -right,
        "the gradient is not divided by the batch size": right * batch,
        "the gradient is divided by the batch size twice": right / batch,
        "the gradient is averaged over the features as well": right / D,
        "the gradient is doubled: is backward run twice, or a ½ forgotten?": 2 * right,
        "the gradient is halved: is a ½ there twice?": right / 2,
        "the network's gradient is zero everywhere: its backward is not run, or its gradients are cleared": 0 * right,
    }
