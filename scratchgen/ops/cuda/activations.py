"""Activations, forward and backward; and the backward pass fused with the bias gradient."""

from scratchgen.ops.checks import WITH_ALPHA
from scratchgen.ops.cuda.elementwise import elementwise, formulas
from scratchgen.ops.cuda.sums import column_sums

# how many numbers each takes besides its arrays
FORWARD = {name: int(name in WITH_ALPHA) for name in ("relu", "leaky_relu", "elu", "tanh", "sigmoid", "softplus")}
BACKWARD = {f"{name}_backward": n_numbers for name, n_numbers in FORWARD.items()}

TWINS = {name: elementwise(getattr(formulas, name), 1, n_numbers) for name, n_numbers in FORWARD.items()}
TWINS |= {name: elementwise(getattr(formulas, name), 2, n_numbers) for name, n_numbers in BACKWARD.items()}

WITH_BIAS_GRADIENT = {name: column_sums(getattr(formulas, name), 2, n_numbers, n_outs=1) for name, n_numbers in BACKWARD.items()}


def activation_backward(dy, y, db, activation, *alpha):
    """dz = activation_backward(dy, y, *alpha), and db += Σ_batch dz in the same pass, unless db is None."""
    name = f"{activation}_backward"
    return TWINS[name](dy, y, *alpha) if db is None else WITH_BIAS_GRADIENT[name](db, (dy, y), *alpha)


TWINS["activation_backward"] = activation_backward
