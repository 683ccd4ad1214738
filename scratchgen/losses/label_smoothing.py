"""One-sided label smoothing (Salimans et al. 2016): a discriminator that is never asked to be quite sure of real examples.

The target of a real example is 1 − s in the place of 1, that of a generated one stays 0:

    L_D = −mean [(1 − s) log D(x) + s log(1 − D(x))] − mean log(1 − D(G(z)))

With softplus(real) = softplus(−real) + real this is the cross-entropy and one term more:

    L_D = mean softplus(−real) + s mean real + mean softplus(fake)
    dreal = (s − σ(−real)) / n                       0 at D = 1 − s: beyond that, real examples push back
    dfake = σ(fake) / m

One-sided: were generated examples given s in the place of 0, D would pull G towards wherever it already puts its samples.
"""

import numpy as np

from scratchgen.layers.sigmoid import sigmoid
from scratchgen.layers.softplus import softplus
from scratchgen.losses.shapes import equal_features
from scratchgen.ops import op


@equal_features
@op
def discriminator_bce_smoothed(real, fake, smoothing):
    """-> loss, dreal, dfake.  Logits of real examples (n, 1) and of generated ones (m, 1); smoothing: s, from 0 to below 1."""
    n, m = real.shape[0], fake.shape[0]
    loss = np.sum(softplus(-real) + smoothing * real, dtype=np.float64) / n + np.sum(softplus(fake), dtype=np.float64) / m
    return loss, (smoothing - sigmoid(-real)) / n, sigmoid(fake) / m
