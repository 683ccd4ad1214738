"""What tracing a definition writes down: nodes, one for each value computed, lengths, and what is stored where.

    t1 = y * y           Node("multiply", (y, y)), where y is Node("input")

Equal nodes are one, so that what is written twice is computed once.

Lengths have names, Dims: one trace serves all sizes. But NumPy's rule of broadcasting depends on lengths (1 fits everything), so a trace notes as
*guards* which lengths were equal, which were 1, and which must not be 0; for arguments that do not meet them the definition is traced again.
"""

import operator
import threading
from dataclasses import dataclass

REDUCTIONS = ("sum", "max", "min")
MOST_NODES = 10_000  # of a trace; a definition that loops as often as a number says could fill the memory with them


class Untraceable(TypeError):
    """The definition does something for which no kernel can be written; the message says what, and in which line."""


class NeedsValue(Exception):
    """The definition needs a number's value (`if nesterov:`), which then becomes part of the trace."""

    def __init__(self, argument):
        self.argument = argument


class Dim:
    """A length, known by name: `text` is a Python expression of the arguments' shapes, s[0][1] being the second length of the first array."""

    def __init__(self, text, value):
        self.text, self.value, self.same, self.one, self.some = text, value, None, False, False

    def root(self):
        """The Dim that represents all lengths that must equal this one."""
        while self.same is not None:
            self = self.same
        return self


@dataclass(frozen=True, eq=False)
class Node:
    """One computed value.  op: name of NumPy's function, or input, number, size, const, cast, index, sum, max, min.

    args: the nodes it is computed from.  info: what else identifies it (which argument, which value).  dtype: a NumPy dtype; or int, float or
    bool for a Python number, which takes on the type of the array that it meets.  dims: of an input or a reduction, its lengths.
    """

    op: str
    args: tuple
    dtype: object
    info: tuple = ()
    dims: tuple = ()


@dataclass
class Store:
    """target[offset::step] = node.  target: ("arg", number) or ("out", number).  shape: lengths over which it runs.  offset, step: one per axis;
    offsets are Nodes of whole numbers, or ints.  whole: of the parts of a concatenation, its result."""

    target: tuple
    node: Node
    shape: tuple
    offset: tuple
    step: tuple
    whole: object = None


class Trace:
    """The nodes of one call of a definition.  ones: texts of the lengths that are known beforehand to be 1."""

    def __init__(self, ones=frozenset()):
        self.nodes, self.dims, self.stores, self.outputs, self.changed, self.ones = {}, [], [], [], {}, ones
        self.conditions, self.pending = [], None  # what must hold beside equal lengths; a view that was changed, before its array is

    def node(self, op, args=(), dtype=None, info=(), dims=()):
        """The node with these properties, the existing one if there is one."""
        key = op, tuple(map(id, args)), dtype, tuple((type(x), x) for x in info), tuple(map(id, dims))
        if key not in self.nodes:
            if len(self.nodes) == MOST_NODES:
                raise Untraceable("a loop of too many rounds")
            self.nodes[key] = Node(op, tuple(args), dtype, info, tuple(dims))
        return self.nodes[key]

    def dim(self, text, value):
        self.dims.append(Dim(text, value))
        self.dims[-1].one = text in self.ones
        return self.dims[-1]

    def late_ones(self):
        """Texts of the lengths that turned out to be 1 after something had been summed along them."""
        summed = {d.root() for node in self.nodes.values() if node.op in REDUCTIONS for d in node.dims}
        return {d.text for d in self.dims if d.root().one and d.root() in summed}

    def guard(self):
        """The condition on the arguments' lengths under which this trace holds, as a Python expression of the shapes."""
        groups = {}
        for dim in self.dims:
            groups.setdefault(dim.root(), []).append(dim.text)
        equal = [" == ".join(dict.fromkeys(texts)) for texts in groups.values() if len(set(texts)) > 1]
        special = [f"{dim.text} == 1" for dim in groups if dim.one] + [f"{dim.text} > 0" for dim in self.dims if dim.some]
        return " and ".join([*equal, *special, *dict.fromkeys(self.conditions)]) or "True"


def broadcast(shapes, onto=None):
    """The common shape of arrays, by NumPy's rule: lengths are equal or 1. Lengths that meet are equal from then on.

    onto: that shape must come out. Raises ValueError where the lengths at hand do not fit.
    """
    result = []
    ndim = max(map(len, shapes))
    if onto is not None and ndim > len(onto):
        raise ValueError("shapes do not fit")
    for axis in range(ndim):
        lengths = [shape[axis - ndim + len(shape)] for shape in shapes if axis - ndim + len(shape) >= 0]
        lengths = [n.root() for n in lengths if isinstance(n, Dim)]
        lengths = [n for n in dict.fromkeys(lengths) if not n.one]
        longest = max((n.value for n in lengths if n.value != 1), default=1)
        chosen = 1
        for n in lengths:
            if n.value == 1 and longest != 1:
                n.one = True
            elif n.value != longest and 1 not in (n.value, longest):
                raise ValueError("shapes do not fit")
            elif chosen == 1:
                chosen = n
            elif n is not chosen:
                n.same = chosen
        result.append(chosen)
        if onto is not None:
            wanted = onto[axis].root() if isinstance(onto[axis], Dim) else 1
            if chosen != 1 and wanted != 1 and wanted.one and chosen is not wanted or (wanted == 1 and chosen != 1):
                raise ValueError("shapes do not fit")
    return tuple(result)


def closure(node, stop=lambda node: False):
    """The node and all nodes that it is computed from; the search does not go past a node for which `stop` holds."""
    seen, waiting = {}, [node]
    while waiting:
        x = waiting.pop()
        if id(x) not in seen:
            seen[id(x)] = x
            if not stop(x):
                waiting.extend(x.args)
    return list(seen.values())


def size_text(node):
    """A whole number that follows from lengths, as a Python expression of the shapes."""
    signs = {"add": "+", "subtract": "-", "multiply": "*", "floor_divide": "//"}
    if node.op == "size":
        return node.info[0]
    if node.op == "const":
        return repr(operator.index(node.info[0]))
    if node.op == "number":
        raise NeedsValue(node.info[0])
    if node.op in signs:
        return f"({size_text(node.args[0])} {signs[node.op]} {size_text(node.args[1])})"
    raise Untraceable("a length that depends on more than lengths")


def evaluate(node):
    """The value of size_text(node) for the shapes at hand."""
    return eval(size_text(node), {"s": Tracing.shapes, "len": len, "range": range})


class InProgress(threading.local):
    """The trace in progress in this thread: the shapes of its arguments, and whether there is one."""

    shapes, active = (), False


Tracing = InProgress()
