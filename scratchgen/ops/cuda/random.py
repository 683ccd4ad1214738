"""Philox4x32-10 on the device, the same bits as its definition (scratchgen/ops/random.py).

A thread draws one block of the stream, four 32-bit words: blocks are independent, so any thread may draw any of them.
"""

import functools

import numpy as np

from scratchgen.ops.cuda.array import empty
from scratchgen.ops.cuda.driver import cuda, device
from scratchgen.ops.cuda.elementary import ONE, TWO, cos, log, sin, sqrt
from scratchgen.ops.cuda.launch import THREADS, blocks_for, launch
from scratchgen.ops.cuda.moving import moving
from scratchgen.ops.random import M0, M1, W0, W1

LOW, HALF_WORD, W0, W1 = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(W0), np.uint64(W1)


@device
def philox(key, counter):
    """Block `counter` of the stream: four 32-bit words, each in a uint64."""
    c0, c1, c2, c3 = counter & LOW, counter >> HALF_WORD, np.uint64(0), np.uint64(0)
    k0, k1 = key & LOW, key >> HALF_WORD
    for _ in range(10):
        p0, p1 = M0 * c0, M1 * c2
        c0, c1, c2, c3 = (p1 >> HALF_WORD) ^ c1 ^ k0, p1 & LOW, (p0 >> HALF_WORD) ^ c3 ^ k1, p0 & LOW
        k0, k1 = (k0 + W0) & LOW, (k1 + W1) & LOW
    return c0, c1, c2, c3


@device
def unit32(word):
    """24 bits of the word as a float32 in [0, 1)."""
    return np.float32(np.int32(word >> np.uint64(8))) * np.float32(2**-24)


@device
def unit64(high, low):
    """53 bits of two words as a float64 in [0, 1)."""
    return np.float64(np.int64(((high << HALF_WORD) | low) >> np.uint64(11))) * 2.0**-53


@device
def box_muller(u1, u2, two_pi):
    """Two normals from two uniforms."""
    radius, angle = sqrt(-TWO * log(ONE - u1)), two_pi * u2
    return radius * cos(angle), radius * sin(angle)


TWO_PI32, TWO_PI64 = np.float32(2 * np.pi), np.float64(2 * np.pi)


@device
def uniform32(out, i, w0, w1, w2, w3):
    out[i], out[i + 1], out[i + 2], out[i + 3] = unit32(w0), unit32(w1), unit32(w2), unit32(w3)


@device
def uniform64(out, i, w0, w1, w2, w3):
    out[i], out[i + 1] = unit64(w0, w1), unit64(w2, w3)


@device
def normal32(out, i, w0, w1, w2, w3):
    out[i], out[i + 1] = box_muller(unit32(w0), unit32(w1), TWO_PI32)
    out[i + 2], out[i + 3] = box_muller(unit32(w2), unit32(w3), TWO_PI32)


@device
def normal64(out, i, w0, w1, w2, w3):
    out[i], out[i + 1] = box_muller(unit64(w0, w1), unit64(w2, w3), TWO_PI64)


def drawing(write, per_block):
    """The kernel (out, key, start, moved) that fills `out`, whole blocks, with the numbers that `write` makes of each block's words."""

    @cuda.jit
    def drawing(out, key, start, moved):
        first = start + moved[0]
        for b in range(cuda.grid(1), out.size // per_block, cuda.gridsize(1)):
            w0, w1, w2, w3 = philox(key, first + np.uint64(b))
            write(out, b * per_block, w0, w1, w2, w3)

    return drawing, per_block


def draw(name, kernels, key, start, n, dtype):
    """The operation (key, start, n, dtype) -> (n,)."""
    dtype = np.dtype(dtype)
    if dtype not in kernels:
        raise TypeError(f"{name} draws float32 or float64; asked for {dtype}")
    run, per_block = kernels[dtype]
    n_blocks = -(-n // per_block)
    out = empty(n_blocks * per_block, dtype)
    if n:
        launch(run, blocks_for(n_blocks), THREADS, out.flat(), np.uint64(key), *moving(start))
    return out[:n]


SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
UNIFORM = {SINGLE: drawing(uniform32, 4), DOUBLE: drawing(uniform64, 2)}
NORMAL = {SINGLE: drawing(normal32, 4), DOUBLE: drawing(normal64, 2)}
BY_HAND = {
    "random_uniform": functools.partial(draw, "random_uniform", UNIFORM),
    "random_normal": functools.partial(draw, "random_normal", NORMAL),
}
