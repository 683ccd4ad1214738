"""From `coursework new` to full points, following only what is written there; notebooks; what staff get; the command line."""

import argparse
import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import scratchgen
from scratchgen import coursework
from scratchgen.cli import coursework as cli
from scratchgen.coursework.exercises import BY_NAME, EXERCISES
from scratchgen.coursework.notebook import code_of as read_code
from scratchgen.coursework.notebook import notebook
from scratchgen.coursework.rules import violations
from scratchgen.coursework.source import Cut


def pytest_in(folder, *arguments):
    """Run pytest as a student would, at a terminal -> exit status, what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(Path(scratchgen.__file__).parents[1])}
    for name in ("CI", "BUILD_NUMBER"):  # where these are set, pytest repeats the whole message in its summary
        environment.pop(name, None)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    return run.returncode, run.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return coursework.new(tmp_path_factory.mktemp("student") / "exercises", seed=12, notebooks=True)


def test_what_is_written(folder):
    names = {path.name for path in folder.iterdir()}
    for exercise in EXERCISES:
        assert {f"{exercise.module}.py", f"test_{exercise.module}.py", f"{exercise.module}.ipynb"} <= names
    assert json.loads((folder / "coursework.json").read_text())["seed"] == 12
    assert all(f"`{e.module}.py`" in (folder / "README.md").read_text() for e in EXERCISES)


def test_every_visible_test_of_an_untouched_folder_says_not_implemented(folder):
    status, output = pytest_in(folder, "-rN")
    visible = sum(not test.hidden for e in EXERCISES for test in e.tests)
    assert status == 1 and f"{visible} failed" in output and " error" not in output
    assert len(re.findall("not implemented: ", output)) == visible and "Traceback" not in output


def test_the_first_exercise_from_first_try_to_full_points(tmp_path):
    """A wrong sign is named in plain words, without the test's own code; with it put right, all is well, and the points are there."""
    folder = coursework.new(tmp_path / "mine", seed=1, exercises=["linear"])
    assert "scratchgen coursework grade . --exercises linear\n" in (folder / "README.md").read_text()
    file = folder / "ex01_linear.py"
    text = file.read_text().replace('raise NotImplementedError("not implemented: linear")', "return x @ W if b is None else x @ W + b")
    body = 'if wrt != "input":\n            self.grads["W"] += x.T @ dy\n'
    body += '            if "b" in self.grads:\n                self.grads["b"] += dy.sum(axis=0)\n'
    body += '        if wrt != "params":\n            return -dy @ self.params["W"].T'
    file.write_text(text.replace('raise NotImplementedError("not implemented: Linear.backward")', body))
    status, output = pytest_in(folder, "test_ex01_linear.py")
    assert status == 1 and "1 failed" in output and "wrong sign" in output and "def test_dx" not in output
    file.write_text(file.read_text().replace("return -dy", "return dy"))
    status, output = pytest_in(folder, "test_ex01_linear.py")
    assert status == 0 and "7 passed" in output
    assert coursework.grade(folder, exercises=["linear"])["score"] == BY_NAME["linear"].points


def test_an_error_in_a_students_file_is_told_with_its_line(tmp_path):
    folder = coursework.new(tmp_path / "mine", exercises=["adam"])
    file = folder / "ex11_adam.py"
    file.write_text(file.read_text().replace("    raise NotImplementedError", "    undefined; raise NotImplementedError"))
    line = 1 + file.read_text()[: file.read_text().index("undefined")].count("\n")
    _, output = pytest_in(folder, "-k", "first_moment")
    assert f"ex11_adam.py, line {line}, raises NameError" in output and "testing.py" not in output
    file.write_text("from scratchgen.optim.adam import adam_step\n")
    assert "write your own" in pytest_in(folder, "-k", "first_moment")[1]


