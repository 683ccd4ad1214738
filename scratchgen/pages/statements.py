"""A function's source as a trace reads it: its statements, and the names and attributes that each of them computes with.

    dx = dy * (1 - y * y)        target  dx        operands  dy, y        pieces  [dy, " * (1 - ", y, " * ", y, ")"]

An operand is a name, an attribute or an item, as it is written: dy, self.params["W"], a.T, x.shape[0]. Which of them are arrays, only a run shows.
"""

import ast
import copy
import functools
import io
import os
import re
import tokenize
from dataclasses import dataclass

CHAIN = (ast.Name, ast.Attribute, ast.Subscript)
REPEATED = (ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp)


@dataclass(eq=False)
class Part:
    """One value of a statement.

    text, expression: what is computed.  targets: where it goes, as written; () if it is returned or dropped.  writes: whether into an array that is
    there, by += or by item.  index: which value of a tuple it is; None if it is all.  bases: the arrays that items are written to.
    nodes: (operand as written, its node), in the order of the text.
    """

    text: bytes
    expression: ast.expr
    targets: tuple
    writes: bool
    index: int | None
    bases: tuple
    nodes: list

    @functools.cached_property
    def operands(self):
        """The operands, each once."""
        return list(dict.fromkeys(name for name, _ in self.nodes))

    def function(self, names):
        """Code of the expression with _0, _1, … in the place of these operands."""
        tree = Replaced({name: f"_{k}" for k, name in enumerate(names)}).visit(copy.deepcopy(self.expression))
        return compile(ast.fix_missing_locations(ast.Expression(tree)), "<operands>", "eval")

    def __str__(self):  # of one value of a tuple
        text = " ".join(self.text.decode().split())
        return f"{', '.join(self.targets)} = {text}" if self.targets else f"return {text}"

    def pieces(self, names, environment):
        """The text in pieces: str, {"operand": k}, {"product": [k, l]} or {"sum": k}, numbers counting `names`; of `a if c else b`, what it was."""
        node = self.expression
        while isinstance(node, ast.IfExp):
            node = node.body if eval(compile(ast.Expression(node.test), "<test>", "eval"), dict(environment)) else node.orelse
        found = []
        for start, stop, piece in sorted(self.spans(node, names), key=lambda span: (span[0], -span[1])):
            if not found or start >= found[-1][1]:
                found.append((start, stop, piece))
        pieces, at = [], node.start
        for start, stop, piece in [*found, (node.stop, node.stop, None)]:
            between = re.sub(r"\s+", " ", self.text[at:start].decode().replace("np.", ""))
            pieces += [between] * bool(between) + [piece] * (piece is not None)
            at = stop
        return pieces

    def spans(self, top, names):
        """Yield (start, stop, piece) of operands, products and sums in a part of it; those of a product contain those of its operands."""
        within = {id(inner) for node in ast.walk(top) if isinstance(node, REPEATED) for inner in ast.walk(node)}  # there a name is many numbers
        known = {id(node): names.index(name) for name, node in self.nodes if name in names and id(node) not in within}
        for node in ast.walk(top):
            place = getattr(node, "start", 0), getattr(node, "stop", 0)
            if id(node) in known:
                yield *place, {"operand": known[id(node)]}
            elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult) and id(node.left) in known and id(node.right) in known:
                yield *place, {"product": [known[id(node.left)], known[id(node.right)]]}
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sum":
                summed = node.func.value if id(node.func.value) in known else node.args[0] if node.args else None
                if id(summed) in known:
                    yield *place, {"sum": known[id(summed)]}


class Replaced(ast.NodeTransformer):
    """Puts names in the place of operands."""

    def __init__(self, names):
        self.names = names

    def visit(self, node):
        name = self.names.get(as_written(node)) if isinstance(node, CHAIN) else None
        return ast.Name(name, ast.Load()) if name else self.generic_visit(node)


@dataclass(eq=False)
class Statement:
    """A simple statement: its first and last line, whether it is a return, its Parts."""

    first: int
    last: int
    returns: bool
    parts: list


