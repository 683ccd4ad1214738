"""The two ceilings of a machine: how many multiply-adds it can do in a second, and how many bytes it can move.

No program computes faster than the first or streams faster than the second, so that they say how much is left to gain.

Multiply-adds, two independent probes, of which the larger counts, since nothing but the truth can exceed it:

    registers   s ← s · x + y on as many vectors s as a register tile has sums; no memory at all
    tile        the register tile itself, on matrices that fit the first-level cache

Bytes: c ← a + x · b, the "triad" of McCalpin's STREAM (1995), which counts 3 numbers for each element: two read, one written. What a machine can
stream depends on where the data lie, so it is measured for several amounts of data.
"""

import math
import time

import numpy as np
from llvmlite import ir
from numba import njit, prange, types
from numba.extending import intrinsic

from scratchgen.ops.numba import ladder, workers
from scratchgen.ops.numba.memory import I64, SCALARS
from scratchgen.ops.numba.target import TARGET
from scratchgen.ops.numba.tile import ROWS, VECTORS, broadcast, multiply_add

MEGABYTE = 2**20
AMOUNTS = tuple(MEGABYTE * n for n in (1, 4, 16, 64, 256))  # bytes of a, b and c together


@intrinsic
def multiply_add_loop(typingctx, zero, x, y, steps):
    """`steps` times s = s · x + y for ROWS · VECTORS vectors s; returns one number of their sum, so that nothing is optimised away."""

    def codegen(context, builder, signature, args):
        _, x, y, steps = args
        vector = ir.VectorType(SCALARS[zero], TARGET.vector_bytes * 8 // zero.bitwidth)
        x, y = broadcast(builder, x, vector), broadcast(builder, y, vector)
        entry, loop, end = builder.block, builder.append_basic_block("loop"), builder.append_basic_block("end")
        builder.branch(loop)
        builder.position_at_end(loop)
        step = builder.phi(I64)
        sums = [builder.phi(vector) for _ in range(ROWS * VECTORS)]
        later = [multiply_add(builder, s, x, y) for s in sums]
        next_step = builder.add(step, ir.Constant(I64, 1))
        step.add_incoming(ir.Constant(I64, 0), entry)
        step.add_incoming(next_step, loop)
        for i, (s, after) in enumerate(zip(sums, later, strict=True)):
            s.add_incoming(ir.Constant(vector, [float(i)] * vector.count), entry)  # all different, or the compiler would keep only one
            s.add_incoming(after, loop)
        builder.cbranch(builder.icmp_signed("<", next_step, steps), loop, end)
        builder.position_at_end(end)
        total = later[0]
        for after in later[1:]:
            total = builder.fadd(total, after)
        return builder.extract_element(total, ir.Constant(ir.IntType(32), 0))

    return zero(zero, zero, zero, types.int64), codegen


def on_registers(n, steps, x, out):
    """On each of n threads, `steps` rounds of multiply-adds that never leave the registers."""
    for t in prange(n):
        out[t] = multiply_add_loop(x, x, x, steps)


def on_tiles(n, steps, code, a, b, c, out):
    """On each of n threads, the register tile `steps` times, with operands that stay in the nearest cache."""
    for t in prange(n):
        for _ in range(steps):
            ladder.one_tile(code, a, b, c[t])
        out[t] = c[t, 0, 0]


def triad(a, x, b, c):
    """c = a + x b, on arrays of any one length: two numbers read and one written for each."""
    for i in prange(a.size):
        c[i] = a[i] + x * b[i]


def compile_for(cores, function):
    """The function compiled for one core, or for all. Not kept on disk: these are small, and the stamp of that cache does not cover this file."""
    if cores == 1:
        return njit(function)
    parallel = njit(parallel=True)(function)

    def call(*args):
        with ladder.own_threads():
            parallel(*args)

    return call


def best_seconds(f, budget):
    """The shortest time that f() takes within about `budget` seconds: a ceiling is what the machine can do undisturbed."""
    f()
    best, stop = math.inf, time.perf_counter() + budget
    while time.perf_counter() < stop or best == math.inf:
        start = time.perf_counter()
        f()
        best = min(best, time.perf_counter() - start)
    return best


def peak(dtype, cores, budget=0.5):
    """Multiply-adds on that many cores -> {"registers", "tile"}: GFLOP/s of the two probes, an addition and a multiplication each counted."""
    number = np.dtype(dtype).type
    lanes = TARGET.vector_bytes // number().itemsize
    flop = 2 * ROWS * VECTORS * lanes  # of one step of k
    out = np.zeros(cores, number)
    registers, tiles = compile_for(cores, on_registers), compile_for(cores, on_tiles)
    steps, k = 51_200, 256  # 48 KiB of a and b
    seconds = best_seconds(lambda: registers(cores, steps, number(0.5), out), budget)
    rates = {"registers": cores * steps * flop / seconds / 1e9}
    code = ladder.tile_of(np.dtype(dtype)).address
    a, b = np.ones((k, ROWS), number), np.ones((k, VECTORS * lanes), number)
    c = np.zeros((cores, ROWS, VECTORS * lanes), number)
    seconds = best_seconds(lambda: tiles(cores, steps // k, code, a, b, c, out), budget)
    rates["tile"] = cores * (steps // k) * k * flop / seconds / 1e9
    return rates


def bandwidth(cores, amounts=AMOUNTS, budget=0.5):
    """Triads on that many cores -> [[bytes of the three arrays, GB/s]]."""
    stream, rates = compile_for(cores, triad), []
    for amount in amounts:
        n = amount // 12
        a, b, c = np.ones(n, np.float32), np.ones(n, np.float32), np.zeros(n, np.float32)
        calls = max(1, 16 * MEGABYTE // amount)  # long enough for the clock

        def f(calls=calls, a=a, b=b, c=c):
            for _ in range(calls):
                stream(a, np.float32(2), b, c)

        rates.append([amount, calls * 12 * n / best_seconds(f, budget) / 1e9])
    return rates


def ceilings(quick=False):
    """Both ceilings, measured in this process -> {"float32", "float64": {"one core", "all cores": {"registers", "tile"}}, "bandwidth", "cores"}."""
    budget = 0.05 if quick else 0.5
    cores = workers.n_threads()
    found = {"cores": cores, "bandwidth": bandwidth(cores, AMOUNTS[:3] if quick else AMOUNTS, budget)}
    for dtype in ("float32", "float64"):
        found[dtype] = {"one core": peak(dtype, 1, budget), "all cores": peak(dtype, cores, budget)}
    return found
