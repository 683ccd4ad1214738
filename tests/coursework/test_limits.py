"""Grading ends within its time, leaves nothing behind, and always writes its results, whatever a student's code does, or the grader itself."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import scratchgen
from scratchgen.coursework import grade, grader
from scratchgen.coursework.exercises import BY_NAME
from scratchgen.coursework.remote import Gone, Sandbox

LINEAR = BY_NAME["linear"]
PATH = {"PYTHONPATH": str(Path(scratchgen.__file__).parents[1])}
ALL = ("resource limits", "own network", "empty root", "own user", "Landlock", "seccomp", "audit hook")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a POSIX system")


def submission(folder, at_import):
    """Write a file that does something when it is loaded, and is right otherwise."""
    folder.mkdir(exist_ok=True)
    (folder / "ex01_linear.py").write_text(f"{at_import}\n{LINEAR.text('solution')}")
    return folder


def test_a_process_that_reads_no_more_requests_is_stopped():
    """It answers one request by hand, before it is sent, and sleeps: the next request, larger than a pipe holds, is never read."""
    source = """
import sys, time
def sleep():
    wire, fd = sys.modules["scratchgen.coursework.wire"], int(sys.argv[2])
    wire.send(fd, {"value": None, "args": []})
    time.sleep(1000)
def f(x):
    pass
"""
    with Sandbox(LINEAR, source, seconds=20, memory=2**30) as box:
        student = box.start()
        student.deadline = time.monotonic() + 20
        assert student.sleep() is None
        student.deadline = time.monotonic() + 0.3
        with pytest.raises(Gone, match="no answer within"):
            student.f(np.zeros(10**6))
        assert box.process is None


def test_the_parts_of_an_exercise_have_a_time_limit_together(tmp_path, monkeypatch):
    """Parts that are passed just in time, one by one, would take minutes."""
    monkeypatch.setattr(grader, "run", lambda *args: (time.sleep(0.4), (True, "", False))[1])
    submission(tmp_path, "")
    messages = [test["output"] for test in grade(tmp_path, exercises=["linear"], seconds=0.5)["tests"]]
    assert messages[0] == "" and messages[-1] == "not run: your code has taken 1.5 seconds for other parts"


def test_the_time_that_a_file_takes_to_load_counts(tmp_path, monkeypatch):
    """It is loaded three times, for the first two parts end its process: that leaves time for two or three parts of 0.4 seconds."""
    monkeypatch.setattr(grader, "violations", lambda source, exercise: [])
    parts = iter(range(100))
    monkeypatch.setattr(grader, "run", lambda *args: (False, "lost", True) if next(parts) < 2 else (time.sleep(0.4), (True, "", False))[1])
    messages = [test["output"] for test in grade(submission(tmp_path, "import time\ntime.sleep(0.7)"), exercises=["linear"], seconds=1.0)["tests"]]
    assert messages[:3] == ["lost", "lost", ""] and set(messages[5:]) == {"not run: your code has taken 3 seconds for other parts"}


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_grader_that_is_ended_leaves_no_process_and_no_folder(tmp_path, number):
    """What can be tidied up is: after SIGKILL only the process, which ends with the grader."""
    folder, scratch = submission(tmp_path / "submission", "while True: pass"), tmp_path / "scratch"
    scratch.mkdir()
    code = f"from scratchgen.coursework import grade; grade({str(folder)!r}, exercises=['linear'], seconds=100)"
    heard = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs do not hear Ctrl-C
    environment = {**os.environ, **PATH, "TMPDIR": str(scratch)}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.DEVNULL, preexec_fn=heard)
    try:
        children = wait_for(lambda: locked(process.pid))
        process.send_signal(number)
        assert process.wait(30) != 0
    finally:
        process.kill()
    wait_for(lambda: not any(os.path.exists(f"/proc/{child}") for child in children))
    assert number == signal.SIGKILL or not any(scratch.iterdir())


def locked(parent):
    """The processes of a parent that are locked already, as their numbers."""
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True).stdout.split()
    return [child for child in children if "NoNewPrivs:\t1" in Path(f"/proc/{child}/status").read_text()]


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return result


def test_folders_in_folders_do_not_end_grading(tmp_path, monkeypatch):
    """More of them than Python calls itself, made where no lock holds: with the locks none can be made."""
    monkeypatch.setattr(grader, "violations", lambda source, exercise: [])
    code = "import os, sys\nos.chdir(sys.path[0])\nfor _ in range(1200):\n    os.mkdir('d'); os.chdir('d')"
    folder = submission(tmp_path / "submission", code)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    assert grade(folder, exercises=["linear"], out=tmp_path)["score"] == 0
    assert not any(scratch.iterdir())
    monkeypatch.setattr(grader, "Sandbox", lambda *args, **kwargs: Sandbox(*args, **kwargs, skip=ALL))
    assert grade(folder, exercises=["linear"], out=tmp_path, without_locks=True)["score"] == LINEAR.points
    subprocess.run(["rm", "-rf", str(scratch)], check=True)


def test_what_goes_wrong_in_the_grader_is_told_in_the_results(tmp_path, monkeypatch):
    """An exercise that cannot be graded costs no other its points, nor a test the rest."""

    def stumble(source, exercise):
        if exercise is LINEAR:
            raise SystemError("error return without exception set")
        return []

    monkeypatch.setattr(grader, "violations", stumble)
    for name in ("linear", "adam"):
        (tmp_path / f"{BY_NAME[name].module}.py").write_text(BY_NAME[name].text("solution"))
    results = grade(tmp_path, exercises=["linear", "adam"], out=tmp_path)
    assert results == json.loads((tmp_path / "results.json").read_text()) and results["score"] == BY_NAME["adam"].points
    assert "the grader failed here, which is not your fault: SystemError" in results["tests"][0]["output"]


@pytest.mark.parametrize("start", [["-m", "scratchgen"], ["-c", "import sys; sys.path.remove(''); from scratchgen.cli import main; main()"]])
def test_modules_in_a_submission_are_not_the_graders(tmp_path, start):
    for name in ("numpy", "json", "numba", "argparse", "matplotlib", "scratchgen_numpy"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'w').close()")
    command = [sys.executable, *start, "coursework", "grade", ".", "--exercises", "linear"]
    run = subprocess.run(command, cwd=tmp_path, env={**os.environ, **PATH}, capture_output=True, text=True, timeout=120)
    assert "total: 0 of" in run.stdout and not (tmp_path / "executed").exists(), run.stderr
