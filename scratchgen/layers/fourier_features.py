"""Fourier features: numbers and waves of them, so that a network can tell apart what lies close together
(Tancik et al. 2020).

An MLP learns slow changes of its input first and fast ones very late. Where the answer turns within a
hundredth of the input's range, it is given that input as waves, too, of which some turn as fast:

    a = x B                                B (n_in, m) not trained: each column is one wave's frequencies
    y = [x | sin a | cos a]                (batch, n_in) -> (batch, n_in + 2 m)

Each wave is differentiated through the other, as ∂ sin a/∂a = cos a and ∂ cos a/∂a = −sin a;
x has two ways to y:

    da = dsin ∘ cos a − dcos ∘ sin a       dy = [du | dsin | dcos]
    dx = du + da Bᵀ
"""

import numpy as np

from scratchgen.layers.layer import Layer
from scratchgen.ops import add, array, matmul, matmul_nt, op


@op
def fourier_features(x, a):  # [x | sin a | cos a]
    return np.concatenate([x, np.sin(a), np.cos(a)], axis=1)


@op
def waves_backward(dy, y, n):  # da = dsin ∘ cos a − dcos ∘ sin a
    m = (y.shape[1] - n) // 2  # waves, in dy and y after the n columns of x
    sin, cos = y[:, n : n + m], y[:, n + m :]
    dsin, dcos = dy[:, n : n + m], dy[:, n + m :]
    return dsin * cos - dcos * sin


class FourierFeatures(Layer):
    """y = [x | sin(x B) | cos(x B)].  B: (n_in, m), kept in `buffers["B"]`."""

    def __init__(self, B, *, dtype=np.float32):
        B = np.asarray(B)
        if B.ndim != 2 or 0 in B.shape or B.dtype.kind not in "fiu" or not np.isfinite(B).all():
            raise ValueError(
                f"B is {B.dtype} with shape {B.shape}; it must be a matrix (n_in, m) of finite numbers"
            )
        self.n_in, self.m = B.shape
        self.buffers["B"] = array(B, dtype)

    def forward(self, x):
        """x (batch, n_in) -> y (batch, n_in + 2 m)."""
        self.check_input(x, self.n_in)
        y = fourier_features(x, matmul(x, self.buffers["B"]))
        return y, y

    def backward(self, dy, y):
        """dy (batch, n_in + 2 m) -> dx (batch, n_in)."""
        return add(dy[:, : self.n_in], matmul_nt(waves_backward(dy, y, self.n_in), self.buffers["B"]))

    def __repr__(self):
        return f"FourierFeatures({self.n_in}, {self.n_in + 2 * self.m})"
