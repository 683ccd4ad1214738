"""A penalty on the gradient of a network: how a gradient of a gradient is computed by hand.

A Wasserstein critic D is to have slope 1 (Gulrajani et al. 2017), a discriminator to be flat at the data
(Mescheder et al. 2018). Both write the slope into the loss. With g_n = ∇ₓ D(x_n), the gradient of D's output
with respect to its *input*,

    P = weight · (1 / batch) Σ_n (‖g_n‖ − center)²             center 1: WGAN-GP
    P = weight · (1 / batch) Σ_n ‖g_n‖²                        center 0: R1

and training needs dP/dW: the gradient of a function of a gradient. There is nothing new in it. Backward
computes g from x and W, by plain multiplications; these are a computation like any other, and backpropagation
runs through them like through any other.

It begins at P. A norm grows in the direction of its vector, d‖g‖/dg = g / ‖g‖, so

    dP/dg_n = (2 weight / batch) (‖g_n‖ − center) g_n / ‖g_n‖             taken as 0 where g_n = 0

What layers do then, worked out for D(x) = tanh(x W) v, one example, x (1, n), W (n, h), v (h, 1):

    forward          a = x W         y = tanh a         D = y v
    backward         dy = vᵀ         da = dy ∘ (1 − y²)         g = da Wᵀ

Five lines that compute g. Now P(g) is the loss, and the lines are taken in reverse. Write dP/d(g) = ddx,
dP/d(da) = dda, dP/d(dy) = ddy, each with the shape of what it belongs to:

    g = da Wᵀ            dda  = ddx W            dW += ddxᵀ da           a linear layer: input da, weights Wᵀ
    da = dy ∘ (1 − y²)   ddy  = dda ∘ (1 − y²)   dy′ = −2 y ∘ dy ∘ dda   y is an input of this line, too
    dy = vᵀ              dv  += ddyᵀ

So far the way led *up*, from the first layer to the last, because backward led down. But y came from forward,
and what reached it, dy′, goes on down through forward's own lines, as any gradient does:

    y = tanh a           da′ = dy′ ∘ (1 − y²)
    a = x W              dW += xᵀ da′

dW has two parts: W stands in forward and in backward. That is all. Each layer does its share in
`double_backward(ddx, dy, cache)`: it returns ddy, which goes up, and the gradient that reaches its own x
through the cache, which will go down; it adds what its own parameters get on the way.
Sequential.double_backward runs the two sweeps. With ReLU nothing goes down: its slope does not change with x.
"""

import math

import numpy as np

from scratchgen.errors import integer, number
from scratchgen.ops import op


@op
def ones_like(y):
    return np.ones_like(y)


@op
def slope_penalty(g, center, weight):
    """-> P, dP/dg.  P = weight · mean_n (‖g_n‖ − center)²;  g (batch, n)."""
    batch = g.shape[0]
    norm = np.sqrt(np.sum(g * g, axis=1))
    P = weight * np.sum((norm - center) ** 2, dtype=np.float64) / batch
    factor = np.where(norm > 0, (norm - center) / np.where(norm > 0, norm, 1), 0)
    return P, 2 * weight * factor[:, None] * g / batch


@op
def first_columns(g, n):  # the others are 0
    return np.where(np.arange(g.shape[1], like=g) < n, g, 0)


def gradient_penalty(network, x, center=1.0, weight=1.0, given=0):
    """P of the network's gradient at x (batch, n) -> P, a scalar; adds dP/dparams to the network's gradients.

    x gets no gradient.

    network: a Sequential or another layer with double_backward; if it has several outputs,
        the gradient is that of their sum.
    center: the wanted norm; 0 penalises ‖∇‖² itself.
    weight: λ of the papers (of R1, ½ γ).
    given: how many of the last columns of x are told and not moved, such as labels:
        the slope is that along the others.
    Raises NotImplementedError if a layer has no double_backward, such as batch normalisation, which couples
    the examples; ValueError for a negative center, a weight that is not finite,
    or more columns given than there are.
    """
    number("center", center, lambda center: 0 <= center < math.inf, "not be negative, and finite")
    number("weight", weight, math.isfinite, "be finite")
    integer("given", given, 0, x.shape[1])
    y, cache = network.forward(x)
    dy = ones_like(y)
    g = network.backward(dy, cache, wrt="input")  # (batch, n)
    if given:
        g = first_columns(g, x.shape[1] - given)
    # dg is 0 where g is: also in the columns given
    penalty, dg = slope_penalty(g, float(center), float(weight))
    network.double_backward(dg, dy, cache)
    return penalty
