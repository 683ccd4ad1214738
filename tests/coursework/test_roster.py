"""A folder for each student of a class; names that make no folders are refused, and then nothing is written."""

import csv
import json
import re

import pytest
from test_by_hand import filled

from scratchgen.cli import main
from scratchgen.coursework import by_hand, grade_all, new_class, roster
from scratchgen.coursework.exercises import BY_NAME

LINEAR = BY_NAME["linear"]
NAMES = 'mail,Name\nj@x,"Doe, Jane"\nb@x, bob \n\ng@x,Gößl Đỗ\n'


@pytest.fixture
def names(tmp_path):
    path = tmp_path / "names.csv"
    path.write_text(NAMES, encoding="utf-8-sig")  # as spreadsheets write it
    return path


def seeds(folder):
    with open(folder / "class.csv", newline="", encoding="utf-8") as file:
        return {row["student"]: int(row["seed"]) for row in csv.DictReader(file)}


def test_each_student_has_a_folder_and_a_seed(tmp_path, names, capsys):
    (tmp_path / "class").mkdir()
    assert main(["coursework", "new", str(tmp_path / "class"), "--class", str(names), "--exercises", "linear"]) == 0
    assert "class.csv" in capsys.readouterr().out
    each = seeds(tmp_path / "class")
    assert set(each) == {"Doe, Jane", "bob", "Gößl Đỗ"} == {path.name for path in (tmp_path / "class").iterdir() if path.is_dir()}
    for student, seed in each.items():
        folder = tmp_path / "class" / student
        assert json.loads((folder / "coursework.json").read_text())["seed"] == seed
        assert (folder / "ex00_by_hand.py").read_text() == by_hand.text(seed) and (folder / "ex01_linear.py").read_text() == LINEAR.text()
        assert "ex00_by_hand.py" in (folder / "README.md").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["class", "names.csv"]


def test_the_classs_seed_decides_all_seeds(tmp_path, names):
    once, again, other = (seeds(new_class(names, tmp_path / str(i), seed=seed, exercises=["linear"])) for i, seed in enumerate((1, 1, 2)))
    assert once == again and not set(once.values()) & set(other.values()) and len(set(once.values())) == 3


@pytest.mark.parametrize(
    "table, sentence",
    [
        ("", "no column called student or name; its columns are: none"),
        ("mail,id\nx,1\n", "its columns are: mail, id"),
        ("name\n", "has no students"),
        ("name\nada\nbob\nAda\n", "line 4: 'Ada' is there already, in line 2"),
        ("name\nada\na/b\n", "line 3: 'a/b' is no name for a folder: it has '/'"),
        ("name,x\n,1\n", "line 2: '' is no name for a folder: it is empty"),
        ("name\n..\n", "it begins with"),
        ("name\nnul\n", "the system needs this one"),
        ("name\nclass.csv\n", "the system needs this one"),
        ("name\n" + "x" * 200 + "\n", "it is too long"),
        ("name\nB\xf6\n".encode("latin-1"), "cannot be read as CSV in UTF-8"),
    ],
)
def test_a_bad_table_is_refused_in_a_sentence_and_nothing_is_written(tmp_path, capsys, table, sentence):
    path = tmp_path / "names.csv"
    path.write_bytes(table if isinstance(table, bytes) else table.encode())
    assert main(["coursework", "new", str(tmp_path / "class"), "--class", str(path)]) == 2
    assert sentence in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir()] == ["names.csv"]


