"""Optimizers: the update of one parameter, written as in the definitions; one launch over the flat arrays does everything.

Each formula takes the arrays that it changes, then the gradient g, then numbers; it returns the new values of the former.
"""

import math

from scratchgen.ops.cuda.array import empty
from scratchgen.ops.cuda.driver import cuda
from scratchgen.ops.cuda.elementary import ZERO, sqrt
from scratchgen.ops.cuda.elementwise import in_place
from scratchgen.ops.cuda.kernels import device
from scratchgen.ops.cuda.launch import launch
from scratchgen.ops.cuda.moving import moving


def sgd(p, g, lr, weight_decay):
    return p - lr * (g + weight_decay * p)


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
    return p - lr * g / (sqrt(s) + eps), s


def rmsprop(p, s, a, v, g, lr, alpha, beta, eps, mu, centered, weight_decay):  # beta = 1 − alpha
    g = g + weight_decay * p
    s = alpha * s + beta * g * g
    a = alpha * a + beta * g if centered > ZERO else a
    v = mu * v + g / (sqrt(s - a * a) + eps)
    return p - lr * v, s, a, v


def adadelta(p, s, u, g, lr, rho, beta, eps, weight_decay):  # beta = 1 − rho
    g = g + weight_decay * p
    s = rho * s + beta * g * g
    delta = sqrt(u + eps) / sqrt(s + eps) * g
    return p - lr * delta, s, rho * u + beta * delta * delta


@device
def moments(p, m, v, g, beta1, rest1, beta2, rest2, eps, scales):  # scales = lr / bias1, 1 / √bias2;  rest = 1 − beta
    m = beta1 * m + rest1 * g
    v = beta2 * v + rest2 * g * g
    return p - scales[0] * m / (sqrt(v) * scales[1] + eps), m, v


def adam(p, m, v, g, weight_decay, *others):
    return moments(p, m, v, g + weight_decay * p, *others)


def adam_decoupled(p, m, v, g, keep, *others):  # keep = 1 − lr · weight_decay
    return moments(p * keep, m, v, g, *others)


@cuda.jit
def bias_corrections(scales, lr, beta1, beta2, t, moved):
    """scales = lr / (1 − β₁ᵗ), 1 / √(1 − β₂ᵗ), in float64, by one thread: the step's number t is known on the device only (moving.py)."""
    step = float(t + moved[0])
    scales[0] = lr / (1.0 - beta1**step)
    scales[1] = 1.0 / math.sqrt(1.0 - beta2**step)


def adam_step(p, g, m, v, t, lr, beta1, beta2, eps, weight_decay, decoupled):
    scales = empty(2, p.dtype)
    launch(bias_corrections, 1, 1, scales.flat(), float(lr), float(beta1), float(beta2), *moving(t))
    numbers = beta1, 1 - beta1, beta2, 1 - beta2, eps
    if decoupled:
        update_adam_decoupled((p, m, v), (g,), 1 - lr * weight_decay, *numbers, more=(scales.flat(),))
    else:
        update_adam((p, m, v), (g,), weight_decay, *numbers, more=(scales.flat(),))


update_sgd, update_momentum, update_classical = in_place(sgd, 1, 1, 2), in_place(momentum, 2, 1, 4), in_place(classical_momentum, 2, 1, 4)
update_adagrad, update_rmsprop, update_adadelta = in_place(adagrad, 2, 1, 3), in_place(rmsprop, 4, 1, 7), in_place(adadelta, 3, 1, 5)
update_adam, update_adam_decoupled = in_place(adam, 3, 1, 7), in_place(adam_decoupled, 3, 1, 7)

TWINS = {
    "sgd_step": lambda p, g, *numbers: update_sgd((p,), (g,), *numbers),
    "momentum_step": lambda p, g, v, *numbers: update_momentum((p, v), (g,), *numbers),
    "classical_momentum_step": lambda p, g, v, *numbers: update_classical((p, v), (g,), *numbers),
    "adagrad_step": lambda p, g, s, *numbers: update_adagrad((p, s), (g,), *numbers),
    "rmsprop_step": lambda p, g, s, a, v, lr, alpha, *numbers: update_rmsprop((p, s, a, v), (g,), lr, alpha, 1 - alpha, *numbers),
    "adadelta_step": lambda p, g, s, u, lr, rho, *numbers: update_adadelta((p, s, u), (g,), lr, rho, 1 - rho, *numbers),
    "adam_step": adam_step,
}
