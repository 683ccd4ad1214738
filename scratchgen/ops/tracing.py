"""Tracing: a definition, called with symbols in place of arrays, gives its own expression.

    @op
    def tanh_backward(dy, y):            # what is read
        return dy * (1 - y * y)

    t1 = y * y                           # what is recorded, one line for each thing that NumPy would have computed
    t2 = 1 - t1
    t3 = dy * t2        -> result

A Symbol takes part in NumPy's arithmetic through NumPy's own protocols, `__array_ufunc__` and `__array_function__`: instead of computing, each call
adds a Node. Equal nodes are one, so what a definition writes twice is computed once. plan.py cuts the nodes into loops, and each backend that
compiles writes its kernels from those. To follow one definition all the way: python -m scratchgen.ops.lesson tanh_backward

What a definition may use: arrays of up to two axes and numbers; NumPy's elementwise functions, comparisons and `where`; sum, mean, max and min over
one axis or all; x[:, None], x.astype, slices; x[...] = y, x += y on arguments; concatenate; zeros_like and its kin. What it cannot: branches on the
numbers in an array, more axes, products of matrices (those are operations of their own). Untraceable says which line.

Lengths are symbols, too: one trace serves all sizes. NumPy's rule of broadcasting looks at lengths (1 fits everything), so a trace notes what it
found there, equal lengths, lengths of 1 and those that must not be 0, as *guards*; for arguments that do not meet them the definition is traced
once more.
"""

import contextlib
import functools
import operator
import traceback
from dataclasses import dataclass, field
from numbers import Real

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin


class Untraceable(TypeError):
    """The definition does something that no kernel can be written for; the message says what, and in which line."""


class NeedsValue(Exception):
    """The definition wants to know a number (`if nesterov:`): it becomes a part of the trace."""

    def __init__(self, argument):
        self.argument = argument


class Dim:
    """A length, known by name: `text` is a Python expression of the arguments' shapes, s[0][1] being the second length of the first array."""

    def __init__(self, text, value):
        self.text, self.value, self.same, self.one, self.some = text, value, None, False, False

    def root(self):
        """The Dim that stands for all lengths that must equal this one."""
        while self.same is not None:
            self = self.same
        return self


@dataclass(frozen=True, eq=False)
class Node:
    """One thing that is computed.  op: name of NumPy's function, or input, number, size, const, cast, index, sum, max, min.

    args: the nodes it is computed from.  info: what else tells it from others (which argument, which value).  dtype: a NumPy dtype; or int, float or
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
    offsets are Nodes of whole numbers, or 0."""

    target: tuple
    node: Node
    shape: tuple
    offset: tuple
    step: tuple


@dataclass
class Program:
    """A traced definition: what it stores and returns, and for which arguments this holds."""

    definition: object
    name: str
    parameters: tuple  # names of the arguments
    arrays: dict  # argument number -> dtype
    numbers: dict  # argument number -> int or float
    static: tuple  # numbers of the arguments whose values are part of the trace
    shapes: dict = field(default_factory=dict)  # argument number -> its lengths, Dims
    stores: list = field(default_factory=list)
    outputs: list = field(default_factory=list)  # (shape, dtype) of each array that is made
    returns: object = None  # ("out", k), ("arg", k) or ("const", value); a tuple of them for a tuple
    guard: str = "True"  # Python expression of the shapes s

    @property
    def written(self):
        """Numbers of the arguments that are changed."""
        return sorted({store.target[1] for store in self.stores if store.target[0] == "arg"})


class Trace:
    """The nodes of one call of a definition."""

    def __init__(self):
        self.nodes, self.dims, self.stores, self.outputs, self.changed = {}, [], [], [], {}

    def node(self, op, args=(), dtype=None, info=(), dims=()):
        """That node; the one there is, if it is there."""
        key = op, tuple(map(id, args)), dtype, tuple((type(x), x) for x in info), tuple(map(id, dims))
        if key not in self.nodes:
            self.nodes[key] = Node(op, tuple(args), dtype, info, tuple(dims))
        return self.nodes[key]

    def dim(self, text, value):
        self.dims.append(Dim(text, value))
        return self.dims[-1]

    def length(self, x):
        """A length, given as a Dim or a number, as a symbol."""
        if isinstance(x, Dim):
            return Symbol(self, self.node("size", dtype=int, info=(x.root().text,)), ())
        return x

    def guard(self):
        """What the lengths of arguments must be for this trace to hold."""
        groups = {}
        for dim in self.dims:
            groups.setdefault(dim.root(), []).append(dim.text)
        equal = [" == ".join(dict.fromkeys(texts)) for texts in groups.values() if len(set(texts)) > 1]
        special = [f"{dim.text} == 1" for dim in groups if dim.one] + [f"{dim.text} > 0" for dim in self.dims if dim.some]
        return " and ".join([*equal, *special]) or "True"


