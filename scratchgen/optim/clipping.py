"""Gradient clipping: where the norm of all gradients together exceeds a bound, scale them down to it (Pascanu et al. 2013).

    n = ‖g‖₂          g <- g · min(1, max_norm / n)

The direction of the gradient stays.
"""

from scratchgen.ops import clip_norm


def clip_grad_norm(module, max_norm):
    """Clip the gradients of a network, layer or model in place; returns the norm they had.

    Raises ValueError unless max_norm is positive.
    """
    if not max_norm > 0:
        raise ValueError(f"max_norm is {max_norm}; it must be positive")
    return clip_norm(module.flat_grads, max_norm)
