"""Least squares in the place of cross-entropy (Mao et al. 2017):
real examples are to be given 1, generated ones 0.

    L_D = ½ mean (real − 1)² + ½ mean fake²          dreal = (real − 1) / n          dfake = fake / m
    L_G = ½ mean (fake − 1)²                                                         dfake = (fake − 1) / m

D's output is the number itself, without a sigmoid. A generated example that D is sure about, on either
side, still has a gradient, and it grows with the distance from 1: where the cross-entropy lets go, the
square pulls. At the optimum D = p / (p + q), as before, and the generator's loss is ½ ∫ q³ / (p + q)²,
least, ⅛, where q = p.  (With the targets −1 and 1, and 0 for G, the paper shows that the two minimise
Pearson's χ² divergence of p + q and 2 q.)
"""

import numpy as np

from scratchgen.losses.shapes import equal_features, equal_shapes
from scratchgen.ops import op


@equal_features
@op
def discriminator_least_squares(real, fake):
    """-> loss, dreal, dfake.  D's outputs for real examples (n, 1) and for generated ones (m, 1)."""
    n, m = real.shape[0], fake.shape[0]
    loss = (
        0.5 * np.sum(np.square(real - 1, dtype=np.float64)) / n
        + 0.5 * np.sum(np.square(fake, dtype=np.float64)) / m
    )
    return loss, (real - 1) / n, fake / m


@equal_shapes
@op
def generator_least_squares(fake):
    """-> loss, dfake.  D's outputs (m, 1) for generated examples."""
    m = fake.shape[0]
    return 0.5 * np.sum(np.square(fake - 1, dtype=np.float64)) / m, (fake - 1) / m