def test_a_system_without_the_modules_of_posix_can_write_and_check_exercises(tmp_path):
    code = f"""
import sys
sys.modules.update(dict.fromkeys(("fcntl", "grp", "pwd", "resource", "termios")))
from scratchgen import coursework
coursework.new({str(tmp_path / "mine")!r}, exercises=["adam"])
import scratchgen.cli.coursework, scratchgen.coursework.fixtures
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(scratchgen.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=120)
    assert (tmp_path / "mine" / "ex11_adam.py").exists()


@pytest.mark.slow
def test_seeds_give_other_inputs(tmp_path):
    outputs = []
    for name, seed in [("a", 1), ("b", 1), ("c", 2)]:
        folder = coursework.new(tmp_path / name, seed=seed, exercises=["reparameterize"])
        file = folder / "ex06_reparameterize.py"
        file.write_text(file.read_text().replace('raise NotImplementedError("not implemented: gaussian_kl")', "return 0.0, mu, logvar"))
        outputs.append(re.findall("right is .*", pytest_in(folder, "-k", "test_kl")[1]))
    assert outputs[0] == outputs[1] != outputs[2] and outputs[0]


def test_a_folder_in_use_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    for write in (coursework.new, coursework.staff):
        with pytest.raises(FileExistsError, match="needs a new or an empty one"):
            write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(ValueError, match="seed is -1"):
        coursework.new(tmp_path / "new", seed=-1)
    with pytest.raises(ValueError, match="did you mean 'vae'"):
        coursework.new(tmp_path / "new", exercises=["vea"])


@pytest.mark.parametrize("write", [coursework.new, coursework.staff])
def test_a_text_that_cannot_be_made_leaves_no_file(tmp_path, monkeypatch, write):
    """The lesson of the second exercise names a passage that its source has lost."""
    cut = dataclasses.replace(BY_NAME["adam"], cuts=(Cut("scratchgen.optim.adam", keep=["adam_step"], blanks=["adam_step"], hide=[("lost", None)]),))
    monkeypatch.setattr("scratchgen.coursework.exercises.EXERCISES", [BY_NAME["linear"], cut])
    with pytest.raises(ValueError, match="has no passage from 'lost'"):
        write(tmp_path)
    assert not any(tmp_path.iterdir())


# Notebooks


def cells_of(text):
    return json.loads(text)["cells"]


def code_of(cells):
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
def test_notebooks_have_the_form_of_nbformat_and_nbgrader(exercise):
    for filling in ("blank", "marked"):
        content = json.loads(notebook(exercise, filling))
        assert (content["nbformat"], content["nbformat_minor"]) == (4, 5) and content["metadata"]["kernelspec"]["name"] == "python3"
        ids = [cell["id"] for cell in content["cells"]]
        assert len(set(ids)) == len(ids) and all(re.fullmatch("[a-zA-Z0-9-_]{1,64}", i) for i in ids)
        marks = [cell["metadata"]["nbgrader"] for cell in content["cells"]]
        assert len({mark["grade_id"] for mark in marks}) == len(marks)
        assert sum(mark.get("points", 0) for mark in marks) == exercise.points
        assert all(mark["schema_version"] == 3 and not (mark["solution"] and mark["locked"]) for mark in marks)
        for cell in content["cells"]:
            wanted = {"cell_type", "id", "metadata", "source"} | ({"execution_count", "outputs"} if cell["cell_type"] == "code" else set())
            assert set(cell) == wanted
        text = "".join(code_of(content["cells"]))
        n_tests = sum(test.hidden for test in exercise.tests)
        assert text.count("### BEGIN SOLUTION") == text.count("### END SOLUTION") == (len(exercise.blanks) if filling == "marked" else 0)
        assert text.count("### BEGIN HIDDEN TESTS") == text.count("### END HIDDEN TESTS") == (n_tests if filling == "marked" else 0)
        assert text.count("raise NotImplementedError") == (len(exercise.blanks) if filling == "blank" else 0)


@pytest.mark.parametrize("name", ["linear", "vae", "gan_losses"])
def test_marked_notebooks_run_and_blank_ones_say_not_implemented(name, capsys):
    namespace = {"__name__": "__main__"}
    for code in code_of(cells_of(notebook(BY_NAME[name], "marked"))):
        exec(code, namespace)
    assert capsys.readouterr().out.count("passed: ") == len(BY_NAME[name].tests)
    namespace, failed = {"__name__": "__main__"}, 0
    for code in code_of(cells_of(notebook(BY_NAME[name], "blank"))):
        try:
            exec(code, namespace)
        except NotImplementedError:
            failed += 1
    assert failed == sum(not test.hidden for test in BY_NAME[name].tests)


def test_a_notebooks_check_says_it_in_words_and_shows_no_lines_of_the_library():
    namespace = {"np": np, "linear": lambda x, W, b: x @ W.T, "Linear": None}
    with pytest.raises(AssertionError, match="a transpose is missing or on the wrong side") as error:
        coursework.check("linear", "test_forward_by_hand", namespace)
    assert error.value.__cause__ is None and error.value.__suppress_context__


def running(cells):
    """The names of a notebook in which these cells were run, with those that Jupyter adds."""
    namespace = {"__name__": "__main__", "In": [""]}
    for cell in cells:
        namespace["In"].append(cell)
        exec(cell, namespace)
    return namespace


LINEAR_CELLS = [code for code in code_of(cells_of(notebook(BY_NAME["linear"], "marked"))) if "check(" not in code]


@pytest.mark.parametrize(
    "cell, words",
    [
        ("import json", "a cell imports json; allowed are"),
        ("from scratchgen.layers import Linear", "a cell imports Linear from the library"),
        ("h = 1e-20j", "a cell has the complex number 1e-20j; a gradient is to be derived"),
        ("def linear(x, W, b=None):\n    return x @ eval('W')", "a cell uses eval, which no exercise needs"),
        ("def linear(x, W, b=None):\n    z = (-1) ** 0.5\n    return x @ W", "a complex number; no exercise needs one"),
    ],
)
def test_a_notebooks_check_knows_the_rules(cell, words, capsys):
    """Whoever learns of them from the grade has learned of them too late."""
    namespace = running([*LINEAR_CELLS, cell])
    with pytest.raises(AssertionError, match=re.escape(words)):
        coursework.check("linear", "test_forward_by_hand", namespace)
    if "def linear" in cell:  # the cell as it is when it was changed and run again
        namespace = running([*LINEAR_CELLS, cell, *LINEAR_CELLS])
        coursework.check("linear", "test_forward_by_hand", namespace)
        assert "passed" in capsys.readouterr().out


EXPLORED = [
    "import matplotlib.pyplot as plt",
    "from IPython.display import display",
    "fig, ax = plt.subplots(); x = np.ones((2, 3)); ax.plot(x)",
    "for k in range(3):\n    ax.plot(x[:, k])\n",
    "def show(y):\n    ax.plot(y)\n\nshow(x)",
    "def helper(check):\n    return check + x.sum()\n\nTABLE = helper(1)",
    "import math; import matplotlib as mpl",
    "# ünïcode\ns = 'ü'; plt.title('ü'); t = 'ü'",
    "%%bash\npip list | sort",
    "%%time\nu = 3",
    "for test in ('test_dx', 'test_dW'):\n    check('linear', test, globals())",
]


def test_what_only_shows_something_is_not_handed_in():
    """Plots between the cells cost no points, and what stands beside them stays."""
    cells = [{"cell_type": "code", "metadata": {}, "source": source} for source in [*LINEAR_CELLS, *EXPLORED]]
    code = read_code(json.dumps({"cells": cells}))
    assert violations(code, BY_NAME["linear"]) == []
    names = {}
    exec(code, names)
    assert (names["TABLE"], names["s"], names["t"], names["u"]) == (7, "ü", "ü", 3) and {"x", "math", "helper", "show", "Linear"} <= set(names)
    assert not {"plt", "fig", "ax", "mpl", "display", "check", "test", "k"} & set(names)


def test_a_notebooks_check_takes_what_was_patched(capsys):
    patch = "def backward(self, dy, x, wrt=None):\n    return -dy @ self.params['W'].T\n\nLinear.backward = backward"
    with pytest.raises(AssertionError, match="wrong sign"):
        coursework.check("linear", "test_dx", running([*LINEAR_CELLS, patch]))
    coursework.check("linear", "test_dx", running([*LINEAR_CELLS, patch.replace("-dy", "dy")]))
    blank = "def linear(x, W, b=None):\n    raise NotImplementedError"
    coursework.check("linear", "test_forward_by_hand", running([*LINEAR_CELLS, blank, "linear = lambda x, W, b=None: x @ W + b"]))
    namespace = running([*LINEAR_CELLS, blank, "def linear(x, W, b=None):\n    return x @ W + b"])
    namespace["In"][-1] = f"get_ipython().run_cell_magic('time', '', {namespace['In'][-1]!r})"
    coursework.check("linear", "test_forward_by_hand", namespace)
    assert capsys.readouterr().out.count("passed") == 3


# Staff


def test_staff_folder_and_autograder(tmp_path):
    """The autograder's script, run on a folder laid out like Gradescope's, writes results in its schema."""
    staff = coursework.staff(tmp_path / "staff", exercises=["linear", "adam"])
    text = (staff / "README.md").read_text()
    assert all(
        words in text for words in ("What isolation is given", "What is not given", "--seed", f"scratchgen {scratchgen.__version__}", "| minutes |")
    )
    assert len(list((staff / "autograder").glob(f"scratchgen_nets-{scratchgen.__version__}-*.whl"))) == 1
    root = tmp_path / "gradescope"
    for name in ("submission", "results", "source", "venv/bin"):
        (root / name).mkdir(parents=True)
    (root / "venv" / "bin" / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (root / "venv" / "bin" / "python").chmod(0o755)
    (root / "submission" / "ex01_linear.py").write_text((staff / "solutions" / "ex01_linear.py").read_text())
    environment = {**os.environ, "PYTHONPATH": str(Path(scratchgen.__file__).parents[1])}
    script = str(staff / "autograder" / "run_autograder")
    subprocess.run([script, str(root)], check=True, env=environment, capture_output=True, timeout=120)
    subprocess.run(["bash", "-n", str(staff / "autograder" / "setup.sh")], check=True)
    results = json.loads((root / "results" / "results.json").read_text())
    linear, adam = BY_NAME["linear"], BY_NAME["adam"]
    assert results["score"] == linear.points and len(results["tests"]) == len(linear.tests) + len(adam.tests)
    allowed = {"score", "max_score", "status", "name", "number", "output", "tags", "visibility"}
    for test in results["tests"]:
        assert set(test) == allowed and test["status"] in ("passed", "failed") and test["visibility"] == "visible"
        assert 0 <= test["score"] <= test["max_score"] and all(isinstance(tag, str) for tag in test["tags"])
    assert {t["output"] for t in results["tests"] if "adam" in t["tags"]} == {"ex11_adam.py is missing"}


def test_the_autograder_knows_when_hidden_tests_are_shown_and_what_a_late_day_costs(tmp_path):
    staff = coursework.staff(tmp_path / "staff", exercises=["adam"], hidden_tests="after_due_date", free_days=1, late_percent=10)
    root = tmp_path / "gradescope"
    (root / "submission").mkdir(parents=True)
    (root / "submission" / "ex11_adam.py").write_text((staff / "solutions" / "ex11_adam.py").read_text())
    metadata = {"created_at": "2026-07-02T23:00:00.5-07:00", "assignment": {"due_date": "2026-06-30T23:00:00.000000-07:00"}}
    (root / "submission_metadata.json").write_text(json.dumps(metadata))
    script = (staff / "autograder" / "run_autograder").read_text().split("<<'END'\n")[1].removesuffix("END\n")
    environment = {**os.environ, "PYTHONPATH": str(Path(scratchgen.__file__).parents[1])}
    output = subprocess.run(
        [sys.executable, "-", root], input=script, check=True, env=environment, capture_output=True, text=True, timeout=120
    ).stdout
    results, points = json.loads((root / "results" / "results.json").read_text()), BY_NAME["adam"].points
    assert results["score"] == round(0.8 * points, 2) and sum(test["score"] for test in results["tests"]) == points
    assert "It came 3 days late, of which 1 is free: 2.4 points are taken off." in output
    shown = {"hidden" in test["tags"]: test["visibility"] for test in results["tests"]}
    assert shown == {False: "visible", True: "after_due_date"}
    for policy, sentence in {"hidden_tests": "sometimes", "late_percent": 101, "free_days": -1}.items():
        with pytest.raises(ValueError, match="sometimes" if policy == "hidden_tests" else f"{sentence}"):
            coursework.staff(tmp_path / "other", exercises=["adam"], **{policy: sentence})
    assert not (tmp_path / "other").exists()


def test_another_version_is_told(tmp_path):
    folder = coursework.new(tmp_path / "old", exercises=["made"])
    (folder / "coursework.json").write_text('{"scratchgen": "0.0.1"}')
    assert "written by scratchgen 0.0.1" in coursework.grade(folder, exercises=["made"])["output"]
    (folder / "coursework.json").write_text("[" * 10_000)
    assert "written by" not in coursework.grade(folder, exercises=["made"])["output"]


# Command line


def test_commands(tmp_path, capsys):
    def scratchgen_coursework(*arguments):
        parser = argparse.ArgumentParser()
        cli.add_arguments(parser)
        cli.run(parser.parse_args([str(argument) for argument in arguments]))
        return capsys.readouterr().out

    assert "Begin with" in scratchgen_coursework("new", tmp_path / "a", "--seed", 3, "--exercises", "adam", "made")
    assert sorted(path.name for path in (tmp_path / "a").glob("ex*")) == ["ex10_made.py", "ex11_adam.py"]
    output = scratchgen_coursework("grade", tmp_path / "a", "--exercises", "adam", "--out", tmp_path / "out")
    assert "ex11_adam    0 of 12 points" in output and "not implemented: adam_step" in output and "total: 0 of 12 points" in output
    assert (tmp_path / "out" / "report.txt").read_text() in output
    assert "not for students" in scratchgen_coursework("staff", tmp_path / "b", "--exercises", "adam")


def test_check_names(capsys):
    with pytest.raises(ValueError, match="did you mean 'adam'"):
        coursework.check("adm", "test_step", {})
    with pytest.raises(ValueError, match="did you mean 'test_step'"):
        coursework.check("adam", "test_stp", {})
    with pytest.raises(AssertionError, match="no adam_step any more"):
        coursework.check("adam", "test_step", {"np": np})
