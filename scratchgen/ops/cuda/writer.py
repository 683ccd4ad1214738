"""The source of kernels: each nest of a plan (ops/plan.py) becomes one function for the device.

    cells      a thread takes elements i, i + (number of all threads), …: neighbouring threads read neighbouring numbers
    rows       a block takes a row; its threads share the columns, and their sums meet in shared memory. Then the next row
    columns    a block takes COLUMNS columns, LANES threads to each; where one pass is enough, several blocks share the rows
    numbers    one thread

The block that finishes last completes sums over everything (a loss), and computes what depends on them alone, such as loss = total / batch. Arrays
come with any strides, as arrays of one or two axes. An expensive number that is the same for all elements, such as a power, is computed by one thread
of each block. What several passes need, each computes again: on a GPU that costs less than keeping it.
"""

import re

from scratchgen.ops.cuda.functions import PATTERN, WORDS
from scratchgen.ops.nodes import Dim, Node, closure
from scratchgen.ops.plan import EXPENSIVE
from scratchgen.ops.source import Scope, names_of, type_name

STARTS = {"sum": "0.0", "max": "-inf", "min": "inf"}
JOINS = {"sum": "{0} += {1}", "max": "{0} = maximum({0}, {1})", "min": "{0} = minimum({0}, {1})"}
ONE_THREAD = "if cuda.threadIdx.x == 0 and cuda.threadIdx.y == 0:"


def indented(lines):
    return ["    " + line for line in lines]


def roots(nest):
    """The nodes that the passes of a nest compute; those that it computes after them."""
    passes = [node for each in nest.passes for node in [x.args[0] for x in each.reductions] + [store.node for store in each.stores]]
    return passes, [store.node for store in nest.vectors]


def all_stores(nest):
    return [store for each in nest.passes for store in each.stores] + nest.vectors


def joined_type(x):
    """The type in which a reduction is computed: sums in float64."""
    return "f64" if x.op == "sum" or x.args[0].dtype.kind != "f" else type_name(x.args[0].dtype)


