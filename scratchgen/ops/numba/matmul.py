"""The matrix product.

The tile (tile.py) computes a block of C from a strip of A and a *panel* of B, `ROWS` × `WIDTH` numbers. This file cuts any product into tiles:

    for each band of rows of C                             (one band unless there are many rows)
        for each block of the shared dimension k           (one block unless K is large)
            for each panel of B, WIDTH columns wide
                for each tile of the panel: C += A B
                the last time: add the bias, apply the activation

The split over threads is by tiles, counted in this order, so that each thread gets the same amount of work and no sum depends on who computes it.
"""

import numpy as np
from numba import prange
from numba.np.ufunc.parallel import _iget_num_threads as get_num_threads

from scratchgen.ops.numba import threads
from scratchgen.ops.numba.compile import jit
from scratchgen.ops.numba.target import TARGET
from scratchgen.ops.numba.tile import ROWS, VECTORS, numbers_at, tile

VECTOR_BYTES = TARGET.vector_bytes
WIDTH_BYTES = VECTORS * VECTOR_BYTES
BLOCK = 1024  # longest stretch of k in one go
BAND = 16 * ROWS  # most rows of C in one band

ACTIVATIONS = {"relu": 1, "leaky_relu": 2, "elu": 3, "tanh": 4, "sigmoid": 5, "softplus": 6}


@jit
def ceil_div(a, b):
    return (a + b - 1) // b


@jit
def activate(numbers, n, activation, alpha, zero):
    """numbers[:n] = f(numbers[:n])."""
    one = zero + type(zero)(1)
    if activation == 1:
        for i in range(n):
            numbers[i] = zero if numbers[i] < zero else numbers[i]
    elif activation == 2:
        for i in range(n):
            numbers[i] = alpha * numbers[i] if numbers[i] < zero else numbers[i]
    elif activation == 3:
        for i in range(n):
            numbers[i] = alpha * np.expm1(numbers[i]) if numbers[i] < zero else numbers[i]
    elif activation == 4:
        for i in range(n):
            numbers[i] = np.tanh(numbers[i])
    elif activation == 5:
        for i in range(n):
            numbers[i] = one / (one + np.exp(-numbers[i]))
    elif activation == 6:
        for i in range(n):
            numbers[i] = np.log1p(np.exp(-abs(numbers[i]))) + (numbers[i] if numbers[i] > zero else zero)


@jit
def pack_b(zero, size, b, b_row, b_column, k, columns, width, buffer):
    """Copy a panel of b, k × columns, to the buffer, k × width, the columns beyond filled with zeros."""
    for i in range(k):
        target = numbers_at(buffer + i * width * size, zero)
        for j in range(columns):
            target[j] = numbers_at(b + i * b_row + j * b_column, zero)[0]
        for j in range(columns, width):
            target[j] = zero


