"""A class is graded to exactly the marks it deserves, twice the same, whatever single submissions do."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import scratchgen
from scratchgen.cli import main
from scratchgen.coursework import bulk, grade_all
from scratchgen.coursework.exercises import BY_NAME
from scratchgen.coursework.roster import seed_of

pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a POSIX system")
LINEAR, MADE = BY_NAME["linear"], BY_NAME["made"]
BOTH = ["linear", "made"]
RIGHT, RIGHT_MADE = LINEAR.text("solution"), MADE.text("solution")
FORGETS_B = RIGHT.replace("y if b is None else y + b", "y")
NO_DB = RIGHT.replace('add_column_sums(self.grads["b"], dy)', "pass")
ASSIGNS = RIGHT.replace('add_matmul_tn(self.grads["W"], x, dy)', 'self.grads["W"][:] = x.T @ dy')
CLASS = {  # name: (files, marks in linear and made)
    "ada": ({"ex01_linear.py": RIGHT, "ex10_made.py": RIGHT_MADE}, 13, 12),
    "bob": ({"ex01_linear.py": LINEAR.text(), "ex10_made.py": MADE.text()}, 0, 0),
    "cleo": ({"ex01_linear.py": RIGHT, "ex10_made.py": MADE.text()}, 13, 0),
    "dan": ({"work/ex10_made (1).py": RIGHT_MADE}, 0, 12),
    "eve": ({"ex01_linear.py": FORGETS_B}, 11, 0),
    "finn": ({"ex01_linear.py": NO_DB}, 10, 0),
    "gus": ({"ex01_linear.py": ASSIGNS, "ex10_made.py": RIGHT_MADE}, 12, 12),
    "hal": ({"ex01_linear.py": "while True: pass", "ex10_made.py": RIGHT_MADE}, 0, 12),
    "ida": ({"ex01_linear.py": "\0 garbage ]", "ex10_made.py": RIGHT_MADE}, 0, 12),
    "jo": ({"notes.txt": "I was ill."}, 0, 0),
    "kim": ({"ex01_linear.py": f"import os\nos._exit(0)\n{RIGHT}", "ex10_made.py": RIGHT_MADE}, 0, 12),
    "li": ({"ex01_linear.py": RIGHT.replace("\n", "\r\n"), "ex10_made.py": RIGHT_MADE}, 13, 12),
}


def hand_in(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, newline="")


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return {row["Student"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The folder of a class that was graded once by the command line, and its table."""
    place = tmp_path_factory.mktemp("class")
    for name, (files, *_) in CLASS.items():
        hand_in(place / "class" / name, files)
    command = [
        "coursework",
        "grade",
        "--all",
        str(place / "class"),
        "--jobs",
        "2",
        "--csv",
        str(place / "marks.csv"),
        "--seed",
        "3",
        "--seconds",
        "2",
    ]
    assert main([*command, "--exercises", *BOTH]) == 0
    return place


def test_marks_are_exactly_those_deserved(graded):
    table = rows(graded / "marks.csv")
    assert {name: (row["ex01_linear"], row["ex10_made"]) for name, row in table.items()} == {n: (f"{a}", f"{b}") for n, (_, a, b) in CLASS.items()}
    assert all(row["total"] == f"{CLASS[name][1] + CLASS[name][2]}" and row["max"] == "25" and not row["note"] for name, row in table.items())
    part = (graded / "class-results" / "statistics.txt").read_text().split("1.5  ex01_linear: db: ")[1].split("\n\n")[0]
    assert part.startswith("5 of 12 passed\n     2  ex01_linear.py is missing\n")
    assert "     1  Certain: db is zero everywhere. Is it computed, and returned?" in part


def test_the_same_class_is_not_graded_again_but_what_changed_is(graded, tmp_path):
    shutil.copytree(graded / "class", tmp_path / "class")
    shutil.copytree(graded / "class-results", tmp_path / "out")
    hand_in(tmp_path / "class" / "bob", {"ex01_linear.py": RIGHT})
    shutil.rmtree(tmp_path / "out" / "cleo")
    (tmp_path / "out" / "finn" / "fingerprint.txt").unlink()  # as if grading had been stopped there
    marks = grade_all(tmp_path / "class", tmp_path / "out", exercises=BOTH, seconds=2.0)
    assert {mark.name for mark in marks if not mark.resumed} == {"bob", "cleo", "finn"}
    before, after = rows(graded / "marks.csv"), rows(tmp_path / "out" / "marks.csv")
    assert after.pop("bob")["ex01_linear"] == "13" and before.pop("bob") and before == after


def test_a_seed_decides_the_results_to_the_last_message(tmp_path):
    hand_in(tmp_path / "class" / "eve", CLASS["eve"][0])
    hand_in(tmp_path / "class" / "mia", CLASS["eve"][0])
    once, again, other = (grade_all(tmp_path / "class", tmp_path / str(i), exercises=["linear"], seed=seed) for i, seed in enumerate((5, 5, 6)))
    assert [mark.results["tests"] for mark in once] == [mark.results["tests"] for mark in again]
    assert [mark.results["tests"] for mark in once] != [mark.results["tests"] for mark in other]
    assert once[0].results["extra_data"]["seed"] != once[1].results["extra_data"]["seed"]


