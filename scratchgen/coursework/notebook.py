"""Exercises as Jupyter notebooks (nbformat 4.5) with the metadata and markers of nbgrader.

A blank is an "autograded answer" cell; each test an "autograder tests" cell with its points; everything else is read-only. The marked
form is nbgrader's source version: `nbgrader generate_assignment` takes out what stands between BEGIN and END SOLUTION, and the hidden
tests. The blank form is what a student gets without nbgrader.
"""

import ast
import json
import re

import numpy as np

from scratchgen.coursework.loading import run_file
from scratchgen.coursework.rules import violations
from scratchgen.coursework.source import import_text
from scratchgen.coursework.testing import Student, in_words
from scratchgen.errors import unknown_name
from scratchgen.ops import use_backend

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def notebook(exercise, filling="blank"):
    """The exercise as the JSON text of a notebook; filling="marked": with solutions between nbgrader's markers."""
    lesson = "\n\n".join(cut.lesson() for cut in exercise.cuts)
    cells = [
        _markdown("task", f"```text\n{exercise.introduction(notebook=True)}\n```"),
        _markdown("lesson", f"## The lesson\n\n```text\n{lesson}\n```"),
        _code("imports", import_text(exercise.cuts) + "\nfrom scratchgen.coursework import check", _READ_ONLY),
    ]
    pieces = [piece for cut in exercise.cuts for piece in cut.pieces(filling)]
    for i, (blanks, text) in enumerate(pieces):
        name = blanks[0].replace(".", "_") if blanks else f"given_{i}"
        cells.append(_code(name, text, _ANSWER if blanks else _READ_ONLY))
    for test in exercise.tests:
        call = f'check("{exercise.name}", "{test.name}", globals())'
        if test.hidden:
            hidden = f"### BEGIN HIDDEN TESTS\n{call}\n### END HIDDEN TESTS" if filling == "marked" else "# hidden: run when your work is graded"
            cells.append(_code(f"hidden_{test.name}", f"# {test.title}\n{hidden}", {**_TEST, "points": test.points}))
        else:
            cells.append(_code(test.name, f"# {test.title}\n{call}", {**_TEST, "points": test.points}))
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}, indent=1, ensure_ascii=False) + "\n"


