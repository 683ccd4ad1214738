"""Kernels from plans: each nest of a definition becomes one compiled function over any piece of its work.

    def kernel(item, r0, r1, c0, c1, args):         rows r0 … r1 − 1, columns c0 … c1 − 1, piece number `item`

`args` is the address of a table of int64, in which the calling Python code (calls.py) puts the addresses of arrays, the distances between their rows,
lengths and numbers. None of these are known at compile time, so one kernel serves arrays of any size, with any distance between rows. driver.py
cuts the work into pieces. Loops over columns are written so that LLVM vectorises them; terms of sums are stored in scratch memory first and then
added by halves (sums.py), because in a running sum each addition waits for the one before.
"""

import re

import numpy as np
from numba import types

from scratchgen.ops.nodes import REDUCTIONS, Dim, Untraceable
from scratchgen.ops.numba.compile import c_function
from scratchgen.ops.numba.driver import BLOCK, HEAD, STRIPE
from scratchgen.ops.numba.functions import NAMES
from scratchgen.ops.plan import plan
from scratchgen.ops.source import Scope, names_of, price, type_name
from scratchgen.ops.tracing import blamed_on

SIGNATURE = types.void(*[types.int64] * 6)
# the names in a kernel that are no parameter's
WORDS = {"i", "j", "k", "item", "r0", "r1", "c0", "c1", "args", "floats", "first", "last", "np", "abs", "BLOCK", *NAMES}
PATTERN = r"t\d+|sum\d+_whole|(sum|terms|kept|vector|out|partials)_?\d*|totals"


class Layout:
    """The layout of one nest's table: pointers, distances between rows, numbers and lengths."""

    def __init__(self):
        self.pointers, self.strides, self.numbers = [], [], []

    def pointer(self, what):
        """The slot of the address of `what`, such as ("arg", 0)."""
        if what not in self.pointers:
            self.pointers.append(what)
        return self.pointers.index(what)

    def stride(self, what):
        if what not in self.strides:
            self.strides.append(what)
        return self.strides.index(what)

    def number(self, what):
        if what not in self.numbers:
            self.numbers.append(what)
        return self.numbers.index(what)

    def slots(self, text):
        """The text with numbers of slots for @p + 0 (the first pointer), @s + 0 (the first distance), @n + 0 (the first number)."""
        begin = {"p": HEAD, "s": HEAD + len(self.pointers), "n": HEAD + len(self.pointers) + len(self.strides)}
        return re.sub(r"@([psn]) \+ (\d+)", lambda found: str(begin[found[1]] + int(found[2])), text)


