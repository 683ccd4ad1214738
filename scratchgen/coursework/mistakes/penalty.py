"""Mistakes in a penalty on a slope, and in what layers do for its gradient."""

import numpy as np


def _norm(g):
    return np.sqrt(np.sum(g * g, axis=1))


def penalties(g, center, weight):
    """{words: penalty}."""
    norm, batch = _norm(g), len(g)
    right = weight * np.mean((norm - center) ** 2)
    return {
        "the penalty is not divided by the batch size: it is a mean over examples": right * batch,
        "the weight is missing from the penalty": right / weight,
        "the center is missing from the penalty": weight * np.mean(norm**2),
        "the center is added, where it should be subtracted": weight * np.mean((norm + center) ** 2),
        "the difference is not squared": weight * np.mean(norm - center),
        "the absolute value stands where the square belongs": weight * np.mean(np.abs(norm - center)),
        "the root is missing: ‖g‖ = √Σ g²": weight * np.mean((norm**2 - center) ** 2),
        "the norm is of the whole batch; each example has its own (axis=1)": weight * (np.sqrt(np.sum(g * g)) - center) ** 2,
        "the norm runs over the batch (axis=0); each example has its own (axis=1)": weight * np.mean((np.sqrt(np.sum(g * g, axis=0)) - center) ** 2),
        "the mean is squared, where the squares should be averaged": weight * (np.mean(norm) - center) ** 2,
        "Σ |g| stands where √Σ g² belongs": weight * np.mean((np.sum(np.abs(g), axis=1) - center) ** 2),
        "the features are averaged in the norm, where they should be summed": weight * np.mean((np.sqrt(np.mean(g * g, axis=1)) - center) ** 2),
        "the weight is squared, too": weight * right,
    }


def gradients(center, weight):
    """{words: a wrong gradient(g)}."""

    def dg(g, factor):
        return 2 * weight * factor[:, None] * g / len(g)

    return {
        "the factor 2 of the square is missing": lambda g: dg(g, (_norm(g) - center) / _norm(g)) / 2,
        "the weight is missing": lambda g: dg(g, (_norm(g) - center) / _norm(g)) / weight,
        "the slope is not divided by its norm: ∂‖g‖/∂g = g / ‖g‖": lambda g: dg(g, _norm(g) - center),
        "it is divided by the norm twice": lambda g: dg(g, (_norm(g) - center) / _norm(g) ** 2),
        "the direction g is missing: ∂‖g‖/∂g = g / ‖g‖": lambda g: dg(g, (_norm(g) - center) / _norm(g)) / g,
        "the direction g / ‖g‖ is missing": lambda g: 2 * weight * np.broadcast_to((_norm(g) - center)[:, None], g.shape) / len(g),
        "‖g‖ − center is missing": lambda g: dg(g, 1 / _norm(g)),
        "the center is missing": lambda g: dg(g, np.ones(len(g))),
        "the center is added, where it should be subtracted": lambda g: dg(g, (_norm(g) + center) / _norm(g)),
        "it is ‖g‖² where ‖g‖ belongs": lambda g: dg(g, (_norm(g) ** 2 - center) / _norm(g)),
        "‖g‖ − center is squared, as in the penalty": lambda g: dg(g, (_norm(g) - center) ** 2 / _norm(g)),
    }


def tanh_second(dy):
    """{words: a wrong backward(ddx, y)}."""
    return {
        "the factor 1 − y² is missing: y is a function of x, with the derivative 1 − y²": lambda ddx, y: ddx * dy * -2 * y,
        "the factor −2y is missing: the derivative of 1 − y² with respect to y": lambda ddx, y: ddx * dy * (1 - y * y),
        "the factor 2 is missing: the derivative of y² is 2y": lambda ddx, y: ddx * dy * -y * (1 - y * y),
        "dy is missing": lambda ddx, y: ddx * -2 * y * (1 - y * y),
        "ddx is missing": lambda ddx, y: dy * -2 * y * (1 - y * y) + 0 * ddx,
        "y is missing: the derivative of −y² is −2y": lambda ddx, y: ddx * dy * -2 * (1 - y * y),
        "the factor 1 − y² is squared": lambda ddx, y: ddx * dy * -2 * y * (1 - y * y) ** 2,
        "y is not squared in 1 − y²": lambda ddx, y: ddx * dy * -2 * y * (1 - y),
        "a plus for a minus in 1 − y²": lambda ddx, y: ddx * dy * -2 * y * (1 + y * y),
        "dy is squared, or the first derivative is used twice": lambda ddx, y: ddx * dy * dy * -2 * y * (1 - y * y),
    }


def ddy(W, ddx, dy):
    """{words: ddy}."""
    found = {"W's transpose stands on the wrong side": ddx @ W.T} if W.shape[0] == W.shape[1] else {}
    return found | {"ddy is multiplied by dy as well": ddx @ W * dy, "ddy is summed over the batch": np.broadcast_to((ddx @ W).sum(axis=0), dy.shape)}


def dW(ddx, dy, x):
    """{words: W's gradient}."""
    return {
        "x stands where ddx belongs: this is the gradient of an ordinary backward": x.T @ dy,
        "it is averaged over the batch. A layer sums over the batch": ddx.T @ dy / len(dy),
        "ddx and x are added": (ddx + x).T @ dy,
    }
