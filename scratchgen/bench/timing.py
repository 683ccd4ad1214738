"""How long a call takes.

A single reading of the clock means little: other programs get in the way, and never make anything faster. So calls are timed in chunks long
enough for the clock, for as long as the budget lasts, and the median of the chunks is taken: half of all interruptions would not move it.
"""

import time
from statistics import median

CHUNK = 2e-4  # seconds: a thousand times what reading the clock costs


def seconds_per_call(f, budget):
    """Median seconds that f() takes, measured for about `budget` seconds after a fifth of that to warm up. At least one call each."""
    calls, start = 0, time.perf_counter()
    while not calls or time.perf_counter() - start < 0.2 * budget:
        f()
        calls += 1
    in_chunk = max(1, round(CHUNK * calls / (time.perf_counter() - start)))
    chunks, stop = [], time.perf_counter() + budget
    while not chunks or time.perf_counter() < stop:
        start = time.perf_counter()
        for _ in range(in_chunk):
            f()
        chunks.append((time.perf_counter() - start) / in_chunk)
    return median(chunks)
