"""How long a call takes.

A single reading of the clock means little: other programs get in the way, and never make anything faster. So calls are timed in chunks long
enough for the clock, for as long as the budget lasts, and the median of the chunks is taken: half of all interruptions would not move it.

A GPU works on its own: a call returns when the work is queued, not when it is done. So its clock is its own too. It notes the time between two pieces
of work when it gets there (an *event*), and what a call takes is what lies between two events, whether the GPU worked or waited for the next launch.
"""

import time
from statistics import median

CHUNK = 2e-4  # seconds: a thousand times what reading the clock costs


class HostClock:
    """The computer's."""

    def mark(self):
        """A moment."""
        return time.perf_counter()

    def seconds(self, start, stop):
        """Between two moments."""
        return stop - start


class EventClock:
    """A device's: record() notes an event after the work queued so far, seconds(start, stop) waits for both."""

    def __init__(self, record, seconds):
        self.mark, self.seconds = record, seconds


def backend_clock():
    """The clock of the backend in force."""
    from scratchgen.ops import get_backend

    if get_backend() != "cuda":
        return HostClock()
    from scratchgen.ops.cuda import driver

    return HostClock() if driver.SIMULATED else EventClock(driver.record, driver.seconds)


def timed(f, clock):
    """f, to be timed by that clock."""
    f.clock = clock
    return f


def seconds_per_call(f, budget):
    """Median seconds that f() takes, measured for about `budget` seconds after a fifth of that to warm up. At least one call each.

    The clock is f.clock if there is one (see `timed`), else the computer's.
    """
    clock = getattr(f, "clock", None) or HostClock()
    calls, start, begin = 0, clock.mark(), time.perf_counter()
    while not calls or time.perf_counter() - begin < 0.2 * budget:
        f()
        calls += 1
    in_chunk = max(1, round(CHUNK * calls / clock.seconds(start, clock.mark())))
    chunks, stop = [], time.perf_counter() + budget
    while not chunks or time.perf_counter() < stop:
        start = clock.mark()
        for _ in range(in_chunk):
            f()
        chunks.append(clock.seconds(start, clock.mark()) / in_chunk)
    return median(chunks)
