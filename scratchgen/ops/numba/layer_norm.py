"""Layer normalisation, row by row. A row is one thread's work from beginning to end, so its sums have one order."""

import math

import numpy as np
from numba import prange

from scratchgen.ops.numba.compile import jit
from scratchgen.ops.numba.elementwise import matrices
from scratchgen.ops.numba.sums import dot, total
from scratchgen.ops.numba.threads import kernel


@jit
def layer_norm_row(y, x_hat, x, gamma, beta, eps):
    real = x.dtype.type
    mean = real(total(x) / x.size)
    for j in range(x.size):
        x_hat[j] = x[j] - mean
    r = real(1 / math.sqrt(dot(x_hat, x_hat) / x.size + eps))
    for j in range(x.size):
        x_hat[j] *= r
        y[j] = gamma[j] * x_hat[j] + beta[j]
    return r


@kernel
def layer_norm_rows(y, x_hat, r, x, gamma, beta, eps):
    for i in prange(x.shape[0]):
        r[i] = layer_norm_row(y[i], x_hat[i], x[i], gamma, beta, eps)


def layer_norm(x, gamma, beta, eps):
    """-> y, x̂ (batch, n), r (batch,)."""
    x, gamma, beta = matrices("layer_norm", x, columns=(gamma, beta))
    y, x_hat, r = np.empty_like(x), np.empty_like(x), np.empty(x.shape[0], x.dtype)
    layer_norm_rows(0.4 * x.size, y, x_hat, r, x, gamma, beta, float(eps))
    return y, x_hat, r


@jit
def layer_norm_backward_row(dx, dy, x_hat, r, gamma):
    for j in range(dy.size):
        dx[j] = dy[j] * gamma[j]  # dx̂
    mean, along = dy.dtype.type(total(dx) / dy.size), dy.dtype.type(dot(dx, x_hat) / dy.size)
    for j in range(dy.size):
        dx[j] = r * (dx[j] - mean - x_hat[j] * along)


@kernel
def layer_norm_backward_rows(dx, dy, x_hat, r, gamma):
    for i in prange(dy.shape[0]):
        layer_norm_backward_row(dx[i], dy[i], x_hat[i], r[i], gamma)


def layer_norm_backward(dy, x_hat, r, gamma):
    dy, x_hat, r, gamma = matrices("layer_norm_backward", dy, x_hat, rows=(r,), columns=(gamma,))
    dx = np.empty_like(dy)
    layer_norm_backward_rows(0.3 * dx.size, dx, dy, x_hat, r, gamma)
    return dx


TWINS = {
    "layer_norm": layer_norm,
    "layer_norm_backward": layer_norm_backward,
}
