"""A Python number beside arrays, as NumPy has it: with an array x of floats, 2 * x and 0.5 * x have its type; 2 * 0.5 is computed by Python.

A node whose type is int, float or bool is such a number, "weak" in NumPy's language. Python's whole numbers have no largest one, a kernel's have 64
bits: where one may need more, it is computed with floats if floats are wanted; otherwise its value becomes part of the trace.
`cast` brings any node to a type.
"""

import numpy as np

from scratchgen.ops.nodes import NeedsValue, Untraceable, closure


def is_weak(node):
    """Whether a node has the type of a Python number (bool, int or float), and so takes on that of an array it is combined with."""
    return isinstance(node.dtype, type)


def cast(trace, node, dtype):
    """The node in another type; a constant becomes another constant."""
    if node.dtype == dtype and not is_weak(node):
        return node
    if node.op == "const":
        return trace.node("const", dtype=dtype, info=(dtype.type(node.info[0]).item(),))
    if node.dtype is int and dtype.kind == "f":
        node = in_floats(trace, node)
    if node.dtype is int and dtype.kind in "iu" and (dtype != np.int64 or long(node)):  # NumPy looks whether it fits
        need_value(node, f"a length as a number of type {dtype}")
    return trace.node("cast", (node,), dtype)


def need_value(node, why):
    """Raise NeedsValue for a number that a node is computed from; Untraceable, with the reason, where there is none."""
    for x in closure(node):
        if x.op == "number":
            raise NeedsValue(x.info[0])
    raise Untraceable(why)


def long(node):
    """Whether a whole number of Python's may have more than 64 bits: it is a power, or a product of an argument."""
    ops = {x.op for x in closure(node)}
    return node.dtype is int and ("power" in ops or {"multiply", "number"} <= ops)


def in_floats(trace, node):
    """A number of Python's for what computes with floats; where it may be long, it is computed with floats from the beginning."""
    if not long(node):
        return node
    if node.op not in ("add", "subtract", "multiply", "power", "negative"):
        need_value(node, f"{node.op} of a long number")
    parts = [in_floats(trace, x) for x in node.args]
    return trace.node(node.op, [x if x.dtype is float else trace.node("cast", (x,), float) for x in parts], float)
