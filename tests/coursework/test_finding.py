"""A student's work is found where it was put, or it is said where it should be."""

import json
import os

import pytest

from scratchgen import coursework
from scratchgen.coursework import by_hand
from scratchgen.coursework.exercises import BY_NAME
from scratchgen.coursework.finding import LARGEST_NOTEBOOK, work_of
from scratchgen.coursework.notebook import code_of, notebook

MADE = BY_NAME["made"]
SOLUTION = MADE.text("solution")
graded = pytest.mark.skipif(os.name != "posix", reason="grading needs a POSIX system")


def solved_notebook():
    content = json.loads(notebook(MADE, "marked"))
    content["cells"].insert(
        3, {"cell_type": "code", "metadata": {}, "source": "%matplotlib inline\n!pip list\ncheck('made', 'test_degrees', globals())"}
    )
    return json.dumps(content)


@pytest.mark.parametrize(
    "name",
    [
        "ex10_made (1).py", "ex10_made(2).py", "ex10_made - Copy.py", "ex10_made copy.py", "ex10_made-1.py", "EX10_made.PY", "smith_123_ex10_made.py",
        "work/ex10_made.py", "a/b/ex10_made.py", "a/b/smith_ex10_made-2.py", "test_7_ex10_made.py",
    ],
)  # fmt: skip
def test_names_and_places_of_one_file(tmp_path, name):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(SOLUTION)
    (tmp_path / "test_ex10_made.py").write_text("no work")
    assert work_of(tmp_path, MADE) == (SOLUTION, f"{name} is graded, for ex10_made.py is missing")


