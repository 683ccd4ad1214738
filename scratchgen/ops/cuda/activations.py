"""Activations: one scalar formula forward and one backward. The backward formulas take the activation's *output* y, as the definitions do."""

from scratchgen.ops.cuda import elementary
from scratchgen.ops.cuda.elementary import ONE, ZERO
from scratchgen.ops.cuda.elementwise import elementwise


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
