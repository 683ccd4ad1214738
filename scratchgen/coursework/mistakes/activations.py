"""Mistakes in activations."""

import numpy as np

SLOPE = 0.2

FORWARD = {
    "relu": {
        "the signs are exchanged: this is min(x, 0)": lambda x: np.minimum(x, 0),
        "this is |x|": np.abs,
        "this is 1 where x > 0: the derivative, not the function": lambda x: (x > 0) * 1.0,
    },
    "leaky_relu": {
        "this is ReLU: for x < 0 the slope is missing": lambda x: np.maximum(x, 0),
        "the branches are exchanged": lambda x: np.where(x > 0, SLOPE * x, x),
        "for x < 0 this is the slope alone, not slope · x": lambda x: np.where(x > 0, x, SLOPE),
        "for x < 0 the sign is wrong": lambda x: np.where(x > 0, x, -SLOPE * x),
        "the slope is another one": lambda x: np.where(x > 0, x, 0.01 * x),
        "the slope multiplies both branches": lambda x: SLOPE * x,
    },
    "tanh": {
        "this is the sigmoid": lambda x: 1 / (1 + np.exp(-x)),
        "this is the hyperbolic sine": np.sinh,
        "this is the tangent, not the hyperbolic one": np.tan,
        "a factor 2 is missing or too much in the exponent: e^(2x)": lambda x: np.tanh(x / 2),
    },
    "sigmoid": {
        "the sign of the exponent is wrong: this is 1 / (1 + eˣ) = σ(−x)": lambda x: 1 / (1 + np.exp(x)),
        "the 1 of the denominator is subtracted: this is 1 / (1 − e⁻ˣ)": lambda x: 1 / (1 - np.exp(-x)),
        "this is tanh": np.tanh,
        "this is e⁻ˣ / (1 + e⁻ˣ), which is 1 − σ(x)": lambda x: 1 - 1 / (1 + np.exp(-x)),
        "this is the denominator, 1 + e⁻ˣ": lambda x: 1 + np.exp(-x),
    },
    "softplus": {
        "the sign of the exponent is wrong: this is log(1 + e⁻ˣ)": lambda x: np.log(1 + np.exp(-x)),
        "the logarithm is one to base 2, where the natural one belongs, np.log": lambda x: np.logaddexp2(0, x / np.log(2)),
        "the 1 is missing: log eˣ = x": lambda x: x,
        "the logarithm is missing: this is 1 + eˣ": lambda x: 1 + np.exp(x),
        "the max(x, 0) is missing: this is log(1 + e^−|x|)": lambda x: np.log(1 + np.exp(-np.abs(x))),
    },
    "softmax": {
        "the sum runs over the batch (axis=0); each row should sum to 1, so it runs over the features (axis=1)": lambda x: _softmax(x, 0),
        "the sum runs over the batch (axis=0), of e^(x − m); each row should sum to 1 (axis=1)": lambda x: (
            (e := np.exp(x - x.max(axis=1, keepdims=True))) / e.sum(axis=0)
        ),
        "the sum runs over everything; each row should sum to 1 (axis=1, keepdims=True)": lambda x: _softmax(x, None),
        "it is not divided by the sum of the exponentials": np.exp,
        "it is not divided by the sum of the exponentials, of x − m": lambda x: np.exp(x - x.max(axis=1, keepdims=True)),
        "it is not divided by the sum of the exponentials, of x − max x": lambda x: np.exp(x - x.max()),
        "the sign of the exponent is wrong": lambda x: _softmax(-x, 1),
        "this is the logarithm of softmax": lambda x: np.log(_softmax(x, 1)),
        "the largest of all x is subtracted above, and the largest of the row below, or the other way round": lambda x: (
            np.exp(x - x.max()) / np.exp(x - x.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True)
        ),
        "the exponential is missing: this is x / Σ x": lambda x: x / x.sum(axis=1, keepdims=True),
        "m is subtracted below but not above": lambda x: np.exp(x) / np.exp(x - x.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True),
        "m is subtracted above but not below": lambda x: np.exp(x - x.max(axis=1, keepdims=True)) / np.exp(x).sum(axis=1, keepdims=True),
        "it is the mean of the exponentials that it is divided by, not their sum": lambda x: x.shape[1] * _softmax(x, 1),
    },
}
BACKWARD = {  # of dy and y
    "softplus_backward": {
        "y is taken for x: this is dy ∘ σ(y), and y = log(1 + eˣ); express σ(x) through y": lambda dy, y: dy / (1 + np.exp(-y)),
        "y is taken for x, and the sign of the exponent is wrong: this is dy ∘ σ(−y)": lambda dy, y: dy / (1 + np.exp(y)),
        "the 1 is missing: this is −dy ∘ e^−y; σ(x) = 1 − e^−y": lambda dy, y: -dy * np.exp(-y),
        "the 1 is missing: this is dy ∘ e^−y = dy ∘ (1 − σ(x))": lambda dy, y: dy * np.exp(-y),
        "the sign of the exponent is wrong: e^−y belongs where e^y is": lambda dy, y: dy * (1 - np.exp(y)),
        "the sign of the exponent is wrong: e^−y belongs where e^y is, in e^y − 1": lambda dy, y: dy * (np.exp(y) - 1),
        "a plus for a minus: this is 1 + e^−y": lambda dy, y: dy * (1 + np.exp(-y)),
    },
    "sigmoid_backward": {
        "y is taken for x: this is dy ∘ σ(y) (1 − σ(y)), and y is σ(x) already": lambda dy, y: dy * np.exp(-y) / (1 + np.exp(-y)) ** 2,
        "this is the derivative of tanh, 1 − y²": lambda dy, y: dy * (1 - y * y),
        "a plus for a minus: this is y (1 + y)": lambda dy, y: dy * y * (1 + y),
    },
    "tanh_backward": {
        "y is taken for x: this is dy ∘ (1 − tanh² y), and y is tanh x already": lambda dy, y: dy * (1 - np.tanh(y) ** 2),
        "this is the derivative of the sigmoid, y (1 − y)": lambda dy, y: dy * y * (1 - y),
        "y is not squared: this is dy ∘ (1 − y)": lambda dy, y: dy * (1 - y),
        "it is dy that is squared, or multiplied twice": lambda dy, y: dy * dy * (1 - y * y),
        "only y² is multiplied by dy, or dy only by the 1": lambda dy, y: dy - y * y,
    },
    "leaky_relu_backward": {
        "for y < 0 this is the slope alone: it is not multiplied by dy": lambda dy, y: np.where(y > 0, dy, SLOPE),
        "for y > 0 this is 1: it is not multiplied by dy": lambda dy, y: np.where(y > 0, 1, SLOPE * dy),
    },
    "softmax_backward": {
        "the sum is of y alone, or of dy alone": lambda dy, y: y * (dy - np.sum(dy, axis=1, keepdims=True)),
        "a mean for a sum: dx = y ∘ (dy − Σ_j dy_j y_j)": lambda dy, y: y * (dy - np.mean(dy * y, axis=1, keepdims=True)),
        "the factor y is missing from the second term": lambda dy, y: y * dy - np.sum(dy * y, axis=1, keepdims=True),
        "the factor y is missing from the first term": lambda dy, y: dy - y * np.sum(dy * y, axis=1, keepdims=True),
    },
}


def _softmax(x, axis):
    e = np.exp(x - x.max())
    return e / e.sum(axis=axis, keepdims=True)
