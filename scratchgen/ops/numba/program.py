"""A recorded step as a program for the driver: all its kernels, with tables of fixed addresses.

The temporary arrays of a step get fixed places in one block of memory, shared by arrays that are not needed at the same time. A replay writes a few
words into the tables (the minibatch's address, the number of Adam's step), runs the program in one go, and copies what the step returns.
"""

import ctypes
import struct

import numpy as np

from scratchgen.ops.checks import share_memory
from scratchgen.ops.fusing import improve, overlap, places, writes
from scratchgen.ops.host_state import FloatTerm, IntTerm, NotRecordable
from scratchgen.ops.numba import driver, gemm, matmul, random, workers
from scratchgen.ops.numba.compile import jit
from scratchgen.ops.numba.driver import CODE, HEAD, KIND, PRICE, ROW, TABLE
from scratchgen.ops.numba.memory import empty, numbers_at, zero_words
from scratchgen.ops.watching import Place, address_of, flat, mapped, span

ALIGNED = 64


class Program:
    """A Script, ready to be replayed."""

    def __init__(self, script):
        self.script, self.keep, self.tables, self.rows, self.size = script, [], [], [], 0
        self.inputs, self.terms, self.links = [], [], []  # (word, argument, offset); (word, term, whether a float); epilogues
        self.same, self.results = {}, {}
        self.threads = workers.n_threads()
        if any(place.owner[0] == "given" for place in places(flat(script.result))):
            raise NotRecordable("it returns an argument")
        tasks = improve(script)
        self.lay_out(tasks)
        for task in tasks:
            self.add(task)
        self.finish()
        changed = [x for task in tasks for e in (task.entry, task.epilogue.entry if task.epilogue else None) if e for x in writes(e)]
        changed += [task.sums for task in tasks if task.sums]
        stretches = {}
        for x in changed:
            if x.owner[0] == "outside":
                stretches[x.owner, x.offset, x.shape] = self.array(x)
        self.state = list(stretches.values())
        for entry in script.entries:
            entry.arrays = ()  # those of the watched run, not needed any more

    def __del__(self):
        workers.retire()  # a late thread may still read the program

    # Memory

    def lay_out(self, tasks):
        """Give every array that an operation makes a place in memory, for as long as it is needed."""
        born, dies, sizes = {}, {}, {}
        returned = {place.owner for place in places(flat(self.script.result))}
        for time, task in enumerate(tasks):
            for entry in [task.entry] + ([task.epilogue.entry] if task.epilogue else []):
                for place in places(entry.arguments) + places(entry.results):
                    if place.owner[0] == "made":
                        born.setdefault(place.owner, time)
                        dies[place.owner] = len(tasks) if place.owner in returned else time
                        span = place.offset + sum((n - 1) * max(step, 0) for n, step in zip(place.shape, place.strides, strict=True))
                        sizes[place.owner] = max(sizes.get(place.owner, 0), span + place.dtype.itemsize + 32)
            if task.epilogue and places(task.epilogue.entry.results):  # the product is computed in the memory of the epilogue's result
                (product,), (result,) = task.entry.results, places(task.epilogue.entry.results)
                self.same[product.owner] = result.owner
        at, taken = {}, []
        for owner in sorted(sizes, key=lambda owner: born[owner]):
            if owner in self.same:
                continue
            size = -(-sizes[owner] // ALIGNED) * ALIGNED
            busy = sorted((a, a + n) for a, n, birth, death in taken if birth <= dies[owner] and born[owner] <= death)
            start = 0
            for a, b in busy:
                if start + size <= a:
                    break
                start = max(start, b)
            at[owner] = start
            taken.append((start, size, born[owner], dies[owner]))
        self.at = at
        self.room = empty((max((a + n for a, n, *_ in taken), default=0) + ALIGNED,), np.uint8)

    def array(self, place):
        """The array at a Place; for an argument, which is another array at each replay, the one of the watched run."""
        kind, *rest = place.owner
        if kind == "outside":
            owner = self.script.outside[rest[0]]
            if not isinstance(owner, np.ndarray):
                raise NotRecordable("an array in memory that is not NumPy's")
            return np.ndarray(place.shape, place.dtype, memory(owner), place.offset, place.strides)
        if kind == "made":
            return np.ndarray(place.shape, place.dtype, self.room, self.at[self.same.get(place.owner, place.owner)] + place.offset, place.strides)
        x = self.script.given[rest[0]]
        first, last = span(x)
        before = x.ctypes.data - first
        return np.ndarray(place.shape, place.dtype, (ctypes.c_byte * (last - first)).from_address(first), before + place.offset, place.strides)

    # Kernels

    def add(self, task):
        entry = task.entry
        epilogue = self.epilogue(task.epilogue.entry, entry.results[0]) if task.epilogue else None
        if hasattr(entry.run, "parameters"):
            self.operation(entry)
        elif task.is_ours(matmul.BY_HAND):
            self.product(task, epilogue)
        elif task.is_ours(random.BY_HAND):
            self.draw(entry)
        else:
            raise NotRecordable(f"{entry.definition.__name__} is not compiled")

    def values(self, entry):
        """The arguments of an entry: arrays for its Places."""
        return [self.array(x) if isinstance(x, Place) else x for x in entry.arguments]

    def called(self, entry):
        """(the Call of an entry, its arguments, the arrays that it makes, its tables, arrays that only its kernels use)."""
        arguments = self.values(entry)
        results = [self.array(x) for x in places(entry.results) if x.owner[0] == "made" and not any(x == y for y in entry.arguments)]
        call, made = entry.run.call_for(arguments, results)
        if call is None or made[2]:
            raise NotRecordable(f"{entry.definition.__name__} {self.why_not(entry, call)}")
        return call, arguments, results, *made[:2]

    def why_not(self, entry, call):
        """Why an operation, compiled or not (call None), has no table for the arguments of this entry."""
        if call is not None:
            return "takes an array whose rows are not contiguous"
        if any(len(x.shape) > 2 for x in places(entry.arguments)):
            return "takes an array of more than two axes"
        changed = writes(entry)
        if any(overlap(x, y) for x in changed for y in places(entry.arguments) if y is not x):
            return "changes an array that shares memory with another"
        return "runs as written for such arguments"

    def operation(self, entry):
        """Add the kernels of a compiled operation."""
        call, arguments, results, table, workspace = self.called(entry)
        self.keep.append((arguments, results, workspace))
        start = self.table(table, [row[TABLE] for row in call.program_rows], entry)
        for argument, word in call.number_slots:
            self.note_term(entry.arguments[argument], start + word)
        for row in call.program_rows:
            self.row(row[KIND], row[CODE], start + row[TABLE] // 8, row[PRICE])

    def epilogue(self, entry, product):
        """Add the table of a product's epilogue -> (its code, the index of its table's first word)."""
        call, arguments, results, *_ = self.called(entry)
        inner = next(i for i, x in enumerate(entry.arguments) if x == product)
        kernel = call.epilogue(inner if results else None)
        form, values = "=qqq", [*product.shape, len(kernel.layout.pointers)]
        arrays = lambda what: arguments[what[1]] if what[0] == "arg" else results[what[1]]
        values += [id(arrays(what)) for what in kernel.layout.pointers] + [arrays(what).strides[0] for what in kernel.layout.strides]
        form += "q" * (len(values) - 3)
        slots = []
        for what, of, kind in kernel.layout.numbers:
            slots.append((of, len(values)))
            values.append(arguments[of] if what == "number" else eval(of, {"s": [getattr(x, "shape", None) for x in arguments], "len": len}))
            form += "d" if kind is float else "q"
        self.keep.append((arguments, results, kernel))
        start = self.table(struct.pack(form, *values), [0], entry)
        for (what, *_), (argument, word) in zip(kernel.layout.numbers, slots, strict=True):
            if what == "number":
                self.note_term(entry.arguments[argument], start + word)
        return kernel.address, start

    def product(self, task, epilogue):
        entry = task.entry
        arguments = self.values(entry)
        if task.name == "add_matmul_tn":
            c, a, b = arguments
            a, bias, accumulate = a.T, None, not task.fresh
            if not matmul.reachable(c) or share_memory(c, a) or share_memory(c, b):
                raise NotRecordable("a gradient whose rows are not contiguous, or that shares memory")
        else:
            a, b, *rest = arguments
            a, b = a.T if task.name == "matmul_tn" else a, b.T if task.name == "matmul_nt" else b
            c, bias, accumulate = self.array(entry.results[0]), rest[0] if rest else None, False
        if bias is not None and not bias.flags.c_contiguous:
            raise NotRecordable("a bias that is not contiguous")
        if not c.size:
            return
        sums = None if task.sums is None else self.array(task.sums)
        planned, table, kept = matmul.table(a, b, c, bias, accumulate, sums, task.fresh_sums, self.threads, turn=not task.epilogue)
        self.keep.append((kept, bias, sums))
        start = self.table(table, [0], entry)
        if epilogue:
            self.links.append((start + gemm.EPILOGUE, epilogue))
        self.row(driver.PRODUCT, planned.compiled.product, start, planned.work, planned.chunks)

    def draw(self, entry):
        key, first, n, dtype = entry.arguments
        dtype = np.dtype(dtype)
        out = np.ndarray((-(-n // 4) * 4,), dtype, self.room, self.at[entry.results[0].owner])
        _, row = random.kernel(entry.definition.__name__.removeprefix("random_"), dtype.itemsize)
        start = self.table(random.TABLE.pack(1, out.size, 1, id(out), key, first), [0], entry)
        self.keep.append(out)
        self.note_term(first, start + HEAD + 2)
        self.row(row[KIND], row[CODE], start, row[PRICE])

    def note_term(self, value, word):
        if isinstance(value, (IntTerm, FloatTerm)):
            self.terms.append((word, value.term, isinstance(value, FloatTerm)))

    def table(self, packed, starts, entry):
        """Add a table -> the index of its first word. Ids of arrays are replaced by addresses; the words of arguments are noted."""
        words, start = np.frombuffer(packed, np.int64).copy(), self.size
        for first in sorted({s // 8 for s in starts}):
            for k in range(first + HEAD, first + HEAD + words[first + 2]):
                x = ctypes.cast(int(words[k]), ctypes.py_object).value
                words[k] = x.ctypes.data
                for place in places(entry.arguments):
                    if place.owner[0] == "given":
                        stand_in = self.array(place)
                        if stand_in.ctypes.data == words[k]:
                            self.inputs.append((start + k, place.owner[1], place.offset))
        self.tables.append(words)
        self.size += words.size
        return start

    def row(self, kind, code, word, price, chunks=0):
        row = [0] * ROW
        row[KIND], row[CODE], row[TABLE], row[PRICE], row[driver.CHUNKS] = kind, code, word, price, chunks
        self.rows.append(row)

    def finish(self):
        self.words = zero_words(self.size)
        self.words[:] = np.concatenate(self.tables) if self.tables else []
        self.floats, base = self.words.view(np.float64), self.words.ctypes.data
        for word, (code, table) in self.links:
            self.words[word], self.words[word + 1] = code, base + 8 * table
        self.program = zero_words(ROW * max(1, len(self.rows)))
        self.program[: ROW * len(self.rows)] = np.array(self.rows, np.int64).ravel()
        table = self.program.reshape(-1, ROW)[:, TABLE]
        table[:] = base + 8 * table
        self.claims = zero_words(8 * len(self.rows) * self.threads + 8)
        self.address, self.length = self.program.ctypes.data, len(self.rows)
        set_chunks(self.address, self.length, self.threads)
        self.arguments = {}
        for word, k, offset in self.inputs:
            self.arguments.setdefault(k, []).append((word, offset))

    # Running

    def replay(self, arguments, numbers):
        """Run the program for these arguments; numbers: the values of the terms -> what the step returns, arrays copied."""
        words, kept = self.words, []
        for k, slots in self.arguments.items():
            x = arguments[k]
            if x.strides != self.script.given[k].strides:
                x = like(x, self.script.given[k])
                kept.append(x)
            address = address_of(x)
            for word, offset in slots:
                words[word] = address + offset
        for word, term, is_float in self.terms:
            (self.floats if is_float else words)[word] = numbers[term]
        driver.run_program(self.address, self.length, workers.pool().state, self.claims.ctypes.data, self.threads)
        return mapped(self.copied, self.script.result)

    def copied(self, x):
        """A part of the result: a copy of the array at a Place."""
        if not isinstance(x, Place):
            return x
        if id(x) not in self.results:
            self.results[id(x)] = self.array(x)
        return self.results[id(x)].copy()

    def snapshot(self):
        """Copies of all arrays outside the step that it changes."""
        return [x.copy() for x in self.state]

    def restore(self, snapshot):
        for x, before in zip(self.state, snapshot, strict=True):
            x[...] = before


def memory(owner):
    """The memory of an array, as a buffer that may be written."""
    return owner if owner.flags.c_contiguous else owner.T


def like(x, example):
    """A copy of x with the strides of the example."""
    span = sum((n - 1) * abs(step) for n, step in zip(example.shape, example.strides, strict=True)) + example.itemsize
    room = empty((span,), np.uint8)
    copy = np.ndarray(example.shape, example.dtype, room, 0, [abs(step) for step in example.strides])
    copy[...] = x
    return copy


@jit(cache=True)
def set_chunks(program, length, threads):
    """Write each row's number of chunks."""
    for r in range(length):
        row = numbers_at(program + 8 * ROW * r, driver.zero64)
        row[driver.CHUNKS] = driver.n_chunks(row, threads)
