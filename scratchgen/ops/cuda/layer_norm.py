"""Layer normalisation, row by row. A row is one block's work from beginning to end."""

import numpy as np

from scratchgen.ops.checks import REALS
from scratchgen.ops.cuda.array import empty
from scratchgen.ops.cuda.driver import cuda
from scratchgen.ops.cuda.elementary import sqrt
from scratchgen.ops.cuda.elementwise import check_matrices
from scratchgen.ops.cuda.launch import THREADS, launch
from scratchgen.ops.cuda.sums import block_total, blocks_of_rows


def layer_norm_rows(real):
    """The kernel for numbers of type `real`."""

    @cuda.jit
    def layer_norm_rows(y, x_hat, r, x, gamma, beta, eps):
        shared = cuda.shared.array(THREADS, np.float64)
        n = x.shape[1]
        for i in range(cuda.blockIdx.x, x.shape[0], cuda.gridDim.x):
            part = 0.0
            for j in range(cuda.threadIdx.x, n, THREADS):
                part += x[i, j]
            mean = real(block_total(shared, part) / n)
            part = 0.0
            for j in range(cuda.threadIdx.x, n, THREADS):
                centred = x[i, j] - mean
                part += centred * centred
            scale = real(1.0 / sqrt(block_total(shared, part) / n + eps))
            for j in range(cuda.threadIdx.x, n, THREADS):
                normal = (x[i, j] - mean) * scale
                x_hat[i, j] = normal
                y[i, j] = gamma[j] * normal + beta[j]
            if cuda.threadIdx.x == 0:
                r[i] = scale

    return layer_norm_rows


def layer_norm_backward_rows(real):
    """The kernel for numbers of type `real`."""

    @cuda.jit
    def layer_norm_backward_rows(dx, dy, x_hat, r, gamma):
        shared = cuda.shared.array(THREADS, np.float64)
        n = dy.shape[1]
        for i in range(cuda.blockIdx.x, dy.shape[0], cuda.gridDim.x):
            part, part_along = 0.0, 0.0
            for j in range(cuda.threadIdx.x, n, THREADS):
                dx_hat = dy[i, j] * gamma[j]
                part += dx_hat
                part_along += dx_hat * x_hat[i, j]
            mean, along = real(block_total(shared, part) / n), real(block_total(shared, part_along) / n)
            for j in range(cuda.threadIdx.x, n, THREADS):
                dx[i, j] = r[i] * (dy[i, j] * gamma[j] - mean - x_hat[i, j] * along)

    return layer_norm_backward_rows


FORWARD, BACKWARD = ({dtype: make(dtype.type) for dtype in REALS} for make in (layer_norm_rows, layer_norm_backward_rows))


def layer_norm(x, gamma, beta, eps):
    """-> y, x̂ (batch, n), r (batch,)."""
    check_matrices("layer_norm", x, columns=(gamma, beta))
    y, x_hat, r = empty(x.shape, x.dtype), empty(x.shape, x.dtype), empty(x.shape[0], x.dtype)
    if r.size:
        arrays = [a.view() for a in (y, x_hat, r, x, gamma, beta)]
        launch(FORWARD[x.dtype], blocks_of_rows(r.size), THREADS, *arrays, float(eps))
    return y, x_hat, r


def layer_norm_backward(dy, x_hat, r, gamma):
    check_matrices("layer_norm_backward", dy, x_hat, rows=(r,), columns=(gamma,))
    dx = empty(dy.shape, dy.dtype)
    if dx.size:
        launch(BACKWARD[dy.dtype], blocks_of_rows(r.size), THREADS, *[a.view() for a in (dx, dy, x_hat, r, gamma)])
    return dx


TWINS = {
    "layer_norm": layer_norm,
    "layer_norm_backward": layer_norm_backward,
}
