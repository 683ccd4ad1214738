"""For a checker of similarity: what a student wrote, and nothing that everybody was given."""

import ast

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