class Symbol(NDArrayOperatorsMixin):
    """Stands for an array or a number while a definition is traced. `node`: its value now; assigning in place changes it."""

    __slots__ = ("_shape", "argument", "broken", "node", "trace")
    __hash__ = None

    def __init__(self, trace, node, shape, argument=None):
        self.trace, self.node, self._shape, self.argument, self.broken = trace, node, tuple(shape), argument, False

    # What NumPy's arrays have

    @property
    def shape(self):
        return tuple(self.trace.length(n) for n in self._shape)

    @property
    def ndim(self):
        return len(self._shape)

    @property
    def dtype(self):
        return self.node.dtype

    @property
    def size(self):
        return functools.reduce(operator.mul, self.shape, 1)

    def astype(self, dtype, copy=True):
        return Symbol(self.trace, cast(self.trace, value_of(self), np.dtype(dtype)), self._shape)

    def copy(self):
        return Symbol(self.trace, value_of(self), self._shape)

    def sum(self, axis=None, dtype=None, keepdims=False):
        return reduce(self, "sum", axis, keepdims, dtype)

    def mean(self, axis=None, dtype=None, keepdims=False):
        return mean(self, axis, dtype, keepdims=keepdims)

    def max(self, axis=None, keepdims=False):
        return reduce(self, "max", axis, keepdims)

    def min(self, axis=None, keepdims=False):
        return reduce(self, "min", axis, keepdims)

    def __getitem__(self, key):
        shape, offset, step = self.place(key)
        if self.whole(key):
            return Symbol(self.trace, value_of(self), shape)
        if self.node.op != "input" or self.broken:
            raise Untraceable("only arguments can be sliced")
        argument, *_ = self.node.info
        lengths = [n for n, k in zip(shape, self.expanded(key), strict=True) if k is not None]
        return Symbol(self.trace, self.trace.node("input", dtype=self.dtype, info=(argument, offset, step), dims=lengths), shape)

    def __setitem__(self, key, value):
        shape, offset, step = self.place(key)
        if self.whole(key):
            self.assign(value)
            return
        if self.argument is None and not self.broken:  # its other parts keep what they hold
            self.trace.stores.append((self, Store(None, self.node, self._shape, (0,) * self.ndim, (1,) * self.ndim)))
        value = symbol(self.trace, value)
        broadcast([shape, value._shape], onto=shape)
        self.broken = True  # what it holds now, no single expression says
        self.trace.stores.append((self, Store(None, cast(self.trace, value_of(value), self.dtype), shape, offset, step)))

    def whole(self, key):
        """Whether that is all of it, apart from new axes."""
        keys = key if isinstance(key, tuple) else (key,)
        return all(k is None or k is Ellipsis or (is_whole(k)) for k in keys)

    def place(self, key):
        """(shape, offset, step) of what lies there."""
        keys = self.expanded(key)
        shape, offset, step, lengths = [], [], [], iter(self._shape)
        for k in keys:
            if k is None:
                shape.append(1)
                continue
            n = next(lengths, None)
            if n is None:
                raise IndexError(f"more indices than axes, {self.ndim}")
            if not isinstance(k, slice):
                raise Untraceable("single rows or numbers of an array")
            start, stop, stride = 0 if k.start is None else k.start, k.stop, 1 if k.step is None else k.step
            if is_whole(k):
                shape.append(n)
            else:
                stride = operator.index(stride)
                if stride < 1:
                    raise Untraceable(f"a step of {stride}")
                shape.append(self.part(n, start, stop, stride))
            offset.append(whole_number(self.trace, start))
            step.append(stride)
        return tuple(shape), tuple(offset), tuple(step)

    def expanded(self, key):
        """The key with one entry for each axis, and None for each new one."""
        keys = list(key if isinstance(key, tuple) else (key,))
        if any(isinstance(k, Symbol) and k.ndim for k in keys):
            raise Untraceable("gathering by index is an operation of its own: take_rows")
        if Ellipsis in [k for k in keys if not isinstance(k, Symbol)]:
            at = next(i for i, k in enumerate(keys) if k is Ellipsis)
            keys[at : at + 1] = [slice(None)] * (self.ndim - sum(k is not None for k in keys) + 1)
        return keys + [slice(None)] * (self.ndim - sum(k is not None for k in keys))

    def part(self, n, start, stop, step):
        """The length of range(n)[start:stop:step]."""

        def text_of(x):
            return x.text if isinstance(x, Dim) else text(x.node) if isinstance(x, Symbol) else str(x)

        n_text = text_of(n)
        written = f"len(range({n_text})[{text_of(start)}:{'' if stop is None else text_of(stop)}:{step}])"
        value = len(range(size_value(n))[size_value(start) : None if stop is None else size_value(stop) : step])
        return self.trace.dim(written, value)

    def assign(self, value):
        """self[...] = value."""
        value = symbol(self.trace, value)
        broadcast([self._shape, value._shape], onto=self._shape)
        self.node = cast(self.trace, value_of(value), self.dtype)
        self.broken = False
        if self.argument is not None:
            self.trace.changed[self.argument] = self

    # Its protocols

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, dtype=None, where=True, **others):
        if method != "__call__" or ufunc.nout != 1 or others or where is not True:
            raise Untraceable(f"np.{ufunc.__name__}{'' if method == '__call__' else '.' + method} with these arguments")
        result = elementwise(self.trace, ufunc, inputs, dtype)
        if out is None:
            return result
        (target,) = out
        if not isinstance(target, Symbol):
            raise Untraceable("the result of a traced expression is written to an array that is no argument")
        if not is_weak(result.node) and not np.can_cast(result.dtype, target.dtype, "same_kind"):
            raise Untraceable(f"{result.dtype} added to an array of {target.dtype}")  # NumPy refuses it
        target.assign(result)
        return target

    def __array_function__(self, function, types, args, kwargs):
        if function in MAKERS:  # np.full(…, like=x): NumPy keeps x to itself
            return MAKERS[function](self.trace, *args, **kwargs)
        if function not in FUNCTIONS:
            raise Untraceable(f"np.{function.__name__}")
        return FUNCTIONS[function](*args, **kwargs)

    # What needs numbers

    def _value(self, what):
        if self.node.op == "number":
            raise NeedsValue(self.node.info[0])
        raise Untraceable(what)

    def __bool__(self):
        return self._value("a branch on numbers or lengths that are known only when the kernel runs (np.where chooses element by element)")

    def __index__(self):
        return self._value("a length or number that must be known while tracing")

    __int__ = __float__ = __index__

    def __len__(self):
        raise Untraceable("len(x); write x.shape[0]")

    def __iter__(self):
        raise Untraceable("a loop over an array")

    def __array__(self, *args, **kwargs):
        raise Untraceable("a NumPy function that knows no symbols")

    def __getattr__(self, name):
        raise Untraceable(f"x.{name}")


