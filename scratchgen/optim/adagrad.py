"""Adagrad: each parameter's step shrinks with the sum of its own past squared gradients (Duchi et al. 2011).

    s <- s + g²
    p <- p − lr g / (√s + eps)

Weight decay first adds weight_decay · p to g.
"""

import numpy as np

from scratchgen.ops import op
from scratchgen.optim.optimizer import Optimizer, check_not_negative, check_positive


@op
def adagrad_step(p, g, s, lr, eps, weight_decay):
    g = g + weight_decay * p
    s += g**2
    p -= lr * g / (np.sqrt(s) + eps)


class Adagrad(Optimizer):
    """Adagrad, with PyTorch's defaults."""

    def __init__(self, module, lr=1e-2, *, eps=1e-10, weight_decay=0.0):
        check_positive(eps=eps)
        check_not_negative(weight_decay=weight_decay)
        super().__init__(module, lr, state=("s",))
        self.eps, self.weight_decay = eps, weight_decay

    def update(self, p, g, s):
        """One step; s: the sum of squared gradients."""
        adagrad_step(p, g, s, self.lr, self.eps, self.weight_decay)
