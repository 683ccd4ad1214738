"""Small mistakes in backward code, made by machine: everywhere that a term, a sign, a factor or an operand could be wrong.

Code is a tree; a mistake is one node of it replaced. `faults(function)` lists them all, each as the source of a changed function:

    dropped terms and factors    a + b -> a        a · b -> b        a statement left out
    signs, factors               a − b -> a + b    −a -> a           a result times 2, −1 or 0        a number changed
    transposes                   matmul_nt -> matmul, matmul_tn      a.T -> a
    wrong operands               a name, a field of the cache or a key of params replaced by another
    swapped arguments            f(a, b) -> f(b, a)
    sums                         sum <-> mean, axis 0 <-> 1, keepdims lost
    branches                     > -> <, where(c, a, b) -> where(c, b, a)
    accumulation                 += -> −=, += -> overwriting
"""

import ast
import copy
import inspect
import textwrap
from typing import NamedTuple

PRODUCTS = ("matmul", "matmul_nt", "matmul_tn")
KEYS = ("W", "b", "gamma", "beta")


class Fault(NamedTuple):
    """kind: a word; line: in the file; what: before -> after; source: of the whole changed function."""

    kind: str
    line: int
    what: str
    source: str


def tree_of(function):
    """(syntax tree of a function without its decorators, number of its first line)."""
    lines, first = inspect.getsourcelines(function)
    tree = ast.parse(textwrap.dedent("".join(lines)))
    tree.body[0].decorator_list = []
    for number, node in enumerate(ast.walk(tree)):
        node.number = number
    return tree, first


def faults(function, statements=lambda node: True, returned_from=0):
    """[Fault] of a function, each source once.

    statements: which of the innermost statements may be changed; returned_from: values before this one in a returned tuple may not.
    """
    tree, first = tree_of(function)
    body = tree.body[0]
    names = [argument.arg for argument in body.args.args if argument.arg not in ("self", "wrt", "training", "activation")]
    original = ast.unparse(tree)
    found, seen = [], {original}
    for statement in [part for part in parts_of(body) if statements(part)]:
        for kind, node, new in changes(statement, names, returned_from):
            changed = replace(tree, node.number, new)
            source = ast.unparse(changed)
            if source not in seen:
                seen.add(source)
                what = f"{ast.unparse(node)} -> {ast.unparse(new) if new is not None else 'nothing'}".replace("\n", "; ")
                found.append(Fault(kind, first + node.lineno - 1, what, source))
    return found


def parts_of(body):
    """Yield the innermost statements of a function, and the conditions of its ifs; no docstring, no error raised for the user."""
    for statement in body.body:
        if isinstance(statement, (ast.If, ast.For)):
            yield statement.test if isinstance(statement, ast.If) else statement.iter
            yield from parts_of(statement)
            yield from parts_of(ast.Module(getattr(statement, "orelse", []), []))
        elif not isinstance(statement, ast.Raise) and not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
            yield statement


def replace(tree, number, new):
    """A copy of the tree with node `number` replaced; None leaves a statement out."""
    tree = copy.deepcopy(tree)

    class Replace(ast.NodeTransformer):
        def visit(self, node):
            if getattr(node, "number", None) == number:
                return ast.copy_location(new if new is not None else ast.Pass(), node)
            return self.generic_visit(node)

    return ast.fix_missing_locations(Replace().visit(tree))


def changes(statement, names, returned_from):
    """Yield (kind, node, replacement) for everything below a statement."""
    for node in ast.walk(statement):
        if isinstance(node, (ast.Expr, ast.AugAssign)):
            yield "dropped", node, None
        if isinstance(node, ast.AugAssign):
            yield "sign", node, ast.AugAssign(node.target, ast.Sub(), node.value)
            yield "overwritten", node, ast.parse(f"{ast.unparse(node.target).removesuffix('[...]')}[...] = {ast.unparse(node.value)}").body[0]
        if isinstance(node, ast.Return) and node.value is not None:
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            for value in values[returned_from:]:
                if isinstance(value, ast.Constant):
                    continue
                yield "factor", value, ast.BinOp(ast.Constant(2.0), ast.Mult(), value)
                yield "sign", value, ast.UnaryOp(ast.USub(), value)
                yield "zero", value, ast.BinOp(ast.Constant(0.0), ast.Mult(), value)
    skipped = kept_values(statement, returned_from)
    for node in ast.walk(statement):
        if node.number not in skipped:
            yield from ((kind, node, new) for kind, new in of_node(node, names))


