"""Tracing: a definition, called with symbols in place of arrays, gives its own expression.

    @op
    def tanh_backward(dy, y):            # what is read
        return dy * (1 - y * y)

    t1 = y * y                           # what is recorded, one line for each thing that NumPy would have computed
    t2 = 1 - t1
    t3 = dy * t2        -> result

nodes.py has what is recorded, symbols.py the symbols, numpy_rules.py what NumPy's functions do with them, python_numbers.py what Python's numbers do
beside them. plan.py cuts the nodes into loops, from which each compiled backend writes its kernels. To follow one definition all the way:
python -m scratchgen.ops.lesson tanh_backward

What a definition may use: arrays of up to two axes and numbers; NumPy's elementwise functions, comparisons and `where`; sum, mean, max and min over
one axis or all; x[:, None], x.astype, slices; x[...] = y, x += y on arguments; concatenate; zeros_like and its kin. What it cannot: branches on the
numbers in an array, more axes, products of matrices (those are operations of their own). Nor what a kernel would not do as NumPy does it: a view
that is assigned to (part = x[:, :2]; part += y, while x[:, :2] += y is fine), the sum of two masks, the bits of whole numbers. Untraceable says which
line.

Two things differ from NumPy. There are no complex numbers: (-1) ** 0.5 is NaN, as np.sqrt(-1) is. And a number among the arguments, of whose value
nothing depends but results, is taken for one of Python's, also if it is a np.float64: it does not change the type of an array that it meets.
"""

import contextlib
import math
import traceback
from dataclasses import dataclass, field, replace
from numbers import Real

import numpy as np

from scratchgen.ops import numpy_rules  # noqa: F401  fills the tables that symbols look in
from scratchgen.ops.nodes import Dim, NeedsValue, Store, Trace, Tracing, Untraceable
from scratchgen.ops.python_numbers import cast
from scratchgen.ops.symbols import Symbol, value_of


@dataclass
class Program:
    """A traced definition: what it stores and returns, and for which arguments this holds."""

    definition: object
    name: str
    parameters: tuple  # names of the arguments
    arrays: dict  # argument number -> dtype
    numbers: dict  # argument number -> int or float
    static: tuple  # positions of the arguments whose values are part of the trace
    shapes: dict = field(default_factory=dict)  # argument number -> its lengths, Dims
    stores: list = field(default_factory=list)
    outputs: list = field(default_factory=list)  # (shape, dtype) of each new array
    returns: object = None  # ("out", k), ("arg", k) or ("const", value); a tuple of them for a tuple
    guard: str = "True"  # Python expression of the shapes s

    @property
    def written(self):
        """Positions of the arguments that are changed."""
        return sorted({store.target[1] for store in self.stores if store.target[0] == "arg"})

    def condition(self, names, fixed):
        """The code of the test whether it holds for other arguments of the same types, called `names`; "" if it always does.  fixed: {argument
        number: value that is part of the trace}, which the code calls static."""
        tests = [self.guard] if self.guard != "True" else []
        return " and ".join(tests + [has_value(names[i], x, f"static[{i}]") for i, x in fixed.items()])


def has_value(name, x, fixed):
    """The code of the test whether an argument has the value x, which the code calls `fixed`."""
    if not isinstance(x, (bool, int, float, str, tuple, np.generic)):
        return f"{name} is {fixed}"
    return f"{name} == {fixed}" if x == x else f"{name} != {name}"  # NaN


def trace(definition, arguments, parameters, static=(), ones=frozenset()):
    """The Program of definition(*arguments).  arguments: arrays (anything with shape, ndim and dtype), numbers and others.

    static: positions of the arguments whose values are to be part of the trace.  ones: texts of the lengths that are known to be 1.
    Raises Untraceable; ValueError where the shapes do not fit each other.
    """
    recorded, symbols, arrays, numbers = Trace(ones), [], {}, {}
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
        return trace(definition, arguments, parameters, (*static, needed.argument), ones)
    except Untraceable as error:
        raise Untraceable(where_it_happened(error, definition)) from None
    except (ValueError, IndexError):
        shapes = " and ".join(str(tuple(s)) for s in Tracing.shapes if s is not None)
        raise ValueError(f"{definition.__name__}: arrays whose shapes do not fit each other: {shapes}") from None
    finally:
        Tracing.active = outer
    if late := recorded.late_ones():  # summed along a length that broadcasting found to be 1 only afterwards
        return trace(definition, arguments, parameters, static, ones | late)
    program = Program(definition, definition.__name__, tuple(parameters), arrays, numbers, static)
    program.shapes = {x.argument: x._shape for x in symbols if isinstance(x, Symbol) and x.argument is not None}
    try:
        with blamed_on(definition):
            finish(program, recorded, symbols, result)
    except NeedsValue as needed:
        return trace(definition, arguments, parameters, (*static, needed.argument), ones)
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
    if recorded.pending is not None:
        raise Untraceable("a view that is assigned to")
    places = {}  # id(symbol) -> target

    def output(x):
        if id(x) not in places:
            dtype = np.dtype(x.node.dtype)
            program.outputs.append((x._shape, dtype))
            places[id(x)] = ("out", len(program.outputs) - 1)
            if not x.broken:
                program.stores.append(Store(places[id(x)], cast(recorded, value_of(x), dtype), x._shape, (0,) * x.ndim, (1,) * x.ndim))
        return places[id(x)]

    for argument, x in recorded.changed.items():
        if not x.broken:
            program.stores.append(Store(("arg", argument), x.node, x._shape, (0,) * x.ndim, (1,) * x.ndim))

    def returned(x):
        if not isinstance(x, Symbol):
            if type(x) not in (bool, int, float, str, type(None)) or (type(x) is float and not math.isfinite(x)):
                raise Untraceable("a result that depends on no array and cannot be written in code as it is printed")
            return ("const", x)
        if x.argument is not None:
            return ("arg", x.argument)
        return output(x)

    program.returns = tuple(map(returned, result)) if isinstance(result, tuple) else returned(result)
    for x, store in recorded.stores:
        target = ("arg", x.argument) if x.argument is not None else places.get(id(x))
        if target is not None:
            program.stores.append(replace(store, target=target))
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
            there = [n.root() if isinstance(n, Dim) else n for n in store.shape], store.offset, store.step
            here = [n.root() if isinstance(n, Dim) else n for n in node.dims], *node.info[1:]
            if node.op == "input" and store.target == ("arg", node.info[0]) and here != there:
                raise Untraceable(f"an argument, {program.parameters[node.info[0]]}, that is changed in one place and read in another")
