"""Batch normalisation, column by column: COLUMNS columns with all their rows are one block's work, LANES threads to a column."""

import math

import numpy as np

from scratchgen.ops.checks import REALS
from scratchgen.ops.cuda.array import empty
from scratchgen.ops.cuda.arrays import filled
from scratchgen.ops.cuda.driver import cuda
from scratchgen.ops.cuda.elementary import sqrt
from scratchgen.ops.cuda.elementwise import check_matrices, formulas, in_place
from scratchgen.ops.cuda.kernels import Loop
from scratchgen.ops.cuda.launch import THREADS, blocks_for, launch
from scratchgen.ops.cuda.sums import COLUMNS, LANES, column_total
from scratchgen.ops.formulas import ONE, ZERO


def batch_norm_columns(real):
    """The kernel for numbers of type `real`."""

    @cuda.jit
    def batch_norm_columns(y, x_hat, r, mean, var, x, gamma, beta, eps):
        shared = cuda.shared.array(THREADS, np.float64)
        batch, j = x.shape[0], cuda.blockIdx.x * COLUMNS + cuda.threadIdx.x
        first = cuda.threadIdx.y if j < x.shape[1] else batch  # threads beyond the last column go along, for the sums, with nothing to add
        part = ZERO
        for i in range(first, batch, LANES):
            part += x[i, j]
        mu = real(column_total(shared, part) / batch)
        part = ZERO
        for i in range(first, batch, LANES):
            part += (x[i, j] - mu) * (x[i, j] - mu)
        variance = real(column_total(shared, part) / batch)
        scale = ONE / sqrt(variance + eps)
        for i in range(first, batch, LANES):
            normal = (x[i, j] - mu) * scale
            x_hat[i, j] = normal
            y[i, j] = gamma[j] * normal + beta[j]
        if cuda.threadIdx.y == 0 and j < x.shape[1]:
            mean[j], var[j], r[j] = mu, variance, scale

    return batch_norm_columns


def batch_norm_backward_columns(real):
    """The kernel for numbers of type `real`."""

    @cuda.jit
    def batch_norm_backward_columns(dx, dy, x_hat, r, gamma):
        shared = cuda.shared.array(THREADS, np.float64)
        batch, j = dy.shape[0], cuda.blockIdx.x * COLUMNS + cuda.threadIdx.x
        first = cuda.threadIdx.y if j < dy.shape[1] else batch
        part, part_along = ZERO, ZERO
        for i in range(first, batch, LANES):
            part += dy[i, j] * gamma[j]
            part_along += dy[i, j] * gamma[j] * x_hat[i, j]
        mean, along = real(column_total(shared, part) / batch), real(column_total(shared, part_along) / batch)  # mean dx̂, mean(dx̂ ∘ x̂)
        for i in range(first, batch, LANES):
            dx[i, j] = r[j] * (dy[i, j] * gamma[j] - mean - x_hat[i, j] * along)

    return batch_norm_backward_columns


@cuda.jit
def norm_grads_columns(dgamma, dbeta, dy, x_hat):
    shared = cuda.shared.array(THREADS, np.float64)
    batch, j = dy.shape[0], cuda.blockIdx.x * COLUMNS + cuda.threadIdx.x
    first = cuda.threadIdx.y if j < dy.shape[1] else batch
    part_gamma, part_beta = ZERO, ZERO
    for i in range(first, batch, LANES):
        part_gamma += dy[i, j] * x_hat[i, j]
        part_beta += dy[i, j]
    total_gamma, total_beta = column_total(shared, part_gamma), column_total(shared, part_beta)
    if cuda.threadIdx.y == 0 and j < dy.shape[1]:
        dgamma[j] += total_gamma
        dbeta[j] += total_beta


def inverse_std(var, eps):
    return ONE / sqrt(var + eps)


inverse_stds = Loop(inverse_std, n_out=1, n_in=1, n_numbers=1)


