"""One-sided label smoothing (Salimans et al. 2016):
a discriminator that is never to be quite sure of what is real.

Real examples are given the target t, such as 0.9, in the place of 1; generated ones keep 0:

    L_D = −mean [t log D(x) + (1 − t) log(1 − D(x))] − mean log(1 − D(x̃))
        = mean (softplus(real) − t real) + mean softplus(fake)
    dreal = (σ(real) − t) / n          dfake = σ(fake) / m

What it does to the best D. At a point where data has density p and the generator q, L_D is
−t p log D − ((1 − t) p + q) log(1 − D). Its derivative is zero where t p / D = ((1 − t) p + q) / (1 − D), at

    D* = t p / (p + q)

So the best D never says more than t: its logits have a bound above, log t / (1 − t), and real examples do not
drive its weights ever further. Where only generated examples lie, D* is 0, as without smoothing.
*One-sided*, because with a target s > 0 for generated examples D* would be s + (t − s) p / (p + q):
where p is nearly 0 it is flat, at s, and what the generator does wrong there stays.
"""

import numpy as np

from scratchgen.errors import number
from scratchgen.layers.sigmoid import sigmoid
from scratchgen.layers.softplus import softplus
from scratchgen.losses.shapes import checked_arrays
from scratchgen.ops import op


@op
def smoothed_bce(real, fake, t):
    """The definition, without checks -> loss, dreal, dfake."""
    n, m = real.shape[0], fake.shape[0]
    loss = (
        np.sum(softplus(real) - t * real, dtype=np.float64) / n + np.sum(softplus(fake), dtype=np.float64) / m
    )
    return loss, (sigmoid(real) - t) / n, sigmoid(fake) / m


def discriminator_bce_smoothed(real, fake, real_label=0.9):
    """-> loss, dreal, dfake.  Logits of real examples (n, 1) and of generated ones (m, 1);
    real_label: t, above 0 and at most 1.

    Raises ValueError for another real_label or shapes that do not fit,
    TypeError for what is no array or of another dtype.
    """
    number("real_label", real_label, lambda t: 0 < t <= 1, "be above 0 and at most 1")
    real, fake = checked_arrays(
        "discriminator_bce_smoothed", {"real": real, "fake": fake}, lambda shape: shape[1:]
    )
    return smoothed_bce(real, fake, float(real_label))
