"""RMSProp: Adagrad with a moving average in the place of the sum,
so that steps do not shrink for ever (Tieleman & Hinton 2012).

    s <- alpha s + (1 − alpha) g²                              d = √s + eps
    centred (Graves 2013):  a <- alpha a + (1 − alpha) g       d = √(s − a²) + eps   the variance of g
    v <- μ v + g / d                                           p <- p − lr v         μ = 0, no momentum: plain

Weight decay first adds weight_decay · p to g.
"""

import numpy as np

from scratchgen.errors import flag
from scratchgen.ops import op
from scratchgen.optim.optimizer import Optimizer, check_fractions, check_not_negative, check_positive


@op
def rmsprop_step(p, g, s, a, v, lr, alpha, eps, momentum, centered, weight_decay):
    g = g + weight_decay * p
    s[...] = alpha * s + (1 - alpha) * g**2
    if centered:
        a[...] = alpha * a + (1 - alpha) * g
    # a is 0 unless centred; rounding may leave less than 0
    v[...] = momentum * v + g / (np.sqrt(np.maximum(s - a**2, 0)) + eps)
    p -= lr * v


class RMSProp(Optimizer):
    """RMSProp, with PyTorch's defaults.
    Graves adds eps inside the root; here, as in PyTorch, it stands outside.
    """

    def __init__(
        self, module, lr=1e-2, *, alpha=0.99, eps=1e-8, momentum=0.0, centered=False, weight_decay=0.0
    ):
        check_fractions(alpha=alpha, momentum=momentum)
        check_positive(eps=eps)
        check_not_negative(weight_decay=weight_decay)
        super().__init__(module, lr, state=("s", "a", "v"))
        self.alpha, self.eps, self.momentum = alpha, eps, momentum
        self.centered, self.weight_decay = flag("centered", centered), weight_decay

    def update(self, p, g, s, a, v):
        """One step; s, a: moving averages of g² and (if centred) of g; v: the velocity."""
        rmsprop_step(
            p, g, s, a, v, self.lr, self.alpha, self.eps, self.momentum, self.centered, self.weight_decay
        )
