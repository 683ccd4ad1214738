"""Grade a folder of exercises: partial credit, in Gradescope's format, and as text for people.

The tests run here, in the grader's process; the student's code runs in another, locked one, which gets inputs and gives outputs:

    grader                                        student's process
    draws inputs from a secret seed     --->      calls the student's function
    compares with the right answer      <---      sends back what it returned

So there is nothing to steal in the student's process, and nothing it could write there is a score. What is locked, and how, is in
sandbox.py; what the library looks like from inside, in library.py.
"""

import contextlib
import json
import os
import secrets
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import scratchgen
from scratchgen.coursework import by_hand, sandbox
from scratchgen.coursework.exercises import chosen
from scratchgen.coursework.finding import read, without_path, work_of
from scratchgen.coursework.remote import Gone, Sandbox, StudentError, Untrusted
from scratchgen.coursework.rules import violations
from scratchgen.errors import unknown_name
from scratchgen.ops import use_backend

GIVE_UP_AFTER = 3  # processes of one exercise that had to be ended, or so many times the time limit of a test
LONGEST_MESSAGE = 3000
VISIBILITY = ("visible", "after_due_date", "after_published", "hidden")  # Gradescope's words


@dataclass
class Outcome:
    """What one test said."""

    exercise: object
    test: object
    passed: bool
    message: str

    @property
    def score(self):
        """Points earned."""
        return self.test.points if self.passed else 0.0


def grade(
    folder,
    *,
    exercises=None,
    out=None,
    seconds=10.0,
    memory=2**30,
    seed=None,
    numbers=None,
    late=None,
    hidden_tests="visible",
    without_locks=False,
    nurseries=None,
):
    """Grade the exercises in a folder -> the results, a dict in Gradescope's schema.

    exercises: names of those to grade; None for all of the course, missing files scoring zero.
    out: folder for results.json and report.txt; None writes nothing.
    seconds: time limit of each test; those of an exercise together have GIVE_UP_AFTER times as much.
    memory: bytes that the student's process may use.
    seed: of the tests' inputs; None draws a secret one.  numbers: seed of the student's sheet of numbers (by_hand.py); None leaves it out.
    late: a Late, for points to be taken off; None takes none.
    hidden_tests: when Gradescope shows students the results of hidden tests, one of VISIBILITY.
    without_locks: grade even where the system's locks do not hold the student's code (see sandbox.py); the results say what that means.
    nurseries: {exercise's name: Nursery} to be used again for other students; None makes them for this folder alone.
    Raises NotADirectoryError if there is no such folder, ValueError for an unknown exercise, a negative seed or seconds that are no time limit,
    RuntimeError where the student's code cannot be locked up; then it was not run, and the results, all zero, are written nevertheless.
    """
    if os.name != "posix":
        raise RuntimeError("grading needs Linux or macOS: on this system a student's process cannot be limited")
    folder = Path(folder)
    if not 0 < seconds < float("inf"):
        raise ValueError(f"seconds is {seconds}; it must be positive and finite")
    if seed is not None and seed < 0:
        raise ValueError(f"seed is {seed}; it must be at least 0")
    if hidden_tests not in VISIBILITY:
        raise unknown_name("visibility", hidden_tests, VISIBILITY)
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no folder; grade needs the one that `coursework new` wrote")
    wanted, began = chosen(exercises), time.monotonic()
    seed = secrets.randbits(64) if seed is None else seed
    outcomes, locks, elsewhere, failures, refusal = [], [], [], [], None
    if numbers is not None:
        outcomes += by_hand_outcomes(folder, numbers, elsewhere)
    with use_backend("numpy"), np.errstate(all="ignore"), ended_by_signals():
        for exercise in wanted:
            try:
                source, where = work_of(folder, exercise)
                if source is None:
                    outcomes += [Outcome(exercise, test, False, clean(where)) for test in exercise.tests]
                    continue
                elsewhere += [clean(where)] * bool(where)
                nursery = None if nurseries is None else nurseries[exercise.name]
                outcomes += grade_exercise(exercise, source, seconds, memory, seed, locks, without_locks, nursery)
            except Untrusted as error:
                refusal = f"not graded: on this system nothing holds a student's code, so no point could be trusted: {error}"
                outcomes = [outcome for outcome in outcomes if outcome.exercise is by_hand]
                outcomes += [Outcome(exercise, test, False, refusal) for exercise in wanted for test in exercise.tests]
                break
            except Exception as error:
                failures.append(clean(f"the grader failed: {type(error).__name__}: {without_path(error)}"))
                sentence = clean(f"the grader failed here, which is not your fault: {type(error).__name__}: {without_path(error)}")
                outcomes += [Outcome(exercise, test, False, sentence) for test in exercise.tests]
    results = as_results(outcomes, locks, seed, time.monotonic() - began, written_by(folder), elsewhere)
    for test in results["tests"]:
        if "hidden" in test["tags"]:
            test["visibility"] = hidden_tests
    if late is not None:
        deducted, words = late.deducted(results["score"]), late.in_words(results["score"])
        results["score"] = round(results["score"] - deducted, 2)
        results["output"] += f" {words}" * bool(words)
        results["extra_data"] |= {"days_late": late.days, "deducted": deducted}
    if failures:
        results["extra_data"]["failures"] = failures
    if out is not None:
        Path(out).mkdir(parents=True, exist_ok=True)
        _write(Path(out) / "results.json", json.dumps(results, indent=2) + "\n")
        _write(Path(out) / "report.txt", report(results))
    if refusal:
        raise RuntimeError(f"{refusal}. The page that `coursework staff` writes says what helps; --without-locks grades nevertheless")
    return results


