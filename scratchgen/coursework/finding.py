"""Find a student's work in the folder that was handed in, where it lies elsewhere or is called a little differently.

    ex01_linear.py                       as it should be
    ex01_linear (1).py, … - Copy.py      as browsers and file managers name a second one
    name_123_ex01_linear.py              as learning platforms do
    work/ex01_linear.py                  in a folder of the folder
    ex01_linear.ipynb                    a notebook, wherever and however named as above

One in which nothing was written counts only where there is no other. Of the others, the file as it should be is graded; else a file of Python; else a
notebook. What is graded in the place of what was expected is named in the results. Of two that may be meant neither is taken.
"""

import ast
import os
import re
import stat

from scratchgen.coursework.notebook import code_of

LARGEST_FILE = 200_000  # bytes of Python
LARGEST_NOTEBOOK = 5_000_000  # with its pictures
DEEPEST, MOST = 3, 5000  # folders within one another, files, that are looked at
MOST_READ = 20  # files that may be meant by one exercise
LEFT_OUT = (".", "__")  # beginnings of folders that hold no work: .venv, .ipynb_checkpoints, __MACOSX


def work_of(folder, exercise):
    """(text of the student's work, what is to be said of where it was found), or (None, a sentence that says why there is none)."""
    name, label = f"{exercise.module}.py", lambda path: str(path.relative_to(folder))
    expected = [path for path in (folder / name, folder / f"{exercise.module}.ipynb") if path.exists() or path.is_symlink()]
    found = list(dict.fromkeys([*expected, *candidates(folder, exercise.module)]))[:MOST_READ]
    if not found:
        above = (folder.resolve().parent / name).is_file()
        return None, f"{name} is missing" + (f"; there is one in the folder above: grade {folder.resolve().parent}" if above else "")
    works = {path: read(path) for path in found}
    blank = [path for path, (text, _) in works.items() if text is not None and is_blank(text, exercise)]
    written = [path for path in found if path not in blank]  # or cannot be read, which is told
    meant = [path for path in written or blank if path.suffix.lower() == ".py"] or written or blank
    why = f"nothing was written in {', '.join(map(label, blank))}" if blank and written else f"{name} is missing"
    if meant[0] not in expected and len(meant) > 1:
        places = ", ".join(sorted(map(label, meant)))
        return None, f"{why}, and there is more than one that may be meant: {places}. Keep one, under the name {name}"
    text, complaint = works[meant[0]]
    if text is None:
        return None, complaint
    notes = [] if meant[0] == folder / name else [f"{label(meant[0])} is graded, for {why}"]
    for path in written:
        if path not in meant:  # a notebook
            notes = notes or [f"{name} is graded"]
            notes.append(works[path][1] or f"{label(path)}, in which something was written as well, is not")
    return text, "; ".join(notes)


def candidates(folder, module):
    """Paths in a folder, and in folders of it, of files that may be an exercise's: scripts and notebooks."""
    ending = r"([ _-]*cop(y|ie)[^.]*| ?\(\d+\)|-\d+)?\.(py|ipynb)"
    pattern = re.compile(rf"(?!\.|(.*[_ -])?test[_ -]{module})(.*[_ -])?{module}{ending}", re.IGNORECASE)  # macOS adds ._ex01_linear.py
    found, seen = [], 0
    for place, folders, files in os.walk(folder):
        depth = len(os.path.relpath(place, folder).split(os.sep)) if place != str(folder) else 0
        folders[:] = [] if depth >= DEEPEST else sorted(each for each in folders if not each.startswith(LEFT_OUT))
        seen += len(files)
        if seen > MOST:
            break
        found += [folder / os.path.relpath(place, folder) / file for file in sorted(files) if pattern.fullmatch(file)]
    return found


def is_blank(text, exercise):
    """Whether nothing was written: each function that is to be written still has a body that only raises NotImplementedError."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False  # as it was handed out it is Python
    bodies = {}  # of a function that is there twice, as notebooks may have it, both
    for node in tree.body:
        for each in [node, *(node.body if isinstance(node, ast.ClassDef) else [])]:
            if isinstance(each, ast.FunctionDef):
                name = each.name if each is node else f"{node.name}.{each.name}"
                bodies.setdefault(name, []).append(each.body[1:] if ast.get_docstring(each) is not None else each.body)
    unwritten = lambda blank: blank in bodies and all(map(_only_raises, bodies[blank]))
    return bool(exercise.blanks) and (not tree.body or all(map(unwritten, exercise.blanks)))


def _only_raises(body):
    error = body[0].exc if len(body) == 1 and isinstance(body[0], ast.Raise) else None
    error = error.func if isinstance(error, ast.Call) else error
    return isinstance(error, ast.Name) and error.id == "NotImplementedError"


def read(path):
    """-> text of the student's file, or of a notebook's code, or None and a sentence. Links are not followed: they could lead anywhere."""
    is_notebook = path.suffix.lower() == ".ipynb"
    largest = LARGEST_NOTEBOOK if is_notebook else LARGEST_FILE
    try:
        about = path.lstat()
        if not stat.S_ISREG(about.st_mode):
            return None, f"{path.name} is not a plain file"
        if about.st_size > largest:
            return None, f"{path.name} has {about.st_size} bytes; at most {largest} are read"
        text = path.read_text(encoding="utf-8-sig")
        if not is_notebook:
            return text, ""
        code = code_of(text)
        return (code, "") if len(code) <= LARGEST_FILE else (None, f"{path.name} has {len(code)} characters of code; at most {LARGEST_FILE} are read")
    except FileNotFoundError:
        return None, f"{path.name} is missing"
    except (OSError, ValueError) as error:  # not UTF-8, no notebook
        return None, f"{path.name} cannot be read: {without_path(error)}"


def without_path(error):
    """What an exception says; of a file only what is wrong with it, for a student's name may stand in its path."""
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
