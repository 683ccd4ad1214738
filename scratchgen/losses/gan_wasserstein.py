"""The Wasserstein distance between data and generated examples, as a critic sees it (Arjovsky et al. 2017).

    W(p, q) = max over D with slope at most 1 of   mean D(x) − mean D(G(z))
              the dual form, by Kantorovich and Rubinstein

    critic       L_D = mean fake − mean real         dreal = −1/n         dfake = 1/m
    generator    L_G = −mean fake                                         dfake = −1/m

−L_D estimates the distance, up to the critic's slope: a number that falls as the samples get better, which no
cross-entropy does. The slope has to be kept in bounds, or D grows without end: by clipping the weights, or by
a penalty (models/penalties.py).
"""

import numpy as np

from scratchgen.losses.shapes import equal_features, equal_shapes
from scratchgen.ops import op


@equal_features
@op
def critic_wasserstein(real, fake):
    """-> loss, dreal, dfake.  D's outputs for real examples (n, 1) and for generated ones (m, 1)."""
    n, m = real.shape[0], fake.shape[0]
    loss = np.sum(fake, dtype=np.float64) / m - np.sum(real, dtype=np.float64) / n
    return loss, -np.ones_like(real) / n, np.ones_like(fake) / m


@equal_shapes
@op
def generator_wasserstein(fake):
    """-> loss, dfake.  D's outputs (m, 1) for generated examples."""
    m = fake.shape[0]
    return -np.sum(fake, dtype=np.float64) / m, -np.ones_like(fake) / m