def kept_values(statement, returned_from):
    """Numbers of the nodes in values of a returned tuple that may not be changed (the value of a loss, whose gradient is tested)."""
    if isinstance(statement, ast.Return) and isinstance(statement.value, ast.Tuple):
        return {node.number for value in statement.value.elts[:returned_from] for node in ast.walk(value)}
    return set()


def of_node(node, names):
    """Yield (kind, replacement) of one node."""
    if isinstance(node, ast.BinOp):
        yield from of_operation(node)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "sign", node.operand
    elif isinstance(node, ast.Attribute) and node.attr == "T":
        yield "transpose", node.value
    elif isinstance(node, ast.Attribute) and node.attr in ("x_hat", "r"):
        yield "operand", ast.Attribute(node.value, "r" if node.attr == "x_hat" else "x_hat", node.ctx)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names:
        yield from (("operand", ast.Name(other, node.ctx)) for other in names if other != node.id)
    elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        yield "number", ast.Constant(node.value + 1)
        yield "number", ast.Constant(-node.value)
    elif isinstance(node, ast.Constant) and node.value in KEYS:
        yield from (("operand", ast.Constant(key)) for key in KEYS if key != node.value)
    elif isinstance(node, ast.Constant) and node.value in ("both", "input", "params"):
        yield from (("operand", ast.Constant(word)) for word in ("both", "input", "params") if word != node.value)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield from (("branch", ast.Compare(node.left, [op()], node.comparators)) for op in opposites(node.ops[0]))
    elif isinstance(node, ast.Call):
        yield from of_call(node)


def of_operation(node):
    """Yield (kind, replacement) of a sum, product or quotient."""
    left, op, right = node.left, node.op, node.right
    if isinstance(op, (ast.Add, ast.Sub)):
        yield "dropped", left
        yield "dropped", right if isinstance(op, ast.Add) else ast.UnaryOp(ast.USub(), right)
        yield "sign", ast.BinOp(left, ast.Sub() if isinstance(op, ast.Add) else ast.Add(), right)
    elif isinstance(op, (ast.Mult, ast.Div)):
        yield "factor", left
        yield "factor", right if isinstance(op, ast.Mult) else ast.BinOp(ast.Constant(1.0), ast.Div(), right)
        yield "factor", ast.BinOp(left, ast.Div() if isinstance(op, ast.Mult) else ast.Mult(), right)
    elif isinstance(op, ast.Pow):
        yield "factor", left
    elif isinstance(op, ast.MatMult):
        yield "transpose", ast.BinOp(right, op, left)
        yield "transpose", ast.BinOp(ast.Attribute(left, "T", ast.Load()), op, right)
        yield "transpose", ast.BinOp(left, op, ast.Attribute(right, "T", ast.Load()))


def of_call(node):
    """Yield (kind, replacement) of a call."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    args = node.args

    def call(new_name=name, new_args=args, keywords=node.keywords):
        func = ast.Attribute(node.func.value, new_name, ast.Load()) if isinstance(node.func, ast.Attribute) else ast.Name(new_name, ast.Load())
        return ast.Call(func, new_args, keywords)

    if name in PRODUCTS:
        yield from (("transpose", call(other)) for other in PRODUCTS if other != name)
    if name in ("sum", "mean"):
        yield "sum", call("mean" if name == "sum" else "sum")
    if name in ("add", "multiply", "add_product"):
        yield from (("dropped", argument) for argument in args[-2:])
    for i, keyword in enumerate(node.keywords):
        others = node.keywords[:i] + node.keywords[i + 1 :]
        if keyword.arg == "axis" and isinstance(keyword.value, ast.Constant):
            yield "sum", call(keywords=[*others, ast.keyword("axis", ast.Constant(1 - keyword.value.value))])
        if keyword.arg in ("keepdims", "axis"):
            yield "sum", call(keywords=others)
    for i in range(len(args) - 1):
        yield "swapped", call(new_args=[*args[:i], args[i + 1], args[i], *args[i + 2 :]])


def opposites(op):
    """Comparisons for which one can be mistaken."""
    if isinstance(op, (ast.Gt, ast.GtE)):
        return [ast.Lt, ast.GtE if isinstance(op, ast.Gt) else ast.Gt]
    return {ast.Eq: [ast.NotEq], ast.NotEq: [ast.Eq], ast.Is: [ast.IsNot], ast.IsNot: [ast.Is], ast.Lt: [ast.Gt], ast.LtE: [ast.Gt]}.get(type(op), [])