def is_whole(key):
    """Whether that is `:`."""
    return isinstance(key, slice) and key.start is None and key.stop is None and key.step is None


def value_of(x):
    """The node of a symbol's value."""
    if x.broken:
        raise Untraceable("an array is read after a part of it was assigned to")
    return x.node


def size_value(x):
    return x.value if isinstance(x, Dim) else evaluate(x.node) if isinstance(x, Symbol) else x


def text(node):
    """A whole number that lengths decide, as a Python expression of the shapes."""
    signs = {"add": "+", "subtract": "-", "multiply": "*", "floor_divide": "//"}
    if node.op == "size":
        return node.info[0]
    if node.op == "const":
        return repr(node.info[0])
    if node.op == "number":
        raise NeedsValue(node.info[0])
    if node.op in signs:
        return f"({text(node.args[0])} {signs[node.op]} {text(node.args[1])})"
    raise Untraceable("a length that depends on more than lengths")


def evaluate(node):
    """The number that `text` stands for, now."""
    return eval(text(node), {"s": Tracing.shapes, "len": len, "range": range})


def whole_number(trace, x):
    """x as an offset: 0 and other ints as they are, symbols as nodes."""
    return x.node if isinstance(x, Symbol) else x.__index__()


class Tracing:
    """The trace in progress: the shapes of its arguments, and whether there is one."""

    shapes, active = (), False