class Source:
    """A file of Python: its functions, and what its docstrings and comments say."""

    def __init__(self, path):
        with tokenize.open(path) as file:
            self.text = file.read()
        self.lines = self.text.splitlines()
        tree = ast.parse(self.text)
        starts = [0]
        for line in self.text.encode().splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        for node in ast.walk(tree):
            if hasattr(node, "end_col_offset"):
                node.start, node.stop = starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and not is_wrapper(node)]
        self.nodes = {(min([node.lineno, *(d.lineno for d in node.decorator_list)]), node.name): node for node in functions}
        self.functions = {}
        comments = [t for t in tokenize.generate_tokens(io.StringIO(self.text).readline) if t.type == tokenize.COMMENT]
        self.comments = {t.start[0]: t.string.lstrip("# ") for t in comments if t.line[: t.start[1]].strip()}  # at the end of a line
        self.lines_above = {t.start[0]: t.string.lstrip("# ") for t in comments if t.start[0] not in self.comments}
        self.docstrings = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, (ast.Module, ast.ClassDef))]

    def remark(self, line):
        """The comments on lines of their own above a line, and at its end."""
        first = line
        while first - 1 in self.lines_above:
            first -= 1
        return " ".join([*(self.lines_above[each] for each in range(first, line)), self.comments.get(line, "")]).strip()

    def equation(self, names):
        """The line of the file's docstrings that says what one of these names is: `dW = xᵀ dy`; "" if none does."""
        pattern = rf"(?:\A|^ +)({'|'.join(map(re.escape, names))}) +(=|<-) +(\S+(?: {{1,2}}\S+)*)"  # what comes after a gap is a remark
        found = (re.search(pattern, text, re.MULTILINE) for text in self.docstrings if names)
        return next((" ".join(match.groups()) for match in found if match), "")

    def function(self, code):
        """The Function of a code object; None for a lambda, a comprehension, a class body, or a wrapper around another function."""
        key = code.co_firstlineno, code.co_name
        if key in self.nodes and key not in self.functions:
            self.functions[key] = Function(self, self.nodes[key], code)
        return self.functions.get(key)


