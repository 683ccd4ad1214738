"""The matrix products, against NumPy and its BLAS.

    matmul       a b     (m, k) (k, n)     what a layer computes forward
    matmul_nt    a bᵀ    (m, k) (n, k)     the gradient of its input
    matmul_tn    aᵀ b    (k, m) (k, n)     the gradient of its weights

over the shapes of the networks in this library, and two large squares. Both sides make a new array for the result. 2 m k n additions and
multiplications, over the seconds, are the FLOP/s.
"""

from statistics import median

import numpy as np

import scratchgen as sg
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
    a = rng.standard_normal((k, m) if product == "matmul_tn" else (m, k)).astype(dtype)
    b = rng.standard_normal((n, k) if product == "matmul_nt" else (k, n)).astype(dtype)
    operation = getattr(sg.ops, product)
    return lambda: operation(a, b)


def measure(sides, shapes, dtypes, rounds, budget, progress=iter):
    """Every product of every shape and dtype: sides {"scratchgen", "numpy": Side}, more if wanted -> list of dicts."""
    results = []
    for dtype, (m, k, n), product in progress([(d, shape, p) for d in dtypes for shape in shapes for p in PRODUCTS]):
        given = dict(product=product, m=m, k=k, n=n, dtype=dtype)
        for side in sides.values():
            side.prepare("scratchgen.bench.products:prepare", **given)
        seconds = in_turn(sides, rounds, budget)
        gflops = {name: 2e-9 * m * k * n / median(times) for name, times in seconds.items()}
        results.append(given | {"gflops": gflops, "ratio": ratio(seconds["numpy"], seconds["scratchgen"])})
    return results


def geometric_mean(ratios):
    """The mean that treats twice as fast and half as fast alike."""
    return float(np.exp(np.mean(np.log(ratios))))