def symbol(trace, x):
    """x as a symbol: a number becomes a constant."""
    if isinstance(x, Symbol):
        return x
    if isinstance(x, (bool, int, float)):
        return Symbol(trace, trace.node("const", dtype=type(x), info=(x,)), ())
    if isinstance(x, np.generic) and x.dtype.kind in "bif":
        return Symbol(trace, trace.node("const", dtype=x.dtype, info=(x.item(),)), ())
    if isinstance(x, np.ndarray) and x.ndim == 0:
        return symbol(trace, x[()])
    raise Untraceable(f"a {type(x).__name__} that is no argument")


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


FUNCTIONS_OF_ONE = {"exp", "expm1", "log", "log1p", "sqrt", "tanh", "sin", "cos", "arctan", "floor", "ceil", "isnan", "isfinite"}
ARITHMETIC = {"add", "subtract", "multiply", "divide", "floor_divide", "power", "negative", "absolute", "maximum", "minimum", "square", "reciprocal"}
LOGIC = {
    "greater", "greater_equal", "less", "less_equal", "equal", "not_equal", "logical_and", "logical_or", "logical_not", "bitwise_and", "bitwise_or",
    "invert",
}  # fmt: skip
KNOWN = FUNCTIONS_OF_ONE | ARITHMETIC | LOGIC


def is_weak(node):
    """Whether it has the type of a Python number, bool, int or float, and takes on that of the array it meets."""
    return isinstance(node.dtype, type)


def elementwise(trace, ufunc, inputs, dtype=None):
    """ufunc(*inputs) as a symbol."""
    name = {"true_divide": "divide", "fabs": "absolute"}.get(ufunc.__name__, ufunc.__name__)
    if name not in KNOWN and ufunc not in (np.logaddexp, np.positive):
        raise Untraceable(f"np.{name}")
    operands = [symbol(trace, x) for x in inputs]
    shape = broadcast([x._shape for x in operands])
    nodes = [value_of(x) for x in operands]
    if ufunc is np.logaddexp:
        return logaddexp(trace, operands, shape)
    if ufunc is np.positive:
        return Symbol(trace, nodes[0], shape)
    if dtype is not None:
        nodes = [cast(trace, x, np.dtype(dtype)) for x in nodes]
    if all(map(is_weak, nodes)):
        kind = bool if name in LOGIC else float if name in FUNCTIONS_OF_ONE | {"divide"} or any(x.dtype is float for x in nodes) else int
        return Symbol(trace, trace.node(name, nodes, kind), shape)
    given = [np.dtype(bool) if x.dtype is bool else x.dtype for x in nodes]
    *loop, result = ufunc.resolve_dtypes((*given, None))
    nodes = [cast(trace, x, to) for x, to in zip(nodes, loop, strict=True)]
    if result.kind == "f" and result not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise Untraceable(f"numbers of type {result}")
    return Symbol(trace, simplest(trace, name, nodes, result), shape)


def simplest(trace, name, nodes, dtype):
    """The node, in the form that is quickest to compute: squares without a power, one division for many by the same number."""
    x, *rest = nodes
    exponent = rest[0].info[0] if rest and rest[0].op == "const" else None
    if name == "square" or name == "power" and exponent == 2:
        return trace.node("multiply", (x, x), dtype)
    if name == "power" and exponent == 0.5:
        return trace.node("sqrt", (x,), dtype)
    if name == "power" and exponent == 1:
        return x
    if x.op == "negative" and name in ("absolute", "negative"):
        return trace.node(name, x.args, dtype) if name == "absolute" else x.args[0]
    if name == "reciprocal":
        return trace.node("divide", (trace.node("const", dtype=dtype, info=(1.0,)), x), dtype)
    if name == "divide" and is_number(rest[0]) and not is_number(x):
        # Adam divides three times in each element, and twice by the same two numbers for all: 0.20 instead of 0.31 ms for 814,000 parameters
        return trace.node("multiply", (x, trace.node("divide", (trace.node("const", dtype=dtype, info=(1.0,)), rest[0]), dtype)), dtype)
    return trace.node(name, nodes, dtype)


