"""Grade a whole class: a grader for each submission, some at a time, and marks as a table.

    FOLDER/ada/ex01_linear.py                    a folder for each student, or for each submission, as Gradescope exports them
    FOLDER/doejane_123_9876_ex01_linear.py       or files as Canvas exports them: name, number of the student, number of the file

    OUT/ada/results.json, report.txt             as `grade` writes them
    OUT/ada/fingerprint.txt                      of all that decides the marks; while it stays the same, nothing is graded again
    OUT/seed.txt                                 from which each student's seed is derived; secret, as the tests' inputs follow from it
    OUT/statistics.txt                           per part: how many passed, which message came how often
    SIMILARITY/ada/ex01_linear.py                what she wrote herself, for a checker, if asked for

Each grader is a process of its own (closing its memory to others, for one, is a property of a process), waited for by a thread. It grades one
submission after another, so that its nurseries (nursery.py) are made once. Whatever becomes of it, the other students are graded.
"""

import contextlib
import hashlib
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import scratchgen
from scratchgen.coursework import by_hand, wire
from scratchgen.coursework.exercises import chosen
from scratchgen.coursework.finding import LEFT_OUT, without_path, work_of
from scratchgen.coursework.grader import GIVE_UP_AFTER, clean, ended_by_signals, grade, written_by
from scratchgen.coursework.late import Late
from scratchgen.coursework.nursery import SECONDS_TO_START, Nursery
from scratchgen.coursework.roster import class_seed, composed, days_of, only_once, seed_of, seeds_of, with_pseudonyms, write_table
from scratchgen.coursework.similarity import write_own_work

CANVAS = re.compile(r"(?P<name>[^_]+)_(late_)?(?P<id>\d+)_\d+_(?P<file>.+)", re.IGNORECASE)
NUMBER = re.compile(r"(?<![\w.])[-−]?\d+(\.\d+)?(e[-+]?\d+)?")
GRADER = "import json, sys; sys.path.insert(0, sys.argv[1]); from scratchgen.coursework import bulk; bulk.serve(json.loads(sys.argv[2]))"


@dataclass(frozen=True)
class Submission:
    """name: the student's, or the folder's.  canvas_id: Canvas's number of the student, or "".  files: a folder, or {name in it: path}."""

    name: str
    canvas_id: str
    files: dict | Path


@dataclass(frozen=True)
class Mark:
    """name: in the output, so perhaps a pseudonym.  results: those of `grade`, or None, and then `note` says why.  resumed: graded before."""

    name: str
    canvas_id: str
    results: dict | None
    note: str = ""
    resumed: bool = False


def grade_all(
    folder,
    out,
    *,
    jobs=1,
    seed=None,
    exercises=None,
    pseudonyms=None,
    class_list=None,
    late=None,
    free_days=0,
    late_percent=0.0,
    similarity=None,
    table=None,
    seconds=10.0,
    without_locks=False,
    tell=None,
):
    """Grade every submission in a folder -> the marks, a list of Mark in the order of the names. Writes what the module's docstring lists.

    jobs: graders at a time.  seed: from which, with a student's name or pseudonym, the seed of each one's tests is derived; None reads OUT/seed.txt
    or draws one.
    pseudonyms: a CSV file of names and pseudonyms, made or extended, that takes names out of the output; None leaves them there.
    class_list: the class.csv that `new_class` wrote, for sheets of numbers that only one student has (by_hand.py) to be graded; None leaves them out.
    late: a CSV file of the columns student and days, of those who came late; None: nobody did.  free_days, late_percent: see late.py.
    similarity: a folder for what each student wrote, see similarity.py; None writes none.
    table: the CSV file of the marks; None for OUT/marks.csv.  tell: is called with each Mark as it comes.  The others are those of `grade`.
    Raises NotADirectoryError if there is no such folder, ValueError if nobody handed anything in, or for an impossible argument.
    """
    folder, out = Path(folder), Path(out)
    if jobs < 1:
        raise ValueError(f"jobs is {jobs}; it must be at least 1")
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no folder; grading a class needs one with a folder for each student")
    wanted, handed_in = chosen(exercises), submissions(folder, out)
    if not handed_in:
        raise ValueError(f"{folder} holds no submissions: neither a folder for each student nor files as Canvas names them")
    everyone = [each.name for each in handed_in]
    numbers = None if class_list is None else seeds_of(Path(class_list), everyone)
    days = {} if late is None else days_of(Path(late), everyone)
    lateness = {name: Late(days.get(name, 0), free_days, late_percent) for name in everyone}
    if similarity is not None and folder.resolve() in (Path(similarity).resolve(), *Path(similarity).resolve().parents):
        raise ValueError(f"{similarity} is or lies in {folder}, among the submissions; give a folder elsewhere")
    out.mkdir(parents=True, exist_ok=True)
    seed = class_seed(out / "seed.txt", seed)
    names = with_pseudonyms(Path(pseudonyms), everyone) if pseudonyms is not None else {name: name for name in everyone}
    options = {"exercises": [exercise.name for exercise in wanted], "seconds": seconds, "without_locks": without_locks}
    graders = queue.SimpleQueue()

    def grade_each(each):
        asked = {"seed": seed_of(seed, names[each.name]), "numbers": numbers and numbers[each.name], "late": asdict(lateness[each.name])}
        grader = graders.get()
        try:
            return grade_one(each, names[each.name], out, grader, asked)
        finally:
            graders.put(grader)

    with contextlib.ExitStack() as stack, ThreadPoolExecutor(jobs) as pool:
        for _ in range(jobs):
            graders.put(stack.enter_context(Grader(options)))
        tasks = [pool.submit(grade_each, each) for each in handed_in]
        try:
            for task in as_completed(tasks):
                if tell is not None:
                    tell(task.result())
        except BaseException:  # Ctrl-C among others
            pool.shutdown(cancel_futures=True)
            raise
    marks = sorted((task.result() for task in tasks), key=lambda mark: mark.name)
    if similarity is not None:
        notes = {}
        for each in handed_in:
            try:
                with folder_of(each) as submission:
                    write_own_work(submission, Path(similarity) / names[each.name], wanted)
            except Exception as error:
                notes[names[each.name]] = clean(f"not written for the checker of similarity: {without_path(error)}")
        marks = [replace(mark, note="; ".join(filter(None, (mark.note, notes.get(mark.name))))) for mark in marks]
    write_marks(Path(table) if table is not None else out / "marks.csv", marks, [by_hand] * (numbers is not None) + wanted)
    (out / "statistics.txt").write_text(statistics(marks), encoding="utf-8")
    return marks


