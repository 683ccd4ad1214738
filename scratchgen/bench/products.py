"""The matrix products, against NumPy and its BLAS, or on a GPU against cuBLAS.

    matmul       a b     (m, k) (k, n)     what a layer computes forward
    matmul_nt    a bᵀ    (m, k) (n, k)     the gradient of its input
    matmul_tn    aᵀ b    (k, m) (k, n)     the gradient of its weights

over the shapes of the networks in this library, and two large squares. Both sides make a new array for the result. 2 m k n additions and
multiplications, over the seconds, are the FLOP/s.
"""

from statistics import median

import numpy as np

import scratchgen as sg
from scratchgen.bench.timing import backend_clock, timed
from scratchgen.bench.turns import in_turn, ratio

SHAPES = (
    (100, 784, 500), (100, 500, 784), (100, 500, 40), (100, 20, 500), (784, 100, 500), (500, 100, 784), (100, 1200, 1200), (1200, 100, 1200),
    (100, 784, 1200), (128, 256, 256), (256, 128, 128), (64, 64, 64), (20, 784, 200), (1000, 784, 500), (512, 512, 512),
    (1024, 1024, 1024), (2048, 2048, 2048),
)  # fmt: skip
QUICK = ((100, 784, 500), (256, 128, 128), (512, 512, 512))
PRODUCTS = ("matmul", "matmul_nt", "matmul_tn")


def prepare(product, m, k, n, dtype):
    """A function that does that product once on random matrices."""
    rng = np.random.default_rng(0)
    a, b = (sg.ops.array(rng.standard_normal(shape).astype(dtype)) for shape in shapes_of(product, m, k, n))
    operation = getattr(sg.ops, product)
    return timed(lambda: operation(a, b), backend_clock())


def shapes_of(product, m, k, n):
    """The shapes of the operands whose product is (m, n)."""
    return (k, m) if product == "matmul_tn" else (m, k), (n, k) if product == "matmul_nt" else (k, n)


def measure(entrants, shapes, dtypes, rounds, budget, progress=iter, rival=None):
    """Every product of every shape and dtype: {name: Entrant}, "scratchgen" and the rival among them -> list of dicts.

    The ratio is how many times longer the rival takes; None without a rival.
    """
    results = []
    for dtype, (m, k, n), product in progress([(d, shape, p) for d in dtypes for shape in shapes for p in PRODUCTS]):
        given = dict(product=product, m=m, k=k, n=n, dtype=dtype)
        for entrant in entrants.values():
            entrant.side.prepare(entrant.function, **given, **entrant.given)
        seconds = in_turn({name: entrant.side for name, entrant in entrants.items()}, rounds, budget)
        gflops = {name: 2e-9 * m * k * n / median(times) for name, times in seconds.items()}
        results.append(given | {"gflops": gflops, "ratio": ratio(seconds[rival], seconds["scratchgen"]) if rival else None})
    return results


def geometric_mean(ratios):
    """The mean that treats twice as fast and half as fast alike."""
    return float(np.exp(np.mean(np.log(ratios))))
