"""Where the time of a training step goes: its operations, timed one by one as they are called, and what lies between them."""

import collections
import time
from statistics import median

from scratchgen.bench.steps import prepare
from scratchgen.ops import dispatch

BETWEEN = "between operations (Python)"


def profile(steps, **workload):
    """Profile one workload -> [[operation and shapes, calls per step, ms per step]], longest first; medians over steps."""
    step = prepare(**workload)
    for _ in range(5):
        step()
    twins = dispatch._load(dispatch.get_backend()).twins
    untimed, seconds, calls, totals = dict(twins), collections.defaultdict(list), collections.Counter(), []
    record = {}

    def timed(name, twin):
        def call(*args, **kwargs):
            start = time.perf_counter()
            result = twin(*args, **kwargs)
            key = " ".join([name, *("×".join(map(str, a.shape)) for a in args if getattr(a, "ndim", 0))])
            record.setdefault(key, []).append(time.perf_counter() - start)
            return result

        return call

    try:
        twins.update({name: timed(name, twin) for name, twin in untimed.items()})
        for _ in range(steps):
            record.clear()
            start = time.perf_counter()
            step()
            totals.append(time.perf_counter() - start)
            for key, times in record.items():
                seconds[key].append(sum(times))
                calls[key] = len(times)
            seconds[BETWEEN].append(totals[-1] - sum(map(sum, record.values())))
    finally:
        twins.update(untimed)
    rows = [[key, calls[key], 1e3 * median(times)] for key, times in seconds.items()]
    return sorted(rows, key=lambda row: -row[2])