def grade_exercise(exercise, source, seconds, memory, seed, locks, without_locks=False, nursery=None):
    """The outcomes of one exercise's tests, for a student's text; adds the names of the locks that held to `locks`."""
    complaint = clean("\n".join(violations(source, exercise)))
    if complaint:
        return [Outcome(exercise, test, False, complaint) for test in exercise.tests]
    outcomes, ended, left, student = [], 0, GIVE_UP_AFTER * seconds, None
    with Sandbox(exercise, source, seconds=seconds, memory=memory, without_locks=without_locks, nursery=nursery) as box:
        for i, test in enumerate(exercise.tests):
            if ended == GIVE_UP_AFTER or left <= 0:
                took = f"has taken {GIVE_UP_AFTER * seconds:g} seconds for other parts"
                why = f"had to be stopped {ended} times already" if ended == GIVE_UP_AFTER else took
                outcomes.append(Outcome(exercise, test, False, f"not run: your code {why}"))
                continue
            try:
                if student is None:
                    student = box.start()
                    left -= box.loading
            except StudentError as error:  # the file does not load: no test can run
                outcomes += [Outcome(exercise, rest, False, clean(str(error))) for rest in exercise.tests[i:]]
                break
            finally:
                locks += [lock for lock in box.locks or () if lock not in locks]
            began = time.monotonic()
            passed, message, lost = run(test, student, seconds, np.random.default_rng([seed, exercise.number, i]))
            left -= time.monotonic() - began
            outcomes.append(Outcome(exercise, test, passed, message))
            if lost:
                student, ended = None, ended + 1
    return outcomes


def by_hand_outcomes(folder, numbers, elsewhere):
    """The outcomes of a sheet of numbers, which is read and not run."""
    source, where = work_of(folder, by_hand)
    if source is None:
        return [Outcome(by_hand, test, False, clean(where)) for test in by_hand.tests]
    elsewhere += [clean(where)] * bool(where)
    complaints = [test.run(source, numbers) for test in by_hand.tests]
    return [Outcome(by_hand, test, not complaint, complaint) for test, complaint in zip(by_hand.tests, complaints, strict=True)]