def submissions(folder, out):
    """All submissions in a folder, by name; `out` and hidden folders are none. ValueError for a name that is not text, or there twice."""
    found, flat = [], {}
    for path in sorted(folder.iterdir()):
        if path.is_symlink():  # it could lead anywhere
            continue
        name = composed(path.name)
        if path.is_dir() and not name.startswith(LEFT_OUT) and path.resolve() != out.resolve():
            found.append(Submission(name, "", path))
        elif match := CANVAS.fullmatch(name):
            flat.setdefault((f"{match['name']}_{match['id']}", match["id"]), {})[match["file"]] = path
    found += [Submission(name, canvas_id, files) for (name, canvas_id), files in flat.items()]
    only_once(folder, [each.name for each in found])
    for each in found:
        if each.name != each.name.encode(errors="replace").decode():
            raise ValueError(f"{folder} has {ascii(each.name)}, a name that is not in UTF-8; rename it")
    return sorted(found, key=lambda each: each.name)


def grade_one(submission, name, out, grader, asked):
    """The Mark of one submission; never raises for what a submission is."""
    canvas_id = submission.canvas_id if name == submission.name else ""  # a number would undo the pseudonym
    try:
        with folder_of(submission) as folder:
            return Mark(name, canvas_id, *graded(folder, out / name, grader, asked))
    except Exception as error:
        return Mark(name, canvas_id, None, clean(f"not graded: {without_path(error)}"))


@contextlib.contextmanager
def folder_of(submission):
    """The folder of a submission; files that lie beside those of others are copied into one."""
    if isinstance(submission.files, Path):
        yield submission.files
        return
    with tempfile.TemporaryDirectory(prefix="scratchgen-") as folder:
        for name, path in submission.files.items():
            shutil.copyfile(path, Path(folder) / name)
        yield Path(folder)


def graded(folder, out, grader, asked):
    """Grade, unless that was done -> results, "", whether it was done. RuntimeError if the grader gives no results, or failed in some: the next call
    grades again."""
    done, results, fingerprint = out / "fingerprint.txt", out / "results.json", fingerprint_of(folder, {**grader.options, **asked})
    resumed = done.exists() and results.exists() and done.read_text() == fingerprint
    if not resumed:
        done.unlink(missing_ok=True)
        grader.grade(folder, out, asked)
        if failures := json.loads(results.read_text(encoding="utf-8"))["extra_data"].get("failures"):
            raise RuntimeError(failures[0])
        done.write_text(fingerprint)
    return json.loads(results.read_text(encoding="utf-8")), "", resumed


