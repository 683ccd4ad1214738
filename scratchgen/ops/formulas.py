"""The mathematics of one element, once for all backends that compile.

A definition (@op) speaks of whole arrays. What is compiled is a loop, and those of a multicore processor and of a GPU have little in common; but what
they do with one element is the same, and stands here. Each backend brings the exp, tanh and their kin that it computes with:

    f = computed_with(elementary)          the functions of this file, `library` being that module
    elementwise(f.tanh_backward, …)        the loop

ZERO, HALF and ONE are float32: beside a float64 they become float64, beside a float32 they leave it one. A plain 0.5 would not.
"""

from types import FunctionType, SimpleNamespace

import numpy as np

from scratchgen.ops.checks import ACTIVATIONS, WITH_ALPHA

ZERO, HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)
library = None  # a backend's elementary.py: computed_with


def computed_with(elementary):
    """The formulas as a namespace, with exp, expm1, sqrt, tanh, sigmoid, softplus and softplus_and_sigmoid from that module."""
    names = globals() | {"library": elementary}
    formulas = [f for f in globals().values() if isinstance(f, FunctionType) and f not in (computed_with, epilogues)]
    return SimpleNamespace(**{f.__name__: FunctionType(f.__code__, names, f.__name__) for f in formulas})


def epilogues(formulas, compiled):
    """What can become of a number x of a matrix product, as functions of (x, y, alpha), whether they need those or not:

        linear            x
        tanh, …           tanh(x), …                        the activation behind a linear layer
        tanh_backward, …  tanh_backward(x, y), …            the gradient of an activation's output y becomes that of its input

    formulas: those of one backend.  compiled: what makes a formula callable there.
    """

    def forward(name):
        f = compiled(getattr(formulas, name))
        return (lambda x, y, alpha: f(x, alpha)) if name in WITH_ALPHA else lambda x, y, alpha: f(x)

    def backward(name):
        f = compiled(getattr(formulas, f"{name}_backward"))
        return (lambda x, y, alpha: f(x, y, alpha)) if name in WITH_ALPHA else lambda x, y, alpha: f(x, y)

    activations = {name: forward(name) for name in ACTIVATIONS} | {f"{name}_backward": backward(name) for name in ACTIVATIONS}
    return {"linear": lambda x, y, alpha: x, **activations}


# Activations. The backward formulas take the activation's *output* y, as the definitions do.


def relu(x):
    return ZERO if x < ZERO else x  # in this order NaN stays


def relu_backward(dy, y):
    return dy if y > ZERO else ZERO


def leaky_relu(x, slope):
    return x if x > ZERO else slope * x


def leaky_relu_backward(dy, y, slope):
    return dy if y > ZERO else slope * dy


def elu(x, alpha):
    return x if x > ZERO else alpha * library.expm1(x)


def elu_backward(dy, y, alpha):
    return dy if y > ZERO else dy * (y + alpha)


def tanh(x):
    return library.tanh(x)


def tanh_backward(dy, y):
    return dy * (ONE - y * y)


def sigmoid(x):
    return library.sigmoid(x)


def sigmoid_backward(dy, y):
    return dy * y * (ONE - y)


def softplus(x):
    return library.softplus(x)


def softplus_backward(dy, y):
    return -dy * library.expm1(-y)


# Losses: the term, then the gradients, already divided by the batch size: share = 1 / batch.


def bce(logit, target, share):
    value, p = library.softplus_and_sigmoid(logit)
    return value - target * logit, (p - target) * share


def log_bernoulli(x, logit):
    return x * logit - library.softplus(logit)


def squared(y, target, share):
    difference = y - target
    return HALF * difference * difference, difference * share


def kl(mu, logvar, share):
    var = library.exp(logvar)
    return HALF * (mu * mu + var - logvar - ONE), mu * share, HALF * (var - ONE) * share


def kl_term(mu, logvar):
    return HALF * (mu * mu + library.exp(logvar) - logvar - ONE)


def nll(x, mu, logvar, log_2pi, share):
    precision = library.exp(-logvar)
    squared = (x - mu) * (x - mu) * precision
    return HALF * (log_2pi + logvar + squared), (mu - x) * precision * share, HALF * (ONE - squared) * share


def log_gaussian(x, mu, logvar, log_2pi):
    return -HALF * (log_2pi + logvar + (x - mu) * (x - mu) * library.exp(-logvar))


def judged_real(logit, share):  # −log D
    value, p = library.softplus_and_sigmoid(-logit)
    return value, -p * share


def judged_fake(logit, share):  # −log(1 − D)
    value, p = library.softplus_and_sigmoid(logit)
    return value, p * share


def fooled_minimax(logit, share):  # log(1 − D)
    value, p = library.softplus_and_sigmoid(logit)
    return -value, -p * share


def log_ratio(z, eps, logvar):
    return HALF * (eps * eps - z * z + logvar)


# What layers make of random numbers


def dropout_mask(u, rate):
    return ONE / (ONE - rate) if u >= rate else ZERO


def binarize(p, u):
    return ONE if u < p else ZERO


def reparameterize(mu, logvar, eps):
    return mu + library.exp(HALF * logvar) * eps


def reparameterize_backward(dz, logvar, eps):
    return HALF * dz * eps * library.exp(HALF * logvar)


# Arithmetic


def add(a, b):
    return a + b


def multiply(a, b):
    return a * b


# What changes its arguments: the new values of the first so many arrays, as a tuple. The optimizers take the gradient g behind those, then numbers.


def add_product(out, a, b):
    return (out + a * b,)


def scale(out, factor):
    return (out * factor,)


def fill(out, value):
    return (value,)


def copy_to(out, a):
    return (a,)


def update_running(running, value, keep, weight):
    return (keep * running + weight * value,)


def sgd(p, g, lr, weight_decay):
    return (p - lr * (g + weight_decay * p),)


def momentum(p, v, g, lr, mu, nesterov, weight_decay):
    g = g + weight_decay * p
    v = mu * v + g
    return p - lr * (g + mu * v if nesterov > ZERO else v), v


def classical_momentum(p, v, g, lr, mu, nesterov, weight_decay):
    g = g + weight_decay * p
    v = mu * v - lr * g
    return p + (mu * v - lr * g if nesterov > ZERO else v), v


def adagrad(p, s, g, lr, eps, weight_decay):
    g = g + weight_decay * p
    s = s + g * g
    return p - lr * g / (library.sqrt(s) + eps), s


def rmsprop(p, s, a, v, g, lr, alpha, beta, eps, mu, centered, weight_decay):  # beta = 1 − alpha
    g = g + weight_decay * p
    s = alpha * s + beta * g * g
    a = alpha * a + beta * g if centered > ZERO else a
    v = mu * v + g / (library.sqrt(s - a * a) + eps)
    return p - lr * v, s, a, v


def adadelta(p, s, u, g, lr, rho, beta, eps, weight_decay):  # beta = 1 − rho
    g = g + weight_decay * p
    s = rho * s + beta * g * g
    delta = library.sqrt(u + eps) / library.sqrt(s + eps) * g
    return p - lr * delta, s, rho * u + beta * delta * delta


# keep = 1 − lr · weight_decay, rest = 1 − β, step = lr / bias1, root = 1 / √bias2
def adam(p, m, v, g, decoupled, keep, weight_decay, beta1, rest1, beta2, rest2, eps, step, root):
    p, g = (keep * p, g) if decoupled > ZERO else (p, g + weight_decay * p)
    m = beta1 * m + rest1 * g
    v = beta2 * v + rest2 * g * g
    return p - step * m / (library.sqrt(v) * root + eps), m, v