class Writer:
    """Writes the source of the kernel of one nest.

    flat: whether its arrays are taken as one row.  ends: stores of numbers, for the block that finishes last.  waited: totals that later nests need.
    """

    def __init__(self, plan, nest, number, flat, ends, waited):
        self.plan, self.planner, self.nest = plan, plan.planner, nest
        self.flat, self.ends, self.waited = flat, ends, waited
        self.name = f"{plan.program.name}_{nest.kind}{number or ''}"
        self.rows, self.columns = (d if isinstance(d, Dim) else None for d in (nest.rows, nest.columns))
        self.names = names_of(plan.program.parameters, WORDS, PATTERN)
        self.parameters = {}  # what -> name:  ("arg", 0), ("out", 0), ("number", 3), ("moved", 3), ("size", text), ("rows",), ("partials",), …
        self.sums, self.values = [], {}  # reductions within rows or columns; id(reduction) -> the code of its result
        self.head = Scope(self.head_leaf)  # what is the same for all elements
        self.split = nest.kind == "columns" and len(nest.passes) == 1 and not nest.totals  # whether several blocks may share the rows

    def parameter(self, kind, which=None):
        """The name of the kernel's parameter for that."""
        if (kind, which) not in self.parameters:
            if kind in ("arg", "number", "moved"):
                name = self.names[which] + ("_moved" if kind == "moved" else "")
            else:
                name = {"out": f"out{which}", "size": f"size{len(self.parameters)}"}.get(kind, kind)
            self.parameters[kind, which] = name
        return self.parameters[kind, which]

    def varies(self, node):
        """Over which loops a node varies: "r", "c", "rc" or "" for none."""
        dims = self.planner.dims(node)
        return ("r" if id(self.rows) in dims else "") + ("c" if id(self.columns) in dims else "")

    # Leaves: the code of what is not computed from other nodes

    def head_leaf(self, node):
        if node.op == "number":
            number = self.parameter("number", node.info[0])
            return f"f64({number})" if node.dtype is float else f"i64({number} + {self.parameter('moved', node.info[0])}[0])"
        if node.op == "size":
            return f"i64({self.parameter('size', node.info[0])})"
        if self.planner.is_total(node) and id(node) not in self.values:
            return f"{type_name(node.dtype)}({self.parameter('totals')}[{self.position(node)}])"
        return self.leaf(node)

    def leaf(self, node):
        if id(node) in self.values:
            return self.values[id(node)]
        if node.op == "input":
            return self.element(("arg", node.info[0]), node.dims, *node.info[1:])
        if node.op == "index":
            return f"i64({self.loop_of(node.dims[0])})"
        return None

    def position(self, total):
        """Where the result of a reduction over everything stands in `totals`."""
        return next(k for k, x in enumerate(self.plan.totals) if x is total)

    def loop_of(self, d):
        """The variable of the loop over a length."""
        if not isinstance(d, Dim) or d.root().one:
            return "0"
        return "i" if d.root() is self.rows else "j"

    def element(self, what, dims, offsets, steps):
        """The element of an array that belongs to cell (i, j).  dims, offsets, steps: of each of its axes."""
        name, indices = self.parameter(*what), []
        for d, offset, step in zip(dims, offsets, steps, strict=True):
            index = self.loop_of(d) if step == 1 else f"{self.loop_of(d)} * {step}"
            offset = self.head.code(offset) if isinstance(offset, Node) else offset
            indices.append(index if offset == 0 else f"{index} + {offset}")
        if self.flat:
            indices = ["j"] if indices else []
        return f"{name}[{', '.join(indices) or '0'}]"

    def stores(self, stores, scope):
        """The lines that make these stores, after those that compute what is stored."""
        made = [f"{self.element(x.target, x.shape, x.offset, x.step)} = {scope.code(x.node)}" for x in stores]
        return scope.fresh() + made

    # Kernels

    def source(self):
        """The text of the kernel."""
        write = {"cells": self.in_cells, "rows": self.in_rows, "columns": self.in_columns, "numbers": self.of_numbers}
        body = write[self.nest.kind]()
        body = [self.start(x) for x in self.nest.totals] + body + self.finish()
        body = self.header(body) + body
        if any("(shared, " in line for line in body):
            body.insert(0, "shared = cuda.shared.array(THREADS, f64)")
        return f"def {self.name}({', '.join(self.parameters.values())}):\n" + "\n".join(indented(body)) + "\n"

    def header(self, body):
        """The lines that compute what is the same for all elements; if that is expensive, one thread computes it for its block."""
        lines, known = self.head.fresh(), self.head.known
        every = [node for nodes in roots(self.nest) for node in nodes]
        every += [offset for store in all_stores(self.nest) for offset in store.offset if isinstance(offset, Node)]
        nodes = {known[id(x)]: x for root in every for x in closure(root) if id(x) in known}
        if self.nest.kind == "numbers" or not any(x.op in EXPENSIVE for x in nodes.values()):
            return lines
        used = [name for name in nodes if name.isidentifier() and any(re.search(rf"\b{name}\b", line) for line in body)]
        return [
            f"known = cuda.shared.array({len(used)}, f64)",
            ONE_THREAD, *indented(lines), *(f"    known[{k}] = {name}" for k, name in enumerate(used)),
            "cuda.syncthreads()", *(f"{name} = {type_name(nodes[name].dtype)}(known[{k}])" for k, name in enumerate(used)),
        ]  # fmt: skip

    def of_numbers(self):
        return self.stores(self.nest.vectors, self.head)

    def cell(self, each, outer, deep):
        """The lines for one cell in a pass: compute what varies over one of the loops `deep`, add terms, store results."""
        scope = Scope(self.leaf, lambda node: any(loop in self.varies(node) for loop in deep), outer)
        added = [self.add(x, scope) for x in each.reductions if not self.is_apart(x, deep)]
        stored = self.stores(each.stores, scope)
        at = len(stored) - len(each.stores)
        return stored[:at] + added + stored[at:]

    def is_apart(self, x, deep):
        """Whether a reduction is over a vector, one number for each row or column, although the nest has cells."""
        return self.planner.is_total(x) and not any(loop in self.varies(x.args[0]) for loop in deep)

    def sum_of(self, x):
        """The variable to which a thread adds its terms of a reduction."""
        kind, group = ("total", self.nest.totals) if self.planner.is_total(x) else ("sum", self.sums)
        return f"{kind}{next(k for k, y in enumerate(group) if y is x)}"

    def start(self, x):
        """The line that begins a reduction in a thread."""
        return f"{self.sum_of(x)} = {joined_type(x)}({STARTS[x.op]})"

    def add(self, x, scope):
        """The line that adds a term to it."""
        return JOINS[x.op].format(self.sum_of(x), f"{joined_type(x)}({scope.code(x.args[0])})")

    def fold(self, x, of, *where):
        """The line that combines what threads or blocks have, by one of the functions of sums.Fold."""
        return f"{self.sum_of(x)} = {joined_type(x)}({x.op}_{of}({', '.join(where)}))"

    def in_cells(self):
        (only,) = self.nest.passes
        columns, cell = self.parameter("columns"), self.cell(only, self.head, "rc")
        if self.rows is None or self.flat:
            return [f"for j in range(cuda.grid(1), {columns}, cuda.gridsize(1)):", *indented(cell)]
        loop = f"for k in range(cuda.grid(1), {self.parameter('rows')} * {columns}, cuda.gridsize(1)):"
        return [loop, *indented([f"i, j = k // {columns}, k % {columns}", *cell])]

    def in_rows(self):
        row, columns = Scope(self.leaf, lambda node: bool(self.varies(node)), self.head), self.parameter("columns")
        lines = []
        for each in self.nest.passes:
            lines += self.one_pass(each, row, "c", f"for j in range(cuda.threadIdx.x, {columns}, THREADS):", "of_block", ONE_THREAD)
        lines += self.vectors(row, ONE_THREAD)
        return [f"for i in range(cuda.blockIdx.x, {self.parameter('rows')}, cuda.gridDim.x):", *indented(lines)]

    def in_columns(self):
        column, rows, columns = Scope(self.leaf, lambda node: bool(self.varies(node)), self.head), self.parameter("rows"), self.parameter("columns")
        lines = [
            "j = cuda.blockIdx.x * COLUMNS + cuda.threadIdx.x",
            f"inside = j < {columns}",  # threads beyond the last column take part in the sums, with nothing to add
            f"first = cuda.blockIdx.y * LANES + cuda.threadIdx.y if inside else {rows}",
            f"j = min(j, {columns} - 1)",
        ]
        one_thread = "if inside and cuda.threadIdx.y == 0:"
        for each in self.nest.passes:
            loop = f"for i in range(first, {rows}, LANES * cuda.gridDim.y):"
            lines += self.one_pass(each, column, "r", loop, "of_column", one_thread)
        if self.split:
            lines += self.joined(one_thread, columns)
        return lines + self.vectors(column, one_thread)

    def one_pass(self, each, outer, deep, loop, joined, one_thread):
        """A pass through a row or a column. All threads that share it then know its sums."""
        sums = [x for x in each.reductions if not self.planner.is_total(x)]
        self.sums += sums
        cell = self.cell(each, outer, deep)
        lines = outer.fresh() + [self.start(x) for x in sums]
        lines += [loop, *indented(cell)] if cell else []
        lines += [self.fold(x, joined, "shared", self.sum_of(x)) for x in sums]
        for x in [x for x in each.reductions if self.is_apart(x, deep)]:
            term = self.add(x, outer)
            lines += [*outer.fresh(), one_thread, "    " + term]
        self.values |= {id(x): f"{type_name(x.dtype)}({self.sum_of(x)})" for x in sums}
        return lines

    def joined(self, one_thread, columns):
        """The lines that combine the sums of the blocks that share a column. The block that finishes last goes on."""
        partials, tickets = self.parameter("partials"), self.parameter("tickets")
        left = [f"{partials}[({k} * cuda.gridDim.y + cuda.blockIdx.y) * {columns} + j] = sum{k}" for k in range(len(self.sums))]
        found = [self.fold(x, "of_parts", partials, f"{k} * cuda.gridDim.y * {columns}", columns, "j") for k, x in enumerate(self.sums)]
        lines = [one_thread, *indented(left), f"inside = last_of(shared, {tickets}, cuda.blockIdx.x, cuda.gridDim.y) and inside"]
        return ["if cuda.gridDim.y > 1:", *indented([*lines, one_thread, *indented(found)])]

    def vectors(self, outer, one_thread):
        """The stores of one number for each row or column."""
        if not self.nest.vectors:
            return []
        scope = Scope(self.leaf, lambda node: bool(self.varies(node)) and id(node) not in outer.known, outer)
        lines = [one_thread, *indented(self.stores(self.nest.vectors, scope))]
        read = {x.info[0] for root in roots(self.nest)[0] for x in closure(root) if x.op == "input"}
        if any(store.target[0] == "arg" and store.target[1] in read for store in self.nest.vectors):
            lines.insert(0, "cuda.syncthreads()")  # other threads may still read it
        return lines

    def finish(self):
        """The end of sums over everything: the block that finishes last combines the partial sums, and computes what depends on nothing else."""
        if not self.nest.totals:
            return []
        partials, tickets, totals = self.parameter("partials"), self.parameter("tickets"), list(enumerate(self.nest.totals))
        lines = [self.fold(x, "of_block", "shared", f"total{q}") for q, x in totals]
        lines += [ONE_THREAD, *(f"    {partials}[{q} * cuda.gridDim.x + cuda.blockIdx.x] = total{q}" for q, _ in totals)]
        found = [self.fold(x, "of_blocks", "shared", partials, f"{q} * cuda.gridDim.x") for q, x in totals]
        self.values |= {id(x): f"{type_name(x.dtype)}(total{q})" for q, x in totals}
        end = [f"{self.parameter('totals')}[{self.position(x)}] = total{q}" for q, x in totals if any(x is y for y in self.waited)]
        end += self.stores(self.ends, Scope(self.head_leaf, names=self.head.names))
        return [*lines, f"if last_of(shared, {tickets}, 0, cuda.gridDim.x):", *indented(found + ([ONE_THREAD, *indented(end)] if end else []))]
