"""A training step as one launch: its kernels are recorded once, as a CUDA graph, and replayed.

A step launches some twenty kernels, and a launch takes the host longer than a small kernel runs. But every step launches the same ones: the same
arrays, in the same places, the same numbers; except for those that grow by the same amount from step to step (moving.py). So:

    step 1, 2       run as usual, and watched. If they differ in anything but growing numbers, replaying would be wrong: the next pair is compared,
                    and after TRIES pairs it stays at that
    step 3          is recorded instead of run: the growing numbers are read from a table in the device's memory, and a last kernel makes them grow.
                    Then it is replayed, a first time
    from then on    the minibatch is copied to where the recorded step looks for it; replay; what the step counts on the host is counted here

A recorded kernel writes where it wrote: the arrays of a step come from a pool of their own, so that nobody else's lie there between two replays.
What is different at another time (a learning rate, a batch size, whose turn it is) belongs into the key: for each key another step is recorded.

If something has moved the counts meanwhile (an evaluation, a step of another key, a checkpoint that was loaded), one step runs as usual and the table
is written anew; so steps of two kinds in turn gain nothing. Where recording fails, or is not possible, as in the simulator, every step runs as usual.
"""

import contextlib
import logging

import numpy as np

from scratchgen.ops.cuda import driver, launch, memory, moving
from scratchgen.ops.cuda.array import CONVERT, array, empty
from scratchgen.ops.cuda.driver import cuda

log = logging.getLogger("scratchgen")
KEYS = 4  # for so many keys a recorded step is kept, each with its own memory
TRIES = 3  # so many pairs of steps are compared before it is given up


class Replayed:
    """`function(x)`, a step on a minibatch x, so that calling it again and again with equal keys launches it as a whole.

    counters: [(object, name of an attribute)], the integers that function moves on the host, and all that it changes there.
    What function returns must be the same at each call with one key, such as names of losses; it is returned at replays, too.
    """

    def __init__(self, function, counters):
        self.function, self.counters = function, counters
        self.steps = {}  # key -> Step

    def __call__(self, x, key=()):
        key = x.shape, x.dtype, key
        if key not in self.steps:
            while len(self.steps) >= KEYS:
                del self.steps[next(iter(self.steps))]
            self.steps[key] = Step(self.function, self.counters, x)
        return self.steps[key](x)


class Step:
    """The step of one key."""

    def __init__(self, function, counters, x):
        self.function, self.counters = function, counters
        self.pool, self.x = memory.Pool(), empty(x.shape, x.dtype)
        self.seen, self.tries = [], 0  # Watched runs, until the step is recorded
        self.graph = None  # the recorded step; False if there will be none

    def __call__(self, x):
        if self.graph is False:
            return self.function(x)
        CONVERT((self.x, x))
        if self.graph is None:
            if self.seen and self.seen[-1].after != self.counts():
                self.seen.clear()  # something else has moved the counts: not steps in a row
            if len(self.seen) == 2 and self.seen[0] != self.seen[1]:
                self.seen.pop(0)
                self.tries += 1
            if self.tries == TRIES:
                log.info("steps run kernel by kernel: no two in a row were alike")
                self.graph = False
            return self.watched() if len(self.seen) < 2 else self.recorded()
        if self.counts() != self.expected:
            result = self.watched()
            self.write_table(self.seen.pop().moved)
            return result
        self.replay()
        return self.result

    def counts(self):
        return [getattr(thing, name) for thing, name in self.counters]

    def set_counts(self, counts):
        for (thing, name), count in zip(self.counters, counts, strict=True):
            setattr(thing, name, count)

    def watched(self):
        """Run as usual, and see what happens."""
        run = Watched(self.counts(), self.pool)
        with memory.using(self.pool), run:
            result = self.function(self.x)
        run.after = self.counts()
        self.seen.append(run)
        return result

    def recorded(self):
        """Record the step and replay it once; or find that this cannot be, and run it."""
        (first, second), before = self.seen, self.counts()
        self.seen, self.growth = [], second.growth
        self.increments = np.subtract(second.moved, first.moved)
        self.table, increments = array(np.zeros(len(second.moved), np.uint64)), array(self.increments.astype(np.uint64))
        self.make_grow(increments)  # in vain, but now the kernel is loaded, which it could not be while recording
        self.write_table(second.moved)
        try:
            with memory.using(self.pool), following(self.from_table()), capture() as graph:
                self.result = self.function(self.x)
                self.make_grow(increments)
        except Exception as error:
            log.log(logging.INFO if isinstance(error, Unrepeatable) else logging.WARNING, "steps run kernel by kernel: %s", driver.in_short(error))
            self.graph = False
            self.set_counts(before)  # nothing of the step has run on the device
            return self.function(self.x)
        self.graph, self.kept = graph, increments  # the recorded kernel reads them
        self.set_counts(before)
        self.replay()
        return self.result

    def write_table(self, last):
        """Set the growing numbers to what follows the last ones, and expect the counts to be as they are now."""
        CONVERT((self.table, array(np.add(last, self.increments).astype(np.uint64))))
        self.expected = self.counts()

    def make_grow(self, increments):
        """table += increments."""
        if self.table.size:
            launch.launch(grow, launch.blocks_for(self.table.size), launch.THREADS, self.table.flat(), increments.flat())

    def from_table(self):
        """What moving() gives while the step is recorded: nothing, and the next place of the table."""
        places = iter(range(self.table.size))
        return lambda value: (np.uint64(0), self.table[(k := next(places)) : k + 1].flat())

    def replay(self):
        self.graph.launch()
        self.set_counts(np.add(self.expected, self.growth).tolist())
        self.expected = self.counts()