def test_a_grader_that_breaks_has_no_marks_and_does_not_stop_the_class(tmp_path, monkeypatch):
    """The grader itself is killed when it comes to bob; a row without marks is no zero."""
    for name in ("ada", "bob", "cleo"):
        hand_in(tmp_path / "class" / name, CLASS[name][0])
    kill = "import os, sys\nsys.addaudithook(lambda event, args: event == 'open' and '/bob/' in str(args[0]) and os.kill(os.getpid(), 9))\n"
    monkeypatch.setattr(bulk, "GRADER", kill + bulk.GRADER)
    grade_all(tmp_path / "class", tmp_path / "out", exercises=["linear"])
    table = rows(tmp_path / "out" / "marks.csv")
    assert [table[name]["total"] for name in ("ada", "bob", "cleo")] == ["13", "", "13"]
    assert table["bob"]["note"] == "not graded: the grader ended with status -9"
    assert (tmp_path / "out" / "statistics.txt").read_text().startswith("2 graded, 1 not")


def test_what_the_grader_could_not_do_is_no_zero_and_is_tried_again(tmp_path, monkeypatch):
    hand_in(tmp_path / "class" / "ada", CLASS["ada"][0])
    full = "import sys; sys.path.insert(0, sys.argv[1]); from scratchgen.coursework import grader\n"
    full += "def full(*_): raise OSError(28, 'No space left on device')\ngrader.violations = full\n"
    with monkeypatch.context() as patch:
        patch.setattr(bulk, "GRADER", full + bulk.GRADER)
        grade_all(tmp_path / "class", tmp_path / "out", exercises=["linear"])
    row = rows(tmp_path / "out" / "marks.csv")["ada"]
    assert row["total"] == "" and "not graded: the grader failed: OSError: No space left on device" in row["note"]
    grade_all(tmp_path / "class", tmp_path / "out", exercises=["linear"])
    assert rows(tmp_path / "out" / "marks.csv")["ada"]["total"] == "13"


def test_pseudonyms_are_stable_and_take_names_out_of_the_output(tmp_path):
    hand_in(tmp_path / "class", {"doejane_17_901_ex01_linear.py": RIGHT, "roe_LATE_18_902_ex01_linear-1.py": RIGHT})
    key, out = tmp_path / "key.csv", tmp_path / "out"
    first = grade_all(tmp_path / "class", out, exercises=["linear"], pseudonyms=key)
    hand_in(tmp_path / "class", {"poe_19_903_ex01_linear.py": LINEAR.text()})
    second = grade_all(tmp_path / "class", out, exercises=["linear"], pseudonyms=key)
    assert {mark.name for mark in first} < {mark.name for mark in second} and sum(mark.resumed for mark in second) == 2
    with open(key, newline="") as file:
        assert {row["student"]: row["pseudonym"] for row in csv.DictReader(file)}.keys() == {"doejane_17", "roe_18", "poe_19"}
    written = [str(path.relative_to(out)) + path.read_text() for path in out.rglob("*") if path.is_file()]
    assert not any(name in text for text in written for name in ("doejane", "roe_", "poe_"))
    assert all(row["ID"] == "" for row in rows(out / "marks.csv").values())
    seeds = {mark.name: mark.results["extra_data"]["seed"] for mark in second}
    seed = int((out / "seed.txt").read_text())
    assert seeds == {name: seed_of(seed, name) for name in seeds}  # from a name, whoever tries all of the class would find it


def test_what_cannot_be_opened_is_told_without_its_path(tmp_path, monkeypatch):
    """A student's name stands in the path. Permissions do not stop root, so opening fails here as it would for others."""
    hand_in(tmp_path / "class", {"doejane_17_901_ex01_linear.py": RIGHT, "roe/ex01_linear.py": RIGHT})
    lines = [
        "import pathlib", "read = pathlib.Path.read_text", "def refuse(self, *args, **options):", "    if '/roe/' not in str(self):",
        "        return read(self, *args, **options)", "    raise PermissionError(13, 'Permission denied', str(self))",
        "pathlib.Path.read_text = refuse\n",
    ]  # fmt: skip
    monkeypatch.setattr(bulk, "GRADER", "\n".join(lines) + bulk.GRADER)

    def copyfile(source, target):
        raise PermissionError(13, "Permission denied", str(source))

    monkeypatch.setattr(bulk.shutil, "copyfile", copyfile)
    marks = grade_all(tmp_path / "class", tmp_path / "out", exercises=["linear"], pseudonyms=tmp_path / "key.csv")
    assert [mark.note for mark in marks if mark.results is None] == ["not graded: Permission denied"]
    told = {test["output"] for mark in marks if mark.results for test in mark.results["tests"]}
    assert told == {"ex01_linear.py cannot be read: Permission denied"}


