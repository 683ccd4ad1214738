"""Squared error: ½ ‖y − target‖². Up to a constant, the negative log-likelihood of a Gaussian of variance 1.

loss = (1 / batch) Σ_n ½ Σ_j (y_nj − t_nj)²           dy = (y − t) / batch
"""

import numpy as np

from scratchgen.losses.shapes import equal_shapes
from scratchgen.ops import op


@equal_shapes
@op
def squared_error(y, targets):
    """-> loss, dy.  y, targets (batch, features)."""
    batch, difference = y.shape[0], y - targets
    return 0.5 * np.sum(np.square(difference, dtype=np.float64)) / batch, difference / batch
