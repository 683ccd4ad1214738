"""The hinge loss of a support vector machine, for a discriminator (Lim & Ye 2017):
what is on the right side by a margin of 1 counts no more.

    L_D = mean max(0, 1 − real) + mean max(0, 1 + fake)
    dreal = −1/n where real < 1, else 0              dfake = 1/m where fake > −1, else 0

    L_G = −mean fake                                 dfake = −1/m

D spends its gradient on the examples that it gets wrong, or only just right.
G climbs D's output, however high it is.
"""

import numpy as np

from scratchgen.losses.shapes import equal_features, equal_shapes
from scratchgen.ops import op


@equal_features
@op
def discriminator_hinge(real, fake):
    """-> loss, dreal, dfake.  D's outputs for real examples (n, 1) and for generated ones (m, 1)."""
    n, m = real.shape[0], fake.shape[0]
    loss = (
        np.sum(np.maximum(1 - real, 0), dtype=np.float64) / n
        + np.sum(np.maximum(1 + fake, 0), dtype=np.float64) / m
    )
    return loss, -(real < 1).astype(real.dtype) / n, (fake > -1).astype(fake.dtype) / m


@equal_shapes
@op
def generator_hinge(fake):
    """-> loss, dfake.  D's outputs (m, 1) for generated examples."""
    m = fake.shape[0]
    return -np.sum(fake, dtype=np.float64) / m, -np.ones_like(fake) / m
