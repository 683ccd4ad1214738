"""Operations that need no kernel of their own: NumPy's is as good, or they are made of others."""

from scratchgen.ops.dispatch import definitions
from scratchgen.ops.numba.arrays import TWINS as ARRAYS
from scratchgen.ops.numba.optimizers import TWINS as OPTIMIZERS


def clip_norm(a, max_norm):
    """a *= min(1, max_norm / ‖a‖), in place -> ‖a‖."""
    norm = ARRAYS["squared_norm"](a) ** 0.5
    if norm > max_norm:
        ARRAYS["scale"](a, max_norm / norm)
    return norm


def adam_update(p, g, m, v, t, lr, beta1, beta2, *rest):
    """adam_step, with the bias corrections of step number t."""
    eps, weight_decay, decoupled = rest
    OPTIMIZERS["adam_step"](p, g, m, v, lr, beta1, beta2, eps, 1 - beta1**t, 1 - beta2**t, weight_decay, decoupled)


def join_sums(a, b, c, d):
    """a + b beside c + d."""
    return ARRAYS["join_columns"](ARRAYS["add"](a, b), ARRAYS["add"](c, d))


TWINS = {
    "accumulate": definitions["accumulate"],
    "adam_update": adam_update,
    "clip_norm": clip_norm,
    "join_sums": join_sums,
    "take_rows": definitions["take_rows"],
}