def is_number(node):
    """Whether it is the same for all elements."""
    return not node.dims and all(map(is_number, node.args))


def logaddexp(trace, operands, shape):
    """log(eᵃ + eᵇ) = max(a, b) + log(1 + e^−|a − b|).  With a = 0 it is the softplus of b, and shares its exponential with a sigmoid of b."""
    a, b = operands
    zero = next((i for i, x in enumerate(operands) if x.node.op == "const" and x.node.info[0] == 0), None)
    if zero is None:
        larger, apart = np.maximum(a, b), np.abs(a - b)
        apart = np.where(apart == apart, apart, 0)  # ∞ − ∞
    else:
        x = operands[1 - zero]
        larger, apart = np.maximum(x, 0), np.abs(x)
    e = np.exp(-apart)
    return larger + Symbol(trace, trace.node("log_one_plus", (value_of(e),), e.dtype), shape)


def cast(trace, node, dtype):
    """The node in that type; a constant is simply another."""
    if node.dtype == dtype and not is_weak(node):
        return node
    if node.op == "const":
        return trace.node("const", dtype=dtype, info=(dtype.type(node.info[0]).item(),))
    return trace.node("cast", (node,), dtype)


def reduce(x, op, axis=None, keepdims=False, dtype=None):
    """Σ, max or min over one axis or all."""
    trace, ndim = x.trace, x.ndim
    axes = axes_of(ndim, axis)
    if ndim == 0:
        return x
    shape = tuple(n.root() if isinstance(n, Dim) else n for n in x._shape)
    over = tuple(shape[a] for a in sorted(axes) if shape[a] != 1 and not shape[a].one)
    kept = tuple(1 if a in axes else n for a, n in enumerate(shape) if keepdims or a not in axes)
    node = value_of(x)
    result = np.dtype(dtype or node.dtype)
    if np.dtype(node.dtype) == bool:  # counted, or compared, as numbers
        node = cast(trace, node, np.dtype(np.int64))
        result = np.dtype(dtype or np.int64) if op == "sum" else result
    for d in over if op != "sum" else ():
        if d.value == 0:
            raise ValueError("the largest of no numbers")
        d.some = True
    varies = varying(node)
    if terms := tuple(d for d in over if id(d) in varies):
        node = trace.node(op, (node,), np.dtype(np.int64) if result.kind == "b" else result, info=(tuple(shape),), dims=terms)
    reduced = Symbol(trace, cast(trace, node, result), kept)
    for d in over if op == "sum" else ():
        if id(d) not in varies:  # equal terms
            reduced = (reduced * trace.length(d)).astype(result)
    return reduced


def varying(node):
    """The ids of the lengths along which a value varies."""
    if node.op in ("input", "index"):
        return {id(d.root()) for d in node.dims if isinstance(d, Dim) and not d.root().one}
    found = set().union(*map(varying, node.args)) if node.args else set()
    return found - {id(d.root()) for d in node.dims}


def axes_of(ndim, axis):
    """The axes as numbers from 0. Raises Untraceable for one that is not there, and leaves the error to NumPy."""
    axes = range(ndim) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    if any(not -ndim <= a < ndim for a in axes):
        raise Untraceable(f"axis {axis} of an array with {ndim} axes")
    return {a % ndim for a in axes}


def mean(x, axis=None, dtype=None, out=None, keepdims=False):
    lengths = [x.shape[a] for a in sorted(axes_of(x.ndim, axis))]
    return reduce(x, "sum", axis, keepdims, dtype) / functools.reduce(operator.mul, lengths) if lengths else x


def where(condition, x, y):
    trace = next(each for each in (condition, x, y) if isinstance(each, Symbol)).trace
    condition, x, y = (symbol(trace, each) for each in (condition, x, y))
    shape = broadcast([condition._shape, x._shape, y._shape])
    a, b = value_of(x), value_of(y)
    if is_weak(a) and is_weak(b):
        dtype = np.dtype(np.float64 if a.dtype is float or b.dtype is float else np.int64)
    else:
        dtype = np.add.resolve_dtypes((a.dtype, b.dtype, None))[-1]
    test = value_of(condition)
    if np.dtype(test.dtype) != bool:
        test = value_of(condition != 0)
    return Symbol(trace, trace.node("where", (test, cast(trace, a, dtype), cast(trace, b, dtype)), dtype), shape)


