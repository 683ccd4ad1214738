"""The library's source as the book needs it: what each file defines, and what each name in it means.

    sources = read_sources()                           {"layers.tanh": Source, …}
    sources["layers.tanh"].definitions                 {"tanh": node, "Tanh": node, "Tanh.forward": node, …}
    resolve(sources, "models.vae", "mlp")              ("layers.mlp", "mlp"): where a name of a file is defined, through every import

Nothing is imported to find this out: the syntax trees say it.
"""

import ast
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parent.parent
LEFT_OUT = ("coursework",)  # exercises cut from this very source, and their hidden tests
FUNCTIONS = (ast.FunctionDef, ast.ClassDef)


class Source:
    """One file.  module: its name inside scratchgen, "" for the package itself.  shown: its path, as a reader knows it."""

    def __init__(self, path, module, shown):
        self.path, self.module, self.shown = path, module, shown
        self.text = path.read_text(encoding="utf-8")
        self.tree = ast.parse(self.text)
        self.lines = self.text.splitlines()

    @property
    def docstring(self):
        """What the file opens with."""
        return ast.get_docstring(self.tree) or ""

    @cached_property
    def definitions(self):
        """{qualified name: node} of functions, classes and their methods, and of constants at the top."""
        found = {}
        for node in self.tree.body:
            if isinstance(node, FUNCTIONS):
                found[node.name] = node
            elif isinstance(node, ast.Assign):
                found |= {target.id: node for target in node.targets if isinstance(target, ast.Name)}
            for inner in getattr(node, "body", []) if isinstance(node, ast.ClassDef) else []:
                if isinstance(inner, FUNCTIONS):
                    found[f"{node.name}.{inner.name}"] = inner
        return found

    @cached_property
    def imports(self):
        """{name: (module inside scratchgen, name there or None for the module itself)} of what is imported from scratchgen, anywhere in the file."""
        found = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {each.asname or each.name: (inside(each.name), None) for each in node.names if inside(each.name) is not None}
            elif isinstance(node, ast.ImportFrom) and inside(node.module or ".") is not None:
                found |= {each.asname or each.name: (inside(node.module), each.name) for each in node.names}
        return found


def inside(name):
    """A module's name inside scratchgen; None for another's."""
    return name.removeprefix("scratchgen").lstrip(".") if name == "scratchgen" or name.startswith("scratchgen.") else None


def read_sources():
    """{module: Source} of the library, and of the demos of a clone."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[0] not in LEFT_OUT:
            module = ".".join(part for part in parts if part != "__init__")
            found[module] = Source(path, module, path.relative_to(ROOT).as_posix())
    for path in sorted((ROOT.parent / "demos").glob("*.py")):
        found[f"demos.{path.stem}"] = Source(path, f"demos.{path.stem}", f"demos/{path.name}")
    return found


def resolve(sources, module, name, depth=0):
    """(module, qualified name) of what a name means at the top of a module, the name "" for a module; None where the library does not define it."""
    if module not in sources or depth > 8:
        return None
    source = sources[module]
    if name in source.definitions:
        return module, name
    if name in source.imports:
        where, what = source.imports[name]
        return (where, "") if what is None else resolve(sources, where, what, depth + 1)
    below = f"{module}.{name}".lstrip(".")
    if below in sources:
        return below, ""
    if module == "":  # what the package itself imports only at first use
        return next((place for floor in ("models", "ops", "train") if (place := resolve(sources, floor, name, depth + 1))), None)
    return None


def method(sources, module, cls, name, depth=0):
    """(module, "Class.name") of a method, the class's own or inherited; None where the library has none."""
    node = sources[module].definitions.get(cls)
    if not isinstance(node, ast.ClassDef) or depth > 8:
        return None
    if f"{cls}.{name}" in sources[module].definitions:
        return module, f"{cls}.{name}"
    for base in node.bases:
        place = meaning(sources, module, base)
        if place and place[1] and (found := method(sources, *place, name, depth + 1)):
            return found
    return None


def meaning(sources, module, node, cls=None):
    """(module, qualified name) of an expression a, a.b, a.b.c in a module, inside class cls; None where it means nothing that the library defines."""
    if isinstance(node, ast.Name):
        return (module, cls) if node.id == "self" and cls else resolve(sources, module, node.id)
    if not isinstance(node, ast.Attribute) or not (place := meaning(sources, module, node.value, cls)):
        return None
    where, what = place
    return method(sources, where, what, node.attr) if what else resolve(sources, where, node.attr)


def links(sources, source):
    """{(line, column): (length, module, qualified name)} of every name in a file that the library defines, elsewhere or there."""
    found = {}

    def place(line, end, name, target):
        text = source.lines[line - 1].encode()[:end].decode()  # a syntax tree counts bytes
        found[line, len(text) - len(name)] = (len(name), *target)

    def visit(node, cls, local):
        if isinstance(node, ast.ClassDef):
            cls = node.name
        if isinstance(node, (ast.FunctionDef, ast.Lambda)):
            local = local | assigned(node)
        if isinstance(node, ast.ImportFrom):
            for each in node.names:
                if inside(node.module or ".") is not None and (target := resolve(sources, inside(node.module), each.name)):
                    if each.end_lineno == each.lineno and not each.asname:
                        place(each.lineno, each.end_col_offset, each.name, target)
        elif isinstance(node, (ast.Name, ast.Attribute)) and node.end_lineno == node.lineno:
            name = getattr(node, "id", getattr(node, "attr", ""))
            shadowed = first_name(node) in local
            read = isinstance(node.ctx, ast.Load)
            if read and name != "self" and not shadowed and (target := meaning(sources, source.module, node, cls)):
                place(node.lineno, node.end_col_offset, name, target)
        for child in ast.iter_child_nodes(node):
            visit(child, cls, local)

    visit(source.tree, None, frozenset())
    return found


def first_name(node):
    """The a of a.b.c; None where there is none."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return getattr(node, "id", None)


def assigned(function):
    """Names that mean something else inside a function: its arguments, and what it assigns."""
    arguments = {each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg)} - {"self"}
    return arguments | {each.id for each in ast.walk(function) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