class Writer:
    """Writes the source of the kernel of one nest.  same: {array: the array whose memory it shares}."""

    def __init__(self, plan, nest, number, same=None):
        self.plan, self.planner, self.nest, self.layout, self.same = plan, plan.planner, nest, Layout(), same or {}
        self.name = f"{plan.program.name}_kernel{number or ''}"
        self.head_lines, self.row_lines, self.row_names, self.scratches, self.values = [], [], {}, {}, {}
        self.names = names_of(plan.program.parameters, WORDS, PATTERN)
        self.rows, self.columns = (d if isinstance(d, Dim) else None for d in (nest.rows, nest.columns))
        self.two = self.rows is not None and self.columns is not None
        self.head = Scope(self.head_leaf)
        self.row = Scope(self.leaf, lambda node: bool(self.varies(node)), self.head)

    def varies(self, node):
        """ "r", "c", "rc" or "": over which loops a node varies."""
        dims = self.planner.dims(node)
        return ("r" if self.rows is not None and id(self.rows) in dims else "") + (
            "c" if self.columns is not None and id(self.columns) in dims else ""
        )

    # Leaves

    def head_leaf(self, node):
        if node.op == "number":
            return f"{'args' if node.dtype is int else 'floats'}[@n + {self.layout.number(('number', node.info[0], node.dtype))}]"
        if node.op == "size":
            return f"args[@n + {self.layout.number(('size', node.info[0], int))}]"
        if self.planner.is_total(node):
            k = next(i for i, x in enumerate(self.plan.totals) if x is node)
            return f"{type_name(node.dtype)}({self.array(('totals',), np.float64)}[{k}])"
        if node.op == "input":
            if any(not isinstance(offset, int) or offset for offset in node.info[1][:-1]):
                raise Untraceable("a single number of an array, below its first row")
            return self.read(node)
        return None

    def read(self, node):
        """The code of an element of an argument."""
        element = self.element(("arg", node.info[0]), node.dtype, node.dims, node.info[1], node.info[2])
        return f"({element} != 0)" if np.dtype(node.dtype).kind == "b" else element

    def leaf(self, node):
        if id(node) in self.values:
            return self.values[id(node)]
        if node.op == "input":
            return self.read(node)
        if node.op == "index":
            return "j" if self.varies(node) == "c" else "i"
        return None

    # Arrays

    def array(self, what, dtype):
        """The name of the pointer to an array's first number."""
        name = "_".join(map(str, what)) if what[0] != "arg" else self.names[what[1]] + "_"
        k = self.layout.pointer(what)
        line = f"{name} = numbers_at(args[@p + {k}], {type_name(dtype)}(0))"
        if line not in self.head_lines:
            self.head_lines.append(line)
        return name

    def row_of(self, what, dtype, row):
        """The pointer to a row of an array: its name, or, where the loop over columns runs down an array of one column, the pointer itself."""
        k, s = self.layout.pointer(what), self.layout.stride(what)
        line = f"numbers_at(args[@p + {k}] + {row} * args[@s + {s}], {type_name(dtype)}(0))"
        if row.startswith(("j", "(j")):
            return line
        if line not in self.row_names:
            base = self.names[what[1]] if what[0] == "arg" else "_".join(map(str, what))
            self.row_names[line] = base if row == "i" else f"{base}_{len(self.row_names)}"
            self.row_lines.append(f"{self.row_names[line]} = {line}")
        return self.row_names[line]

    def shifted(self, index, offset, step):
        """The code of offset + index · step."""
        text = index if step == 1 else f"{index} * {step}"
        return text if isinstance(offset, int) and offset == 0 else f"({text} + {offset if isinstance(offset, int) else self.head.code(offset)})"

    def element(self, what, dtype, lengths, offset, step):
        """The code of the element of an array that belongs to cell (i, j).  lengths, offset, step: of each of its axes."""
        dtype = np.uint8 if np.dtype(dtype).kind == "b" else dtype  # booleans are bytes
        what = self.same.get(what, what)
        axes = [self.loop_of(d) for d in lengths]
        if not axes:
            return f"{self.array(what, dtype)}[0]"
        column = self.shifted(axes[-1], offset[-1], step[-1])
        if len(axes) == 1 or (axes[0] == "0" and offset[0] == 0):
            return f"{self.array(what, dtype)}[{column}]"
        return f"{self.row_of(what, dtype, self.shifted(axes[0], offset[0], step[0]))}[{column}]"

    def loop_of(self, d):
        if not isinstance(d, Dim) or d.root().one:
            return "0"
        return "i" if d.root() is self.rows else "j"

    def store(self, store, scope):
        """The line that stores a value."""
        what = store.target
        dtype = self.plan.program.arrays[what[1]] if what[0] == "arg" else self.plan.program.outputs[what[1]][1]
        value = f"u8({scope.code(store.node)})" if np.dtype(dtype).kind == "b" else scope.code(store.node)
        return f"{self.element(what, dtype, store.shape, store.offset, store.step)} = {value}"

    def scratch(self, name, dtype, n):
        """A place on the stack for n numbers."""
        self.head_lines.append(f"{name} = scratch({type_name(dtype)}(0), {n})")
        return name

    # The kernel

    def source(self):
        body = {"cells": self.cells, "rows": self.in_rows, "columns": self.in_columns, "numbers": self.only_numbers}[self.nest.kind]()
        lines = [f"def {self.name}(item, r0, r1, c0, c1, args):", "    floats = numbers_at(args, f64(0))", "    args = numbers_at(args, i64(0))"]
        lines += ["    " + line for line in self.ordered_head()] + ["    " + line for line in body]
        return self.layout.slots("\n".join(lines)) + "\n"

    def ordered_head(self):
        return self.head_lines + self.head.fresh()

    def only_numbers(self):
        return [self.store(store, self.head) for store in self.nest.vectors]

    def cell_scope(self):
        return Scope(self.leaf, lambda node: "c" in self.varies(node), self.row)

    def loop(self, stores, first, last, deposits=()):
        """The loop over the columns of one row.  stores: of results.  deposits: (place, node), for the terms of sums."""
        scope = self.cell_scope()
        values = [(place, scope.code(node)) for place, node in deposits]
        stored = [self.store(store, scope) for store in stores]
        lines = scope.fresh() + [f"{place} = {value}" for place, value in values] + stored
        return [f"for j in range({first}, {last}):", *("    " + line for line in lines or ["pass"])]

    def partial(self, k, value):
        index = {"cells": "item", "rows": "item + i", "columns": "j"}[self.nest.kind]
        return f"{self.array(('partials', k), np.float64)}[{index}] = {value}"

    def cells(self):
        """A piece of the arrays, row by row."""
        (only,) = self.nest.passes
        deposits = []
        for k, x in enumerate(self.nest.totals):
            terms = self.scratch(f"terms{k}", x.args[0].dtype, BLOCK)
            deposits.append((f"{terms}[k + j - c0]", x.args[0]))
        inner = self.loop(only.stores, "c0", "c1", deposits)
        lines = ["k = 0"] if deposits else []
        lines += ["for i in range(r0, r1):"]
        lines += ["    " + line for line in self.row_lines + self.row.fresh() + inner + (["k += c1 - c0"] if deposits else [])]
        for k, x in enumerate(self.nest.totals):
            lines.append(self.partial(k, f"{FOLDS[x.op]}(terms{k}, k)"))
        return lines

    def in_rows(self):
        """Rows one by one, each in as many passes as it needs; long rows in pieces of BLOCK, so that the terms of sums fit in scratch memory."""
        lines, kept = [], {}
        for each in self.nest.passes:
            deposits, sums_, after = [], [], []
            for x in each.kept:
                name = f"kept{len(kept)}"
                kept[id(x)] = name
                self.head_lines.append(f"{name} = np.empty(args[1], {type_name(x.dtype)})")
                deposits.append((f"{name}[j]", x))
            reductions = [x for x in each.reductions if not (self.planner.is_total(x) and self.varies(x.args[0]) == "r")]
            for x in reductions:
                k = len(self.scratches)
                self.scratches[id(x)] = terms = self.scratch(f"terms{k}", x.args[0].dtype, BLOCK)
                deposits.append((f"{terms}[j - first]", x.args[0]))
                sums_.append((f"sum{k}", x, terms))
            each_loop = self.loop(each.stores, "first", "last", deposits)
            lines += self.row.fresh()
            lines += [f"{name} = {STARTS[x.op]}" for name, x, _ in sums_]
            if each_loop[1:] != ["    pass"]:
                lines += ["for first in range(0, args[1], BLOCK):", "    last = min(first + BLOCK, args[1])"]
                lines += ["    " + line for line in each_loop]
                lines += [f"    {name} = {JOINS[x.op].format(name, f'{FOLDS[x.op]}({terms}, last - first)')}" for name, x, terms in sums_]
            for name, x, _ in sums_:
                if self.planner.is_total(x):
                    after.append(self.partial(self.nest.totals.index(x), name))
                else:
                    self.values[id(x)] = f"{type_name(x.dtype)}({name})"
            for x in each.kept:
                self.values[id(x)] = f"{kept[id(x)]}[j]"
            for x in each.reductions:
                if x not in reductions:
                    value = self.row.code(x.args[0])
                    after.append(self.partial(self.nest.totals.index(x), f"f64({value})"))
            lines += self.row.fresh() + after
        ends = [self.store(store, self.row) for store in self.nest.vectors]
        lines += self.row.fresh() + ends
        return ["for i in range(r0, r1):", *("    " + line for line in self.row_lines + lines)]

    def in_columns(self):
        """A stripe of columns, in as many passes over the rows as it needs. Each column's sum is taken in the order of the rows, BLOCK at a time;
        the sums of blocks are added in float64: small terms would be lost in the sum of millions of rows. Each column leaves its part of totals."""
        lines, count = [], 0
        for each in self.nest.passes:
            lines += self.vectors([x.args[0] for x in each.reductions] + [store.node for store in each.stores])
            places, wholes = [], []
            for x in each.reductions:
                if self.planner.is_total(x) and self.varies(x.args[0]) == "c":
                    continue
                name, wide = f"sum{count}", np.float64 if np.dtype(x.dtype).kind == "f" else x.dtype
                dtype = wide if self.planner.is_total(x) else x.dtype
                places.append((self.scratch(name, dtype, STRIPE), x, dtype))
                wholes.append((self.scratch(f"{name}_whole", wide, STRIPE), x, wide))
                count += 1
            self.row_lines, self.row_names = [], {}
            scope = self.cell_scope()
            added = [
                f"{name}[j - c0] = {JOINS[x.op].format(f'{name}[j - c0]', f'{type_name(dtype)}({scope.code(x.args[0])})')}"
                for name, x, dtype in places
            ]
            stored = [self.store(store, scope) for store in each.stores]
            inner = scope.fresh() + added + stored
            rows = ["    " + line for line in self.row_lines + self.row.fresh()]
            rows += ["    for j in range(c0, c1):", *("        " + line for line in inner)]
            if places:
                starts = lambda names: [f"    {name}[j - c0] = {start_of(x, dtype)}" for name, x, dtype in names]
                joined = [f"        {a}[j - c0] = {JOINS[x.op].format(f'{a}[j - c0]', f'{type_name(dtype)}({b}[j - c0])')}"
                          for (a, x, dtype), (b, *_) in zip(wholes, places, strict=True)]  # fmt: skip
                lines += ["for j in range(c0, c1):", *starts(wholes)]
                lines += ["for first in range(r0, r1, BLOCK):", "    for j in range(c0, c1):"]
                lines += ["    " + line for line in starts(places)]
                lines += ["    for i in range(first, min(first + BLOCK, r1)):", *("    " + line for line in rows)]
                lines += ["    for j in range(c0, c1):", *joined]
            elif inner:
                lines += ["for i in range(r0, r1):", *rows]
            self.row = Scope(self.leaf, lambda node: bool(self.varies(node)), self.head)
            for name, x, _ in wholes:
                if not self.planner.is_total(x):
                    self.values[id(x)] = f"{type_name(x.dtype)}({name}[j - c0])"
            scope, found = Scope(self.leaf, lambda node: "c" in self.varies(node), self.head), {id(x): f"{name}[j - c0]" for name, x, _ in wholes}
            partials = [
                self.partial(k, f"f64({found.get(id(x)) or scope.code(x.args[0])})")
                for k, x in enumerate(self.nest.totals)
                if any(x is y for y in each.reductions)
            ]
            if partials:
                lines += ["for j in range(c0, c1):", *("    " + line for line in scope.fresh() + partials)]
        scope = Scope(self.leaf, lambda node: "c" in self.varies(node), self.head)
        stored = [self.store(store, scope) for store in self.nest.vectors]
        if stored:
            lines += ["for j in range(c0, c1):", *("    " + line for line in scope.fresh() + stored)]
        return lines

    def vectors(self, roots):
        """Lines that compute, once for each column, what depends on nothing but the column."""
        found = []

        def look(node):
            if self.varies(node) == "c" and node.op not in ("input", "index") and id(node) not in self.values and np.dtype(node.dtype) != bool:
                if node not in found:
                    found.append(node)
            elif "c" in self.varies(node) and id(node) not in self.values and node.op not in REDUCTIONS:
                for x in node.args:
                    look(x)

        for root in roots:
            look(root)
        if not found:
            return []
        scope, names = Scope(self.leaf, lambda node: "c" in self.varies(node), self.head), []
        for node in found:
            names.append((self.scratch(f"vector{len(self.scratches)}", node.dtype, STRIPE), scope.code(node)))
            self.scratches[id(node)] = names[-1][0]
        lines = ["for j in range(c0, c1):", *("    " + line for line in scope.fresh()), *(f"    {name}[j - c0] = {value}" for name, value in names)]
        for node, (name, _) in zip(found, names, strict=True):
            self.values[id(node)] = f"{name}[j - c0]"
        return lines

    def price(self):
        """Picoseconds for each cell."""
        seen, total = set(), 0
        roots = [s.node for each in self.nest.passes for s in each.stores] + [x.args[0] for each in self.nest.passes for x in each.reductions]
        for root in roots + [x.args[0] for x in self.nest.totals]:
            waiting = [root]
            while waiting:
                x = waiting.pop()
                if id(x) not in seen and self.varies(x):
                    seen.add(id(x))
                    total += price(x)
                    waiting.extend(x.args)
        return total + 60 * len(roots) + 100 * len(self.nest.totals)


