"""From an expression to loops: which numbers one pass over the arrays can compute, and what must be known before the next.

A kernel works on a *nest*: two loops, over the rows and the columns of its arrays. Elementwise nodes need nothing but their element. A reduction ends
a pass, because what depends on the sum has to wait for it:

    cells      no sum is waited for                      any piece of the arrays is a thread's work        tanh_backward, adam_step
    rows       sums along a row are waited for           a row is a thread's work                          softmax, layer_norm
    columns    sums along a column are waited for        a block of columns is a thread's work             batch_norm, add_column_sums
    numbers    no array at all                           one thread                                        the loss, from its sum

Softmax in two passes over each row:                 m = max x        |  e = exp(x − m),  s = Σ e  |  y = e / s        (three, with the last)

Nothing in a nest waits for a sum over everything (a loss): every piece leaves a partial sum, and at the end they are added in order, so that the bits
do not depend on the threads. What needs such a sum (clipping: a · c / ‖a‖) is another nest.
"""

from dataclasses import dataclass, field

from scratchgen.ops.nodes import REDUCTIONS, Dim, Node, Store, Untraceable, closure
from scratchgen.ops.tracing import blamed_on

EXPENSIVE = {"exp", "expm1", "log", "log1p", "log_one_plus", "tanh", "sin", "cos", "arctan", "power"}  # worth keeping instead of computing twice


@dataclass
class Pass:
    """One pass: reductions that it computes, stores of cells that it makes, and expensive nodes that it keeps for later passes."""

    reductions: list = field(default_factory=list)
    stores: list = field(default_factory=list)
    kept: list = field(default_factory=list)


@dataclass
class Nest:
    """kind: "cells", "rows", "columns" or "numbers".  rows, columns: its lengths, Dims or 1.

    passes: in order.  vectors: stores of one number per row (kind rows and cells) or column (kind columns), after the passes.
    totals: reductions over everything, of which each piece leaves a partial result.
    """

    kind: str
    rows: object
    columns: object
    passes: list = field(default_factory=list)
    vectors: list = field(default_factory=list)
    totals: list = field(default_factory=list)


@dataclass
class Plan:
    """nests, in order.  totals: all reductions over everything.  planner: knows over which lengths each node varies."""

    program: object
    planner: object
    nests: list
    totals: list


def element_by_element(program):
    """Whether a program, traced with arrays of one axis, computes each element of its results from those in the same place: then it serves arrays of
    any number of axes, flattened."""
    lengths = {n.root() for shape in program.shapes.values() for n in shape}
    return all(len(shape) == 1 and isinstance(shape[0], Dim) and shape[0].root() in lengths for shape, _ in program.outputs) and not any(
        node.op in (*REDUCTIONS, "size", "index") for store in program.stores for node in closure(store.node)
    )


