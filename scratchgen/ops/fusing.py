"""Optimising a recorded step as a whole: fewer passes through memory, the same bits.

    an elementwise operation after a product     is done on each tile of the product, while it is in the nearest cache        y = tanh(x W + b)
    db += Σ dy  beside  dW += xᵀ dy              the product reads dy anyway: it adds up its columns                        Linear.backward
    zeroing, then adding                         becomes writing                                                            zero_grads, backward

Each looks at one or two entries of the script (recording.py), and at the memory that the entries between them touch.
"""

from dataclasses import dataclass

import numpy as np

from scratchgen.ops.host_state import NotRecordable
from scratchgen.ops.nodes import Dim, Untraceable
from scratchgen.ops.plan import plan
from scratchgen.ops.tracing import trace
from scratchgen.ops.watching import Entry, Place, flat, places

PRODUCTS = {"matmul", "matmul_nt", "matmul_tn", "linear"}  # make a new matrix
ONE_BLOCK = 512  # rows up to which a product adds up columns in one go, as the operation does


@dataclass(eq=False)
class Task:
    """An entry, and what is fused into it.

    epilogue: a Task whose operation is applied to each tile of a product.  sums: the Place for the column sums of its second operand.
    fresh, fresh_sums: whether it overwrites where the operation would add.
    """

    entry: Entry
    epilogue: object = None
    sums: Place = None
    fresh: bool = False
    fresh_sums: bool = False

    @property
    def name(self):
        return self.entry.definition.__name__

    def is_ours(self, names):
        return self.entry.definition.__module__.startswith("scratchgen.") and self.name in names


def improve(script, sums=True, zeroing=True):
    """The Tasks of a Script.  sums: let products add up columns.  zeroing: leave out zeroing before adding."""
    tasks = [Task(entry) for entry in script.entries]
    if any(place.owner[0] == "given" for task in tasks for place in writes(task.entry)):
        raise NotRecordable("it changes an argument")
    tasks = with_epilogues(tasks, script)
    tasks = with_sums(tasks) if sums else tasks
    return without_zeroing(tasks) if zeroing else tasks


# What an entry touches


def traced(entry):
    """The plan of an operation that is compiled from its definition, or None."""
    if not hasattr(entry.run, "parameters"):  # by hand
        return None
    try:
        return plan(trace(entry.definition, entry.given, entry.run.parameters))
    except Untraceable:
        return None


def writes(entry):
    """The Places that it changes or makes."""
    if not hasattr(entry, "changed"):
        found = traced(entry)
        entry.traced = found
        entry.changed = [entry.arguments[i] for i in found.program.written] if found else []
        if entry.definition.__name__ == "add_matmul_tn":
            entry.changed = [entry.arguments[0]]
    return entry.changed + places(entry.results)


def extent(place):
    """(owner, first byte, last) of the memory that a Place spans."""
    low = sum(min(0, (n - 1) * step) for n, step in zip(place.shape, place.strides, strict=True))
    high = sum(max(0, (n - 1) * step) for n, step in zip(place.shape, place.strides, strict=True)) + place.dtype.itemsize
    empty = 0 in place.shape
    return place.owner, place.offset + (0 if empty else low), place.offset + (0 if empty else high)


def overlap(a, b):
    (owner, first, last), (other, start, stop) = extent(a), extent(b)
    return owner == other and first < stop and start < last


def touches(entry, place, only_writes=False):
    return any(overlap(x, place) for x in (writes(entry) if only_writes else places(entry.arguments) + writes(entry)))


def is_contiguous(place):
    step = place.dtype.itemsize
    for n, given in reversed(list(zip(place.shape, place.strides, strict=True))):
        if n != 1 and given != step:
            return False
        step *= n
    return True


# An elementwise operation after a product


def with_epilogues(tasks, script):
    """Fuse into each product the elementwise operation that is its only reader."""
    users = {}
    for number, task in enumerate(tasks):
        for place in places(task.entry.arguments):
            users.setdefault(place.owner, []).append(number)
    returned = {place.owner for place in places(flat(script.result))}
    done = set()
    for number, task in enumerate(tasks):
        if not task.is_ours(PRODUCTS):
            continue
        (product,) = task.entry.results
        if len(set(users.get(product.owner, ()))) != 1 or product.owner in returned or product.shape[1] == 1:
            continue
        later = users[product.owner][0]
        entry = tasks[later].entry
        if all(x == product for x in places(entry.arguments) if x.owner == product.owner) and elementwise(entry, product):
            between = [each.entry for each in tasks[number + 1 : later]]
            read = [x for x in places(entry.arguments) if x != product]
            early = all(x.owner[0] != "made" or x.owner[1] < number for x in read)
            writes(entry)
            operands = places(task.entry.arguments)  # tiles still to come read them
            if (
                early
                and not any(overlap(x, y) for x in entry.changed for y in operands)
                and not any(touches(e, x, True) for e in between for x in read)
                and not any(touches(e, x) for e in between for x in entry.changed)
            ):
                task.epilogue = tasks[later]
                done.add(later)
    return [task for number, task in enumerate(tasks) if number not in done]


