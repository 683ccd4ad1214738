"""A recorded step on the device: its operations, optimised as a whole and captured in a CUDA graph, are launched as one.

A step launches some twenty kernels, and launching takes the host longer than a small kernel runs. So the script of a step (ops/recording.py) is
performed once while the driver records; from then on

    the minibatch is copied to the buffer that the recorded kernels read;  the graph is launched

Kernels find the numbers that grow (the position in a random stream, the number of Adam's step) in a table in the device's memory, and the last kernel
of the graph makes them grow; the table is written anew only if something else has changed them. The arrays of a step come from a pool of its own, so
that no others use this memory between two replays. In the simulator, which has no graphs, the same operations are launched one by one.
"""

import logging

import numpy as np

from scratchgen.ops.cuda import driver, launch, matmul, memory, moving
from scratchgen.ops.cuda.array import DeviceArray, array, convert, empty
from scratchgen.ops.cuda.driver import cuda
from scratchgen.ops.cuda.graph import capture
from scratchgen.ops.cuda.kernels import epilogue
from scratchgen.ops.fusing import PRODUCTS, improve, writes
from scratchgen.ops.host_state import FloatTerm, IntTerm, NotRecordable
from scratchgen.ops.watching import Place, mapped

log = logging.getLogger("scratchgen")


class Program:
    """A Script, ready to be replayed."""

    def __init__(self, script):
        self.script, self.pool, self.made = script, memory.Pool(), {}
        self.tasks = improve(script, sums=False, zeroing=False)  # one launch zeroes all gradients; a product would sum columns in another order
        for task in self.tasks:
            if any(isinstance(x, FloatTerm) for x in task.entry.arguments):
                raise NotRecordable("a number that is no count changes, and a CUDA graph keeps its numbers")
        if any(isinstance(x, DeviceArray) and not x.contiguous for x in script.given):
            raise NotRecordable("it is given an array that is not contiguous")
        self.given = {k: empty(x.shape, x.dtype) for k, x in enumerate(script.given) if isinstance(x, DeviceArray)}
        self.growths = script.growths
        n = max(1, len(self.growths))
        self.table, self.increments = array(np.zeros(n, np.uint64)), array(as_words(self.growths, n))
        self.expected, self.graph = None, None
        changed = [x for task in self.tasks for e in (task.entry, task.epilogue and task.epilogue.entry) if e for x in writes(e)]
        self.state = [self.array(x) for x in {(x.owner, x.offset, x.shape): x for x in changed if x.owner[0] == "outside"}.values()]

    def array(self, place):
        """The array at a Place."""
        kind, *rest = place.owner
        if kind == "given":
            base = self.given[rest[0]]
            block, start = base.block, base.address
        else:
            block = self.script.outside[rest[0]] if kind == "outside" else self.made[place.owner]
            start = block.address
        return DeviceArray(block, start + place.offset, place.shape, place.strides, place.dtype)

    def perform(self):
        """Launch everything, in order."""
        for task in self.tasks:
            result = self.product(task) if task.is_ours({*PRODUCTS, "add_matmul_tn"}) else self.run(task.entry)
            last = task.epilogue.entry if task.epilogue else task.entry
            for place, x in zip(last.results, result if isinstance(result, tuple) else (result,), strict=True):
                if isinstance(place, Place) and place.owner[0] == "made":
                    self.made[place.owner] = x.block

    def run(self, entry):
        return entry.run(*[self.array(x) if isinstance(x, Place) else x for x in entry.arguments])

    def product(self, task):
        """A product, with its epilogue."""
        arguments = [self.array(x) if isinstance(x, Place) else x for x in task.entry.arguments]
        if task.name == "add_matmul_tn":
            out, a, b = arguments
            matmul.multiply(task.name, a, b, out)
            return None
        a, b, *bias = arguments
        bias = bias[0] if bias else None
        if not task.epilogue:
            return matmul.multiply(task.name, a, b, bias=bias)
        entry = task.epilogue.entry
        element = next(i for i, x in enumerate(entry.arguments) if x == task.entry.results[0])
        found = epilogue(entry.traced.program, element)
        if found is None:  # it needs more arrays or numbers than the tile's kernel takes
            self.made[task.entry.results[0].owner] = matmul.multiply(task.name, a, b, bias=bias).block
            return self.run(entry)
        y = None if found.beside is None else self.array(entry.arguments[found.beside])
        number = 0 if found.number is None else entry.arguments[found.number]
        return matmul.multiply(task.name, a, b, bias=bias, epilogue=found, y=y, number=number)

    def replay(self, arguments, numbers):
        """Run the step for these arguments; numbers: the values of the growing ones -> what the step returns, arrays copied."""
        for k, buffer in self.given.items():
            convert(buffer, arguments[k])
        if self.graph is None:
            self.record()
        if numbers != self.expected:
            convert(self.table, array(as_words(numbers, self.table.size)))
        if self.graph:
            self.graph.launch()
        else:
            self.perform_and_grow()
        self.expected = [value + growth for value, growth in zip(numbers, self.growths, strict=True)]
        return mapped(self.copied, self.script.result)

    def record(self):
        """Make the graph; self.graph is False where that is impossible."""
        self.grow()  # only to load the kernel, which is impossible while recording
        try:
            with capture() as graph:
                self.perform_and_grow()
            self.graph = graph
        except NotRecordable:  # the simulator
            self.graph = False
        except Exception as error:
            log.warning("steps are launched kernel by kernel: %s", driver.in_short(error))
            self.graph = False

    def perform_and_grow(self):
        moving.follow, before = self.from_table, moving.follow
        try:
            with memory.using(self.pool):
                self.perform()
            self.grow()
        finally:
            moving.follow = before

    def from_table(self, value):
        """What moving() gives: 0 and the number's place in the table; for a number that does not grow, the plain pair."""
        if not isinstance(value, IntTerm):
            return moving.plain(value)
        return np.uint64(0), self.table[value.term : value.term + 1].flat()

    def grow(self):
        """table += increments."""
        launch.launch(grow, launch.blocks_for(self.table.size), launch.THREADS, self.table.flat(), self.increments.flat())

    def copied(self, x):
        """A part of the result: a copy of the array at a Place."""
        return self.array(x).copy() if isinstance(x, Place) else x

    def snapshot(self):
        """Copies of all arrays outside the step that it changes."""
        return [x.copy() for x in self.state]

    def restore(self, snapshot):
        for x, before in zip(self.state, snapshot, strict=True):
            convert(x, before)


def as_words(numbers, n):
    """The numbers as uint64, followed by zeros: n in all."""
    words = np.zeros(n, np.uint64)
    words[: len(numbers)] = [int(x) & (2**64 - 1) for x in numbers]
    return words


@cuda.jit
def grow(table, increments):
    for k in range(cuda.grid(1), table.size, cuda.gridsize(1)):
        table[k] += increments[k]
