"""The library as a graded exercise sees it: what its file imports, what that imports, and nothing else.

So the solution of an exercise is not there to be imported, and nothing that contains it. A package's __init__ is cut down to the
names that are asked of it; the compiled twins stay outside, NumPy's definitions do everything.
"""

import ast
import functools
from pathlib import Path

from scratchgen.coursework.source import path_of

ALWAYS = ("scratchgen.coursework.worker", "scratchgen.ops")  # what the locked process itself needs


def write_library(text, folder):
    """Write what a file with this text needs into `folder`/scratchgen -> the dotted names of its modules."""
    modules, exported = _closure(text)
    packages = {module.rsplit(".", depth)[0] for module in modules for depth in range(1, module.count(".") + 1)}
    for package in packages:
        lines = []
        for name in sorted(exported.get(package, ())):
            origin, original = _exports(package)[name]
            lines.append(f"from {origin} import {original} as {name}")
        _write(folder, package.replace(".", "/") + "/__init__.py", "\n".join(lines) + "\n")
    for module in modules:
        _write(folder, module.replace(".", "/") + ".py", path_of(module).read_text(encoding="utf-8"))
    return sorted(modules)


def _write(folder, name, text):
    path = Path(folder) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _closure(text):
    """({modules}, {package: names asked of its __init__}) that a file with this text needs, directly or not."""
    modules, exported, waiting = set(), {}, []

    def need(module):
        if module not in modules:
            modules.add(module)
            waiting.append(path_of(module).read_text(encoding="utf-8"))

    def follow(source):
        for node in _imports(source):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "scratchgen":
                for alias in node.names:
                    resolve(node.module, alias.name)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name.split(".")[0] == "scratchgen" and not _is_package(alias.name):
                        need(alias.name)

    def resolve(module, name):
        if not _is_package(module):
            need(module)
        elif name in _exports(module):  # before submodules: layers.mlp is the function, as in the library itself
            exported.setdefault(module, set()).add(name)
            resolve(*_exports(module)[name])
        elif _is_module(f"{module}.{name}"):
            need(f"{module}.{name}")

    follow(text)
    for module in ALWAYS:
        if _is_package(module):
            for name in _exports(module):
                resolve(module, name)
        else:
            need(module)
    while waiting:
        follow(waiting.pop())
    return modules, exported


@functools.cache  # exercises share most of the library: parsing it again for each took a third of the grader's time
def _imports(source):
    """All import statements in a text, wherever they stand."""
    return [node for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.Import, ast.ImportFrom))]


def _is_package(module):
    return path_of(module).name == "__init__.py"


def _is_module(module):
    return path_of(module).is_file()


@functools.cache
def _exports(package):
    """{name: (module, name there)} of what a package's __init__ takes from other modules."""
    tree = ast.parse(path_of(package).read_text(encoding="utf-8"))
    found = (node for node in tree.body if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("scratchgen"))
    return {alias.asname or alias.name: (node.module, alias.name) for node in found for alias in node.names}
