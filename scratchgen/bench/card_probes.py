"""The two ceilings of a GPU: how many multiply-adds it can do in a second, and how many bytes it can move. What counts is in probes.py.

registers   s ← s · x + y on SUMS numbers s in every thread; no memory at all
triad       c ← a + x · b, contiguous; for several amounts of data, because the second-level cache holds the small ones
"""

import functools

import numpy as np

from scratchgen.bench.timing import backend_clock, seconds_per_call, timed
from scratchgen.ops.cuda import driver
from scratchgen.ops.cuda.array import array, empty
from scratchgen.ops.cuda.driver import cuda
from scratchgen.ops.cuda.kernels import device
from scratchgen.ops.cuda.launch import BLOCKS, THREADS, blocks_for, launch
from scratchgen.ops.cuda.tile import unrolled

SUMS = 16  # of a thread, independent of each other: more than a multiply-add takes cycles
AMOUNTS = tuple(2**20 * n for n in ((1,) if driver.SIMULATED else (4, 16, 64, 256, 1024)))  # bytes of a, b and c together


@functools.cache
def multiply_adds(dtype):
    """The kernel: `steps` times 8 · SUMS multiply-adds in every thread."""

    @device
    def once(_, sums, x):
        for i in range(SUMS):
            sums[i] = sums[i] * x + x

    several = unrolled(once, 8)

    @cuda.jit
    def kernel(x, out, steps):
        sums = cuda.local.array(SUMS, dtype)
        for i in range(SUMS):
            sums[i] = dtype(i)  # all different, or the compiler would keep only one
        for _ in range(steps):
            several(0, sums, x)
        total = dtype(0)
        for i in range(SUMS):
            total += sums[i]
        out[cuda.grid(1)] = total

    return kernel


@cuda.jit
def triad(a, x, b, c):
    """c = a + x b, on arrays of one length: two numbers read and one written for each."""
    for i in range(cuda.grid(1), c.size, cuda.gridsize(1)):
        c[i] = a[i] + x * b[i]


def peak(dtype, budget=0.5):
    """GFLOP/s of multiply-adds in registers, an addition and a multiplication each counted."""
    number, steps = np.dtype(dtype).type, 1 if driver.SIMULATED else 2000
    out = empty(BLOCKS * THREADS, dtype)
    run = timed(lambda: launch(multiply_adds(number), BLOCKS, THREADS, number(0.5), out.flat(), steps), backend_clock())
    return 2e-9 * BLOCKS * THREADS * steps * 8 * SUMS / seconds_per_call(run, budget)


def bandwidth(amounts=AMOUNTS, budget=0.5):
    """Triads -> [[bytes of the three arrays, GB/s]]."""
    rates = []
    for amount in amounts:
        n = 24 if driver.SIMULATED else amount // 12
        a, b, c = (array(np.ones(n, np.float32)) for _ in range(3))
        given = a.flat(), np.float32(2), b.flat(), c.flat()
        run = timed(lambda n=n, given=given: launch(triad, blocks_for(n), THREADS, *given), backend_clock())
        rates.append([amount, 12e-9 * n / seconds_per_call(run, budget)])
    return rates


def ceilings(quick=False):
    """Both ceilings of the card, in the form of probes.ceilings -> {"float32", "float64": {"all cores": {"registers"}}, "bandwidth", "cores"}."""
    budget = 0.05 if quick else 0.5
    found = {dtype: {"all cores": {"registers": peak(dtype, budget)}} for dtype in ("float32", "float64")}
    return found | {"bandwidth": bandwidth(budget=budget), "cores": driver.about()["processors"]}
