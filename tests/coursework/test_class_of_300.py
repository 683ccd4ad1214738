"""A generated class of 300, all exercises, with known marks: it grades to exactly those, in the time that two processors have in eight minutes.

A mark is known from the points of the parts, or, for a mistake of the bank, from running the tests here, without any lock, with other inputs.
"""

import csv
import os
import random
import resource
import shutil
import types

import numpy as np
import pytest
from test_bank import BANK
from test_by_hand import ANSWERS, filled

from scratchgen.cli import main
from scratchgen.coursework import EXERCISES, by_hand, new_class
from scratchgen.coursework.loading import run_file
from scratchgen.coursework.roster import read_table
from scratchgen.coursework.testing import Student
from scratchgen.ops import use_backend

pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a POSIX system")
KINDS = {"right": 45, "mistake": 35, "blank": 10, "missing": 5, "elsewhere": 3, "no Python": 1, "exits": 1}  # frequencies, in per cent


def passed(exercise, text, seed):
    """Which tests the text passes in this process."""
    module, result = types.ModuleType(exercise.module), []
    with use_backend("numpy"), np.errstate(all="ignore"):
        run_file(text, exercise.module + ".py", module.__dict__)
        for i, test in enumerate(exercise.tests):
            try:
                test.run(Student(module), np.random.default_rng([seed, i]))
                result.append(True)
            except Exception:
                result.append(False)
    return result


def mistakes(exercise, n=3):
    """[(text, points)]: n mistakes that pass the same tests whatever the inputs."""
    found, (lesson, end, code) = [], exercise.text("solution").partition('\n"""\n')
    for right, wrong, _ in BANK[exercise.name]:
        text = lesson + end + code.replace(right, wrong)
        parts = passed(exercise, text, 0)
        if all(passed(exercise, text, seed) == parts for seed in (1, 2)):
            found.append((text, sum(test.points for test, good in zip(exercise.tests, parts, strict=True) if good)))
        if len(found) == n:
            return found
    raise AssertionError(f"{exercise.name} has fewer than {n} such mistakes")


def hand_in(folder, exercise, wrong, draw):
    """Write one exercise of a student, or take it away -> the points it deserves."""
    path, kind = folder / f"{exercise.module}.py", draw.choices(list(KINDS), KINDS.values())[0]
    if kind == "blank":
        return 0
    path.unlink()
    if kind == "missing":
        return 0
    text, points = draw.choice(wrong) if kind == "mistake" else (exercise.text("solution"), exercise.points)
    if kind == "no Python":
        text, points = text.replace("def ", "def def ", 1) + "def", 0
    if kind == "exits":
        text, points = f"import os\nos._exit(0)\n{text}", 0
    if kind == "elsewhere":
        path = folder / "work" / f"{exercise.module} (1).py"
        path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return points


def generate(place, n, exercises):
    """A class of n in place/"class" -> {student: {module: points}}."""
    draw, wrong = random.Random(1), {exercise.name: mistakes(exercise) for exercise in exercises}
    (place / "names.csv").write_text("name\n" + "".join(f"student {i}\n" for i in range(n)))
    folder, marks = new_class(place / "names.csv", place / "class", seed=1, exercises=[exercise.name for exercise in exercises]), {}
    for _, row in read_table(folder / "class.csv")[1]:
        own, right = folder / row["student"], set(draw.sample(list(ANSWERS), draw.randint(0, len(ANSWERS))))
        sheet = filled(int(row["seed"]), lambda name, value, right=right: value if name in right else value + 1)
        (own / f"{by_hand.module}.py").write_text(sheet)
        marks[row["student"]] = {by_hand.module: len(right)} | {e.module: hand_in(own, e, wrong[e.name], draw) for e in exercises}
    shutil.move(folder / "class.csv", place / "class.csv")
    return marks


def graded(place, exercises):
    """{student: row of the table}, and the processor seconds it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = ["coursework", "grade", "--all", place / "class", "--jobs", "2", "--csv", place / "marks.csv", "--class", place / "class.csv"]
    assert main([str(word) for word in [*command, "--exercises", *(exercise.name for exercise in exercises)]]) == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(place / "marks.csv", newline="", encoding="utf-8") as file:
        return {row["Student"]: row for row in csv.DictReader(file)}, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize("n, exercises", [(12, EXERCISES[2:5]), pytest.param(300, EXERCISES, marks=pytest.mark.slow)], ids=["12", "300"])
def test_a_generated_class_grades_to_exactly_its_marks(tmp_path, n, exercises):
    marks = generate(tmp_path, n, exercises)
    table, seconds = graded(tmp_path, exercises)
    found = {student: {module: float(row[module]) for module in marks[student]} for student, row in table.items()}
    assert found == marks and all(float(row["total"]) == sum(marks[student].values()) and not row["note"] for student, row in table.items())
    print(f"{n} submissions: {seconds:.0f} seconds of processor time")
    if n == 300:
        assert seconds < 2 * 8 * 60
