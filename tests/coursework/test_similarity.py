"""For a checker of similarity: what a student wrote, and nothing that everybody was given."""

import ast
import json

import pytest

from scratchgen.coursework import grade_all
from scratchgen.coursework.exercises import BY_NAME, EXERCISES
from scratchgen.coursework.similarity import own_work

LINEAR = BY_NAME["linear"]
RIGHT = LINEAR.text("solution")
MINE = f"""{RIGHT.replace("y = x @ W", "y = x @ W  # Doe, Jane")}

def helper(a):
    \"\"\"Mine.\"\"\"
    return a
"""


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)
def test_what_was_handed_out_is_nobodys_own(exercise):
    assert own_work(exercise.text(), exercise) == ""
    own = ast.parse(own_work(exercise.text("solution"), exercise))
    kept = [node.name for node in own.body] + [f"{c.name}.{m.name}" for c in own.body if isinstance(c, ast.ClassDef) for m in c.body]
    assert set(exercise.blanks) <= set(kept) and len(own.body) <= len(exercise.blanks)


def test_own_functions_stay_and_texts_go():
    own = own_work(MINE, LINEAR)
    assert "def helper(a):\n    return a" in own and "x @ W" in own and "add_matmul_tn" in own
    assert "Mine" not in own and "Doe" not in own and "import" not in own and "__init__" not in own
    assert own_work("def broken(:", LINEAR) == "def broken(:"


def test_a_folder_for_each_student_who_wrote_something(tmp_path):
    files = {"ada": MINE, "bob": LINEAR.text(), "cleo": "def broken(:"}
    for name, text in files.items():
        (tmp_path / "class" / name / "work").mkdir(parents=True)
        (tmp_path / "class" / name / "work" / "ex01_linear (1).py").write_text(text)
        (tmp_path / "class" / name / "README.md").write_text("the lesson")
    options = {"exercises": ["linear"], "similarity": tmp_path / "similar"}
    grade_all(tmp_path / "class", tmp_path / "out", pseudonyms=tmp_path / "key.csv", **options)
    found = {path.relative_to(tmp_path / "similar"): path.read_text() for path in (tmp_path / "similar").rglob("*.py")}
    assert sorted(found.values()) == sorted([own_work(MINE, LINEAR), "def broken(:"])
    assert all(path.parts[0].startswith("student-") and path.name == "ex01_linear.py" for path in found)
    (tmp_path / "class" / "ada" / "work" / "ex01_linear (1).py").write_text(LINEAR.text())
    grade_all(tmp_path / "class", tmp_path / "out", pseudonyms=tmp_path / "key.csv", **options)
    assert [path.read_text() for path in (tmp_path / "similar").rglob("*.py")] == ["def broken(:"]
    with pytest.raises(ValueError, match="is or lies in"):
        grade_all(tmp_path / "class", tmp_path / "out", exercises=["linear"], similarity=tmp_path / "class" / "similar")
    with pytest.raises(ValueError, match="is or lies in"):
        grade_all(tmp_path / "class", tmp_path / "out", exercises=["linear"], similarity=tmp_path / "class")


def test_what_cannot_be_written_of_one_student_does_not_end_the_others(tmp_path):
    """A notebook with half a character, and a folder that cannot be made."""
    half = {"cells": [{"cell_type": "code", "metadata": {}, "source": "def linear(x, W, b):\n    return '\ud800' + broken("}]}
    for name, file, text in [("ada", "ipynb", json.dumps(half)), ("bob", "py", MINE), ("cleo", "py", MINE)]:
        (tmp_path / "class" / name).mkdir(parents=True)
        (tmp_path / "class" / name / f"ex01_linear.{file}").write_text(text)
    (tmp_path / "similar").mkdir()
    (tmp_path / "similar" / "bob").write_text("a file")
    marks = grade_all(tmp_path / "class", tmp_path / "out", exercises=["linear"], similarity=tmp_path / "similar")
    assert {test["output"] for test in marks[0].results["tests"]} == {
        "ex01_linear.ipynb cannot be read: it has half a character in it, a surrogate without the other"
    }
    assert marks[1].results["score"] == LINEAR.points and marks[1].note.startswith("not written for the checker of similarity: ")
    assert marks[1].note in (tmp_path / "out" / "marks.csv").read_text()
    assert (tmp_path / "similar" / "cleo" / "ex01_linear.py").read_text() == own_work(MINE, LINEAR) and not marks[2].note
