"""Random affine maps: every minibatch of pictures is turned, sheared, stretched and shifted
by a map of its own.

What a network then learns of pictures does not depend on how they stand. A discriminator may have this as its
first layer: real and generated pictures go through it alike, and the generator's gradient comes back through
it, so that D never sees an unchanged picture and G is not asked for changed ones (Zhao et al. 2020;
Karras et al. 2020).

Pixels p = (column, row) are counted from the middle of the picture. Pixel p of the output shows
what the input has at

    s_p = A p + t              A = rotation · shear · stretch, t a shift, all drawn from uniform distributions

which lies between four pixels q. Bilinear interpolation weighs them by their distance;
outside the picture all is 0:

    y_p  = Σ_q S_pq x_q        S_pq = tent(s_p − q),    tent(u, v) = max(0, 1 − |u|) · max(0, 1 − |v|)
    y    = x Sᵀ                (batch, n) -> (batch, n), n = height · width
    dx   = dy S

S depends on the map alone, not on x. It is 784 × 784 for digits, almost all of it 0; one map for the whole
minibatch makes of it one product of matrices. In inference y = x.
"""

import math

import numpy as np

from scratchgen.errors import integers, number
from scratchgen.layers.layer import Layer, check_noise
from scratchgen.ops import Stream, array, matmul, matmul_nt, op


@op
def affine_map(u, column, row, angle, shear, log_stretch, across, down):
    """s = A p + t for each pixel, of six numbers u uniform in [0, 1):
    (6,), (n,), (n,) -> columns (n,), rows (n,).
    """
    row = np.exp(log_stretch * (2 * u[3:4] - 1)) * row
    column = np.exp(log_stretch * (2 * u[2:3] - 1)) * column + shear * (2 * u[1:2] - 1) * row
    cos, sin = np.cos(angle * (2 * u[0:1] - 1)), np.sin(angle * (2 * u[0:1] - 1))
    return (
        cos * column - sin * row + across * (2 * u[4:5] - 1),
        sin * column + cos * row + down * (2 * u[5:6] - 1),
    )


@op
def interpolation(s_column, s_row, column, row):  # S_pq = tent(s_p − q):  (n,) each -> (n, n)
    across = np.maximum(0, 1 - np.abs(s_column[:, None] - column))
    return across * np.maximum(0, 1 - np.abs(s_row[:, None] - row))


class RandomAffine(Layer):
    """Pictures (batch, height · width), row after row, through one random affine map for each minibatch.

    shape: height and width.
    rotation: by up to so many degrees, either way.
    shear: by up to so many pixels per pixel, either way.
    stretch: each of both directions by up to this factor, or its inverse.
    shift: by up to this fraction of the width, and of the height, either way.
    rng: seed or Generator.

    `eps`, (6,): the uniform numbers u, instead of the layer's stream.
    """

    def __init__(
        self, shape, *, rotation=20.0, shear=0.3, stretch=1.25, shift=0.1, rng=None, dtype=np.float32
    ):
        shape = integers("shape", shape, 1)
        if len(shape) != 2:
            raise ValueError(f"shape is {shape}; it must be the height and width of a picture")
        self.height, self.width = shape
        for name, value in {"rotation": rotation, "shear": shear, "shift": shift}.items():
            number(name, value, lambda amount: 0 <= amount < math.inf, "be at least 0")
        number("stretch", stretch, lambda factor: 1 <= factor < math.inf, "be at least 1")
        self.angle, self.shear, self.log_stretch = math.radians(rotation), float(shear), math.log(stretch)
        self.across, self.down = shift * self.width, shift * self.height
        row, column = np.mgrid[: self.height, : self.width].reshape(2, -1)
        self.buffers["column"] = array(column - (self.width - 1) / 2, dtype)  # (n,)
        self.buffers["row"] = array(row - (self.height - 1) / 2, dtype)  # (n,)
        self.stream = Stream(rng)

    def forward(self, x, training=True, eps=None):
        """x (batch, n) -> y (batch, n)."""
        self.check_input(x, self.height * self.width)
        if not training:
            return x, None
        column, row = self.buffers["column"], self.buffers["row"]
        u = self.stream.uniform((6,), x.dtype) if eps is None else eps
        check_noise(self, u, (6,), x.dtype)
        s_column, s_row = affine_map(
            u, column, row, self.angle, self.shear, self.log_stretch, self.across, self.down
        )
        S = interpolation(s_column, s_row, column, row)
        return matmul_nt(x, S), S

    def backward(self, dy, S):
        """dy (batch, n) -> dx (batch, n)."""
        return dy if S is None else matmul(dy, S)

    def double_backward(self, ddx, dy, S):
        """ddx (batch, n) -> ddy (batch, n), None: S does not depend on x."""
        return ddx if S is None else matmul_nt(ddx, S), None

    def __repr__(self):
        return f"RandomAffine({self.height} × {self.width})"
