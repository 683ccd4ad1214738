"""Optimizers: the update of one parameter, written as in the definitions; one pass over the flat arrays does everything.

Measured on 814,000 float32 parameters, one core, against the definition: Adam 0.6 ms instead of 7.1, RMSProp 0.7 instead of 7.3, SGD 0.2
instead of 0.9; memory is then the limit.

Each formula takes the arrays that it changes, then the gradient g, then numbers; it returns the new values of the former.
"""

import math

from scratchgen.ops.numba.compile import jit
from scratchgen.ops.numba.elementwise import in_place


def sgd(p, g, lr, weight_decay):
    return (p - lr * (g + weight_decay * p),)


def momentum(p, v, g, lr, mu, nesterov, weight_decay):
    g = g + weight_decay * p
    v = mu * v + g
    return p - lr * (g + mu * v if nesterov else v), v


def classical_momentum(p, v, g, lr, mu, nesterov, weight_decay):
    g = g + weight_decay * p
    v = mu * v - lr * g
    return p + (mu * v - lr * g if nesterov else v), v


def adagrad(p, s, g, lr, eps, weight_decay):
    g = g + weight_decay * p
    s = s + g * g
    return p - lr * g / (math.sqrt(s) + eps), s


def rmsprop(p, s, a, v, g, lr, alpha, beta, eps, mu, centered, weight_decay):  # beta = 1 − alpha
    g = g + weight_decay * p
    s = alpha * s + beta * g * g
    a = alpha * a + beta * g if centered else a
    v = mu * v + g / (math.sqrt(s - a * a) + eps)
    return p - lr * v, s, a, v


def adadelta(p, s, u, g, lr, rho, beta, eps, weight_decay):  # beta = 1 − rho
    g = g + weight_decay * p
    s = rho * s + beta * g * g
    delta = math.sqrt(u + eps) / math.sqrt(s + eps) * g
    return p - lr * delta, s, rho * u + beta * delta * delta


@jit(inline=True)
def moments(p, m, v, g, step, root, beta1, rest1, beta2, rest2, eps):  # step = lr / bias1, root = 1 / √bias2, rest = 1 − beta
    m = beta1 * m + rest1 * g
    v = beta2 * v + rest2 * g * g
    return p - step * m / (math.sqrt(v) * root + eps), m, v


def adam(p, m, v, g, weight_decay, *numbers):
    return moments(p, m, v, g + weight_decay * p, *numbers)


def adam_decoupled(p, m, v, g, keep, *numbers):  # keep = 1 − lr · weight_decay
    return moments(p * keep, m, v, g, *numbers)


def adam_step(p, g, m, v, t, lr, beta1, beta2, eps, weight_decay, decoupled):
    numbers = lr / (1 - beta1**t), (1 - beta2**t) ** -0.5, beta1, 1 - beta1, beta2, 1 - beta2, eps
    if decoupled:
        update_adam_decoupled((p, m, v), (g,), 1 - lr * weight_decay, *numbers)
    else:
        update_adam((p, m, v), (g,), weight_decay, *numbers)


update_sgd, update_momentum, update_classical = in_place(sgd, 0.2), in_place(momentum, 0.3), in_place(classical_momentum, 0.3)
update_adagrad, update_rmsprop, update_adadelta = in_place(adagrad, 0.5), in_place(rmsprop, 0.7), in_place(adadelta, 0.7)
update_adam, update_adam_decoupled = in_place(adam, 0.5), in_place(adam_decoupled, 0.5)

TWINS = {
    "sgd_step": lambda p, g, *numbers: update_sgd((p,), (g,), *numbers),
    "momentum_step": lambda p, g, v, *numbers: update_momentum((p, v), (g,), *numbers),
    "classical_momentum_step": lambda p, g, v, *numbers: update_classical((p, v), (g,), *numbers),
    "adagrad_step": lambda p, g, s, *numbers: update_adagrad((p, s), (g,), *numbers),
    "rmsprop_step": lambda p, g, s, a, v, lr, alpha, *numbers: update_rmsprop((p, s, a, v), (g,), lr, alpha, 1 - alpha, *numbers),
    "adadelta_step": lambda p, g, s, u, lr, rho, *numbers: update_adadelta((p, s, u), (g,), lr, rho, 1 - rho, *numbers),
    "adam_step": adam_step,
}
