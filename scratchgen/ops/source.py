"""Nodes as lines of Python: the scalar code of one element, for the kernels of either backend.

    t1 = (y * y)
    t2 = (f32(1.0) - t1)
    t3 = (dy * t2)

Each backend's kernels.py puts such lines into its loops. The names in them (exp, maximum, f32 …) are functions of the backend.
"""

import re

import numpy as np

PATTERNS = {
    **{name: f"({{}} {sign} {{}})" for name, sign in (
        ("add", "+"), ("subtract", "-"), ("multiply", "*"), ("divide", "/"), ("floor_divide", "//"), ("greater", ">"), ("greater_equal", ">="),
        ("less", "<"), ("less_equal", "<="), ("equal", "=="), ("not_equal", "!="), ("logical_and", "&"), ("logical_or", "|"), ("bitwise_and", "&"),
        ("bitwise_or", "|"),
    )},
    "negative": "(-{})", "absolute": "abs({})", "logical_not": "(not {})", "invert": "(not {})", "where": "({1} if {0} else {2})",
    "isnan": "({0} != {0})", "isfinite": "(({0} - {0}) == ({0} - {0}))",
}  # fmt: skip
TYPES = {"float32": "f32", "float64": "f64", "bool": "boolean", **{f"{u}int{n}": f"{u or 'i'}{n}" for u in ("", "u") for n in (8, 16, 32, 64)}}
# approximate cost on one core, in picoseconds per float32
PRICES = {"divide": 80, "sqrt": 80, "exp": 350, "log_one_plus": 350, "expm1": 400, "tanh": 500, "log": 500, "log1p": 700}
PRICES |= dict.fromkeys(("power", "sin", "cos", "arctan"), 5000)


def type_name(dtype):
    """The name by which generated code calls a type."""
    return TYPES[np.dtype(dtype).name]


def names_of(parameters, words, pattern):
    """The names of a definition's parameters in generated code: their own, with an underscore where the code has a name like it (one of `words`, or
    one that matches `pattern`). Code also makes names of them, such as x_, x_1 and x_moved; a parameter with such a name is called arg0, arg1, …"""
    apart = [re.fullmatch(r".*_\d*|.*_moved|arg\d+", x) for x in parameters]
    return [f"arg{k}" if apart[k] else f"{x}_" if x in words or re.fullmatch(pattern, x) else x for k, x in enumerate(parameters)]


def constant(node):
    """A constant, as code. A float beside a float32 must be one, or all arithmetic with it would be in float64."""
    value = node.info[0]
    if np.dtype(node.dtype).kind in "iub":
        return repr(value)
    written = {np.inf: "inf", -np.inf: "(-inf)"}.get(value, "nan" if value != value else repr(float(value)))
    return written if node.dtype is float else f"{type_name(node.dtype)}({written})"


def expression(node, operands):
    """The code of one node, given that of its operands."""
    if node.op == "cast":
        return f"{type_name(node.dtype)}({operands[0]})"
    text = PATTERNS[node.op].format(*operands) if node.op in PATTERNS else f"{node.op}({', '.join(operands)})"
    dtype = np.dtype(node.dtype)
    wraps = dtype.kind in "iu" and dtype.itemsize < 8 and node.op in ("add", "subtract", "multiply", "floor_divide", "negative", "absolute", "power")
    return f"{type_name(dtype)}({text})" if wraps else text  # Numba computes with 64 bits


def price(node):
    """Approximate cost of a node on one core, in picoseconds per element."""
    size = 2 if np.dtype(node.dtype) == np.float64 else 1
    return size * PRICES.get(node.op, 60 if node.op == "input" else 0 if node.op in ("const", "size", "number", "index") else 15)


class Scope:
    """Lines that belong together, such as the body of a loop, and the names of what they have computed.

    leaf(node): the code of a node that is not computed from others, or None.  outer: the enclosing scope, to which a node goes if not belongs(node).
    """

    def __init__(self, leaf, belongs=lambda node: True, outer=None, names=None):
        self.leaf, self.belongs, self.outer, self.known, self.lines = leaf, belongs, outer, {}, []
        self.names = outer.names if outer else names if names is not None else iter(f"t{k}" for k in range(1, 10**6))

    def code(self, node):
        """The name or constant of a node's value; lines that compute it are added where they are missing."""
        if self.outer and not self.belongs(node):
            return self.outer.code(node)
        if id(node) not in self.known:
            self.known[id(node)] = self.written(node)
        return self.known[id(node)]

    def written(self, node):
        if node.op == "const":
            return constant(node)
        text = self.leaf(node)
        if text is None:
            text = expression(node, [self.code(x) for x in node.args])
        elif text.isidentifier():
            return text
        name = next(self.names)
        self.lines.append(f"{name} = {text}")
        return name

    def fresh(self):
        """The lines so far, which are then forgotten; the names stay known."""
        lines, self.lines = self.lines, []
        return lines
