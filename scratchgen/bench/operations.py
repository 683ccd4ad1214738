"""Every operation against its NumPy definition, as it is called: with dispatch and checks, on arrays of the size that a small network has.

The arguments are the typical call in gradcheck/examples.py. The matrix products have a part of their own, products.py.
"""

from statistics import median

import numpy as np

from scratchgen.bench.products import PRODUCTS
from scratchgen.bench.turns import in_turn, ratio
from scratchgen.gradcheck import examples

BATCH, FEATURES, PARAMETERS = 100, 500, 1_000_000
NAMES = tuple(name for name in examples.operations() if name not in PRODUCTS)


def prepare(name, scale=1):
    """A function that calls the operation as its callers do."""
    batch, n, n_params = (max(2, round(size * scale)) for size in (BATCH, FEATURES, PARAMETERS))
    operation = examples.operations()[name]
    arguments, *_ = examples.examples(operation, examples.Draw(np.float32, batch, n, outputs=n, n_params=n_params))
    return lambda: operation(*arguments)


def measure(sides, names, rounds, budget, progress=iter):
    """Operations of these names: sides {"scratchgen", "numpy": Side} -> list of dicts."""
    results = []
    for name in progress(names):
        for side in sides.values():
            side.prepare("scratchgen.bench.operations:prepare", name=name)
        seconds = in_turn(sides, rounds, budget)
        microseconds = {side: 1e6 * median(times) for side, times in seconds.items()}
        results.append({"operation": name, "microseconds": microseconds, "ratio": ratio(seconds["numpy"], seconds["scratchgen"])})
    return results
