"""What couples the elements of a row or of a column: softmax, batch and layer normalisation, maxout.

A row, or a block of columns with all its rows, is one thread's work from beginning to end, so its sums have one order.
"""

import math

import numpy as np
from numba import prange

from scratchgen.ops.numba.compile import jit
from scratchgen.ops.numba.elementary import ONE, exp
from scratchgen.ops.numba.elementwise import check_arrays, check_columns, dot, in_place, total, write_back
from scratchgen.ops.numba.threads import kernel

COLUMNS = 64  # columns that one thread normalises: 256 bytes of float32 in each row


def matrices(name, *arrays, rows=(), columns=()):
    """The arrays, contiguous, after checks: equal matrices; vectors with one number per row; vectors with one number per column."""
    check_arrays(name, arrays)
    if arrays[0].ndim != 2:
        raise ValueError(f"{name} takes matrices (batch, n); given shape {arrays[0].shape}")
    for vector in rows:
        check_columns(name, vector, arrays[0].T)
    for vector in columns:
        check_columns(name, vector, arrays[0])
    return [np.ascontiguousarray(a) for a in (*arrays, *rows, *columns)]


# Softmax


@jit
def largest(x):
    """The largest of the numbers; what NaN gives is left open."""
    top = x[0]
    for j in range(1, x.size):
        top = x[j] if x[j] > top else top
    return top


@jit
def softmax_row(y, x):
    top = largest(x)
    for j in range(x.size):
        y[j] = exp(x[j] - top)
    sum_of_exp = x.dtype.type(total(y))
    for j in range(x.size):
        y[j] /= sum_of_exp


@kernel
def softmax_rows(y, x):
    for i in prange(x.shape[0]):
        softmax_row(y[i], x[i])


@jit
def softmax_backward_row(dx, dy, y):
    along = y.dtype.type(dot(dy, y))
    for j in range(y.size):
        dx[j] = y[j] * (dy[j] - along)


@kernel
def softmax_backward_rows(dx, dy, y):
    for i in prange(y.shape[0]):
        softmax_backward_row(dx[i], dy[i], y[i])


def softmax(x):
    (x,) = matrices("softmax", x)
    if x.shape[1] == 0:
        raise ValueError("softmax of a row without elements")
    y = np.empty_like(x)
    softmax_rows(0.8 * x.size, y, x)
    return y


def softmax_backward(dy, y):
    dy, y = matrices("softmax_backward", dy, y)
    dx = np.empty_like(y)
    softmax_backward_rows(0.2 * y.size, dx, dy, y)
    return dx


# Batch normalisation: column by column, COLUMNS of them at a time


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


def update_running(running, value, keep, weight):
    return (keep * running + weight * value,)


updated_running = in_place(update_running, 0.2)


# Layer normalisation: row by row


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


# Maxout


@kernel
def maxout_rows(y, winner, x, pieces):
    for i in prange(y.shape[0]):
        for g in range(y.shape[1]):
            group = x[i, g * pieces : (g + 1) * pieces]
            best = 0
            for j in range(1, pieces):
                if group[j] > group[best] or (group[j] != group[j] and group[best] == group[best]):  # the first NaN wins, as in np.argmax
                    best = j
            y[i, g], winner[i, g] = group[best], best


def maxout(x, pieces):
    """-> y (batch, n / pieces), and which piece won."""
    (x,) = matrices("maxout", x)
    shape = x.shape[0], x.shape[1] // pieces
    if shape[1] * pieces != x.shape[1]:
        raise ValueError(f"maxout of {pieces} pieces needs a multiple of {pieces} columns; given {x.shape[1]}")
    y, winner = np.empty(shape, x.dtype), np.empty(shape, np.intp)
    maxout_rows(1.0 * x.size, y, winner, x, int(pieces))
    return y, winner


@kernel
def maxout_backward_rows(dx, dy, winner, pieces):
    for i in prange(dy.shape[0]):
        for g in range(dy.shape[1]):
            for j in range(pieces):
                dx[i, g * pieces + j] = dy[i, g] * dy.dtype.type(winner[i, g] == j)


def maxout_backward(dy, winner, pieces):
    (dy,) = matrices("maxout_backward", dy)
    if winner.shape != dy.shape:
        raise ValueError(f"maxout_backward: winner has shape {winner.shape}, dy {dy.shape}")
    dx = np.empty((dy.shape[0], dy.shape[1] * pieces), dy.dtype)
    maxout_backward_rows(0.5 * dx.size, dx, dy, np.ascontiguousarray(winner, np.intp), int(pieces))
    return dx


TWINS = {
    "softmax": softmax,
    "softmax_backward": softmax_backward,
    "batch_norm": batch_norm,
    "batch_norm_backward": batch_norm_backward,
    "add_norm_grads": add_norm_grads,
    "batch_norm_inference": batch_norm_inference,
    "batch_norm_inference_backward": batch_norm_inference_backward,
    "update_running": lambda running, value, keep, weight: updated_running((running,), (value,), keep, weight),
    "layer_norm": layer_norm,
    "layer_norm_backward": layer_norm_backward,
    "maxout": maxout,
    "maxout_backward": maxout_backward,
}