class Function:
    """One function: name, first line, lines of its text, heading, and its simple statements by line.

    heading: the comment at its def, an equation if it is an operation of the library, and the first paragraph of its docstring.
    comments: {line: comment at its end}.  remarks: likewise, and for the first line of a statement also the comment above.
    """

    def __init__(self, source, node, code):
        self.source, self.file, self.name, self.first = source, code.co_filename, node.name, code.co_firstlineno
        lines = source.lines[self.first - 1 : node.end_lineno]
        indent = len(lines[0]) - len(lines[0].lstrip())
        self.lines = [line[indent:] for line in lines]
        self.comments = {line: source.comments[line] for line in range(self.first, node.end_lineno + 1) if line in source.comments}
        paragraph = (ast.get_docstring(node) or "").partition("\n\n")[0]
        self.heading = self.comments.get(node.lineno, ""), " ".join(paragraph.split())
        self.statements, self.text = {}, source.text.encode()
        self.collect(node.body)
        self.remarks = self.comments | {each.first: source.remark(each.first) for each in self.statements.values()}

    def code(self, statement):
        """A statement in one line, without comments."""
        lines = {n: self.lines[n - self.first] for n in range(statement.first, statement.last + 1) if n not in self.source.lines_above}
        pieces = [self.without_comment(n, line) for n, line in lines.items()]
        if len(pieces) == 1:
            return pieces[0]
        return re.sub(r"(?<=[(\[{]) |,? (?=[)\]}])", "", " ".join(pieces))  # where brackets were broken

    def without_comment(self, n, line):
        """The code of line number n, without the comment at its end."""
        return (line[: line.rindex(self.comments[n])].rstrip("# ") if self.comments.get(n) else line).strip()

    def equations(self, statement):
        """What is said of a statement: the equation first, then remarks."""
        comment, doc = self.heading
        names = [name.removesuffix("[...]") for part in statement.parts for name in part.targets]
        own = comment if "=" in comment or "<-" in comment else self.source.equation([name for name in names if name.isidentifier()])
        return list(dict.fromkeys(text for text in (own, comment, doc, self.remarks[statement.first]) if text))

    def collect(self, body):
        """Put the statements of a block, and of the blocks in it, under their lines."""
        for node in body:
            for inner in ("body", "orelse", "finalbody"):
                self.collect(getattr(node, inner, []) if not isinstance(node, (ast.FunctionDef, ast.ClassDef)) else [])
            for handler in getattr(node, "handlers", []):
                self.collect(handler.body)
            parts = self.parts(node)
            if parts:
                statement = Statement(node.lineno, node.end_lineno, isinstance(node, ast.Return), parts)
                for line in range(node.lineno, node.end_lineno + 1):
                    self.statements[line] = statement

    def parts(self, node):
        """[Part] of a simple statement; none for another."""
        if isinstance(node, ast.AugAssign):
            target = copy.copy(node.target)
            target.ctx = ast.Load()
            expression = ast.BinOp(target, node.op, node.value)
            expression.start, expression.stop = node.start, node.stop
            return [self.part(expression, (node.target,), True)]
        if not isinstance(node, (ast.Return, ast.Expr, ast.Assign, ast.AnnAssign)) or node.value is None:
            return []
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        values = node.value.elts if isinstance(node.value, ast.Tuple) else ()
        if values and isinstance(node, ast.Return):
            return [self.part(value, (), False, k) for k, value in enumerate(values)]
        if values and isinstance(target, ast.Tuple) and len(target.elts) == len(values):
            return [self.part(value, (to,), False, k) for k, (to, value) in enumerate(zip(target.elts, values, strict=True))]
        return [self.part(node.value, flat_targets(target), False)]

    def part(self, expression, targets, augmented, index=None):
        """The Part of an expression and the nodes that it is assigned to."""
        text = self.text[expression.start : expression.stop]
        if augmented:  # out += a reads out + a
            split = targets[0].stop - expression.start
            text = text[:split] + text[split:].replace(b"=", b" ", 1)
        writes = augmented or any(isinstance(target, ast.Subscript) for target in targets)
        shift(expression, expression.start)
        bases = tuple(as_written(target.value) for target in targets if isinstance(target, ast.Subscript))
        return Part(text, expression, tuple(map(as_written, targets)), writes, index, bases, operands(expression))


def is_wrapper(function):
    """Whether a function is written around another: @functools.wraps."""
    return any("wraps(" in ast.unparse(decorator) for decorator in function.decorator_list)


def as_written(node):
    """A name, attribute or item as source, with the quotes that people write."""
    text = ast.unparse(node)
    return text if '"' in text else text.replace("'", '"')


def shift(expression, by):
    """Count places from the beginning of the expression."""
    for node in ast.walk(expression):
        if hasattr(node, "start"):
            node.start, node.stop = node.start - by, node.stop - by


def flat_targets(target):
    """The places that an assignment writes to."""
    if target is None:
        return ()
    return tuple(x for each in target.elts for x in flat_targets(each)) if isinstance(target, (ast.Tuple, ast.List)) else (target,)


def operands(node):
    """[(operand as written, node)] of an expression."""
    if isinstance(node, CHAIN) and not any(isinstance(inner, ast.Call) for inner in ast.walk(node)):
        return [(as_written(node), node)]
    if isinstance(node, ast.Call):
        inside = operands(node.func.value) if isinstance(node.func, ast.Attribute) else [] if isinstance(node.func, ast.Name) else operands(node.func)
        return inside + [pair for each in (*node.args, *(k.value for k in node.keywords)) for pair in operands(each)]
    if isinstance(node, ast.Lambda):
        return []
    return [pair for child in ast.iter_child_nodes(node) for pair in operands(child)]


def source_of(path):
    """The Source of a file as it is now; None if it cannot be read."""
    try:
        return read_source(path, os.stat(path).st_mtime_ns)
    except (OSError, SyntaxError, UnicodeDecodeError):
        return None


@functools.cache
def read_source(path, _):
    return Source(path)
