"""Exercises as Jupyter notebooks (nbformat 4.5) with the metadata and markers of nbgrader.

A blank is an "autograded answer" cell; each test an "autograder tests" cell with its points; everything else is read-only. The marked
form is nbgrader's source version: `nbgrader generate_assignment` takes out what stands between BEGIN and END SOLUTION, and the hidden
tests. The blank form is what a student gets without nbgrader.
"""

import ast
import json

import numpy as np

from scratchgen.coursework.source import import_text
from scratchgen.coursework.testing import Student, in_words
from scratchgen.errors import unknown_name
from scratchgen.ops import use_backend


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
    """The code of a student's notebook, without the cells and lines that only check it or speak to Jupyter. ValueError if it is no notebook."""
    try:
        cells = json.loads(text)["cells"]
        code = [cell for cell in cells if cell["cell_type"] == "code" and not cell["metadata"].get("nbgrader", {}).get("grade")]
        sources = [cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"]) for cell in code]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"it is no notebook ({type(error).__name__})") from None
    result = "\n\n\n".join(_without_checks(source) for source in sources) + "\n"
    if result != result.encode(errors="replace").decode():
        raise ValueError("it has half a character in it, a surrogate without the other")
    return result


def _without_checks(source):
    """A cell's code with its magics, and what imports and calls `check`, taken out; as it is if it is not Python, which the rules will say."""
    lines = ["" if line.startswith(("%", "!")) else line for line in source.splitlines()]
    try:
        tree = ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return source
    for node in tree.body:
        imports = isinstance(node, ast.ImportFrom) and node.module == "scratchgen.coursework"
        call = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Name)
        if imports or (call and node.value.func.id == "check"):
            lines[node.lineno - 1 : node.end_lineno] = [""] * (node.end_lineno - node.lineno + 1)
    return "\n".join(lines)


def check(exercise, test, namespace, seed=0):
    """Run one test on the functions of a notebook: check("linear", "test_dx", globals()). Raises AssertionError if it fails.

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
            tests[test].run(Student(_Namespace(namespace)), np.random.default_rng(seed))
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