def elementwise(entry, product):
    """Whether an operation computes one matrix, element by element, from matrices of the product's shape."""
    writes(entry)
    found = entry.traced
    if found is None or len(found.nests) != 1 or found.nests[0].kind != "cells" or found.totals:
        return False
    nest, program = found.nests[0], found.program
    if len(program.stores) != 1 or any(offset for offset in program.stores[0].offset) or not isinstance(nest.rows, Dim):
        return False
    whole = [nest.rows, nest.columns]
    shapes = [program.shapes[i] for i in program.arrays] + [shape for shape, _ in program.outputs]
    if any([d.root() if isinstance(d, Dim) else d for d in shape] != whole for shape in shapes):
        return False
    return all(x.shape == product.shape and x.dtype == product.dtype for x in places(entry.arguments) + places(entry.results))


# Sums of columns


def with_sums(tasks):
    """Fuse the sum of dy's columns into the product xᵀ dy just before it."""
    result = []
    for task in tasks:
        before = next((t for t in reversed(result[-3:]) if t.is_ours({"add_matmul_tn"})), None)
        if before and task.is_ours({"add_column_sums"}) and not before.sums:
            (out, _, b), (sums, a) = before.entry.arguments, task.entry.arguments
            between = result[result.index(before) + 1 :]
            wide = out.shape[0] > 0 and out.shape[1] > 1 and is_contiguous(sums)
            if a == b and a.shape[0] <= ONE_BLOCK and wide and not any(touches(t.entry, x) for t in between for x in (sums, a)):
                before.sums = sums
                continue
        result.append(task)
    return result


# Zeroing, then adding


def without_zeroing(tasks):
    """Where a stretch of memory is set to zero and then added to, the first task to add overwrites instead. Only the rest is still set to zero."""
    result = []
    for number, task in enumerate(tasks):
        if task.is_ours({"fill"}) and task.entry.arguments[1] == 0 and is_contiguous(task.entry.arguments[0]):
            result += zeroed(task, tasks[number + 1 :])
        else:
            result.append(task)
    return result


def zeroed(task, later):
    """The fills that remain of a fill when later tasks overwrite what they would have added to."""
    place = task.entry.arguments[0]
    owner, first, last = extent(place)
    open_, kept = [(first, last)], []  # stretches that no task has touched yet; stretches that a task needs to be zero
    for each in later:
        adds = []
        if each.is_ours({"add_matmul_tn"}):
            adds = [("fresh", each.entry.arguments[0])] + ([("fresh_sums", each.sums)] if each.sums else [])
        others = [x for e in (each.entry, each.epilogue.entry if each.epilogue else None) if e for x in places(e.arguments) + writes(e)]
        others = [x for x in others if not any(x is target for _, target in adds)]
        for what, target in adds:
            low, high = extent(target)[1:]
            whole = target.owner == owner and is_contiguous(target) and any(a <= low and high <= b for a, b in open_)
            if whole and not any(overlap(target, x) for x in others):
                setattr(each, what, True)
                open_ = [piece for a, b in open_ for piece in without(a, b, low, high)]
            else:
                others.append(target)
        for x in others:
            if x.owner == owner:
                low, high = extent(x)[1:]
                kept += [(max(a, low), min(b, high)) for a, b in open_ if max(a, low) < min(b, high)]
                open_ = [piece for a, b in open_ for piece in without(a, b, low, high)]
    return [fill_of(task, *stretch) for stretch in joined(kept + open_)]


def without(a, b, low, high):
    """The stretch a … b without low … high."""
    if high <= a or b <= low:
        return [(a, b)]
    return [piece for piece in ((a, low), (high, b)) if piece[0] < piece[1]]


def joined(stretches):
    """The stretches in order, neighbours merged."""
    result = []
    for a, b in sorted(stretches):
        if result and result[-1][1] == a:
            result[-1] = (result[-1][0], b)
        else:
            result.append((a, b))
    return result


def fill_of(task, first, last):
    """The task's fill, restricted to the bytes first … last − 1."""
    old = task.entry
    place = old.arguments[0]
    n = (last - first) // place.dtype.itemsize
    part = Place(place.owner, first, (n,), (place.dtype.itemsize,), place.dtype)
    old.run(np.empty(1, place.dtype), old.arguments[1])  # so that it is compiled for one axis
    return Task(Entry(old.definition, old.run, (part, old.arguments[1]), old.results, old.arrays))
