"""Optimizers: one launch over the flat arrays does everything."""

import math

from scratchgen.ops.cuda.array import empty
from scratchgen.ops.cuda.driver import cuda
from scratchgen.ops.cuda.elementwise import formulas, in_place
from scratchgen.ops.cuda.kernels import device
from scratchgen.ops.cuda.launch import launch
from scratchgen.ops.cuda.moving import moving


@cuda.jit
def bias_corrections(scales, lr, beta1, beta2, t, moved):
    """scales = lr / (1 − β₁ᵗ), 1 / √(1 − β₂ᵗ), in float64, by one thread: the step's number t is known on the device only (moving.py)."""
    step = float(t + moved[0])
    scales[0] = lr / (1.0 - beta1**step)
    scales[1] = 1.0 / math.sqrt(1.0 - beta2**step)


new_adam = device(formulas.adam)


def adam(p, m, v, g, decoupled, keep, weight_decay, beta1, rest1, beta2, rest2, eps, scales):
    return new_adam(p, m, v, g, decoupled, keep, weight_decay, beta1, rest1, beta2, rest2, eps, scales[0], scales[1])


update_sgd, update_momentum = in_place(formulas.sgd, 1, 1, 2), in_place(formulas.momentum, 2, 1, 4)
update_classical, update_adagrad = in_place(formulas.classical_momentum, 2, 1, 4), in_place(formulas.adagrad, 2, 1, 3)
update_rmsprop, update_adadelta, update_adam = in_place(formulas.rmsprop, 4, 1, 7), in_place(formulas.adadelta, 3, 1, 5), in_place(adam, 3, 1, 9)


def adam_step(p, g, m, v, t, lr, beta1, beta2, eps, weight_decay, decoupled):
    scales = empty(2, p.dtype)
    launch(bias_corrections, 1, 1, scales.flat(), float(lr), float(beta1), float(beta2), *moving(t))
    numbers = decoupled, 1 - lr * weight_decay, weight_decay, beta1, 1 - beta1, beta2, 1 - beta2, eps
    update_adam((p, m, v), (g,), *numbers, more=(scales.flat(),))


TWINS = {
    "sgd_step": lambda p, g, *numbers: update_sgd((p,), (g,), *numbers),
    "momentum_step": lambda p, g, v, *numbers: update_momentum((p, v), (g,), *numbers),
    "classical_momentum_step": lambda p, g, v, *numbers: update_classical((p, v), (g,), *numbers),
    "adagrad_step": lambda p, g, s, *numbers: update_adagrad((p, s), (g,), *numbers),
    "rmsprop_step": lambda p, g, s, a, v, lr, alpha, *numbers: update_rmsprop((p, s, a, v), (g,), lr, alpha, 1 - alpha, *numbers),
    "adadelta_step": lambda p, g, s, u, lr, rho, *numbers: update_adadelta((p, s, u), (g,), lr, rho, 1 - rho, *numbers),
    "adam_step": adam_step,
}
