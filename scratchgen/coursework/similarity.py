"""What students wrote themselves, for a checker of similarity: a folder for each, without what the exercises hand to everybody.

    FOLDER/ada/ex01_linear.py        the functions that differ from those handed out, and whatever was added; no docstrings, no comments

So two files are not similar because both hold the lesson, and a comment does not say whose they are. MOSS, JPlag and Dolos take such a folder.
"""

import ast
import functools

from scratchgen.coursework.finding import work_of

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def write_own_work(submission, folder, exercises):
    """Write what is a student's own in the exercises' files into `folder`, and take away what is there of an earlier time."""
    for exercise in exercises:
        text, _ = work_of(submission, exercise)
        own, path = "" if text is None else own_work(text, exercise), folder / f"{exercise.module}.py"
        path.unlink(missing_ok=True)
        if own:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(own, encoding="utf-8", errors="replace")


def own_work(text, exercise):
    """The text without what the exercise's file had in it when it was handed out; as it is, if it is not Python."""
    try:
        tree = ast.parse(text)
        body = _own(tree.body, _handed_out(exercise))
        return "".join(f"{ast.unparse(statement)}\n" for statement in body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text


def _own(statements, handed_out):
    """The statements that were not handed out, without docstrings; of a class its own methods, and it only if there are some."""
    own = []
    for statement in statements:
        if isinstance(statement, DEFINITIONS) and ast.get_docstring(statement, clean=False) is not None:
            statement.body = statement.body[1:] or [ast.Pass()]
        if ast.dump(statement) in handed_out or _is_text(statement):
            continue
        if isinstance(statement, ast.ClassDef):
            statement.body = _own(statement.body, handed_out)
        if not isinstance(statement, ast.ClassDef) or statement.body:
            own.append(statement)
    return own


def _is_text(statement):
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


@functools.cache
def _handed_out(exercise):
    """Dumps of all statements of the exercise's file, at the top and in classes, without docstrings."""
    dumps = set()
    for statement in ast.parse(exercise.text()).body:
        for each in [statement, *(statement.body if isinstance(statement, ast.ClassDef) else [])]:
            if isinstance(each, DEFINITIONS) and ast.get_docstring(each, clean=False) is not None:
                each.body = each.body[1:] or [ast.Pass()]
            dumps.add(ast.dump(each))
    return dumps
