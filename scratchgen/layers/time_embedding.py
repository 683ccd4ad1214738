"""The time embedding: one number, the time, as many that a network can tell apart
(Vaswani et al. 2017; Ho et al. 2020).

A network that takes out noise must know how much there is. One input t among hundreds says little, and
t = 0.50 looks almost like t = 0.51. So the time, the last column of the input, is replaced by waves of it,
slow ones and fast ones, like the hands of a clock; the rest stays as it is:

    x = [u | t]                       (batch, n + 1)
    y = [u | sin(t f) | cos(t f)]     (batch, n + 2 K)     frequencies f_k, k = 1 … K, from 1 to `highest`,
                                                           evenly on a log scale

Each wave is differentiated through the other, ∂ sin(t f)/∂t = f cos(t f) and ∂ cos(t f)/∂t = −f sin(t f):

    dx = [du | dt]        dt = Σ_k f_k (dsin_k cos(t f_k) − dcos_k sin(t f_k))
"""

import numpy as np

from scratchgen.errors import integer, number
from scratchgen.layers.layer import Layer
from scratchgen.ops import array, op


@op
def time_embedding(x, f):  # [u | t] -> [u | sin(t f) | cos(t f)]
    n = x.shape[1] - 1
    u, t = x[:, :n], x[:, n:]
    return np.concatenate([u, np.sin(t * f), np.cos(t * f)], axis=1)


@op
def time_embedding_backward(dy, y, f):  # -> [du | Σ_k f_k (dsin_k cos(t f_k) − dcos_k sin(t f_k))]
    K = f.shape[0]
    n = y.shape[1] - 2 * K
    sin, cos = y[:, n : n + K], y[:, n + K :]
    dsin, dcos = dy[:, n : n + K], dy[:, n + K :]
    dt = np.sum(f * (dsin * cos - dcos * sin), axis=1, keepdims=True)
    return np.concatenate([dy[:, :n], dt], axis=1)


class TimeEmbedding(Layer):
    """y = [u | sin(t f) | cos(t f)] for x = [u | t].

    n_features: the numbers that stand for the time, 2 K, an even number.
    highest: the greatest of the frequencies; a time from 0 to 1 is meant.
    """

    def __init__(self, n_features=32, highest=100.0, *, dtype=np.float32):
        self.n_features = n_features = integer("n_features", n_features, 2)
        if n_features % 2:
            raise ValueError(
                f"n_features is {n_features}; it must be even, a sine and a cosine for each frequency"
            )
        highest = number(
            "highest", highest, lambda f: 1 <= f < np.inf, "be at least 1, where the frequencies begin"
        )
        self.highest = float(highest)
        self.buffers["f"] = array(np.geomspace(1, self.highest, n_features // 2), dtype)  # (K,)

    def forward(self, x):
        """x (batch, n + 1) -> y (batch, n + n_features)."""
        if x.ndim != 2 or x.shape[1] < 1:
            raise ValueError(
                f"x has shape {tuple(x.shape)}; {self!r} needs (batch, n + 1), the time in its last column"
            )
        if x.dtype != self.buffers["f"].dtype:
            raise TypeError(f"x is {x.dtype} but {self!r} is {self.buffers['f'].dtype}")
        y = time_embedding(x, self.buffers["f"])
        return y, y

    def backward(self, dy, y):
        """dy (batch, n + n_features) -> dx (batch, n + 1)."""
        return time_embedding_backward(dy, y, self.buffers["f"])

    def __repr__(self):
        return f"TimeEmbedding({self.n_features})"