def full_like(x, value, dtype=None):
    dtype = np.dtype(dtype or x.dtype)
    return Symbol(x.trace, x.trace.node("const", dtype=dtype, info=(dtype.type(value).item(),)), x._shape)


def arange(trace, n):
    dim = dim_of(trace, n)
    if not isinstance(dim, Dim):  # 1: no loop counts
        return Symbol(trace, trace.node("const", dtype=np.dtype(np.int64), info=(0,)), (dim,))
    return Symbol(trace, trace.node("index", dtype=np.dtype(np.int64), dims=(dim,)), (dim,))


def concatenate(arrays, axis=0):
    trace, ndim = arrays[0].trace, arrays[0].ndim
    axis, dtype = axis % ndim, np.result_type(*[x.dtype for x in arrays])
    others = broadcast([tuple(1 if a == axis else n for a, n in enumerate(x._shape)) for x in arrays])
    if any(n == 1 and x._shape[a] != 1 and a != axis for x in arrays for a, n in enumerate(others)):
        raise Untraceable("concatenate with lengths of 1")
    if any(isinstance(n, Dim) and is_one(x._shape[a]) and not n.root().one for x in arrays for a, n in enumerate(others) if a != axis):
        raise ValueError("concatenate does not broadcast")
    lengths = [trace.length(x._shape[axis]) for x in arrays]
    whole = symbol(trace, sum(lengths[1:], start=lengths[0]))
    total = trace.dim(f"({' + '.join(length_text(x._shape[axis]) for x in arrays)})", sum(size_value(x._shape[axis]) for x in arrays))
    result = Symbol(trace, whole.node, tuple(total if a == axis else n for a, n in enumerate(others)))
    result.node, result.broken, before = trace.node("const", dtype=dtype, info=(0.0,)), True, 0  # only its parts say what it holds
    for x, length in zip(arrays, lengths, strict=True):
        shape = tuple(n if a != axis else x._shape[axis] for a, n in enumerate(others))
        offset = tuple(whole_number(trace, before) if a == axis else 0 for a in range(ndim))
        trace.stores.append((result, Store(None, cast(trace, value_of(x), dtype), shape, offset, (1,) * ndim)))
        before = length if isinstance(before, int) and before == 0 else before + length
    return result


def is_one(n):
    return n.root().one if isinstance(n, Dim) else n == 1


def length_text(n):
    return n.root().text if isinstance(n, Dim) else str(n)


def full(trace, shape, value, dtype=np.float64, **others):
    lengths = tuple(dim_of(trace, n) for n in (shape if isinstance(shape, tuple) else (shape,)))
    return Symbol(trace, symbol(trace, value).node, lengths).astype(dtype)


def dim_of(trace, n):
    """A length given as a number or symbol, as a Dim."""
    if not isinstance(n, Symbol):
        n = operator.index(n)
        return n if n == 1 else trace.dim(str(n), n)
    wanted = text(n.node)
    return next((d.root() for d in trace.dims if d.text == wanted), None) or trace.dim(wanted, size_value(n))


MAKERS = {np.full: full, np.arange: arange}
FUNCTIONS = {
    np.sum: lambda x, axis=None, dtype=None, keepdims=False: reduce(x, "sum", axis, keepdims, dtype),
    np.mean: mean,
    np.max: lambda x, axis=None, keepdims=False: reduce(x, "max", axis, keepdims),
    np.min: lambda x, axis=None, keepdims=False: reduce(x, "min", axis, keepdims),
    np.where: where,
    np.concatenate: concatenate,
    np.full_like: full_like,
    np.zeros_like: lambda x, dtype=None: full_like(x, 0, dtype),
    np.ones_like: lambda x, dtype=None: full_like(x, 1, dtype),
    np.empty_like: lambda x, dtype=None: full_like(x, 0, dtype),
    np.expand_dims: lambda x, axis: x[(slice(None),) * (axis % (x.ndim + 1)) + (None,)],
    np.clip: lambda x, low, high: np.minimum(np.maximum(x, low), high),
}