class Grader:
    """A process that grades one submission after another; started when there is something to do, and again when it has ended.

    with Grader(options) as grader:          options: those of `grade` that are the same for the whole class
        grader.grade(folder, out, {"seed": 7, "numbers": None, "late": {}})     asked: those that are each student's
    """

    def __init__(self, options):
        self.options, self.process = options, None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.process is not None:
            self.process.communicate()  # closes the pipe to it, at which it ends

    def grade(self, folder, out, asked):
        """Write the results of a folder into `out`. RuntimeError if there are none, with the reason."""
        if self.process is None or self.process.poll() is not None:
            self._start()
        n = len(self.options["exercises"])
        deadline = time.monotonic() + n * GIVE_UP_AFTER * (self.options["seconds"] + SECONDS_TO_START)
        try:
            wire.send(self.process.stdin.fileno(), {"folder": str(folder.resolve()), "out": str(out.resolve()), **asked}, deadline)
            complaint = wire.receive(self.process.stdout.fileno(), deadline)
        except wire.Closed:
            status = self.process.wait()
            self.errors.seek(0)
            complaint = self.errors.read().strip()[-1500:] or f"the grader ended with status {status}"
        except wire.TimeOut:
            self.process.terminate()
            self.process.communicate()
            complaint = "the grader did not end in time"
        if complaint:
            raise RuntimeError(complaint)

    def _start(self):
        self.errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
        command = [sys.executable, "-I", "-c", GRADER, str(Path(scratchgen.__file__).parents[1]), json.dumps(self.options)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors)


def serve(options):
    """In a grader's process: grade what comes, until nobody asks any more."""
    replies = os.dup(1)
    os.dup2(2, 1)  # what anything prints is no reply
    with contextlib.ExitStack() as stack, ended_by_signals(), contextlib.suppress(wire.Closed):
        nurseries = None
        if not options["without_locks"]:  # whose students could reach into a nursery
            nurseries = {exercise.name: stack.enter_context(Nursery(exercise)) for exercise in chosen(options["exercises"])}
        while True:
            asked, complaint = wire.receive(0), ""
            try:
                grade(**asked | {"late": Late(**asked["late"])}, **options, nurseries=nurseries)
            except (OSError, RuntimeError, ValueError) as error:
                complaint = without_path(error)
            wire.send(replies, complaint)


def fingerprint_of(folder, options):
    """Changes with whatever decides the marks: the work that is found, seed and options, and the version of the library."""
    works = [work_of(folder, exercise) for exercise in [by_hand, *chosen(options["exercises"])]]
    return hashlib.sha256(json.dumps([works, written_by(folder), options, scratchgen.__version__]).encode()).hexdigest()


def write_marks(path, marks, exercises):
    """Marks as CSV, with the first columns as Canvas's gradebook wants them. Who was not graded has no marks there, rather than zeros."""
    rows = []
    for mark in marks:
        who = [text(mark.name), mark.canvas_id, "" if mark.canvas_id else text(mark.name), ""]
        points = [""] * (4 + len(exercises))
        if mark.results:
            tests = mark.results["tests"]
            each = [sum(test["score"] for test in tests if exercise.name in test["tags"]) for exercise in exercises]
            about = mark.results["extra_data"]
            total = (mark.results["score"], sum(test["max_score"] for test in tests))
            points = [f"{value:.10g}" for value in (*total, *each, about["days_late"], about["deducted"])]
        rows.append([*who, *points, text(mark.note)])
    modules = [exercise.module for exercise in exercises]
    write_table(path, ["Student", "ID", "SIS Login ID", "Section", "total", "max", *modules, "days late", "deducted", "note"], rows)


def text(value):
    """The text as a cell that no spreadsheet takes for a formula."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@")) else value


def statistics(marks):
    """Per part, how many passed, and what was wrong with the others, most frequent first; # stands for numbers."""
    results = [mark.results for mark in marks if mark.results]
    lines = [f"{len(results)} graded, {len(marks) - len(results)} not"]
    for tests in zip(*(result["tests"] for result in results), strict=True):
        passed = sum(test["status"] == "passed" for test in tests)
        lines += ["", f"{tests[0]['number']}  {tests[0]['name']}: {passed} of {len(tests)} passed"]
        told = Counter(NUMBER.sub("#", mistake(test["output"])) for test in tests if test["status"] != "passed")
        lines += [f"  {count:4d}  {message}" for message, count in told.most_common()]
    return "\n".join(lines) + "\n"


def mistake(message):
    """The line of a message that names a mistake; the first where none does."""
    lines = message.splitlines()
    return next((line.strip() for line in lines if line.strip().startswith(("Certain: ", "Likely: "))), lines[0] if lines else "")
