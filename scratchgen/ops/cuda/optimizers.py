"""Optimizers: one launch over the flat arrays does everything."""

import functools
import math

import numpy as np

from scratchgen.ops.cuda.array import CONVERT
from scratchgen.ops.cuda.driver import cuda
from scratchgen.ops.cuda.elementwise import check_arrays, formulas, in_place, rounded
from scratchgen.ops.cuda.kernels import device
from scratchgen.ops.cuda.launch import THREADS, blocks_for, launch
from scratchgen.ops.cuda.moving import moving

update_sgd, update_momentum = in_place(formulas.sgd, 1, 1, 2), in_place(formulas.momentum, 2, 1, 4)
update_classical, update_adagrad = in_place(formulas.classical_momentum, 2, 1, 4), in_place(formulas.adagrad, 2, 1, 3)
update_rmsprop, update_adadelta = in_place(formulas.rmsprop, 4, 1, 7), in_place(formulas.adadelta, 3, 1, 5)


@functools.cache
def adam_kernel(dtype):
    """The kernel for parameters of this type."""
    adam = device(formulas.adam)

    @cuda.jit
    def update_adam(p, m, v, g, decoupled, keep, weight_decay, beta1, rest1, beta2, rest2, eps, lr, decay1, decay2, t, moved):
        """The step's number t is known on the device only (moving.py), so one thread of each block computes for all of them what depends on it; in
        float64, from β₁ and β₂ unrounded, decay1 and decay2, because 1 − β₂ᵗ is a small difference."""
        shared = cuda.shared.array(2, np.float64)
        if cuda.threadIdx.x == 0:
            steps = float(t + moved[0])
            shared[0] = lr / (1.0 - decay1**steps)
            shared[1] = 1.0 / math.sqrt(1.0 - decay2**steps)
        cuda.syncthreads()
        step, root = dtype(shared[0]), dtype(shared[1])
        for i in range(cuda.grid(1), p.size, cuda.gridsize(1)):
            p[i], m[i], v[i] = adam(p[i], m[i], v[i], g[i], decoupled, keep, weight_decay, beta1, rest1, beta2, rest2, eps, step, root)

    return update_adam


def adam_step(p, g, m, v, t, lr, beta1, beta2, eps, weight_decay, decoupled):
    arrays = p, m, v, g
    check_arrays("adam_step", arrays)
    if p.size:
        in_rows = [a if a.ndim == 1 or a.contiguous else a.copy() for a in arrays]
        rows = [a.view() if a.ndim == 1 else a.flat() for a in in_rows]
        numbers = rounded((decoupled, 1 - lr * weight_decay, weight_decay, beta1, 1 - beta1, beta2, 1 - beta2, eps), p.dtype)
        launch(adam_kernel(p.dtype.type), blocks_for(p.size), THREADS, *rows, *numbers, float(lr), float(beta1), float(beta2), *moving(t))
        for a, computed in zip((p, m, v), in_rows, strict=False):
            if computed is not a:
                CONVERT((a, computed))


TWINS = {
    "sgd_step": lambda p, g, *numbers: update_sgd((p,), (g,), *numbers),
    "momentum_step": lambda p, g, v, *numbers: update_momentum((p, v), (g,), *numbers),
    "classical_momentum_step": lambda p, g, v, *numbers: update_classical((p, v), (g,), *numbers),
    "adagrad_step": lambda p, g, s, *numbers: update_adagrad((p, s), (g,), *numbers),
    "rmsprop_step": lambda p, g, s, a, v, lr, alpha, *numbers: update_rmsprop((p, s, a, v), (g,), lr, alpha, 1 - alpha, *numbers),
    "adadelta_step": lambda p, g, s, u, lr, rho, *numbers: update_adadelta((p, s, u), (g,), lr, rho, 1 - rho, *numbers),
    "adam_step": adam_step,
}