class Planner:
    """Plans one Program."""

    def __init__(self, program):
        self.program, self.memo, self.phases = program, {}, {}
        self.order = {}  # id(dim) -> ids of the dims right of it in some shape

    def dims(self, node):
        """The lengths over which a node varies, as a set of ids, with self.names giving the Dims."""
        if id(node) not in self.memo:
            found = {}
            if node.op in ("input", "index"):
                found = {id(d.root()): d.root() for d in node.dims if isinstance(d, Dim) and not d.root().one}
            else:
                for x in node.args:
                    found |= self.dims(x)
                if node.op in REDUCTIONS:
                    found = {key: d for key, d in found.items() if key not in {id(d.root()) for d in node.dims}}
            self.memo[id(node)] = found
        return self.memo[id(node)]

    def is_total(self, node):
        return node.op in REDUCTIONS and not self.dims(node)

    def phase(self, node):
        """How many sums over everything must be complete before it."""
        if id(node) not in self.phases:
            self.phases[id(node)] = max((self.phase(x) for x in node.args), default=0) + self.is_total(node)
        return self.phases[id(node)]

    def plan(self):
        self.learn_order()
        stores = list(self.program.stores)
        totals = {id(x): x for store in stores for x in self.everything(store) if self.is_total(x)}
        work = [("store", s, s.node, self.phase(s.node)) for s in stores] + [("total", x, x.args[0], self.phase(x.args[0])) for x in totals.values()]
        groups, numbers = {}, Nest("numbers", 1, 1)
        for what, item, node, phase in work:
            space = self.space(item, node)
            if not space:
                if what == "total":
                    raise Untraceable("the sum of a single number")
                numbers.vectors.append(item)
                continue
            kind = self.kind(node, space)
            key = phase, tuple(id(d) for d in space), kind
            groups.setdefault(key, (space, []))[1].append((what, item, node))
        self.merge_cells(groups)
        nests = [self.nest(kind, space, items) for (phase, _, kind), (space, items) in sorted(groups.items(), key=lambda group: group[0][0])]
        if numbers.vectors:
            nests.append(numbers)
        self.check_order(nests)
        self.check_stores(nests)
        return Plan(self.program, self, nests, list(totals.values()))

    def everything(self, store):
        nodes = closure(store.node)
        for offset in store.offset:
            nodes += closure(offset) if isinstance(offset, Node) else []
        return nodes

    def learn_order(self):
        """For two lengths of one array: which is the number of its rows."""
        shapes = [store.shape for store in self.program.stores]
        for store in self.program.stores:
            shapes += [x.info[0] for x in closure(store.node) if x.op in REDUCTIONS]
            shapes += [x.dims for x in closure(store.node) if x.op == "input"]
        for shape in shapes:
            lengths = [d.root() for d in shape if isinstance(d, Dim) and not d.root().one]
            if len(lengths) != len({id(d) for d in lengths}):
                raise Untraceable("a matrix combined with its own transpose, or one that must be square")
            for left, right in zip(lengths, lengths[1:], strict=False):
                self.order.setdefault(id(left), set()).add(id(right))

    def space(self, item, node):
        """(rows, columns) over which the loops run, or () for none."""
        found = {}
        for x in closure(node, stop=self.is_total):
            if not self.is_total(x):
                found |= self.dims(x)
        if isinstance(item, Store):
            found |= {id(d.root()): d.root() for d in item.shape if isinstance(d, Dim) and not d.root().one}
        lengths = list(found.values())
        if len(lengths) > 2:
            raise Untraceable("arrays of more than two different lengths")
        if len(lengths) == 2 and id(lengths[0]) in self.order.get(id(lengths[1]), ()):
            lengths.reverse()
        if len(lengths) == 1:
            a_column = isinstance(item, Store) and len(item.shape) == 2 and isinstance(item.shape[0], Dim) and item.shape[0].root() is lengths[0]
            return (lengths[0], 1) if a_column else (1, lengths[0])
        return tuple(lengths)

    def kind(self, node, space):
        """ "rows" or "columns" if a sum along them is waited for, else "cells"."""
        reductions = [x for x in closure(node, stop=self.is_total) if x.op in REDUCTIONS and self.dims(x)]
        kinds = {"rows" if id(space[0]) in self.dims(x) else "columns" for x in reductions}
        if len(kinds) > 1:
            raise Untraceable("sums along rows and along columns that need each other")
        return kinds.pop() if kinds else "cells"

    def merge_cells(self, groups):
        """What needs no sum is computed together with what does, in one pass over the same arrays."""
        for phase, space, kind in [key for key in groups if key[2] == "cells"]:
            for other in ("rows", "columns"):
                if (phase, space, other) in groups:
                    groups[phase, space, other][1].extend(groups.pop((phase, space, kind))[1])
                    break

    def levels(self, node, found):
        """How many sums within the nest a node waits for."""
        if id(node) not in found:
            if self.is_total(node):
                found[id(node)] = 0
            else:
                below = max((self.levels(x, found) for x in node.args), default=0)
                found[id(node)] = below + (node.op in REDUCTIONS)
        return found[id(node)]

    def nest(self, kind, space, items):
        rows, columns = space
        nest, levels = Nest(kind, rows, columns), {}
        across = {"columns": id(columns)}.get(kind, id(rows))  # along which a vector of this nest runs
        reductions, cells = {}, []
        for what, item, node in items:
            for x in closure(node, stop=self.is_total):
                if x.op in REDUCTIONS and self.dims(x):
                    reductions[id(x)] = x
            shape = () if what == "total" else item.shape
            own = self.dims(node) | {id(d.root()): d.root() for d in shape if isinstance(d, Dim) and not d.root().one}
            level = self.levels(node, levels)
            if what == "total":
                nest.totals.append(item)
            if len(space) == 2 and rows != 1 and set(own) == {across} and kind != "cells":
                (nest.vectors if what == "store" else cells).append(item if what == "store" else (what, item, level))
            else:
                cells.append((what, item, level))
        last = max([self.levels(x.args[0], levels) for x in reductions.values()] + [level for *_, level in cells], default=0)
        nest.passes = [Pass() for _ in range(last + 1)]
        for x in reductions.values():
            nest.passes[self.levels(x.args[0], levels)].reductions.append(x)
        for what, item, level in cells:
            if what == "total":
                nest.passes[level].reductions.append(item)
            else:  # arguments that are changed must not be read in a later pass
                nest.passes[last if item.target[0] == "arg" else level].stores.append(item)
        if kind == "rows":
            self.keep(nest, levels)
        return nest

    def keep(self, nest, levels):
        """Expensive nodes that several passes need are computed in the first of them and kept, one row at a time."""
        both = {id(nest.rows), id(nest.columns)}
        needed = []
        for each in nest.passes:
            nodes = {}
            for root in [x.args[0] for x in each.reductions] + [store.node for store in each.stores]:
                for x in closure(root, stop=lambda x: x.op in REDUCTIONS):
                    if x.op in EXPENSIVE and set(self.dims(x)) == both:
                        nodes[id(x)] = x
            needed.append(nodes)
        for k, nodes in enumerate(needed):
            for key, x in nodes.items():
                if any(key in later for later in needed[k + 1 :]) and not any(key in earlier for earlier in needed[:k]):
                    nest.passes[k].kept.append(x)

    def check_order(self, nests):
        """No nest may read an argument that an earlier one has changed."""
        changed = set()
        for nest in nests:
            stores = [s for each in nest.passes for s in each.stores] + nest.vectors
            roots = [s.node for s in stores] + [x.args[0] for each in nest.passes for x in each.reductions] + [x.args[0] for x in nest.totals]
            read = {x.info[0] for root in roots for x in closure(root, stop=self.is_total) if x.op == "input"}
            if changed & read:
                raise Untraceable("an argument that is changed, and whose old value is needed later")
            changed |= {s.target[1] for s in stores if s.target[0] == "arg"}

    def check_stores(self, nests):
        """Stores to one array must be made in the order in which they are written, unless they do not meet."""
        made = {}  # id(store) -> (number of its nest, number of its pass there)
        for k, nest in enumerate(nests):
            made |= {id(x): (k, number) for number, each in enumerate(nest.passes) for x in each.stores}
            made |= {id(x): (k, len(nest.passes)) for x in nest.vectors}
        for k, later in enumerate(self.program.stores):
            for earlier in self.program.stores[:k]:
                if earlier.target != later.target or apart(earlier, later):
                    continue
                (first, _), (second, _) = made[id(earlier)], made[id(later)]
                if first == second:  # each number is assigned to by one thread
                    in_order = same_place(earlier, later) and made[id(earlier)] <= made[id(later)]
                else:  # on a device, numbers may be stored before the end
                    in_order = first < second and nests[second].kind != "numbers"
                if not in_order:
                    raise Untraceable("assignments to one array of which the later must come last")


def same_place(a, b):
    """Whether two stores assign to the same numbers of an array, element by element."""
    shapes = [[n.root() if isinstance(n, Dim) else n for n in x.shape] for x in (a, b)]
    return shapes[0] == shapes[1] and (a.offset, a.step) == (b.offset, b.step)


def apart(a, b):
    """Whether two stores to one array never meet: parts of a concatenation, or lines that take turns, such as [0::2] and [1::2]."""
    if a.whole is not None and a.whole is b.whole:
        return True
    lines = zip(a.offset, b.offset, a.step, b.step, strict=True)
    return any(isinstance(i, int) and isinstance(k, int) and step == other and (i - k) % step for i, k, step, other in lines)


def plan(program):
    """The Plan of a Program. Raises Untraceable where no loops of these kinds compute it."""
    with blamed_on(program.definition):
        return Planner(program).plan()
