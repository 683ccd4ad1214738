"""Gradient clipping: where the norm of all gradients together exceeds a bound,
scale them down to it (Pascanu et al. 2013).

    n = ‖g‖₂          g <- g · min(1, max_norm / n)

The direction of the gradient stays.
"""

from scratchgen.errors import number, shown
from scratchgen.layers.module import Module
from scratchgen.ops import clip_norm


def clip_grad_norm(module, max_norm):
    """Clip the gradients of a network, layer or model in place; returns the norm they had.

    Raises ValueError unless max_norm is positive, TypeError unless it is a number and `module` a module.
    """
    if not isinstance(module, Module):
        raise TypeError(f"the first argument is {shown(module)}; it must be a network, layer or model")
    number("max_norm", max_norm, lambda norm: norm > 0, "be positive")
    return clip_norm(module.flat_grads, max_norm)