def test_nothing_half_written_is_left(tmp_path, names, monkeypatch):
    def full(seed):
        raise OSError("No space left on device")

    monkeypatch.setattr(by_hand, "text", full)
    with pytest.raises(OSError, match="No space"):
        new_class(names, tmp_path / "class")
    with pytest.raises(FileNotFoundError, match="nobody.csv is no file"):
        new_class(tmp_path / "nobody.csv", tmp_path / "class")
    with pytest.raises(ValueError, match="unknown exercise 'liner'"):
        new_class(names, tmp_path / "class", exercises=["liner"])
    with pytest.raises(FileExistsError, match="not an empty folder"):
        new_class(names, tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["names.csv"]


def test_numbers_count_when_they_are_the_students_own(tmp_path, names):
    """Three hand in: right answers, a neighbour's, none."""
    folder = new_class(names, tmp_path / "class", exercises=["linear"])
    each = seeds(folder)
    for student in each:
        (folder / student / "ex00_by_hand.py").write_text(filled(each["bob"]))
    (folder / "Gößl Đỗ" / "ex00_by_hand.py").unlink()
    marks = {mark.name: mark.results for mark in grade_all(folder, tmp_path / "out", exercises=["linear"], class_list=folder / "class.csv")}
    by = {name: [test for test in results["tests"] if "by_hand" in test["tags"]] for name, results in marks.items()}
    assert sum(test["score"] for test in by["bob"]) == 6 == sum(test["max_score"] for test in by["bob"])
    assert sum(test["score"] for test in by["Doe, Jane"]) <= 1 and {test["output"] for test in by["Gößl Đỗ"]} == {"ex00_by_hand.py is missing"}
    with open(tmp_path / "out" / "marks.csv", newline="", encoding="utf-8") as file:
        rows = {row["Student"]: row for row in csv.DictReader(file)}
    assert (rows["bob"]["ex00_by_hand"], rows["bob"]["total"], rows["bob"]["max"]) == ("6", "6", f"{6 + LINEAR.points:g}")
    assert "0.4  ex00_by_hand: dW of your own numbers: 1 of 3 passed" in (tmp_path / "out" / "statistics.txt").read_text()


def test_a_seed_below_zero_is_refused(tmp_path, names):
    for uses in (lambda: new_class(names, tmp_path / "class", seed=-1), lambda: roster.class_seed(tmp_path / "seed.txt", -1)):
        with pytest.raises(ValueError, match="seed is -1; it must be at least 0"):
            uses()
    assert [path.name for path in tmp_path.iterdir()] == ["names.csv"]


def test_a_key_keeps_its_columns_and_order(tmp_path):
    key = tmp_path / "key.csv"
    key.write_text("group,student,pseudonym\n3,bob,x\n4,ada,y\n", encoding="utf-8")
    found = roster.with_pseudonyms(key, ["ada", "bob", "Ren\u00e9"])
    lines = ["group,student,pseudonym", "3,bob,x", "4,ada,y", ",".join(["", "Ren\u00e9", found["Ren\u00e9"]])]
    assert found["ada"] == "y" and key.read_text(encoding="utf-8").splitlines() == lines
    key.write_text("student,pseudonym\nRene\u0301,z\n", encoding="utf-8")
    assert roster.with_pseudonyms(key, ["Ren\u00e9"]) == {"Ren\u00e9": "z"}


def test_a_submission_that_is_not_in_the_class_is_told_before_anything_is_graded(tmp_path, names):
    folder = new_class(names, tmp_path / "class", exercises=["linear"])
    for stranger in ("eve", "mallory"):
        (folder / stranger).mkdir()
    with pytest.raises(ValueError, match=r"class.csv has no eve \(1 more are missing\)"):
        grade_all(folder, tmp_path / "out", exercises=["linear"], class_list=folder / "class.csv")
    with pytest.raises(ValueError, match="no table of the columns student and seed"):
        grade_all(folder, tmp_path / "out", exercises=["linear"], class_list=names)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("read", "table", "sentence"),
    [(roster.days_of, "student,days\nada,5\nada,0\n", "has 'ada' twice"), (roster.seeds_of, "student,seed\nada,1\nada,2\n", "has 'ada' twice"),
     (roster.with_pseudonyms, "student,pseudonym\nada,x\nbob,x\n", "has 'x' twice"),
     (roster.with_pseudonyms, "student,pseudonym\nada,../out\n", "'../out' is no name for a folder")],
)  # fmt: skip
def test_what_is_there_twice_or_leads_elsewhere_is_refused(tmp_path, read, table, sentence):
    (tmp_path / "table.csv").write_text(table)
    with pytest.raises(ValueError, match=re.escape(sentence)):
        read(tmp_path / "table.csv", ["ada", "bob"])