@cuda.jit
def batch_norm_inference_elements(y, x_hat, x, gamma, beta, mean, r):
    n = x.shape[1]
    for k in range(cuda.grid(1), x.shape[0] * n, cuda.gridsize(1)):
        i, j = k // n, k % n
        normal = (x[i, j] - mean[j]) * r[j]
        x_hat[i, j] = normal
        y[i, j] = gamma[j] * normal + beta[j]


@cuda.jit
def scaled_elements(dx, dy, r, gamma):
    n = dy.shape[1]
    for k in range(cuda.grid(1), dy.shape[0] * n, cuda.gridsize(1)):
        i, j = k // n, k % n
        dx[i, j] = gamma[j] * r[j] * dy[i, j]


FORWARD, BACKWARD = ({dtype: make(dtype.type) for dtype in REALS} for make in (batch_norm_columns, batch_norm_backward_columns))


def launch_columns(kernel, x, *arguments):
    """Launch a kernel over the columns of x."""
    if x.size:
        launch(kernel, -(-x.shape[1] // COLUMNS), (COLUMNS, LANES), *arguments)


def batch_norm(x, gamma, beta, eps):
    """-> y, x̂ (batch, n), r, mean, var (n,)."""
    check_matrices("batch_norm", x, columns=(gamma, beta))
    y, x_hat, (r, mean, var) = empty(x.shape, x.dtype), empty(x.shape, x.dtype), (empty(x.shape[1], x.dtype) for _ in range(3))
    arrays = [a.view() for a in (y, x_hat, r, mean, var, x, gamma, beta)]
    launch_columns(FORWARD[x.dtype], x, *arrays, x.dtype.type(eps))
    if not x.size:
        for statistic in (r, mean, var):
            filled((statistic,), (), math.nan)  # of no examples
    return y, x_hat, r, mean, var


def batch_norm_backward(dy, x_hat, r, gamma):
    check_matrices("batch_norm_backward", dy, x_hat, columns=(r, gamma))
    dx = empty(dy.shape, dy.dtype)
    launch_columns(BACKWARD[dy.dtype], dy, *[a.view() for a in (dx, dy, x_hat, r, gamma)])
    return dx


def add_norm_grads(dgamma, dbeta, dy, x_hat):
    """dgamma += Σ_batch dy ∘ x̂, dbeta += Σ_batch dy, in one pass."""
    check_matrices("add_norm_grads", dy, x_hat, columns=(dgamma, dbeta))
    launch_columns(norm_grads_columns, dy, *[a.view() for a in (dgamma, dbeta, dy, x_hat)])


def batch_norm_inference(x, gamma, beta, mean, var, eps):
    """-> y, x̂ (batch, n), r (n,)."""
    check_matrices("batch_norm_inference", x, columns=(gamma, beta, mean, var))
    y, x_hat, r = empty(x.shape, x.dtype), empty(x.shape, x.dtype), empty(x.shape[1], x.dtype)
    inverse_stds((r, var), (x.dtype.type(eps),))
    if x.size:
        launch(batch_norm_inference_elements, blocks_for(x.size), THREADS, *[a.view() for a in (y, x_hat, x, gamma, beta, mean, r)])
    return y, x_hat, r


def batch_norm_inference_backward(dy, r, gamma):
    check_matrices("batch_norm_inference_backward", dy, columns=(r, gamma))
    dx = empty(dy.shape, dy.dtype)
    if dx.size:
        launch(scaled_elements, blocks_for(dx.size), THREADS, *[a.view() for a in (dx, dy, r, gamma)])
    return dx


updated_running = in_place(formulas.update_running, 1, 1, 2)

TWINS = {
    "batch_norm": batch_norm,
    "batch_norm_backward": batch_norm_backward,
    "add_norm_grads": add_norm_grads,
    "batch_norm_inference": batch_norm_inference,
    "batch_norm_inference_backward": batch_norm_inference_backward,
    "update_running": lambda running, value, keep, weight: updated_running((running,), (value,), keep, weight),
}
