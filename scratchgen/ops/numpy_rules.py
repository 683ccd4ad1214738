"""What each of NumPy's functions adds to a trace when it is called with symbols: which node, of which type, of which shape.

    np.tanh(x)            one node for each element: the type as NumPy has it, the shape by broadcasting
    np.sum(x, axis=1)     one node that ends a loop over the terms; a sum of equal terms is a product
    np.where, np.concatenate, np.full, np.arange …      each by itself

A function that is not in the tables below cannot be traced.
"""

import functools
import operator

import numpy as np

from scratchgen.ops.nodes import Dim, Store, Untraceable, broadcast
from scratchgen.ops.python_numbers import cast, in_floats, is_weak, need_value
from scratchgen.ops.symbols import MAKERS, RULES, Symbol, dim_of, length_symbol, size_value, symbol, value_of, whole_number

FUNCTIONS_OF_ONE = {"exp", "expm1", "log", "log1p", "sqrt", "tanh", "sin", "cos", "arctan", "floor", "ceil", "isnan", "isfinite"}
ARITHMETIC = {"add", "subtract", "multiply", "divide", "floor_divide", "power", "negative", "absolute", "maximum", "minimum", "square", "reciprocal"}
LOGIC = {
    "greater", "greater_equal", "less", "less_equal", "equal", "not_equal", "logical_and", "logical_or", "logical_not", "bitwise_and", "bitwise_or",
    "invert",
}  # fmt: skip
TRUTH = {"logical_and", "logical_or", "logical_not"}  # of any numbers: all but 0 are true
NUMPYS_ALONE = FUNCTIONS_OF_ONE | TRUTH | {"maximum", "minimum", "square", "reciprocal"}  # no operator of Python's: they make a number one of NumPy's
KNOWN = FUNCTIONS_OF_ONE | ARITHMETIC | LOGIC


def elementwise(trace, ufunc, inputs, dtype=None):
    """ufunc(*inputs) as a symbol."""
    name = {"true_divide": "divide", "fabs": "absolute"}.get(ufunc.__name__, ufunc.__name__)
    if name not in KNOWN and ufunc not in (np.logaddexp, np.positive):
        raise Untraceable(f"np.{name}")
    operands = [symbol(trace, x) for x in inputs]
    if name in TRUTH:
        operands = [x if np.dtype(x.node.dtype) == bool else x != 0 for x in operands]
    shape = broadcast([x._shape for x in operands])
    nodes = [value_of(x) for x in operands]
    if ufunc is np.logaddexp:
        return logaddexp(trace, operands, shape)
    if ufunc is np.positive:
        return Symbol(trace, nodes[0], shape)
    if dtype is not None:
        nodes = [cast(trace, x, np.dtype(dtype)) for x in nodes]
    if all(map(is_weak, nodes)) and name in NUMPYS_ALONE:
        nodes = [cast(trace, x, np.dtype(x.dtype)) for x in nodes]
    if all(map(is_weak, nodes)):
        return Symbol(trace, of_numbers(trace, name, nodes), shape)
    given = [np.dtype(bool) if x.dtype is bool else x.dtype for x in nodes]
    *loop, result = ufunc.resolve_dtypes((*given, None))
    if loop[0].kind in "iub":
        loop = of_whole_numbers(name, nodes, loop, result)
    nodes = [cast(trace, x, to) for x, to in zip(nodes, loop, strict=True)]
    if result.kind == "f" and result not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise Untraceable(f"numbers of type {result}")
    return Symbol(trace, simplest(trace, name, nodes, result), shape)


def of_numbers(trace, name, nodes):
    """The node of an operator on Python's own numbers."""
    kinds = {x.dtype for x in nodes}
    if name == "invert" or name in ("bitwise_and", "bitwise_or") and kinds != {bool}:
        raise Untraceable("the bits of a number")
    if name == "power" and float not in kinds and not (nodes[1].op == "const" and nodes[1].info[0] >= 0):
        need_value(nodes[1], "a whole number to the power of a length")  # 2 ** -1 is no whole number
    kind = bool if name in LOGIC else float if float in kinds or name == "divide" else int
    return trace.node(name, nodes if kind is int else [in_floats(trace, x) for x in nodes], kind)


def of_whole_numbers(name, nodes, loop, result):
    """The types in which kernels compute what NumPy computes with whole numbers or booleans, of the types `loop`."""
    if any(x.dtype == np.uint64 for x in nodes) or np.dtype(np.uint64) in loop:
        raise Untraceable("computing with unsigned whole numbers of 64 bits")  # Numba makes floats of them beside others
    if name == "invert" and result.kind != "b":
        raise Untraceable("the bits of a number")
    if name in ARITHMETIC and result.kind == "b":
        raise Untraceable("arithmetic with booleans alone, which NumPy takes for logic")
    if name == "reciprocal" or name == "power" and not (nodes[1].op == "const" and nodes[1].info[0] >= 0):
        raise Untraceable(f"np.{name} of whole numbers")
    if result.kind == "b" and any(map(is_weak, nodes)) and loop[0].kind != "b":
        return [np.dtype(np.int64)] * len(loop)  # -1 or 300 equals no uint8
    return loop


