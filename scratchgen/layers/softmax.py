"""Softmax: turns a row of logits into probabilities that sum to one.

    y_j = e^(x_j) / Σ_k e^(x_k)

Every output depends on every input of its row. From ∂y_j/∂x_i = y_j (δ_ij − y_i):

    dx_i = Σ_j dy_j ∂y_j/∂x_i = y_i (dy_i − Σ_j dy_j y_j)

This is the true vector–Jacobian product, for any dy; the short form y − target holds only before a
cross-entropy (see losses.softmax_cross_entropy).
"""

import numpy as np

from scratchgen.layers.layer import Layer
from scratchgen.ops import op


@op
def softmax(x):  # y_j = e^(x_j − m) / Σ_k e^(x_k − m)      m = max_k x_k cancels; with it nothing overflows
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@op
def softmax_backward(dy, y):  # dx = y ∘ (dy − Σ_j dy_j y_j)
    return y * (dy - np.sum(dy * y, axis=1, keepdims=True))


@op
def softmax_second(ddx, dy, y):
    """dP/dx for P = Σ ddx ∘ dx:  P = Σ_i ddx_i y_i (dy_i − s),  s = Σ_j dy_j y_j;
    first dP/dy, then through y to x.

    dP/dy_i = ddx_i (dy_i − s) − dy_i Σ_j ddx_j y_j
    """
    s = np.sum(dy * y, axis=1, keepdims=True)
    return softmax_backward(ddx * (dy - s) - dy * np.sum(ddx * y, axis=1, keepdims=True), y)


class Softmax(Layer):
    """Softmax over the features of each example."""

    def forward(self, x):
        """x (batch, n) -> y (batch, n), rows sum to 1."""
        if x.ndim != 2 or x.shape[1] < 1:
            raise ValueError(f"x has shape {tuple(x.shape)}; Softmax needs (batch, n) with n ≥ 1")
        y = softmax(x)
        return y, y

    def backward(self, dy, y):
        """dy (batch, n) -> dx (batch, n)."""
        return softmax_backward(dy, y)

    def double_backward(self, ddx, dy, y):
        """ddx (batch, n) -> ddy, dx (batch, n).

        The Jacobian of softmax is symmetric: ddy is backward's own product.
        """
        return softmax_backward(ddx, y), softmax_second(ddx, dy, y)
