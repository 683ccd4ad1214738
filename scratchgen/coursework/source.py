"""Exercises are cut from the library's own source, so that they cannot drift from it.

A module of the library is parsed; of its definitions those that an exercise names are kept, line by line as they stand; the bodies of
its blanks are taken out. What is left of a blank is its signature, its docstring and

    raise NotImplementedError("not implemented: Linear.backward")

The same cut with another filling gives the reference solution (the tests' own check) and nbgrader's marked version. The library's own
decorators are dropped: the student's function is what runs, never a compiled twin of the right answer.
"""

import ast
import functools
import re
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]  # the folder of the package scratchgen
WIDTH = 110  # of the lines that students read


def path_of(module):
    """The file of a module of the library, or of a package's __init__; found without importing it."""
    path = ROOT.parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


class Cut:
    """What an exercise keeps of one module.

    module: dotted name.  keep: names of definitions, in the order of the file; "Class.method" keeps only the methods named.
    blanks: qualified names of functions whose bodies go.  hide: (first words, words after) of passages of the module's docstring that
    would give a solution away; None as second runs to the end.  comments: {function: comment to stand beside its `def` instead}.
    """

    def __init__(self, module, *, keep, blanks, hide=(), comments=None):
        self.module, self.keep, self.blanks, self.hide, self.comments = module, tuple(keep), tuple(blanks), tuple(hide), comments or {}

    def parse(self):
        """Read the module: its text by lines, its tree."""
        text = path_of(self.module).read_text(encoding="utf-8")
        return text.splitlines(), ast.parse(text)

    def lesson(self):
        """The module's docstring without what `hide` names. ValueError if a passage is not there: the source has changed."""
        text = ast.get_docstring(self.parse()[1])
        for first, after in self.hide:
            start = text.find(first)
            stop = len(text) if after is None else text.find(after, start)
            if start < 0 or stop < 0:
                raise ValueError(f"the docstring of {self.module} has no passage from {first!r} to {after!r}; adapt the exercise")
            text = text[:start] + text[stop:]
        return re.sub(r"\n{3,}", "\n\n", text).strip()

    def pieces(self, filling):
        """[(qualified names of the blanks inside, text)] of each definition kept."""
        lines, tree = self.parse()
        nodes = {name: node for node in tree.body for name in _names(node)}
        result = []
        for top in dict.fromkeys(name.split(".")[0] for name in self.keep):
            if top not in nodes:
                raise ValueError(f"{self.module} has no {top}; adapt the exercise")
            methods = [name.split(".")[1] for name in self.keep if name.startswith(top + ".")]
            text = self._definition(nodes[top], lines, filling, top, methods)
            result.append(([blank for blank in self.blanks if blank.split(".")[0] == top], text))
        return result

    def imports(self, code):
        """The module's import statements, reduced to the names that `code` uses."""
        lines, tree = self.parse()
        used = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
        result = []
        for node in tree.body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                node.names = [alias for alias in node.names if (alias.asname or alias.name).split(".")[0] in used]
                if node.names:
                    result.append(ast.unparse(node))
        return result

    def _from_library(self):
        """Names that the module imports from the library."""
        imports = (node for node in self.parse()[1].body if isinstance(node, ast.ImportFrom) and node.module.startswith("scratchgen"))
        return {alias.asname or alias.name for node in imports for alias in node.names}

    def _definition(self, node, lines, filling, name, methods):
        if isinstance(node, ast.FunctionDef):
            return self._function(node, lines, filling, name)
        if not isinstance(node, ast.ClassDef):
            return "\n".join(lines[node.lineno - 1 : node.end_lineno])
        parts, at = [], node.lineno - 1
        for child in node.body:
            if isinstance(child, ast.FunctionDef):
                if not methods or child.name in methods:
                    parts.append(self._function(child, lines, filling, f"{name}.{child.name}"))
            else:
                parts.append("\n".join(lines[at : child.end_lineno]).strip("\n"))
            at = child.end_lineno
        header = "" if parts and parts[0].startswith("class ") else lines[node.lineno - 1] + "\n"
        return header + "\n\n".join(parts)

    def _function(self, node, lines, filling, name):
        kept = [d for d in node.decorator_list if not (isinstance(d, ast.Name) and d.id in self._from_library())]
        text = [f"{' ' * node.col_offset}@{ast.unparse(decorator)}" for decorator in kept]
        if name not in self.blanks:
            return "\n".join(text + lines[node.lineno - 1 : node.end_lineno])
        documented = ast.get_docstring(node) is not None
        first = node.body[1] if documented else node.body[0]
        stop = node.body[0].end_lineno if documented else first.lineno - 1
        head = lines[node.lineno - 1 : stop]
        while not documented and not head[-1].split("#")[0].strip():  # comments between the signature and the first statement
            head.pop()
        body = lines[node.lineno - 1 + len(head) : node.end_lineno]
        if name in self.comments:
            head[0] = f"{head[0].split('  # ')[0]}  # {self.comments[name]}"
        indent = " " * first.col_offset
        blank = [f'{indent}raise NotImplementedError("not implemented: {name}")']
        filled = {"blank": blank, "solution": body, "marked": [f"{indent}### BEGIN SOLUTION", *body, f"{indent}### END SOLUTION"]}[filling]
        return "\n".join(text + head + filled)


@functools.cache
def student_text(cuts, introduction, filling="blank"):
    """The whole text of an exercise's file: introduction and lessons, imports, definitions."""
    definitions = [text for cut in cuts for _, text in cut.pieces(filling)]
    lessons = "\n\n".join(cut.lesson() for cut in cuts)
    docstring = f'"""{introduction.strip()}\n\n\nThe lesson\n==========\n\n{lessons}\n"""'
    return f"{docstring}\n\n{import_text(cuts)}\n\n\n" + "\n\n\n".join(definitions) + "\n"


def import_text(cuts):
    """The import statements that the cuts need: those of their solutions, so that a student finds what the author found useful."""
    statements = [line for cut in cuts for line in cut.imports("\n".join(textwrap.dedent(text) for _, text in cut.pieces("solution")))]
    statements = [in_lines(line) for line in dict.fromkeys(statements)]
    groups = [
        [line for line in statements if not line.startswith(("import numpy", "from scratchgen"))],
        [line for line in statements if line.startswith("import numpy")],
        [line for line in statements if line.startswith("from scratchgen")],
    ]
    return "\n\n".join("\n".join(sorted(group)) for group in groups if group)


def in_lines(statement):
    """An import statement on several lines, if it is too long for one."""
    if len(statement) <= WIDTH:
        return statement
    module, names = statement.split(" import ")
    return f"{module} import (\n{textwrap.fill(names + ',', WIDTH, initial_indent='    ', subsequent_indent='    ')}\n)"


def _names(node):
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)]
    return []
