"""Batch normalisation, column by column: a block of columns with all its rows is one thread's work, so its sums have one order."""

import math

import numpy as np
from numba import prange

from scratchgen.ops.formulas import ONE
from scratchgen.ops.numba.compile import jit
from scratchgen.ops.numba.elementwise import formulas, in_place, matrices, write_back
from scratchgen.ops.numba.threads import kernel

COLUMNS = 64  # columns that one thread normalises: 256 bytes of float32 in each row


@jit
def batch_norm_columns(y, x_hat, r, mean, var, x, gamma, beta, eps, start, stop):
    real, batch = x.dtype.type, x.dtype.type(x.shape[0])
    mean, var, r, gamma, beta = mean[start:stop], var[start:stop], r[start:stop], gamma[start:stop], beta[start:stop]
    mean[:] = 0
    for i in range(x.shape[0]):
        x_i = x[i, start:stop]
        for j in range(mean.size):
            mean[j] += x_i[j]
    for j in range(mean.size):
        mean[j] /= batch
    var[:] = 0
    for i in range(x.shape[0]):
        x_i = x[i, start:stop]
        for j in range(mean.size):
            var[j] += (x_i[j] - mean[j]) * (x_i[j] - mean[j])
    for j in range(mean.size):
        var[j] /= batch
        r[j] = ONE / math.sqrt(var[j] + real(eps))
    for i in range(x.shape[0]):
        x_i, x_hat_i, y_i = x[i, start:stop], x_hat[i, start:stop], y[i, start:stop]
        for j in range(mean.size):
            x_hat_i[j] = (x_i[j] - mean[j]) * r[j]
            y_i[j] = gamma[j] * x_hat_i[j] + beta[j]


@kernel
def batch_norm_blocks(y, x_hat, r, mean, var, x, gamma, beta, eps):
    for c in prange((r.size + COLUMNS - 1) // COLUMNS):
        batch_norm_columns(y, x_hat, r, mean, var, x, gamma, beta, eps, c * COLUMNS, min(r.size, (c + 1) * COLUMNS))


def batch_norm(x, gamma, beta, eps):
    """-> y, x̂ (batch, n), r, mean, var (n,)."""
    x, gamma, beta = matrices("batch_norm", x, columns=(gamma, beta))
    y, x_hat, (r, mean, var) = np.empty_like(x), np.empty_like(x), np.empty((3, x.shape[1]), x.dtype)
    batch_norm_blocks(0.5 * x.size, y, x_hat, r, mean, var, x, gamma, beta, float(eps))
    return y, x_hat, r, mean, var


@jit
def batch_norm_backward_columns(dx, dy, x_hat, r, gamma, start, stop):
    batch = dy.dtype.type(dy.shape[0])
    r, gamma = r[start:stop], gamma[start:stop]
    mean, along = np.zeros(r.size, r.dtype), np.zeros(r.size, r.dtype)  # mean dx̂, mean(dx̂ ∘ x̂)
    for i in range(dy.shape[0]):
        dy_i, x_hat_i = dy[i, start:stop], x_hat[i, start:stop]
        for j in range(r.size):
            mean[j] += dy_i[j] * gamma[j]
            along[j] += dy_i[j] * gamma[j] * x_hat_i[j]
    for j in range(r.size):
        mean[j] /= batch
        along[j] /= batch
    for i in range(dy.shape[0]):
        dx_i, dy_i, x_hat_i = dx[i, start:stop], dy[i, start:stop], x_hat[i, start:stop]
        for j in range(r.size):
            dx_i[j] = r[j] * (dy_i[j] * gamma[j] - mean[j] - x_hat_i[j] * along[j])


@kernel
def batch_norm_backward_blocks(dx, dy, x_hat, r, gamma):
    for c in prange((r.size + COLUMNS - 1) // COLUMNS):
        batch_norm_backward_columns(dx, dy, x_hat, r, gamma, c * COLUMNS, min(r.size, (c + 1) * COLUMNS))


def batch_norm_backward(dy, x_hat, r, gamma):
    dy, x_hat, r, gamma = matrices("batch_norm_backward", dy, x_hat, columns=(r, gamma))
    dx = np.empty_like(dy)
    batch_norm_backward_blocks(0.4 * dx.size, dx, dy, x_hat, r, gamma)
    return dx


@jit
def norm_grads_columns(dgamma, dbeta, dy, x_hat, start, stop):
    dg, db = np.zeros(stop - start, dy.dtype), np.zeros(stop - start, dy.dtype)
    for i in range(dy.shape[0]):
        dy_i, x_hat_i = dy[i, start:stop], x_hat[i, start:stop]
        for j in range(dg.size):
            dg[j] += dy_i[j] * x_hat_i[j]
            db[j] += dy_i[j]
    for j in range(dg.size):
        dgamma[start + j] += dg[j]
        dbeta[start + j] += db[j]


@kernel
def norm_grads_blocks(dgamma, dbeta, dy, x_hat):
    for c in prange((dgamma.size + COLUMNS - 1) // COLUMNS):
        norm_grads_columns(dgamma, dbeta, dy, x_hat, c * COLUMNS, min(dgamma.size, (c + 1) * COLUMNS))


def add_norm_grads(dgamma, dbeta, dy, x_hat):
    """dgamma += Σ_batch dy ∘ x̂, dbeta += Σ_batch dy, in one pass."""
    dy, x_hat, dg, db = matrices("add_norm_grads", dy, x_hat, columns=(dgamma, dbeta))
    norm_grads_blocks(0.2 * dy.size, dg, db, dy, x_hat)
    write_back((dgamma, dbeta), (dg, db))


@kernel
def batch_norm_inference_rows(y, x_hat, r, x, gamma, beta, mean, var, eps):
    for j in range(r.size):
        r[j] = ONE / math.sqrt(var[j] + x.dtype.type(eps))
    for i in prange(x.shape[0]):
        x_i, x_hat_i, y_i = x[i], x_hat[i], y[i]
        for j in range(r.size):
            x_hat_i[j] = (x_i[j] - mean[j]) * r[j]
            y_i[j] = gamma[j] * x_hat_i[j] + beta[j]


def batch_norm_inference(x, gamma, beta, mean, var, eps):
    """-> y, x̂ (batch, n), r (n,)."""
    x, gamma, beta, mean, var = matrices("batch_norm_inference", x, columns=(gamma, beta, mean, var))
    y, x_hat, r = np.empty_like(x), np.empty_like(x), np.empty(x.shape[1], x.dtype)
    batch_norm_inference_rows(0.2 * x.size, y, x_hat, r, x, gamma, beta, mean, var, float(eps))
    return y, x_hat, r


@kernel
def scaled_rows(dx, dy, r, gamma):
    for i in prange(dy.shape[0]):
        dx_i, dy_i = dx[i], dy[i]
        for j in range(r.size):
            dx_i[j] = gamma[j] * r[j] * dy_i[j]


def batch_norm_inference_backward(dy, r, gamma):
    dy, r, gamma = matrices("batch_norm_inference_backward", dy, columns=(r, gamma))
    dx = np.empty_like(dy)
    scaled_rows(0.1 * dx.size, dx, dy, r, gamma)
    return dx


updated_running = in_place(formulas.update_running, 0.2)


TWINS = {
    "batch_norm": batch_norm,
    "batch_norm_backward": batch_norm_backward,
    "add_norm_grads": add_norm_grads,
    "batch_norm_inference": batch_norm_inference,
    "batch_norm_inference_backward": batch_norm_inference_backward,
    "update_running": lambda running, value, keep, weight: updated_running((running,), (value,), keep, weight),
}
