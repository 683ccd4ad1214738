"""Adam: momentum on the gradient, scaled by the root of a moving average of its square (Kingma & Ba 2015).

    m <- β₁ m + (1 − β₁) g                          first moment: where gradients point on average
    v <- β₂ v + (1 − β₂) g²                         second moment: how large they are
    m̂ = m / (1 − β₁ᵗ)        v̂ = v / (1 − β₂ᵗ)      both start at zero; after t steps these undo that bias
    p <- p − lr m̂ / (√v̂ + eps)

Weight decay enters g (Adam: p is decayed through the moments) or p directly
(AdamW, Loshchilov & Hutter 2019): p <- p − lr·wd·p. This is PyTorch's form;
the paper decays by the schedule's factor times wd, whatever lr is.
"""

import numpy as np

from scratchgen.errors import shown
from scratchgen.ops import op
from scratchgen.optim.optimizer import Optimizer, check_fractions, check_not_negative, check_positive


@op
def adam_step(p, g, m, v, t, lr, beta1, beta2, eps, weight_decay, decoupled):  # t: number of the step, from 1
    if decoupled:
        p *= 1 - lr * weight_decay
    else:
        g = g + weight_decay * p
    m[...] = beta1 * m + (1 - beta1) * g
    v[...] = beta2 * v + (1 - beta2) * g**2
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    p -= lr * m_hat / (np.sqrt(v_hat) + eps)


class Adam(Optimizer):
    """Adam, with PyTorch's defaults, which are the paper's.  betas: (β₁, β₂)."""

    decoupled = False

    def __init__(self, module, lr=1e-3, *, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise TypeError(f"betas is {shown(betas)}; it must be a pair (β₁, β₂)")
        check_fractions(beta1=betas[0], beta2=betas[1])
        check_positive(eps=eps)
        check_not_negative(weight_decay=weight_decay)
        super().__init__(module, lr, state=("m", "v"))
        self.betas, self.eps, self.weight_decay = tuple(betas), eps, weight_decay

    def update(self, p, g, m, v):
        """One step; m, v: moving averages of g and g²."""
        adam_step(p, g, m, v, self.steps, self.lr, *self.betas, self.eps, self.weight_decay, self.decoupled)


class AdamW(Adam):
    """Adam with decoupled weight decay, with PyTorch's defaults."""

    decoupled = True

    def __init__(self, module, lr=1e-3, *, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        super().__init__(module, lr, betas=betas, eps=eps, weight_decay=weight_decay)