FOLDS = {"sum": "total", "max": "largest", "min": "smallest"}
STARTS = {"sum": "0.0", "max": "(-inf)", "min": "inf"}
JOINS = {"sum": "{} + {}", "max": "maximum({}, {})", "min": "minimum({}, {})"}


def start_of(x, dtype):
    """The number with which a reduction begins, in a type."""
    if x.op != "sum" and np.dtype(dtype).kind in "iu":
        return f"{type_name(dtype)}({np.iinfo(dtype).min if x.op == 'max' else np.iinfo(dtype).max})"
    return f"{type_name(dtype)}({STARTS[x.op]})"


class Kernel:
    """A compiled nest.  source: its Python text.  layout: of its table.  address: of the machine code."""

    def __init__(self, writer):
        self.nest, self.name, self.source = writer.nest, writer.name, writer.source()
        self.layout, self.price = writer.layout, writer.price()
        scope = {"__name__": __name__, "np": np, "BLOCK": BLOCK, **NAMES}
        exec(compile(self.source, f"<kernel {self.name}>", "exec"), scope)
        self.compiled = c_function(SIGNATURE, scope[self.name], source=self.source)
        self.address = self.compiled.address


def kernels(program):
    """The Plan of a Program, and the Kernel of each of its nests."""
    found = plan(program)
    with blamed_on(program.definition):
        return found, [Kernel(Writer(found, nest, number)) for number, nest in enumerate(found.nests)]