class Unrepeatable(Exception):
    """Why a step is not recorded, where that is no fault."""


class Watched:
    """What one run of a step launches. Two of them are equal if only growing numbers differ, by the same counts."""

    def __init__(self, before, pool):
        self.before, self.pool = before, pool
        self.launches, self.moved, self.marks = [], [], []

    def __enter__(self):
        self.others, launch.watch = launch.watch, self.see
        moving.follow = self.follow
        return self

    def __exit__(self, *exception):
        launch.watch, moving.follow = self.others, None

    def follow(self, value):
        number, zero = moving.plain(value)
        self.moved.append(int(value))
        self.marks.append(number)
        return number, zero

    def see(self, kernel, blocks, threads, arguments):
        self.launches.append((kernel, blocks, threads, [self.about(x) for x in arguments]))
        if self.others:
            self.others(kernel, blocks, threads, arguments)

    def about(self, x):
        """What must be equal of an argument: an array's shape and, unless it is a temporary one, place; a number that does not grow."""
        if any(x is mark for mark in self.marks):
            return "grows"
        if not hasattr(x, "strides") or not getattr(x, "shape", None):
            return type(x), x
        place = driver.address_of(x)
        return x.shape, x.strides, x.dtype, "temporary" if self.pool.holds(place) else place

    @property
    def growth(self):
        """By how much it moved the counts."""
        return np.subtract(self.after, self.before).tolist()

    def __eq__(self, other):
        return self.launches == other.launches and self.growth == other.growth and len(self.moved) == len(other.moved)


@contextlib.contextmanager
def following(follow):
    """Within this context, moving() is `follow`."""
    moving.follow = follow
    try:
        yield
    finally:
        moving.follow = None


@cuda.jit
def grow(table, increments):
    for k in range(cuda.grid(1), table.size, cuda.gridsize(1)):
        table[k] += increments[k]


@contextlib.contextmanager
def capture():
    """Within this context nothing is run, but recorded -> a Graph, to be launched afterwards."""
    if driver.SIMULATED:
        raise Unrepeatable("the simulator has no graphs")
    graph = Graph()
    graph.begin()
    driver.recording = True
    try:
        yield graph
    finally:
        driver.recording = False
        graph.end()
    graph.instantiate()


class Graph:
    """A CUDA graph: what is launched on the stream between `begin` and `end`. The driver's functions by their own names."""

    def __init__(self):
        from cuda.bindings import driver as cu

        self.cu, self.stream, self.graph, self.executable = cu, cu.CUstream(driver.handle()), None, None

    def checked(self, result):
        """What a function of the driver returns behind its status. Raises RuntimeError unless that is success."""
        status, *values = result
        if status != self.cu.CUresult.CUDA_SUCCESS:
            raise RuntimeError(f"the CUDA driver says {status.name}")
        return values[0] if values else None

    def begin(self):
        self.checked(self.cu.cuStreamBeginCapture(self.stream, self.cu.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_RELAXED))

    def end(self):
        self.graph = self.checked(self.cu.cuStreamEndCapture(self.stream))

    def instantiate(self):
        self.executable = self.checked(self.cu.cuGraphInstantiate(self.graph, 0))

    def launch(self):
        self.checked(self.cu.cuGraphLaunch(self.executable, self.stream))

    def __del__(self):
        with contextlib.suppress(Exception):
            if self.executable is not None:
                self.cu.cuGraphExecDestroy(self.executable)
            if self.graph is not None:
                self.cu.cuGraphDestroy(self.graph)