def test_what_is_not_taken_for_it(tmp_path):
    for name in (
        "ex10_made.txt", "ex1_made.py", "test_ex10_made.py", "ada_1_test_ex10_made.py", ".venv/ex10_made.py", "a/b/c/d/ex10_made.py", "ex10_made2.py",
        "._ex10_made.py", "work/._ex10_made.py", ".ex10_made.ipynb",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(SOLUTION)
    assert work_of(tmp_path, MADE) == (None, "ex10_made.py is missing")


def test_of_two_neither_is_taken(tmp_path):
    for name in ("ex10_made (1).py", "ex10_made (2).py"):
        (tmp_path / name).write_text(SOLUTION)
    text, why = work_of(tmp_path, MADE)
    assert text is None and "ex10_made (1).py, ex10_made (2).py. Keep one, under the name ex10_made.py" in why
    (tmp_path / "ex10_made.py").write_text("mine")
    assert work_of(tmp_path, MADE) == ("mine", "")


def test_the_folder_above_is_named(tmp_path):
    (tmp_path / "ex10_made.py").write_text(SOLUTION)
    (tmp_path / "inner").mkdir()
    assert work_of(tmp_path / "inner", MADE) == (None, f"ex10_made.py is missing; there is one in the folder above: grade {tmp_path}")


def test_of_file_and_notebook_the_one_that_was_worked_in(tmp_path):
    script, book = tmp_path / "ex10_made.py", tmp_path / "ex10_made.ipynb"
    script.write_text(MADE.text()), book.write_text(notebook(MADE))
    assert work_of(tmp_path, MADE) == (MADE.text(), "")
    book.write_text(solved_notebook())
    text, note = work_of(tmp_path, MADE)
    assert "masks.append" in text and note == "ex10_made.ipynb is graded, for nothing was written in ex10_made.py"
    script.write_text(SOLUTION)
    assert work_of(tmp_path, MADE) == (SOLUTION, "ex10_made.py is graded; ex10_made.ipynb, in which something was written as well, is not")
    script.unlink()
    assert "masks.append" in work_of(tmp_path, MADE)[0]


@pytest.mark.parametrize("place", ["", "exercises/"])
@pytest.mark.parametrize("ending", ["", "-1"])
def test_a_notebook_that_was_solved_is_graded_wherever_a_blank_file_lies(tmp_path, place, ending):
    """The folder handed in whole, or as Canvas renames a file."""
    script, book = tmp_path / f"{place}ex10_made{ending}.py", tmp_path / f"{place}ex10_made.ipynb"
    script.parent.mkdir(exist_ok=True)
    script.write_text(MADE.text()), book.write_text(solved_notebook())
    text, note = work_of(tmp_path, MADE)
    assert "masks.append" in text and note == f"{place}ex10_made.ipynb is graded, for nothing was written in {place}ex10_made{ending}.py"
    book.rename(book.with_suffix(".IPYNB"))
    assert "masks.append" in work_of(tmp_path, MADE)[0]


RAISE = '    raise NotImplementedError("not implemented: made_masks")'


@pytest.mark.parametrize("body", [f"    return 1\n{RAISE}", f"    #{RAISE}\n    return 1", f"    masks = []\n{RAISE}", f"    return 1\n\n# {RAISE}"])
def test_what_was_written_beside_the_line_that_raises_was_written(tmp_path, body):
    script, book = tmp_path / "ex10_made.py", tmp_path / "ex10_made.ipynb"
    content = json.loads(notebook(MADE))
    for cell in content["cells"]:
        cell["source"] = "".join(cell["source"]).replace(RAISE, body)
    script.write_text(MADE.text()), book.write_text(json.dumps(content))
    assert work_of(tmp_path, MADE)[1] == "ex10_made.ipynb is graded, for nothing was written in ex10_made.py"
    script.write_text(MADE.text().replace(RAISE, body)), book.write_text(solved_notebook())
    assert work_of(tmp_path, MADE)[1].startswith("ex10_made.py is graded; ex10_made.ipynb")


def test_a_notebook_that_cannot_be_read_is_told(tmp_path):
    script, book = tmp_path / "ex10_made.py", tmp_path / "ex10_made.ipynb"
    script.write_text(MADE.text()), book.write_text(" " * (LARGEST_NOTEBOOK + 1))
    text, why = work_of(tmp_path, MADE)
    assert text is None and "ex10_made.ipynb has 5000001 bytes; at most" in why
    script.write_text(SOLUTION)
    text, why = work_of(tmp_path, MADE)
    assert text == SOLUTION and why.startswith("ex10_made.py is graded; ex10_made.ipynb has 5000001 bytes; at most")


def test_a_sheet_of_numbers_has_no_blanks_and_stays_the_one_that_is_read(tmp_path):
    (tmp_path / "ex00_by_hand.py").write_text("y = 1"), (tmp_path / "ex00_by_hand-1.py").write_bytes(b"\xff")
    assert work_of(tmp_path, by_hand) == ("y = 1", "")


def test_of_many_files_few_are_read(tmp_path):
    (tmp_path / "ex10_made.py").write_text(SOLUTION)
    for i in range(100):
        (tmp_path / f"ex10_made ({i}).py").write_text("")
    assert work_of(tmp_path, MADE) == (SOLUTION, "")
    (tmp_path / "ex10_made.py").unlink()
    assert "there is more than one that may be meant" in work_of(tmp_path, MADE)[1]


def test_code_of_a_notebook_without_checks_and_magics():
    code = code_of(solved_notebook())
    assert "check(" not in code and "%matplotlib" not in code and "!pip" not in code and "scratchgen.coursework" not in code
    assert "def made_masks" in code and "import numpy as np" in code


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"cells": 3}',
        '{"cells": [{"cell_type": "code"}]}',
        "[" * 100_000,
        '{"cells": [{"cell_type": "code", "metadata": {}, "source": 3}]}',
    ],
)
def test_what_is_no_notebook(tmp_path, text):
    (tmp_path / "ex10_made.ipynb").write_text(text)
    found, why = work_of(tmp_path, MADE)
    assert found is None and "ex10_made.ipynb cannot be read: it is no notebook" in why


def test_a_notebook_of_any_size_is_not_read(tmp_path):
    (tmp_path / "ex10_made.ipynb").write_text(" " * (LARGEST_NOTEBOOK + 1))
    assert "bytes; at most" in work_of(tmp_path, MADE)[1]
    many = {"cells": [{"cell_type": "code", "metadata": {}, "source": "x = 1\n" * 100_000}]}
    (tmp_path / "ex10_made.ipynb").write_text(json.dumps(many))
    assert "characters of code; at most" in work_of(tmp_path, MADE)[1]


@graded
def test_line_ends_of_windows_and_a_byte_order_mark(tmp_path):
    (tmp_path / "ex10_made.py").write_bytes(b"\xef\xbb\xbf" + SOLUTION.replace("\n", "\r\n").encode())
    assert coursework.grade(tmp_path, exercises=["made"])["score"] == MADE.points


@graded
def test_results_name_what_was_graded(tmp_path):
    (tmp_path / "handed in").mkdir()
    (tmp_path / "handed in" / "ex10_made.ipynb").write_text(solved_notebook())
    results = coursework.grade(tmp_path, exercises=["made"])
    assert results["score"] == MADE.points and "ex10_made.ipynb is graded, for ex10_made.py is missing." in results["output"]
