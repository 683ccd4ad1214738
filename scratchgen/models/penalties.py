"""What keeps a discriminator's slope in bounds: penalties on its gradient, and the clipping of weights.

    "wgan_gp"   λ mean (‖∇D(x̂)‖ − 1)²,  x̂ = u x + (1 − u) x̃          (Gulrajani et al. 2017)
                between real x and generated x̃;  λ = 10
    "r1"        ½ γ mean ‖∇D(x)‖²                                    (Mescheder et al. 2018)
                at real x;  γ = 10
    clipping    W <- min(max(W, −c), c) after each update            (Arjovsky et al. 2017)
                c = 0.01

u is uniform in [0, 1), a number of its own *for each example*: with a constant,
the penalty does not see what lies between.

Slopes are those in x. What else the discriminator is told, the last columns, `given` in number, is the same
for real and generated examples and does not move: D(x, y) is a critic of x for each label y, and each of them
is to be flat, or to have slope 1. If it judges packs of m examples, its x is the pack, a point in a space of
m times the features: ‖∇D‖ is the slope in that space, and u is drawn for each pack.

A penalty's gradient is the gradient of a gradient; gradient_penalty.py derives it.
"""

import numpy as np

from scratchgen.models.gradient_penalty import gradient_penalty
from scratchgen.ops import op

CLIP = 0.01


@op
def between(x, generated, u):  # x̂ = u x + (1 − u) x̃
    return u * x + (1 - u) * generated


@op
def clip_weights(p, bound):  # W <- min(max(W, −c), c)
    p[...] = np.minimum(np.maximum(p, -bound), bound)


class WassersteinPenalty:
    """Slope 1 between real and generated examples.  weight: λ."""

    mixes = True  # needs u

    def __init__(self, weight=10.0):
        self.weight = weight

    def __call__(self, discriminator, x, generated, u, given=0):
        """-> the penalty; adds to the discriminator's gradients.

        x, generated (batch, features), u (batch, 1).
        """
        if x.shape != generated.shape or tuple(u.shape) != (x.shape[0], 1):
            raise ValueError(
                f"x has shape {tuple(x.shape)}, the generated {tuple(generated.shape)}, u {tuple(u.shape)}; "
                f"wgan_gp mixes one with one: as many generated as real examples, and u (batch, 1)"
            )
        return gradient_penalty(discriminator, between(x, generated, u), 1.0, self.weight, given)


class R1:
    """Slope 0 at real examples.  weight: γ."""

    mixes = False

    def __init__(self, weight=10.0):
        self.weight = weight

    def __call__(self, discriminator, x, generated, u, given=0):
        """-> the penalty; adds to the discriminator's gradients.

        x (batch, features); neither generated nor u is looked at.
        """
        return gradient_penalty(discriminator, x, 0.0, 0.5 * self.weight, given)


PENALTIES = {"wgan_gp": WassersteinPenalty, "r1": R1}
