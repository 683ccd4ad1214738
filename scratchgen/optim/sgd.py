"""Stochastic gradient descent, with momentum.

    plain            p <- p − lr g
    momentum         v <- μ v + g         p <- p − lr v              (PyTorch's form; Polyak 1964)
    Nesterov         v <- μ v + g         p <- p − lr (g + μ v)
    classical        v <- μ v − lr g      p <- p + v                 (Sutskever et al. 2013; the original GAN)
      and Nesterov   v <- μ v − lr g      p <- p + μ v − lr g

The two forms agree while lr is constant. When lr changes, the classical velocity keeps the step sizes it was
built with; PyTorch's rescales them at once.
Weight decay adds weight_decay · p to g, the gradient of ½ weight_decay ‖p‖².
"""

from scratchgen.errors import flag
from scratchgen.ops import op
from scratchgen.optim.optimizer import Optimizer, check_fractions, check_not_negative


@op
def sgd_step(p, g, lr, weight_decay):  # p <- p − lr g
    p -= lr * (g + weight_decay * p)


@op
def momentum_step(p, g, v, lr, momentum, nesterov, weight_decay):
    g = g + weight_decay * p
    v[...] = momentum * v + g
    p -= lr * (g + momentum * v if nesterov else v)


@op
def classical_momentum_step(p, g, v, lr, momentum, nesterov, weight_decay):
    g = g + weight_decay * p
    v[...] = momentum * v - lr * g
    p += momentum * v - lr * g if nesterov else v


class SGD(Optimizer):
    """Stochastic gradient descent.

    momentum: μ.
    nesterov: look ahead.
    classical: the velocity form that contains lr.
    """

    def __init__(self, module, lr=1e-3, momentum=0.0, *, nesterov=False, classical=False, weight_decay=0.0):
        check_fractions(momentum=momentum)
        check_not_negative(weight_decay=weight_decay)
        nesterov, classical = flag("nesterov", nesterov), flag("classical", classical)
        if not momentum and (nesterov or classical):
            raise ValueError("nesterov and classical say how momentum enters; give momentum as well")
        super().__init__(module, lr, state=("v",) if momentum else ())
        self.momentum, self.nesterov = momentum, nesterov
        self.classical, self.weight_decay = classical, weight_decay

    def update(self, p, g, v=None):
        """One step; v: the velocity."""
        if v is None:
            sgd_step(p, g, self.lr, self.weight_decay)
        else:
            step = classical_momentum_step if self.classical else momentum_step
            step(p, g, v, self.lr, self.momentum, self.nesterov, self.weight_decay)