def trace(definition, arguments, parameters, static=()):
    """The Program of definition(*arguments).  arguments: arrays (anything with shape, ndim and dtype), numbers and others.

    static: numbers of the arguments whose values are part of the trace, whatever they are.
    Raises Untraceable; ValueError where the shapes do not fit each other.
    """
    recorded, symbols, arrays, numbers = Trace(), [], {}, {}
    Tracing.shapes = tuple(x.shape if hasattr(x, "shape") and hasattr(x, "dtype") else None for x in arguments)
    for i, x in enumerate(arguments):
        if Tracing.shapes[i] is not None and not isinstance(x, np.generic):
            if x.ndim > 2:
                raise Untraceable("arrays of more than two axes")
            shape = tuple(recorded.dim(f"s[{i}][{axis}]", n) for axis, n in enumerate(x.shape))
            node = recorded.node("input", dtype=x.dtype, info=(i, (0,) * x.ndim, (1,) * x.ndim), dims=shape)
            symbols.append(Symbol(recorded, node, shape, argument=i))
            arrays[i] = x.dtype
        elif isinstance(x, Real) and not isinstance(x, (bool, np.bool_)) and i not in static:
            numbers[i] = int if isinstance(x, (int, np.integer)) else float
            symbols.append(Symbol(recorded, recorded.node("number", dtype=numbers[i], info=(i,)), ()))
        else:
            symbols.append(x)
    outer, Tracing.active = Tracing.active, True
    try:
        result = definition(*symbols)
    except NeedsValue as needed:
        return trace(definition, arguments, parameters, (*static, needed.argument))
    except Untraceable as error:
        raise Untraceable(where_it_happened(error, definition)) from None
    except (ValueError, IndexError):
        shapes = " and ".join(str(tuple(s)) for s in Tracing.shapes if s is not None)
        raise ValueError(f"{definition.__name__}: arrays whose shapes do not fit each other: {shapes}") from None
    finally:
        Tracing.active = outer
    program = Program(definition, definition.__name__, tuple(parameters), arrays, numbers, static)
    program.shapes = {x.argument: x._shape for x in symbols if isinstance(x, Symbol) and x.argument is not None}
    with blamed_on(definition):
        finish(program, recorded, symbols, result)
    return program


@contextlib.contextmanager
def blamed_on(definition):
    """Within this context, Untraceable names the definition and its line."""
    try:
        yield
    except Untraceable as error:
        code = definition.__code__
        raise Untraceable(f"{definition.__name__} cannot be compiled because of {error} ({code.co_filename}, line {code.co_firstlineno})") from None


def where_it_happened(error, definition):
    """What cannot be traced, with the line of the definition."""
    file = definition.__code__.co_filename
    lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file] or traceback.extract_tb(error.__traceback__)
    last = lines[-1]
    return f"{definition.__name__} cannot be compiled because of {error}: {last.line} ({last.filename}, line {last.lineno})"


def finish(program, recorded, symbols, result):
    """Write down what is stored where, and what is returned."""
    places = {}  # id(symbol) -> target

    def output(x):
        if id(x) not in places:
            dtype = np.dtype(x.dtype)
            program.outputs.append((x._shape, dtype))
            places[id(x)] = ("out", len(program.outputs) - 1)
            if not x.broken:
                program.stores.append(Store(places[id(x)], cast(recorded, x.node, dtype), x._shape, (0,) * x.ndim, (1,) * x.ndim))
        return places[id(x)]

    for argument, x in recorded.changed.items():
        if not x.broken:
            program.stores.append(Store(("arg", argument), x.node, x._shape, (0,) * x.ndim, (1,) * x.ndim))

    def returned(x):
        if not isinstance(x, Symbol):
            return ("const", x)
        if x.argument is not None:
            return ("arg", x.argument)
        return output(x)

    program.returns = tuple(map(returned, result)) if isinstance(result, tuple) else returned(result)
    for x, store in recorded.stores:
        target = ("arg", x.argument) if x.argument is not None else places.get(id(x))
        if target is not None:
            program.stores.append(Store(target, store.node, store.shape, store.offset, store.step))
    program.guard = recorded.guard()
    refuse_shifts(program)


def refuse_shifts(program):
    """Untraceable where an argument is changed in one place and read in another: a kernel might change a number before it is read."""
    waiting, seen = [store.node for store in program.stores], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        waiting.extend(node.args)
        for store in program.stores:
            if node.op == "input" and store.target == ("arg", node.info[0]) and node.info[1:] != (store.offset, store.step):
                raise Untraceable(f"an argument, {program.parameters[node.info[0]]}, that is changed in one place and read in another")
