"""What the tests in a student's folder need of pytest: `exercise`, `rng`, and failures in a few plain sentences.

The folder's conftest.py imports everything here; see new.py.
"""

import contextlib
import json
import signal
import types
import zlib

import numpy as np
import pytest

from scratchgen.coursework.exercises import EXERCISES
from scratchgen.coursework.finding import candidates
from scratchgen.coursework.loading import run_file
from scratchgen.coursework.rules import violations
from scratchgen.coursework.testing import Student, in_words
from scratchgen.ops import use_backend

SECONDS = 10.0  # for a test, as when work is graded

__all__ = ["exercise", "pytest_runtest_makereport", "rng"]


@pytest.fixture
def exercise(request):
    """The student's work that this test file is about: test_ex01_linear.py tests ex01_linear.py, beside it."""
    path = request.path.with_name(request.path.name.removeprefix("test_"))
    if not path.is_file():
        similar = [str(each.relative_to(path.parent)) for each in candidates(path.parent, path.stem) if each.suffix.lower() == ".py"]
        there = f"; there is {', '.join(similar)}: give it that name, or move it" if similar else ""
        pytest.fail(f"{path.name} is missing: it should lie beside {request.path.name}{there}", pytrace=False)
    about = next((e for e in EXERCISES if e.module == path.stem), None)
    if about is None:
        pytest.fail(f"{path.name} is no exercise of the installed version of scratchgen", pytrace=False)
    text = path.read_text(encoding="utf-8-sig")
    against = violations(text, about)
    if against:
        pytest.fail(f"{path.name}: " + "; ".join(against), pytrace=False)
    module = types.ModuleType(path.stem)
    module.__file__ = str(path)
    with use_backend("numpy"):  # no compiling: a test takes milliseconds
        with time_limit(SECONDS):
            run_file(text, str(path), module.__dict__)
            yield Student(module)


@contextlib.contextmanager
def time_limit(seconds):
    """Within the block, code that takes longer is ended by an AssertionError, where the system has the signal for it (Windows has none)."""

    def end(number, frame):
        raise AssertionError(f"stopped: no answer within {seconds:g} seconds. Is there a loop that does not end?")

    if not hasattr(signal, "setitimer"):
        yield
        return
    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)  # again each second, should the code catch the error
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def rng(request):
    """The random inputs: the same at every run, of the folder's seed, different for every test."""
    seed = json.loads(request.path.with_name("coursework.json").read_text(encoding="utf-8"))["seed"]
    return np.random.default_rng([seed, zlib.crc32(request.node.nodeid.split("::", 1)[-1].encode())])


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows what is wrong with the answer, or where in the student's file something was raised; not how the test works."""
    outcome = yield
    if call.excinfo is None or "exercise" not in item.fixturenames:
        return
    error, report = call.excinfo.value, outcome.get_result()
    if not report.failed or not isinstance(error, Exception):
        return
    file = item.path.name.removeprefix("test_")
    lines = [entry.lineno + 1 for entry in call.excinfo.traceback if entry.path.name == file]
    title = (item.function.__doc__ or item.name).strip().rstrip(".")
    message = in_words(error, f"{file}, line {lines[-1]}" if lines else None)
    report.longrepr = f"{title}: {message}" if "\n" not in message else f"{title}:\n{message}"