@contextlib.contextmanager
def ended_by_signals():
    """SIGTERM and SIGHUP end grading as Ctrl-C does: with the student's process, and its folder. Signals that are handled already stay so."""

    def end(number, frame):
        raise SystemExit(128 + number)

    numbers = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():  # where Python allows no handlers
        numbers = []
    try:
        for number in numbers:
            signal.signal(number, end)
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def run(test, student, seconds, rng):
    """-> whether the test passed, what to tell the student, whether their process is lost."""
    student.deadline = time.monotonic() + seconds
    try:
        test.run(student, rng)
    except Gone as error:
        return False, clean(str(error)), True
    except (StudentError, AssertionError) as error:
        return False, clean(str(error)), False
    except Exception as error:  # an answer so odd that the test itself stumbles over it
        return False, clean(f"your answer cannot be used: {type(error).__name__}: {error}"), False
    return True, "", False


def clean(message):
    """A message from a student's code, without control characters and of bounded length."""
    message = "".join(c if c.isprintable() or c == "\n" else "?" for c in message.strip())
    return message if len(message) <= LONGEST_MESSAGE else message[:LONGEST_MESSAGE] + " …"


def written_by(folder):
    """The version of scratchgen that wrote the folder, as coursework.json claims; None if it does not say."""
    text, _ = read(folder / "coursework.json")
    try:
        return clean(str(json.loads(text)["scratchgen"]))[:40]
    except (TypeError, KeyError, ValueError, RecursionError):
        return None


def as_results(outcomes, locks, seed, duration, version, elsewhere):
    """Gradescope's results.json as a dict. elsewhere: sentences about work that was found where it should not be."""
    tests = [
        {
            "name": f"{o.exercise.module}: {o.test.title}{' (hidden inputs)' if o.test.hidden else ''}",
            "number": f"{o.exercise.number}.{o.exercise.tests.index(o.test) + 1}",
            "score": o.score,
            "max_score": o.test.points,
            "status": "passed" if o.passed else "failed",
            "output": o.message,
            "tags": [o.exercise.name, "hidden" if o.test.hidden else "visible"],
            "visibility": "visible",
        }
        for o in outcomes
    ]
    output = f"Graded by scratchgen {scratchgen.__version__}. The code ran behind: {', '.join(locks) or 'nothing, it was not run'}."
    dangers = sandbox.untrusted(locks)
    if locks and dangers:
        output += f" No point can be trusted, for the code was not locked up: {'; '.join(dangers)}."
    if version not in (None, scratchgen.__version__):
        output += f" The folder was written by scratchgen {version}: its exercises may differ."
    if elsewhere:
        output += "".join(f" {sentence}." for sentence in elsewhere)
    return {
        "score": sum(o.score for o in outcomes),
        "execution_time": round(duration, 3),
        "output": output,
        "stdout_visibility": "hidden",
        "tests": tests,
        "extra_data": {"scratchgen": scratchgen.__version__, "numpy": np.__version__, "locks": locks, "seed": seed},
    }


def report(results):
    """The results as text: a table per exercise, and what went wrong."""
    lines = []
    for module in dict.fromkeys(test["name"].split(":")[0] for test in results["tests"]):
        own = [test for test in results["tests"] if test["name"].startswith(module + ":")]
        lines.append(f"{module}    {sum(test['score'] for test in own):g} of {sum(test['max_score'] for test in own):g} points")
        wrong = {}
        for test in own:
            title = test["name"].split(": ", 1)[1]
            lines.append(f"  {'ok    ' if test['status'] == 'passed' else 'failed'}  {test['score']:4g} / {test['max_score']:<4g} {title}")
            if test["output"]:
                wrong.setdefault(test["output"], []).append(title)
        for message, titles in wrong.items():
            lines += ["", f"  {'; '.join(titles) if len(titles) < 4 else f'{len(titles)} parts'}:"]
            lines += [f"    {line}".rstrip() for line in message.splitlines()]
        lines.append("")
    lines += [f"total: {results['score']:g} of {sum(test['max_score'] for test in results['tests']):g} points", results["output"]]
    return "\n".join(lines) + "\n"


def _write(path, text):
    """Write a file under another name, then give it its own: a link that stood there is replaced, not followed."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with open(temporary, "x", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, path)
