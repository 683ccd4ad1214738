"""From a traced definition to kernels that can be launched, or to the epilogue of a matrix product. writer.py writes the source."""

import functools
from typing import NamedTuple

from scratchgen.ops.cuda.driver import cuda, device
from scratchgen.ops.cuda.functions import SCOPE
from scratchgen.ops.cuda.launch import BLOCKS, THREADS, blocks_for
from scratchgen.ops.cuda.sums import COLUMNS, LANES, parts
from scratchgen.ops.cuda.writer import Writer, all_stores, roots
from scratchgen.ops.nodes import REDUCTIONS, Dim, closure
from scratchgen.ops.plan import plan
from scratchgen.ops.source import Scope


class Kernel(NamedTuple):
    """A nest's kernel.

    kind, flat: of the nest.  rows, columns: its lengths, as code of the shapes s.  run: what is launched.  source: its text.
    parameters: what it takes, in order: Writer.parameters.  n_sums: how many sums leave something in `partials`.  split: see Writer.
    """

    kind: str
    flat: bool
    rows: str
    columns: str
    run: object
    source: str
    parameters: tuple
    n_sums: int
    split: bool

    def grid(self, rows, columns):
        """(blocks, threads) for so many rows and columns. They depend on nothing else, so that a result's bits do not."""
        if self.kind == "cells":
            return blocks_for(rows * columns), THREADS
        if self.kind == "rows":
            return max(1, min(rows, BLOCKS)), THREADS
        if self.kind == "columns":
            return (max(1, -(-columns // COLUMNS)), parts(rows, columns) if self.split else 1), (COLUMNS, LANES)
        return 1, 1

    def room(self, blocks, columns):
        """The length of `partials`."""
        if self.split:
            return self.n_sums * blocks[1] * columns
        return self.n_sums * (blocks[0] if isinstance(blocks, tuple) else blocks)


@functools.cache
def compiled(source, name, as_device=False):
    """The function with this source; Numba compiles it when it is first launched."""
    scope = dict(SCOPE)
    exec(compile(source, f"<kernel {name}>", "exec"), scope)
    return device(scope[name]) if as_device else cuda.jit(scope[name])


def kernels(program, contiguous):
    """The Plan of a Program, and a Kernel for each of its nests.  contiguous: {argument number: whether that array is}."""
    found = plan(program)
    nests, numbers = list(found.nests), []
    if nests and nests[-1].kind == "numbers":
        numbers = nests.pop().vectors
    adding = max((k for k, nest in enumerate(nests) if nest.totals), default=None)
    ends = [x for x in numbers if adding is not None and (x.target[0] == "out" or adding == len(nests) - 1)]
    rest = [x for x in numbers if not any(x is y for y in ends)]
    if rest:
        found.nests[-1].vectors = rest
        nests.append(found.nests[-1])
    made = []
    for number, nest in enumerate(nests):
        after = [node for later in nests[number + 1 :] for group in roots(later) for node in group] + [x.node for x in ends if number < adding]
        waited = [x for root in after for x in closure(root) if any(x is y for y in nest.totals)]
        flat = lies_flat(found, nest, contiguous)
        writer = Writer(found, nest, number, flat, ends if number == adding else [], waited)
        source = writer.source()
        rows, columns = (d.text if isinstance(d, Dim) else "1" for d in (nest.rows, nest.columns))
        if flat:
            rows, columns = "1", f"{rows} * {columns}"
        n_sums = len(writer.sums) if writer.split else len(nest.totals)
        run = compiled(source, writer.name)
        made.append(Kernel(nest.kind, flat, rows, columns, run, source, tuple(writer.parameters), n_sums, writer.split))
    return found, made


def lies_flat(plan, nest, contiguous):
    """Whether a nest's arrays may be taken as one row each: all are contiguous and have the nest's rows and columns."""
    if nest.kind != "cells" or not isinstance(nest.rows, Dim):
        return False
    program, stores = plan.program, all_stores(nest)
    nodes = [x for root in roots(nest)[0] for x in closure(root, stop=plan.planner.is_total)]
    inputs = [x for x in nodes if x.op == "input" and x.dims]
    places = [(("arg", x.info[0]), *x.info[1:]) for x in inputs] + [(x.target, x.offset, x.step) for x in stores]
    for (kind, k), offset, step in places:
        shape = program.shapes[k] if kind == "arg" else program.outputs[k][0]
        whole = [d.root() if isinstance(d, Dim) else d for d in shape] == [nest.rows, nest.columns] and (offset, step) == ((0, 0), (1, 1))
        if not whole or kind == "arg" and not contiguous[k]:
            return False
    return not any(x.op == "index" for x in nodes)


class Epilogue(NamedTuple):
    """What a matrix product does with each of its elements x before it writes it.

    function: (x, y, number) -> the result.  beside: number of the argument that y is an element of, an array of the product's shape; or None.
    number: that of the argument which is a number; or None.  An argument that the function does not need may be anything.
    """

    function: object
    beside: int | None = None
    number: int | None = None


@functools.cache
def unchanged():
    """The Epilogue that does nothing."""
    return Epilogue(compiled("def unchanged(x, y, number):\n    return x\n", "unchanged", True))


def epilogue(program, element):
    """The Epilogue for a traced definition, of which argument number `element` is the product; None if it is not of that kind.

    It must give one result, computed elementwise from the product and at most one more array, with at most one number that may change between calls.
    """
    if len(program.stores) != 1 or program.returns != ("out", 0) or len(program.numbers) > 1:
        return None
    (store,) = program.stores
    nodes = closure(store.node)
    inputs = [x for x in nodes if x.op == "input"]
    beside = sorted({x.info[0] for x in inputs} - {element})
    if any(x.op in (*REDUCTIONS, "index", "size") for x in nodes) or len(beside) > 1 or element not in {x.info[0] for x in inputs}:
        return None
    shape = [d.root() for d in store.shape]
    if any([d.root() for d in x.dims] != shape or x.info[1:] != ((0, 0), (1, 1)) or x.dtype != program.outputs[0][1] for x in inputs):
        return None
    names = {element: "x"} | dict.fromkeys(beside, "y")

    def leaf(node):
        if node.op == "input":
            return names[node.info[0]]
        return ("i64(number)" if node.dtype is int else "f64(number)") if node.op == "number" else None

    scope = Scope(leaf)
    result = scope.code(store.node)
    lines = [*scope.fresh(), f"return {result}"]
    source = "def epilogue(x, y, number):\n" + "".join(f"    {line}\n" for line in lines)
    return Epilogue(compiled(source, "epilogue", True), *(beside or [None]), next(iter(program.numbers), None))
