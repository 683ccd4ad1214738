"""The objectives of the two players of a generative adversarial network (Goodfellow et al. 2014).

The discriminator gives logits; D = σ(logit) is the probability it assigns to "real".
It minimises two cross-entropies,

    L_D = −mean log D(x) − mean log(1 − D(G(z)))  =  mean softplus(−real) + mean softplus(fake)
    dreal = −σ(−real) / n          dfake = σ(fake) / m

and the generator one of two objectives with the same fixed point (section 3 of the paper):

    minimax          L_G = mean log(1 − D(G(z))) = −mean softplus(fake)        dfake = −σ(fake) / m
    non-saturating   L_G = −mean log D(G(z))     =  mean softplus(−fake)       dfake = −σ(−fake) / m

While the discriminator wins, fake → −∞: the minimax gradient σ(fake) vanishes just when the generator needs
it most, and the non-saturating gradient tends to −1/m. That is the whole reason for the second form.
"""

import numpy as np

from scratchgen.layers.sigmoid import sigmoid
from scratchgen.layers.softplus import softplus
from scratchgen.losses.shapes import equal_features, equal_shapes
from scratchgen.ops import op


@equal_features
@op
def discriminator_bce(real, fake):
    """-> loss, dreal, dfake.  Logits of real examples (n, 1) and of generated ones (m, 1)."""
    n, m = real.shape[0], fake.shape[0]
    loss = np.sum(softplus(-real), dtype=np.float64) / n + np.sum(softplus(fake), dtype=np.float64) / m
    return loss, -sigmoid(-real) / n, sigmoid(fake) / m


@equal_shapes
@op
def generator_minimax(fake):
    """-> loss, dfake.  Logits (m, 1) of generated examples; the loss is mean log(1 − D), at most 0."""
    m = fake.shape[0]
    return -np.sum(softplus(fake), dtype=np.float64) / m, -sigmoid(fake) / m


@equal_shapes
@op
def generator_non_saturating(fake):
    """-> loss, dfake.  Logits (m, 1) of generated examples; the loss is −mean log D, at least 0."""
    m = fake.shape[0]
    return np.sum(softplus(-fake), dtype=np.float64) / m, -sigmoid(-fake) / m
