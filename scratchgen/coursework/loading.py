"""Run a student's file, in which no complex number may arise.

f(x + ih) = f(x) + ih f'(x) + …: with a complex h, whoever has coded a function has its derivative, exact to the last digit, without having
derived it. So before the file is run, every call and every arithmetic operation in it is wrapped:

    np.exp(a + b)      becomes      __real__(np.exp(__real__(a + b)))

    a **= b            becomes      a **= b; __real__(a)

where __real__ hands on what it gets and raises for complex numbers. However they are spelt, they come out of a call or an operation.
"""

import ast
import copy

import numpy as np

GUARD = "__real__"  # rules.py keeps students' hands off this name


def run_file(text, file, namespace):
    """Run the text of a student's file in a module's namespace; `file` stands in tracebacks. Raises what the file raises."""
    namespace[GUARD] = real
    tree = ast.fix_missing_locations(_Guarded().visit(ast.parse(text, file)))
    exec(compile(tree, file, "exec"), namespace)


def real(value):
    """The value; TypeError if it is complex."""
    if isinstance(value, (complex, np.complexfloating)) or (isinstance(value, np.ndarray) and value.dtype.kind == "c"):
        raise TypeError("a complex number; no exercise needs one, and a gradient is to be derived, not computed numerically")
    return value


class _Guarded(ast.NodeTransformer):
    def visit_BinOp(self, node):
        self.generic_visit(node)
        return ast.copy_location(ast.Call(ast.Name(GUARD, ast.Load()), [node], []), node)

    visit_Call = visit_BinOp

    def visit_AugAssign(self, node):
        place = copy.deepcopy(node.target)
        self.generic_visit(node)
        if any(isinstance(each, (ast.Call, ast.NamedExpr, ast.Yield, ast.YieldFrom, ast.Await)) for each in ast.walk(place)):
            return node  # x[next(places)] += 1: to look there again would be another place
        place.ctx = ast.Load()
        return [node, ast.copy_location(ast.Expr(ast.Call(ast.Name(GUARD, ast.Load()), [self.visit(place)], [])), node)]

    def visit_MatchValue(self, node):  # a pattern, which is compared and not computed
        return node