@jit
def part(t, parts, zero, size, m, n, k, a, a_row, a_column, b, b_row, b_column, c, c_row, bias, accumulate, activation, alpha):
    """The share of thread t of `parts`."""
    lanes, width = VECTOR_BYTES // size, WIDTH_BYTES // size
    bands = ceil_div(m, BAND)
    tallest = ceil_div(m, bands)
    tiles = ceil_div(tallest, ROWS)
    panels = ceil_div(n, width)
    last_vectors = ceil_div(n - (panels - 1) * width, lanes)
    units_in_band = tiles * ((panels - 1) * VECTORS + last_vectors)
    first, last = bands * units_in_band * t // parts, bands * units_in_band * (t + 1) // parts

    memory = np.empty(BLOCK * WIDTH_BYTES + ROWS * WIDTH_BYTES + 64, np.uint8)
    packed = (memory.ctypes.data + 63) // 64 * 64
    corner = packed + BLOCK * WIDTH_BYTES

    for band in range(first // units_in_band, ceil_div(last, units_in_band)):
        unit0, unit1 = max(first - band * units_in_band, 0), min(last - band * units_in_band, units_in_band)
        top, bottom = m * band // bands, m * (band + 1) // bands
        height = bottom - top
        units_in_panel = tiles * VECTORS
        for k0 in range(0, max(k, 1), BLOCK):
            k1 = min(k, k0 + BLOCK)
            for panel in range(unit0 // units_in_panel, min(panels, ceil_div(unit1, units_in_panel))):
                left = panel * width
                columns = min(n - left, width)
                vectors = ceil_div(columns, lanes)
                tile0 = max(ceil_div(unit0 - panel * units_in_panel, vectors), 0)
                tile1 = min(ceil_div(unit1 - panel * units_in_panel, vectors), tiles)
                if tile1 <= tile0:
                    continue
                whole = columns == vectors * lanes
                panel_b, panel_row = b + k0 * b_row + left * b_column, b_row
                if b_column != size or not whole:
                    pack_b(zero, size, panel_b, b_row, b_column, k1 - k0, columns, vectors * lanes, packed)
                    panel_b, panel_row = packed, vectors * VECTOR_BYTES
                for i in range(tile0, tile1):
                    row0, row1 = top + height * i // tiles, top + height * (i + 1) // tiles
                    if row1 == row0:
                        continue
                    tile_c = c + row0 * c_row + left * size
                    tile_a = a + row0 * a_row + k0 * a_column
                    add = 1 if accumulate or k0 > 0 else 0
                    if k == 0:
                        if not accumulate:
                            for r in range(row0, row1):
                                row = numbers_at(c + r * c_row + left * size, zero)
                                for j in range(columns):
                                    row[j] = zero
                    elif whole:
                        tile(zero, row1 - row0, vectors, tile_a, a_row, a_column, panel_b, panel_row, tile_c, c_row, k1 - k0, add)
                    else:
                        tile(zero, row1 - row0, vectors, tile_a, a_row, a_column, panel_b, panel_row, corner, WIDTH_BYTES, k1 - k0, 0)
                        for r in range(row1 - row0):
                            row, source = numbers_at(tile_c + r * c_row, zero), numbers_at(corner + r * WIDTH_BYTES, zero)
                            for j in range(columns):
                                row[j] = source[j] + row[j] if add else source[j]
                if k1 == k and (bias != 0 or activation != 0):
                    for r in range(top + height * tile0 // tiles, top + height * tile1 // tiles):
                        row = numbers_at(c + r * c_row + left * size, zero)
                        if bias != 0:
                            source = numbers_at(bias + left * size, zero)
                            for j in range(columns):
                                row[j] += source[j]
                        activate(row, columns, activation, alpha, zero)


@jit(cache=True, parallel=True)
def product(a, b, c, bias, accumulate, activation, alpha, several):
    """c = a b or c += a b, then c = f(c + bias)."""
    m, k = a.shape
    n = b.shape[1]
    if m == 0 or n == 0:
        return
    zero, size = c.dtype.type(0), c.itemsize
    factor = c.dtype.type(alpha)
    a0, a_row, a_column = a.ctypes.data, a.strides[0], a.strides[1]
    b0, b_row, b_column = b.ctypes.data, b.strides[0], b.strides[1]
    c0, c_row = c.ctypes.data, c.strides[0]
    bias0 = bias.ctypes.data if bias.size else 0
    if several:
        parts = get_num_threads()
        for t in prange(parts):
            part(t, parts, zero, size, m, n, k, a0, a_row, a_column, b0, b_row, b_column, c0, c_row, bias0, accumulate, activation, factor)
    else:
        part(0, 1, zero, size, m, n, k, a0, a_row, a_column, b0, b_row, b_column, c0, c_row, bias0, accumulate, activation, factor)


NO_BIAS = {np.dtype(t): np.empty(0, t) for t in (np.float32, np.float64)}


def run(name, a, b, c, bias, accumulate, activation, alpha):
    """c = f(a b + bias) or c += a b."""
    m, k = a.shape
    several = threads.enter(m * (k + 10) * b.shape[1] * 0.02)
    try:
        product(a, b, c, bias, accumulate, activation, alpha, several)
    finally:
        if several:
            threads.leave()


def check(name, wanted, a, b):
    if a.ndim != 2 or b.ndim != 2:
        raise ValueError(f"{name} takes two matrices; given shapes {a.shape} and {b.shape}")
    if a.dtype != b.dtype:
        raise TypeError(f"{name} takes matrices of one type; given {a.dtype} and {b.dtype}")
    if a.dtype not in NO_BIAS:
        raise TypeError(f"{name} takes float32 or float64; given {a.dtype}")


def new_product(name, a, b, bias=None, activation=0, alpha=0.0):
    check(name, "", a, b)
    if a.shape[1] != b.shape[0]:
        raise ValueError(f"{name}: inner dimensions differ: {a.shape} and {b.shape}")
    c = np.empty((a.shape[0], b.shape[1]), a.dtype)
    run(name, a, b, c, NO_BIAS[a.dtype] if bias is None else bias, False, activation, alpha)
    return c


def matmul(a, b):
    return new_product("matmul", a, b)


def matmul_nt(a, b):
    return new_product("matmul_nt", a, b.T)


def matmul_tn(a, b):
    return new_product("matmul_tn", a.T, b)


def add_matmul_tn(out, a, b):
    check("add_matmul_tn", "", a, b)
    if out.strides[1] != out.itemsize:
        out += matmul_tn(a, b)
    else:
        run("add_matmul_tn", a.T, b, out, NO_BIAS[a.dtype], True, 0, 0.0)


def linear(x, W, b=None):
    return new_product("linear", x, W, b)


def linear_activation(x, W, b, activation, alpha=0.0):
    return new_product("linear_activation", x, W, b, ACTIVATIONS[activation], alpha)


TWINS = {
    "matmul": matmul,
    "matmul_nt": matmul_nt,
    "matmul_tn": matmul_tn,
    "add_matmul_tn": add_matmul_tn,
    "linear": linear,
    "linear_activation": linear_activation,
}
