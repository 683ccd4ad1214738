"""Where the time of a training step goes: its operations, timed one by one as they are called, and what lies between them.

The step is run as written, call by call, not recorded. Timing costs time too, and more than a small operation. So whole steps are timed first,
without it; what their time exceeds the sum of the operations by is what Python does between them.
"""

import collections
import time
from statistics import median

from scratchgen.bench.steps import prepare
from scratchgen.ops import dispatch

BETWEEN = "between operations (Python)"


def profile(steps, **workload):
    """Profile one workload -> [[operation and shapes, calls per step, ms per step]], longest first; medians over steps."""
    step = prepare(replay=False, **workload)
    for _ in range(5):
        step()
    whole = []
    for _ in range(steps):
        start = time.perf_counter()
        step()
        whole.append(time.perf_counter() - start)

    calls = []  # (name, arguments' shapes, seconds) of each call in one step
    seconds = collections.defaultdict(list)  # (name, shapes) -> [their sum in each step]
    counts = {}
    operations = dispatch._load(dispatch.get_backend()).operations
    untimed = dict(operations)
    try:
        operations.update({definition: timed(definition.__name__, run, calls) for definition, run in untimed.items()})
        for _ in range(steps):
            calls.clear()
            step()
            counts = collections.Counter((name, shapes) for name, shapes, _ in calls)
            for operation in counts:
                seconds[operation].append(sum(took for name, shapes, took in calls if (name, shapes) == operation))
    finally:
        operations.update(untimed)
    rows = []
    for (name, shapes), count in counts.items():
        text = " ".join((name, *("×".join(map(str, shape)) for shape in shapes)))
        rows.append([text, count, 1e3 * median(seconds[name, shapes])])
    rows.append([BETWEEN, 0, max(0.0, 1e3 * median(whole) - sum(milliseconds for _, _, milliseconds in rows))])
    return sorted(rows, key=lambda row: -row[2])


def timed(name, run, calls):
    """The operation, noting in `calls` what it is called with and how long it takes."""

    def call(*args):
        start = time.perf_counter()
        result = run(*args)
        took = time.perf_counter() - start
        calls.append((name, tuple(a.shape for a in args if getattr(a, "ndim", 0)), took))
        return result

    return call
