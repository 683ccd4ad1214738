"""Symbols stand for arrays and numbers while a definition is traced; what is computed with them is recorded as nodes.

    t1 = y * y           y is a Symbol whose node is an input; the result is a Symbol again, with the node (multiply, y, y)

A Symbol takes part in NumPy's arithmetic through NumPy's own protocols, `__array_ufunc__` and `__array_function__`: instead of computing, each call
adds a Node to the Trace (both in nodes.py); numpy_rules.py says which.
"""

import functools
import operator

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from scratchgen.ops.nodes import Dim, NeedsValue, Store, Untraceable, broadcast, evaluate, size_text
from scratchgen.ops.python_numbers import cast, is_weak

RULES = {}  # {NumPy's function: ours, of the same arguments}; np.ufunc: of all elementwise ones, (trace, ufunc, inputs, dtype)
MAKERS = {}  # likewise, of functions of lengths, not arrays; ours takes the trace first, because np.full(…, like=x) does not pass x on


class Symbol(NDArrayOperatorsMixin):
    """Stands for an array or a number while a definition is traced. `node`: its value now; assigning in place changes it.

    version: how often it was assigned to.  of: of a view, (the symbol that it shows a part of, its version then, offset, step), otherwise None.
    """

    __slots__ = ("_shape", "argument", "broken", "node", "of", "trace", "version")
    __hash__ = None

    def __init__(self, trace, node, shape, argument=None, of=None):
        self.trace, self.node, self._shape, self.argument, self.of = trace, node, tuple(shape), argument, of
        self.broken, self.version = False, 0

    # The interface of NumPy's arrays

    @property
    def shape(self):
        return tuple(length_symbol(self.trace, n) for n in self._shape)

    @property
    def ndim(self):
        return len(self._shape)

    @property
    def dtype(self):
        if self.node.op == "number":  # a Python number has none, one of NumPy's has; tracing once more, with its value, tells
            raise NeedsValue(self.node.info[0])
        return self.node.dtype

    @property
    def size(self):
        return functools.reduce(operator.mul, self.shape, 1)

    def astype(self, dtype, copy=True):
        if not copy and self.dtype == dtype:
            return self
        return Symbol(self.trace, cast(self.trace, value_of(self), np.dtype(dtype)), self._shape)

    def copy(self):
        return Symbol(self.trace, value_of(self), self._shape)

    def sum(self, axis=None, dtype=None, keepdims=False):
        return RULES[np.sum](self, axis, dtype, keepdims=keepdims)

    def mean(self, axis=None, dtype=None, keepdims=False):
        return RULES[np.mean](self, axis, dtype, keepdims=keepdims)

    def max(self, axis=None, keepdims=False):
        return RULES[np.max](self, axis, keepdims=keepdims)

    def min(self, axis=None, keepdims=False):
        return RULES[np.min](self, axis, keepdims=keepdims)

    def __getitem__(self, key):
        shape, offset, step = self.place(key)
        if self.whole(key):
            return Symbol(self.trace, value_of(self), shape, of=(self, self.version, offset, step))
        if value_of(self).op != "input" or self.node.dims != self._shape or any(self.node.info[1]) or set(self.node.info[2]) != {1}:
            raise Untraceable("only arguments can be sliced")
        argument, *_ = self.node.info
        lengths = [n for n, k in zip(shape, self.expanded(key), strict=True) if k is not None]
        node = self.trace.node("input", dtype=self.dtype, info=(argument, offset, step), dims=lengths)
        return Symbol(self.trace, node, shape, of=(self, self.version, offset, step))

    def __setitem__(self, key, value):
        shape, offset, step = self.place(key)
        if any(k is None for k in self.expanded(key)):
            raise Untraceable("new axes of an array that is assigned to")
        if isinstance(value, Symbol) and value is self.trace.pending and value.of[0] is self and value.of[1:] == (self.version, offset, step):
            self.trace.pending = None  # the end of a[key] += …
        if self.whole(key):
            self.assign(value)
            return
        if self.of is not None:
            raise Untraceable("a view that is assigned to")
        value = symbol(self.trace, value)
        broadcast([shape, value._shape], onto=shape)
        node = cast(self.trace, value_of(value), self.dtype)
        if (self.argument is None or self.argument in self.trace.changed) and not self.broken:  # its other parts keep their values
            self.trace.stores.append((self, Store(None, self.node, self._shape, (0,) * self.ndim, (1,) * self.ndim)))
        self.broken, self.version = True, self.version + 1  # no single expression gives its value any more
        self.trace.stores.append((self, Store(None, node, shape, offset, step)))

    def whole(self, key):
        """Whether a key selects the whole array, apart from new axes."""
        keys = key if isinstance(key, tuple) else (key,)
        return all(k is None or k is Ellipsis or (is_whole(k)) for k in keys)

    def place(self, key):
        """(shape, offset, step) of the part that a key selects."""
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
            start, stop, stride = self.begin(n, k.start), k.stop, 1 if k.step is None else k.step
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

    def begin(self, n, start):
        """Where a slice of n numbers begins, counted from the first. Raises Untraceable where that would be before it."""
        if start is None:
            return 0
        if not isinstance(start, Symbol) and operator.index(start) < 0:
            start = length_symbol(self.trace, n) + start
        if size_value(start) < 0:
            raise Untraceable("a slice that begins before the first number")
        if isinstance(start, Symbol) and "-" in size_text(start.node):
            self.trace.conditions.append(f"{size_text(start.node)} >= 0")
        return start

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
            return x.text if isinstance(x, Dim) else size_text(x.node) if isinstance(x, Symbol) else str(x)

        n_text = text_of(n)
        written = f"len(range({n_text})[{text_of(start)}:{'' if stop is None else text_of(stop)}:{step}])"
        value = len(range(size_value(n))[size_value(start) : None if stop is None else size_value(stop) : step])
        return self.trace.dim(written, value)

    def assign(self, value):
        """self[...] = value."""
        value = symbol(self.trace, value)
        broadcast([self._shape, value._shape], onto=self._shape)
        self.node = cast(self.trace, value_of(value), self.dtype)
        self.broken, self.version = False, self.version + 1
        self.trace.stores = [(x, store) for x, store in self.trace.stores if x is not self]  # nothing is left of them
        if self.of is not None:
            self.trace.pending = self
        if self.argument is not None:
            self.trace.changed[self.argument] = self

    # NumPy's protocols

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, dtype=None, where=True, **others):
        if method != "__call__" or ufunc.nout != 1 or others or where is not True:
            raise Untraceable(f"np.{ufunc.__name__}{'' if method == '__call__' else '.' + method} with these arguments")
        result = RULES[np.ufunc](self.trace, ufunc, inputs, dtype)
        if out is None:
            return result
        (target,) = out
        if not isinstance(target, Symbol):
            raise Untraceable("the result of a traced expression is written to an array that is no argument")
        if not target.ndim and target.argument is None:  # a number: += makes another
            return result
        if not is_weak(result.node) and not np.can_cast(result.dtype, target.dtype, "same_kind"):
            raise Untraceable(f"{result.dtype} added to an array of {target.dtype}")  # NumPy refuses it
        target.assign(result)
        return target

    def __array_function__(self, function, types, args, kwargs):
        if function in MAKERS:
            return MAKERS[function](self.trace, *args, **kwargs)
        if function not in RULES:
            raise Untraceable(f"np.{function.__name__}")
        return RULES[function](*args, **kwargs)

    # What would need the numbers themselves

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
        raise Untraceable("a NumPy function that cannot be traced")

    def __getattr__(self, name):
        raise Untraceable(f"x.{name}")


