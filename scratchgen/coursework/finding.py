"""Find a student's work in the folder that was handed in, where it lies elsewhere or is called a little differently.

    ex01_linear.py                       as it should be
    ex01_linear (1).py, … - Copy.py      as browsers and file managers name a second one
    name_123_ex01_linear.py              as learning platforms do
    work/ex01_linear.py                  in a folder of the folder
    ex01_linear.ipynb                    a notebook, if there is no such file, or one in which nothing was written

What is graded in the place of what was expected is named in the results. Of two that may be meant neither is taken.
"""

import os
import re
import stat

from scratchgen.coursework.notebook import code_of

LARGEST_FILE = 200_000  # bytes of Python
LARGEST_NOTEBOOK = 5_000_000  # with its pictures
DEEPEST, MOST = 3, 5000  # folders within one another, files, that are looked at
LEFT_OUT = (".", "__")  # beginnings of folders that hold no work: .venv, .ipynb_checkpoints, __MACOSX


def work_of(folder, exercise):
    """(text of the student's work, what is to be said of where it was found), or (None, a sentence that says why there is none)."""
    name = f"{exercise.module}.py"
    expected, notebook = folder / name, folder / f"{exercise.module}.ipynb"
    if expected.exists() or expected.is_symlink():
        text, complaint = read(expected)
        code, _ = read(notebook) if text is not None and notebook.exists() else (None, "")
        if code is None or is_blank(code, exercise):
            return text, complaint
        if is_blank(text, exercise):  # `coursework new --notebooks` writes both: it is the notebook that was worked in
            return code, f"{notebook.name} is graded, for nothing was written in {name}"
        return text, f"{name} is graded; {notebook.name}, in which something was written as well, is not"
    found = candidates(folder, exercise.module)
    if len(found) > 1:
        places = ", ".join(sorted(str(path.relative_to(folder)) for path in found))
        return None, f"{name} is missing, and there is more than one that may be meant: {places}. Keep one, under the name {name}"
    if found:
        text, complaint = read(found[0])
        return text, complaint or f"{found[0].relative_to(folder)} is graded, for {name} is missing"
    above = (folder.resolve().parent / name).is_file()
    return None, f"{name} is missing" + (f"; there is one in the folder above: grade {folder.resolve().parent}" if above else "")


def candidates(folder, module):
    """Paths in a folder, and in folders of it, of files that may be an exercise's."""
    pattern = re.compile(rf"(?!test_)(.*[_ -])?{module}([ _-]*cop(y|ie)[^.]*| ?\(\d+\)|-\d+)?\.(py|ipynb)", re.IGNORECASE)
    found, seen = [], 0
    for place, folders, files in os.walk(folder):
        depth = len(os.path.relpath(place, folder).split(os.sep)) if place != str(folder) else 0
        folders[:] = [] if depth >= DEEPEST else sorted(each for each in folders if not each.startswith(LEFT_OUT))
        seen += len(files)
        if seen > MOST:
            break
        found += [folder / os.path.relpath(place, folder) / file for file in sorted(files) if pattern.fullmatch(file)]
    scripts = [path for path in found if path.suffix == ".py"]
    return scripts or found


def is_blank(text, exercise):
    """Whether every blank still stands in a student's work as it was handed out."""
    return all(f'raise NotImplementedError("not implemented: {blank}")' in text for blank in exercise.blanks)


def read(path):
    """-> text of the student's file, or of a notebook's code, or None and a sentence. Links are not followed: they could lead anywhere."""
    largest = LARGEST_NOTEBOOK if path.suffix == ".ipynb" else LARGEST_FILE
    try:
        about = path.lstat()
        if not stat.S_ISREG(about.st_mode):
            return None, f"{path.name} is not a plain file"
        if about.st_size > largest:
            return None, f"{path.name} has {about.st_size} bytes; at most {largest} are read"
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix != ".ipynb":
            return text, ""
        code = code_of(text)
        return (code, "") if len(code) <= LARGEST_FILE else (None, f"{path.name} has {len(code)} characters of code; at most {LARGEST_FILE} are read")
    except FileNotFoundError:
        return None, f"{path.name} is missing"
    except (OSError, ValueError) as error:  # not UTF-8, no notebook
        return None, f"{path.name} cannot be read: {error}"
