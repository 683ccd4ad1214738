"""Students' processes are forked from one: each starts from the same clean state, is the grader's own child, and nothing is left at the end."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import scratchgen
from scratchgen.coursework import grade, nursery
from scratchgen.coursework.exercises import BY_NAME
from scratchgen.coursework.nursery import Nursery
from scratchgen.coursework.remote import Gone, Sandbox, Untrusted

LINEAR = BY_NAME["linear"]
pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a POSIX system")
SPOILS = """
import sys, numpy as np
from scratchgen.ops import dispatch
np.sum = sys.stdin = dispatch.note = None
def f():
    return 1.0
"""
LOOKS = """
import os, sys, numpy as np
from scratchgen.ops import dispatch
def f():
    return [np.sum is not None, sys.stdin is not None, not hasattr(dispatch, "note"), os.getppid(), os.getpid()]
"""
EXITS = """
import os
def f():
    os._exit(3)
"""


@pytest.fixture
def kept():
    """A nursery to be used by several students."""
    with Nursery(LINEAR) as kept:
        yield kept


ATTACKS = """
import ctypes, os
def f(nursery):
    libc, done = ctypes.CDLL(None, use_errno=True), []
    for name, action in {
        "kill": lambda: os.kill(nursery, 0),
        "trace": lambda: libc.ptrace(16, nursery, 0, 0) and os.kill(-(2**30), 0),
        "read memory": lambda: os.open(f"/proc/{nursery}/mem", os.O_RDONLY),
        "read its files": lambda: os.listdir(f"/proc/{nursery}/fd"),
    }.items():
        try:
            action()
            done.append(name)
        except OSError:
            pass
    return done
"""


def answer(source, kept):
    """What f() of a student's file returns, and the process it ran in."""
    with Sandbox(LINEAR, source, seconds=10, memory=2**30, nursery=kept) as box:
        student = box.start()
        student.deadline, process = time.monotonic() + 10, box.process
        return student.f(), process


@pytest.mark.skipif(not nursery.FORKS, reason="here each process has a nursery of its own")
def test_what_one_student_spoils_the_next_does_not_see(kept):
    assert answer(SPOILS, kept)[0] == 1.0
    first = kept.process.pid
    (*clean, parent, number), process = answer(LOOKS, kept)
    assert clean == [True, True, True] and kept.process.pid == first
    assert (parent, number) == (os.getpid(), process.pid)


@pytest.mark.skipif(not nursery.FORKS, reason="here each process has a nursery of its own")
@pytest.mark.parametrize("skip", [("audit hook",), ("audit hook", "seccomp"), ("audit hook", "seccomp", "empty root"), ("audit hook", "own user")])
def test_a_student_cannot_reach_the_nursery(kept, skip):
    """Whose next processes are other students': by the kernel's locks alone, each set of those that are enough."""
    with Sandbox(LINEAR, ATTACKS, seconds=10, memory=2**30, nursery=kept, skip=skip) as box:
        try:
            student = box.start()
        except Untrusted:
            pytest.skip("without these the code is not run here")
        student.deadline = time.monotonic() + 10
        assert student.f(kept.process.pid) == [] and kept.process.poll() is None


def test_processes_end_with_their_student_and_leave_no_pipe(kept):
    answer(LOOKS, kept)
    opened = len(os.listdir("/dev/fd"))
    with pytest.raises(Gone, match="exit status 3"):
        answer(EXITS, kept)
    _, process = answer(LOOKS, kept)
    assert process.returncode == -9 and not Path(f"/proc/{process.pid}").exists()
    assert len(os.listdir("/dev/fd")) == opened and {path.name for path in kept.folder.iterdir()} == {"library", "errors.txt"}


@pytest.mark.skipif(not nursery.FORKS, reason="here each process has a nursery of its own")
def test_a_nursery_that_died_is_replaced(kept):
    answer(LOOKS, kept)
    kept.process.kill()
    kept.process.wait()
    assert answer(LOOKS, kept)[0][:3] == [True, True, True]


def test_where_nothing_can_be_forked_each_process_is_started(monkeypatch, tmp_path, kept):
    monkeypatch.setattr(nursery, "FORKS", False)
    (tmp_path / "ex01_linear.py").write_text(LINEAR.text("solution"))
    assert grade(tmp_path, exercises=["linear"], without_locks=sys.platform != "linux")["score"] == LINEAR.points
    assert answer(SPOILS, kept)[0] == 1.0 and kept.process is None
    assert answer(LOOKS, kept)[0][:3] == [True, True, True]


def test_a_library_that_does_not_load_is_told(kept):
    (kept.library / "scratchgen" / "errors.py").write_text("raise ImportError('no such thing')")
    with pytest.raises(RuntimeError, match=r"(?s)cannot start its locked process: .*ImportError: no such thing$"):
        kept.start()
    assert {path.name for path in kept.folder.iterdir()} == {"library", "errors.txt"}


def test_a_nursery_ends_with_the_grader(tmp_path):
    """Even after SIGKILL."""
    code = "import time\nfrom scratchgen.coursework.exercises import BY_NAME\nfrom scratchgen.coursework.nursery import Nursery\n"
    code += "with Nursery(BY_NAME['linear']) as nursery:\n    nursery.start()\n    print(nursery.process.pid, flush=True)\n    time.sleep(100)"
    environment = {**os.environ, "PYTHONPATH": str(Path(scratchgen.__file__).parents[1]), "TMPDIR": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
    pid, end = int(process.stdout.readline()), time.monotonic() + 20
    process.kill()
    process.communicate()
    while alive(pid):
        assert time.monotonic() < end
        time.sleep(0.02)


def alive(pid):
    """Whether there is such a process, and it has not ended."""
    states = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout
    return states.strip() not in ("", "Z", "Zs")