def code_of(text):
    """The code of a student's notebook, without what only checks it, plots, or speaks to Jupyter. ValueError if it is no notebook."""
    try:
        cells = json.loads(text)["cells"]
        code = [cell for cell in cells if cell["cell_type"] == "code" and not cell["metadata"].get("nbgrader", {}).get("grade")]
        sources = [cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"]) for cell in code]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"it is no notebook ({type(error).__name__})") from None
    result = _without_shows("\n\n\n".join(_without_magics(source) for source in sources)) + "\n"
    if result != result.encode(errors="replace").decode():
        raise ValueError("it has half a character in it, a surrogate without the other")
    return result


def _without_magics(source):
    """A cell's code with its magics taken out; as it is if that is not Python, which the rules will say. In %%bash and the like nothing is."""
    code = "\n".join("" if line.startswith(("%", "!")) else line for line in re.split("\r\n|\r|\n", source))
    return code if _parsed(code) is not None else "" if source.lstrip().startswith("%%") else source


def _without_shows(code):
    """The code without statements at its top that import or use `check`, matplotlib or IPython, or what came of them. Definitions stay."""
    tree = _parsed(code)
    if tree is None:
        return code
    shows, dropped = {"check", "display", "get_ipython"}, []  # names; the last two are there in Jupyter without an import
    for node in tree.body:
        names = [each for each in ast.walk(node) if isinstance(each, ast.Name)]
        stored = {each.id for each in names if isinstance(each.ctx, ast.Store)}
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            bound = {(alias.asname or alias.name).split(".")[0] for alias in node.names}
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            only_shows = all(module.split(".")[0] in ("matplotlib", "IPython") or module == "scratchgen.coursework" for module in modules)
        elif isinstance(node, DEFINITIONS):
            own = stored | {each.arg for each in ast.walk(node) if isinstance(each, ast.arg)}
            bound, only_shows = {node.name}, bool({each.id for each in names} & shows - own)
        else:
            bound, only_shows = stored, any(each.id in shows for each in names if not isinstance(each.ctx, ast.Store))
        shows = shows | bound if only_shows else shows - bound
        if only_shows and not isinstance(node, DEFINITIONS):
            dropped.append(node)
    return _without(code, dropped)


def _without(code, statements):
    """The code with `pass` in the place of these statements, and on the same lines what it had there."""
    lines = [line.encode() for line in code.split("\n")]  # ast counts bytes
    for node in reversed(statements):
        decorators = getattr(node, "decorator_list", [])
        first, column = (decorators[0].lineno, 0) if decorators else (node.lineno, node.col_offset)
        line = lines[first - 1][:column] + b"pass" + lines[node.end_lineno - 1][node.end_col_offset :]
        lines[first - 1 : node.end_lineno] = [line] + [b""] * (node.end_lineno - first)
    return b"\n".join(lines).decode()


def _parsed(code):
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _as_graded(exercise, namespace):
    """The names of a running notebook, its functions and classes made once more as they are when graded: guarded against complex numbers.

    AssertionError if a cell that was run is against the rules. Jupyter keeps them in the list `In`; where there is none, names are as they are.
    """
    if not isinstance(namespace.get("In"), list):
        return namespace
    cells = [_without_magics(_as_typed(cell)) for cell in namespace["In"]]
    code = _without_shows("\n".join(cell for cell in cells if _parsed(cell) is not None))
    statements = ast.parse(code).body
    last = {node.name: node for node in statements if isinstance(node, DEFINITIONS)}
    replaced = [node for node in statements if isinstance(node, DEFINITIONS) and node is not last[node.name]]  # by a cell that was run later
    code = _without(code, replaced)
    against = [re.sub(r"^line \d+ ", "", sentence) for sentence in violations(code, exercise)]
    if against:
        raise AssertionError(f"a cell {'; '.join(against)}. So the notebook would earn no points. If that cell is no more, restart the kernel")

    def defines(node):
        """Also linear = lambda …, and Linear.backward = backward."""
        places = node.targets if isinstance(node, ast.Assign) else []
        return isinstance(node, DEFINITIONS) or any(isinstance(p, ast.Attribute) or (isinstance(p, ast.Name) and p.id in last) for p in places)

    names = dict(namespace)
    run_file(_without(code, [node for node in ast.parse(code).body if not defines(node)]), "notebook", names)
    return names


def _as_typed(cell):
    """A cell of `In` that begins with %%time or the like as it stands in the notebook: Jupyter makes a call of it."""
    match _parsed(cell):
        case ast.Module(body=[ast.Expr(value=ast.Call(func=ast.Attribute(attr="run_cell_magic"), args=[_, _, ast.Constant(value=str(text))]))]):
            return text
    return cell


def check(exercise, test, namespace, seed=0):
    """Run one test on the functions of a notebook: check("linear", "test_dx", globals()). Raises AssertionError if it fails, or for what is
    against the rules.

    Raises ValueError for an unknown exercise or test.
    """
    from scratchgen.coursework.exercises import BY_NAME  # here: exercises are described by modules that notebooks do not need

    if exercise not in BY_NAME:
        raise unknown_name("exercise", exercise, BY_NAME)
    tests = {t.name: t for t in BY_NAME[exercise].tests}
    if test not in tests:
        raise unknown_name("test", test, tests)
    with use_backend("numpy"):
        try:
            tests[test].run(Student(_Namespace(_as_graded(BY_NAME[exercise], namespace))), np.random.default_rng(seed))
        except NotImplementedError:
            raise
        except Exception as error:
            raise AssertionError(in_words(error)) from None  # without the lines of the library
    print(f"passed: {tests[test].title}")


class _Namespace:
    """A dict of names as attributes."""

    def __init__(self, names):
        self.__dict__.update(names)


_CELL = {"grade": False, "locked": True, "schema_version": 3, "solution": False, "task": False}
_READ_ONLY = _CELL
_ANSWER = {**_CELL, "locked": False, "solution": True}
_TEST = {**_CELL, "grade": True}


def _markdown(name, text):
    return {"cell_type": "markdown", "id": _id(name), "metadata": {"nbgrader": {**_READ_ONLY, "grade_id": name}}, "source": _lines(text)}


def _code(name, text, nbgrader):
    metadata = {"nbgrader": {**nbgrader, "grade_id": name}}
    return {"cell_type": "code", "execution_count": None, "id": _id(name), "metadata": metadata, "outputs": [], "source": _lines(text)}


def _id(name):
    return name.strip("_").replace("_", "-")[:64]


def _lines(text):
    return text.splitlines(keepends=True)