def test_files_as_canvas_exports_them(tmp_path):
    hand_in(
        tmp_path, {"doejane_17_901_ex01_linear.py": "", "doejane_17_902_ex10_made.py": "", "roe_LATE_18_903_ex01_linear-1.py": "", "README.md": ""}
    )
    found = {each.name: (each.canvas_id, sorted(each.files)) for each in bulk.submissions(tmp_path, tmp_path / "out")}
    assert found == {"doejane_17": ("17", ["ex01_linear.py", "ex10_made.py"]), "roe_18": ("18", ["ex01_linear-1.py"])}


def test_names_are_composed_and_are_text(tmp_path):
    submissions = lambda: [each.name for each in bulk.submissions(tmp_path, tmp_path / "out")]
    (tmp_path / "Rene\u0301").mkdir()  # as macOS writes it
    assert submissions() == ["Ren\u00e9"]
    (tmp_path / "Ren\u00e9").mkdir()
    with pytest.raises(ValueError, match="has 'René' twice"):
        submissions()
    (tmp_path / "Ren\u00e9").rename(tmp_path / os.fsdecode(b"Zo\xeb"))
    with pytest.raises(ValueError, match="'Zo.udceb', a name that is not in UTF-8"):
        submissions()


@pytest.mark.parametrize(
    "extra, sentence",
    [
        (["--jobs", "2"], "--jobs is for a class"),
        (["--all", "--jobs", "0"], "jobs is 0"),
        (["--all"], "no submissions"),
        (["--all", "--free-days", "2"], "add --late FILE"),
        (["--late-percent", "10"], "add --late FILE"),
        (["--all", "--csv", "nowhere/marks.csv"], "nowhere is no folder"),
        (["--seed", "-1"], "seed is -1"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, capsys, extra, sentence):
    assert main(["coursework", "grade", str(tmp_path), *extra]) == 2
    assert sentence in capsys.readouterr().err


def test_files_that_are_not_what_they_should_be(tmp_path):
    (tmp_path / "class" / "ada").mkdir(parents=True)
    (tmp_path / "key.csv").write_text("name,other\nada,x\n")
    with pytest.raises(ValueError, match="no table of the columns student and pseudonym"):
        grade_all(tmp_path / "class", tmp_path / "out", exercises=["linear"], pseudonyms=tmp_path / "key.csv")
    (tmp_path / "out" / "seed.txt").write_text("seven")
    with pytest.raises(ValueError, match="holds 'seven', and no seed"):
        grade_all(tmp_path / "class", tmp_path / "out", exercises=["linear"])


def test_late_days_stand_in_the_table(tmp_path):
    for name in ("ada", "bob", "cleo"):
        hand_in(tmp_path / "class" / name, CLASS["ada"][0])
    (tmp_path / "late.csv").write_text("student,days\nada,1\nbob,3\n")
    options = {"exercises": ["linear"], "free_days": 1, "late_percent": 25}
    grade_all(tmp_path / "class", tmp_path / "out", late=tmp_path / "late.csv", **options)
    table = rows(tmp_path / "out" / "marks.csv")
    found = {name: (row["days late"], row["deducted"], row["total"], row["ex01_linear"]) for name, row in table.items()}
    assert found == {"ada": ("1", "0", "13", "13"), "bob": ("3", "6.5", "6.5", "13"), "cleo": ("0", "0", "13", "13")}
    assert "It came 3 days late" in (tmp_path / "out" / "bob" / "report.txt").read_text()
    for text, sentence in (("student,days\nbo,1\n", "no submission called 'bo'"), ("student,days\nbob,1.5\n", "whole numbers"), ("a\n", "no table")):
        (tmp_path / "late.csv").write_text(text)
        with pytest.raises(ValueError, match=sentence):
            grade_all(tmp_path / "class", tmp_path / "out", late=tmp_path / "late.csv", **options)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_class_whose_grading_was_stopped_leaves_no_folder_and_goes_on(tmp_path, number):
    for name in ("ada", "bob", "cleo", "dan"):
        hand_in(tmp_path / "class" / name, CLASS["ada"][0])
    (scratch := tmp_path / "scratch").mkdir()
    command = [
        sys.executable,
        "-m",
        "scratchgen",
        "coursework",
        "grade",
        "--all",
        tmp_path / "class",
        "--out",
        tmp_path / "out",
        "--exercises",
        "linear",
    ]
    heard = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs do not hear Ctrl-C
    environment = {**os.environ, "PYTHONPATH": str(Path(scratchgen.__file__).parents[1]), "TMPDIR": str(scratch)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, preexec_fn=heard)
    assert process.stdout.readline() == "ada: 13\n"
    process.send_signal(number)
    process.communicate(timeout=60)
    end = time.monotonic() + 60
    while any(scratch.iterdir()):  # the grader ends when it notices that nobody asks any more
        assert time.monotonic() < end
        time.sleep(0.05)
    marks = grade_all(tmp_path / "class", tmp_path / "out", exercises=["linear"])
    assert marks[0].resumed and all(mark.results["score"] == 13 for mark in marks)
