"""Activations: one scalar formula forward and one backward; and the backward pass fused with the bias gradient.

The backward formulas take the activation's *output* y, as the definitions do.
"""

from scratchgen.ops.cuda import elementary
from scratchgen.ops.cuda.elementary import ONE, ZERO
from scratchgen.ops.cuda.elementwise import elementwise
from scratchgen.ops.cuda.sums import column_sums


def relu(x):
    return ZERO if x < ZERO else x  # in this order NaN stays


def relu_backward(dy, y):
    return dy if y > ZERO else ZERO


def leaky_relu(x, slope):
    return x if x > ZERO else slope * x


def leaky_relu_backward(dy, y, slope):
    return dy if y > ZERO else slope * dy


def elu(x, alpha):
    return x if x > ZERO else alpha * elementary.expm1(x)


def elu_backward(dy, y, alpha):
    return dy if y > ZERO else dy * (y + alpha)


def tanh(x):
    return elementary.tanh(x)


def tanh_backward(dy, y):
    return dy * (ONE - y * y)


def sigmoid(x):
    return elementary.sigmoid(x)


def sigmoid_backward(dy, y):
    return dy * y * (ONE - y)


def softplus(x):
    return elementary.softplus(x)


def softplus_backward(dy, y):
    return -dy * elementary.expm1(-y)


# formula: how many numbers it takes besides its arrays
FORWARD = {relu: 0, leaky_relu: 1, elu: 1, tanh: 0, sigmoid: 0, softplus: 0}
BACKWARD = {relu_backward: 0, leaky_relu_backward: 1, elu_backward: 1, tanh_backward: 0, sigmoid_backward: 0, softplus_backward: 0}

TWINS = {f.__name__: elementwise(f, 1, n_numbers) for f, n_numbers in FORWARD.items()}
TWINS |= {f.__name__: elementwise(f, 2, n_numbers) for f, n_numbers in BACKWARD.items()}

WITH_BIAS_GRADIENT = {f.__name__: column_sums(f, 2, n_numbers, n_outs=1) for f, n_numbers in BACKWARD.items()}


def activation_backward(dy, y, db, activation, *alpha):
    """dz = activation_backward(dy, y, *alpha), and db += Σ_batch dz in the same pass, unless db is None."""
    name = f"{activation}_backward"
    return TWINS[name](dy, y, *alpha) if db is None else WITH_BIAS_GRADIENT[name](db, (dy, y), *alpha)


TWINS["activation_backward"] = activation_backward