def simplest(trace, name, nodes, dtype):
    """The node, in the form that is quickest to compute: squares without a power, one division for many by the same number."""
    x, *rest = nodes
    if name in ("floor", "ceil") and dtype.kind != "f":
        return x
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
    """Whether a node has the same value for all elements."""
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


def reduce(x, op, axis=None, keepdims=False, dtype=None):
    """Σ, max or min over one axis or all."""
    trace, ndim = x.trace, x.ndim
    axes = axes_of(ndim, axis)
    shape = tuple(n.root() if isinstance(n, Dim) else n for n in x._shape)
    over = tuple(shape[a] for a in sorted(axes) if shape[a] != 1 and not shape[a].one)
    kept = tuple(1 if a in axes else n for a, n in enumerate(shape) if keepdims or a not in axes)
    node = value_of(x)
    result = np.dtype(dtype or node.dtype)
    if op == "sum" and result.kind in "iu":
        result = result if dtype else np.dtype(np.int64 if result.kind == "i" else np.uint64)
        node = cast(trace, node, result) if np.dtype(node.dtype).kind == "f" else node  # 0.5 + 0.5 is 0 then
    if op == "sum" and result.kind == "b" and dtype:
        raise Untraceable("sums of booleans as booleans")
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
            reduced = (reduced * length_symbol(trace, d)).astype(result)
    return reduced


def varying(node):
    """The ids of the lengths along which a value varies."""
    if node.op in ("input", "index"):
        return {id(d.root()) for d in node.dims if isinstance(d, Dim) and not d.root().one}
    found = set().union(*map(varying, node.args)) if node.args else set()
    return found - {id(d.root()) for d in node.dims}


def axes_of(ndim, axis):
    """The axes as numbers from 0. Raises Untraceable for an axis that does not exist; run as written, NumPy then reports the error."""
    axes = range(ndim) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    if any(not -ndim <= a < ndim for a in axes):
        raise Untraceable(f"axis {axis} of an array with {ndim} axes")
    return {a % ndim for a in axes}


def mean(x, axis=None, dtype=None, out=None, keepdims=False):
    if out is not None:
        raise Untraceable("np.mean with out=")
    lengths = [x.shape[a] for a in sorted(axes_of(x.ndim, axis))]
    return reduce(x, "sum", axis, keepdims, dtype) / (functools.reduce(operator.mul, lengths) if lengths else 1)


def where(condition, x, y):
    trace = next(each for each in (condition, x, y) if isinstance(each, Symbol)).trace
    condition, x, y = (symbol(trace, each) for each in (condition, x, y))
    shape = broadcast([condition._shape, x._shape, y._shape])
    a, b = value_of(x), value_of(y)
    kinds = [np.dtype(bool) if n.dtype is bool else n.dtype for n in (a, b)]
    if is_weak(a) and is_weak(b):
        dtype = np.result_type(*kinds)
    else:
        dtype = np.add.resolve_dtypes((*kinds, None))[-1]
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
    lengths = [length_symbol(trace, x._shape[axis]) for x in arrays]
    whole = symbol(trace, sum(lengths[1:], start=lengths[0]))
    total = trace.dim(f"({' + '.join(length_text(x._shape[axis]) for x in arrays)})", sum(size_value(x._shape[axis]) for x in arrays))
    result = Symbol(trace, whole.node, tuple(total if a == axis else n for a, n in enumerate(others)))
    result.node, result.broken, before = trace.node("const", dtype=dtype, info=(0.0,)), True, 0  # only its parts say what it holds
    for x, length in zip(arrays, lengths, strict=True):
        shape = tuple(n if a != axis else x._shape[axis] for a, n in enumerate(others))
        offset = tuple(whole_number(trace, before) if a == axis else 0 for a in range(ndim))
        trace.stores.append((result, Store(None, cast(trace, value_of(x), dtype), shape, offset, (1,) * ndim, result)))
        before = length if isinstance(before, int) and before == 0 else before + length
    return result


def is_one(n):
    return n.root().one if isinstance(n, Dim) else n == 1


def length_text(n):
    return n.root().text if isinstance(n, Dim) else str(n)


def full(trace, shape, value, dtype=None, **others):
    lengths = tuple(dim_of(trace, n) for n in (shape if isinstance(shape, tuple) else (shape,)))
    value = symbol(trace, value)
    return Symbol(trace, value_of(value), lengths).astype(dtype or value.node.dtype)


MAKERS |= {np.full: full, np.arange: arange}
RULES |= {
    np.ufunc: elementwise,
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