def is_whole(key):
    """Whether a key is `:`."""
    return isinstance(key, slice) and key.start is None and key.stop is None and key.step is None


def value_of(x):
    """The node of a symbol's value."""
    if x.trace.pending is not None and x.trace.pending is not x:
        raise Untraceable("a view that is assigned to")
    shown = x
    while shown.of is not None:
        shown, version, *_ = shown.of
        if shown.version != version:
            raise Untraceable("a view of an array that was assigned to in the meantime")
    if x.broken:
        raise Untraceable("an array is read after a part of it was assigned to")
    return x.node


def length_symbol(trace, n):
    """A Dim as a symbol; a length that is a number stays one."""
    return Symbol(trace, trace.node("size", dtype=int, info=(n.root().text,)), ()) if isinstance(n, Dim) else n


def size_value(x):
    return x.value if isinstance(x, Dim) else evaluate(x.node) if isinstance(x, Symbol) else x


def whole_number(trace, x):
    """x as an offset: 0 and other ints as they are, symbols as nodes."""
    return x.node if isinstance(x, Symbol) else x.__index__()


def symbol(trace, x):
    """x as a symbol: a number becomes a constant."""
    if isinstance(x, Symbol):
        return x
    if isinstance(x, np.generic) and x.dtype.kind in "bif":  # before Python's: np.float64 is a float, too
        return Symbol(trace, trace.node("const", dtype=x.dtype, info=(x.item(),)), ())
    if isinstance(x, (bool, int, float)):
        return Symbol(trace, trace.node("const", dtype=type(x), info=(x,)), ())
    if isinstance(x, np.ndarray) and x.ndim == 0:
        return symbol(trace, x[()])
    raise Untraceable(f"a {type(x).__name__} that is no argument")


def dim_of(trace, n):
    """A length given as a number or symbol, as a Dim."""
    if not isinstance(n, Symbol):
        n = operator.index(n)
        return n if n == 1 else trace.dim(str(n), n)
    wanted = size_text(n.node)
    return next((d.root() for d in trace.dims if d.text == wanted), None) or trace.dim(wanted, size_value(n))
