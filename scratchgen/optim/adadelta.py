"""Adadelta: RMSProp whose learning rate is the size of its own recent steps,
so that units come out right (Zeiler 2012).

    s <- rho s + (1 − rho) g²
    Δ  = √(u + eps) / √(s + eps) · g
    u <- rho u + (1 − rho) Δ²
    p <- p − lr Δ                            lr = 1 in the paper

Weight decay first adds weight_decay · p to g.
"""

import numpy as np

from scratchgen.ops import op
from scratchgen.optim.optimizer import Optimizer, check_fractions, check_not_negative, check_positive


@op
def adadelta_step(p, g, s, u, lr, rho, eps, weight_decay):
    g = g + weight_decay * p
    s[...] = rho * s + (1 - rho) * g**2
    delta = np.sqrt(u + eps) / np.sqrt(s + eps) * g
    u[...] = rho * u + (1 - rho) * delta**2
    p -= lr * delta


class Adadelta(Optimizer):
    """Adadelta, with PyTorch's defaults (rho = 0.9; the paper uses 0.95)."""

    def __init__(self, module, lr=1.0, *, rho=0.9, eps=1e-6, weight_decay=0.0):
        check_fractions(rho=rho)
        check_positive(eps=eps)
        check_not_negative(weight_decay=weight_decay)
        super().__init__(module, lr, state=("s", "u"))
        self.rho, self.eps, self.weight_decay = rho, eps, weight_decay

    def update(self, p, g, s, u):
        """One step; s, u: moving averages of the squared gradients and of the squared steps."""
        adadelta_step(p, g, s, u, self.lr, self.rho, self.eps, self.weight_decay)
