"""Activations, forward and backward. (Behind a linear layer they are part of its products: matmul.py.)"""

from scratchgen.ops.checks import ACTIVATIONS, WITH_ALPHA
from scratchgen.ops.cuda.elementwise import elementwise, formulas

# how many numbers each takes besides its arrays
FORWARD = {name: int(name in WITH_ALPHA) for name in ACTIVATIONS}
BACKWARD = {f"{name}_backward": n_numbers for name, n_numbers in FORWARD.items()}

TWINS = {name: elementwise(getattr(formulas, name), 1, n_numbers) for name, n_numbers in FORWARD.items()}
TWINS |= {name: elementwise(getattr(formulas, name), 2, n_numbers) for name, n_numbers in BACKWARD.items()}
