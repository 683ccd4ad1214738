"""The rules of the course, read off a file before it is run: what it may import and which names it has no business with.

They say in a clear sentence what the locked process would otherwise refuse in an obscure one, and they are the same in the visible
tests, so that nobody learns of them from a grade. They are a courtesy, not a lock: the lock is in sandbox.py and library.py.

A gradient is to be derived, not computed numerically. So no complex numbers (loading.py refuses those that are not written down here), and
the tests compare at inputs where difference quotients are of no use (testing.py).
"""

import ast
import functools

from scratchgen.coursework.loading import GUARD

ALLOWED_MODULES = (
    "dataclasses", "functools", "itertools", "math", "numpy", "numpy.linalg", "numpy.ma", "numpy.polynomial", "numpy.random", "typing",
)  # fmt: skip
FORBIDDEN_NAMES = (
    "__builtins__",
    "__import__",
    "__loader__",
    "__spec__",
    "breakpoint",
    "compile",
    "delattr",
    "eval",
    "exec",
    "getattr",
    "globals",
    "input",
    "locals",
    "open",
    "setattr",
    "vars",
)
FORBIDDEN_NUMPY = (
    "ctypeslib", "errstate", "f2py", "fromfile", "genfromtxt", "load", "loadtxt", "memmap", "save", "savetxt", "savez", "seterr", "testing",
)  # fmt: skip

COMPLEX = ("complex", "complex64", "complex128", "complex256", "complexfloating", "csingle", "cdouble", "clongdouble", "emath", "fft", "imag")
MOST = 5  # sentences about one file
DERIVE = "a gradient is to be derived, not computed numerically"


def violations(text, exercise):
    """Sentences about what in a student's file is against the rules, the first of many, or that it is not Python; an empty list if all is well."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return [f"the file is not valid Python: {str(error) or type(error).__name__}"]
    given = _given(exercise)
    found = []
    for (module, name), line in _imports(tree).items():
        if module.split(".")[0] == "scratchgen" and (module, name) not in given:
            found.append((line, f"imports {name or module} from the library, which the exercise does not give; write your own"))
        elif module not in ALLOWED_MODULES and (module, name) not in given:
            found.append((line, f"imports {module}; allowed are {', '.join(ALLOWED_MODULES)} and what the file imported when you got it"))
        elif module.startswith("numpy") and name in FORBIDDEN_NUMPY:
            found.append((line, f"imports {name} of {module}, which no exercise needs"))
        elif module.startswith("numpy") and name in COMPLEX:
            found.append((line, f"imports {name}, for complex numbers; {DERIVE}"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in (*FORBIDDEN_NAMES, GUARD):
            found.append((node.lineno, f"uses {node.id}, which no exercise needs"))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("np", "numpy") and node.attr in FORBIDDEN_NUMPY:
            found.append((node.lineno, f"uses {node.value.id}.{node.attr}, which no exercise needs"))
        if isinstance(node, ast.Attribute) and node.attr.startswith("__") and node.attr.endswith("__") and node.attr not in ("__init__", "__name__"):
            found.append((node.lineno, f"uses {node.attr}, which no exercise needs"))
        if isinstance(node, ast.Constant) and isinstance(node.value, complex):
            found.append((node.lineno, f"has the complex number {node.value}; {DERIVE}"))
        if isinstance(node, ast.MatchClass):  # case object(imag=v)
            found += [(node.lineno, f"matches {name}, for complex numbers; {DERIVE}") for name in node.kwd_attrs if name in (*COMPLEX, "real")]
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None
        if name in COMPLEX:
            found.append((node.lineno, f"uses {name}, for complex numbers; {DERIVE}"))
    sentences = [f"line {line} {sentence}" for line, sentence in sorted(found)]
    return sentences[:MOST] + [f"and {len(sentences) - MOST} more"] * (len(sentences) > MOST)


@functools.cache
def _given(exercise):
    """What the exercise's file imports as it is handed out."""
    return _imports(ast.parse(exercise.text()))


def _imports(tree):
    """{(module, name or None): line} of all import statements."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {(alias.name, None): node.lineno for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found |= {(module, alias.name): node.lineno for alias in node.names}
    return found
