"""What staff get: points and times, solutions, a Gradescope autograder, nbgrader sources, and a page that explains them."""

from pathlib import Path

import scratchgen
from scratchgen.coursework.exercises import chosen
from scratchgen.coursework.grader import VISIBILITY
from scratchgen.coursework.late import Late
from scratchgen.coursework.new import table, write
from scratchgen.coursework.notebook import notebook
from scratchgen.coursework.wheel import write_wheel
from scratchgen.errors import unknown_name


def staff(folder, *, exercises=None, hidden_tests="visible", free_days=0, late_percent=0.0):
    """Write the staff's folder, new or empty -> its path. exercises: names of those wanted; None for all.

    hidden_tests: when Gradescope is to show their results, see `grade`.  free_days, late_percent: what its autograder takes off, see late.py.
    Raises FileExistsError if there is something in the folder, ValueError for an unknown exercise.
    """
    folder, wanted = Path(folder), chosen(exercises)
    Late(0, free_days, late_percent)  # complains now, and not on Gradescope
    if hidden_tests not in VISIBILITY:
        raise unknown_name("visibility", hidden_tests, VISIBILITY)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} is there and not an empty folder; `coursework staff` needs a new or an empty one")
    names = [exercise.name for exercise in wanted]
    run = RUN.format(exercises=names, hidden_tests=hidden_tests, free_days=free_days, late_percent=late_percent)
    texts = {"README.md": README.format(table=table(wanted), parts=parts(wanted), version=scratchgen.__version__, first=wanted[0].name)}
    for exercise in wanted:
        texts[f"solutions/{exercise.module}.py"] = exercise.text("solution")
        texts[f"nbgrader/source/{exercise.name}/{exercise.module}.ipynb"] = notebook(exercise, "marked")
    for name, text in texts.items():  # all are made before the first is written: a failure leaves the folder empty
        write(folder / name, text)
    write(folder / "autograder" / "setup.sh", SETUP, executable=True)
    write(folder / "autograder" / "run_autograder", run, executable=True)
    write_wheel(folder / "autograder")
    return folder


def parts(exercises):
    """All parts with their points, as a Markdown table."""
    rows = [f"| `{e.module}` | {t.title} | {'hidden' if t.hidden else 'visible'} | {t.points:g} | {t.run.why} |" for e in exercises for t in e.tests]
    return "\n".join(["| exercise | part | tests | points | why hidden |", "|---|---|---|---|---|", *rows])


SETUP = """#!/usr/bin/env bash
# Gradescope runs this once, when the autograder's image is built.
set -e
apt-get update
apt-get install -y --no-install-recommends python3 python3-venv
python3 -m venv /autograder/venv
cd /autograder/source
wheels=(scratchgen_nets-*.whl)       # the library that wrote the exercises
if [ ! -e "${wheels[0]}" ]; then
    echo "no scratchgen_nets-*.whl beside setup.sh: put all files of the folder autograder/ into the zip, as coursework staff wrote them" >&2
    exit 1
fi
/autograder/venv/bin/pip install "${wheels[0]}"
"""

RUN = """#!/usr/bin/env bash
# Gradescope runs this for every submission; it grades /autograder/submission and writes /autograder/results/results.json.
set -e
root="$(realpath "${{1:-/autograder}}")"
cd /    # Python imports from the folder it is started in: not from one that a student fills
python="$root/venv/bin/python"
"$python" - "$root" <<'END'
import sys
from pathlib import Path
from scratchgen.coursework import grade
from scratchgen.coursework.late import Late, days_on_gradescope
root = Path(sys.argv[1])
late = Late(days_on_gradescope(root / "submission_metadata.json"), free_days={free_days}, percent={late_percent})
results = grade(root / "submission", exercises={exercises}, out=root / "results", late=late, hidden_tests="{hidden_tests}")
print(results["output"])
END
"""

README = """# For staff

Not for students: this folder holds solutions.

## The exercises

{table}

Minutes are estimates for someone who knows NumPy and calculus and has heard the lecture. The exercises depend on each other as ideas, not
as code, so a term may use any of them: `scratchgen coursework new DIR --exercises {first} …`, and the same for `staff` and `grade` (a file
that is missing scores zero, so name the same exercises everywhere; the autograder in this folder has the names of those it was made for).

## A folder for each student

    scratchgen coursework new CLASS --class names.csv

names.csv has a column called student or name. CLASS gets a folder for each, with a seed that follows from the name and the class's (`--seed`,
or drawn), and class.csv, which lists them. The seed fixes the inputs of the visible tests, so that numbers copied from a neighbour's terminal
do not fit, and the numbers of a sheet besides, `ex00_by_hand.py`: one step of a linear layer with pencil and paper, six points. It counts when
the class is graded with `--class CLASS/class.csv`, and then only with the student's own numbers. As students know their seed, do not
give grading the same `--seed`.

`scratchgen coursework new DIR` writes a single folder, without the sheet; its seed stands in DIR/coursework.json. `--notebooks` adds Jupyter
notebooks. Grading reads no seed from a folder: graded is with inputs from a secret one, drawn anew for every run and kept in the results'
extra_data; `coursework.grade(DIR, seed=…)` repeats a run.

## Grading

    scratchgen coursework grade DIR --out RESULTS          RESULTS/results.json for Gradescope, RESULTS/report.txt for people

Grading ends within the sum of its limits: each part has 10 seconds (`--seconds`), the parts of an exercise together 30, and results.json is
written whatever happens. Working files need less than a second per exercise. Code that wastes all of its time in every exercise of the
course takes up to eight minutes, so give Gradescope's own limit 15. If grading is stopped (Ctrl-C, SIGTERM), it takes the student's process and
its folder with it; after SIGKILL the folder stays.

Use the command `scratchgen`. `python -m scratchgen`, started in a folder with a submission, is no safe way: scratchgen takes that folder off
the path before it imports anything, but Python has looked there for scratchgen itself, and for modules like `types` that it needs to find it.
`python -I -m scratchgen` is safe.

On Gradescope: zip the *contents* of `autograder/` and upload the zip as the autograder. Students submit their `ex….py` files, or
notebooks of the same names; what has another name or lies in a folder is looked for, and the results say what was graded. The
zip holds scratchgen itself, as a wheel: it is on no package index.

`coursework staff` takes what the autograder is to do besides. `--hidden-tests after_due_date` (or `after_published`, `hidden`; Gradescope's words)
shows students the results of hidden tests only then. `--late-percent 10 --free-days 1` takes ten per cent off for each day that began after the
due date, the first day excepted; the times are those of Gradescope's submission_metadata.json. Free days are of one hand-in, not of a term.

Partial credit is per part; a part is passed or not:

{parts}

### A class at a time

    scratchgen coursework grade --all CLASS --jobs 2 --csv marks.csv --class CLASS/class.csv

CLASS holds a folder for each student (or each submission, as Gradescope exports them), or files as Canvas exports them. Each is graded by
a process of its own, `--jobs` at a time, and CLASS-results (`--out`) then holds:

- a folder for each student with results.json and report.txt. Run the command again after it was stopped, or after more was handed in: what was
  graded with the same work, seed, options and version is not graded again.
- `seed.txt`: each student's tests have inputs from a seed of their own, which follows from this one and the student's name, or pseudonym. Grading
  with the same `--seed` gives the same results. Keep it secret: who knows it knows the hidden inputs.
- `statistics.txt`: for each part how many passed it, and what the others were told (the mistake, where it has a name),
  most frequent first; # stands for numbers.

The table has a row for each student: total, max, points per exercise, days late and what was taken off for them. It begins with columns of
Canvas's gradebook (Student, ID, SIS Login ID, Section): a student's ID is known if the files came from Canvas; else the folder's name stands as
login. If a grader breaks, the row has no marks and a note that says why; everybody else is graded. `--pseudonyms KEY.csv` takes names out of
folders, tables and reports: KEY.csv says who is who, and is used again for the next sheet. Names that students write in their own code or
file names stay.

`--class` names the class.csv that was written with the folders, for the sheets by hand to count; submissions have the names that stand there.
`--late late.csv`, a table of the columns student and days, says who came late; `--late-percent` and `--free-days` are as for `staff`.
`--similarity DIR` writes for a checker (MOSS, JPlag, Dolos) what each student wrote, one folder each, pseudonymous with `--pseudonyms`: without
what was handed out, docstrings and comments.

A submission that uses all exercises takes about 1.5 seconds of processor time, a job 0.4 GB of memory.

### What isolation is given

- A student's code runs in a process of its own, which gets inputs and returns outputs. Expected values, tests, seed and scores exist only in
  the grader's process, and answers are compared there. So a student's code can print, patch NumPy, replace the checker or end its
  process as it likes: it changes its own answers, nothing else.
- The library is not there, except for what the exercise's file imports when it is handed out; the solution is not among it.
- The process has limits on time and memory, and its answers on size. It can start no other, and open no file: all it may import is loaded
  before the student's file is.
- Python itself cannot enforce this: its audit hook, which refuses with a clear sentence, can be taken off by code that means to. The kernel
  does, by several locks; each result says in its first line which of them held:

| lock | what the kernel does | where |
|---|---|---|
| seccomp | denies every system call but those for memory, time, and reading and writing what is open | Linux on x86-64 and arm64 |
| Landlock | denies every file | Linux 5.13 and later, where the container lets it through |
| empty root | shows no file at all: `/` is an empty, deleted folder | as root; else with unprivileged user namespaces |
| own network | shows no network | as root with CAP_SYS_ADMIN; else with unprivileged user namespaces |
| own user | denies signals to other processes, their memory, their files | as root |

seccomp alone is enough. So are *own user*, *own network* and one of *Landlock* and *empty root* together. Anything less is not, and then `grade`
refuses: it runs nothing, writes results without points, and says what the code could do. `--without-locks` grades nevertheless, for your own
work or that of people you trust; the results say that they prove nothing.

| system | user | locks | guaranteed |
|---|---|---|---|
| Linux 5.13 and later | root | all | yes, twice over: with seccomp, or without |
| Linux 5.13 and later | other | all but own user | yes, by seccomp; Landlock and an empty root hide files besides |
| Linux before 5.13 | root, other | the same without Landlock | yes |
| Debian, Ubuntu 24.04 and others that restrict user namespaces | other | seccomp, Landlock | yes, by seccomp |
| Docker with its default profile, so Gradescope | root | seccomp, empty root, own user, Landlock if host and Docker have it | yes, by seccomp |
| Docker with its default profile | other | seccomp, Landlock if host and Docker have it | yes, by seccomp |
| no seccomp filters (a kernel without, another processor) | root | the others | yes, if own network is among them; not in Docker |
| no seccomp filters | other | Landlock, empty root, own network | no |
| macOS | any | resource limits | no |
| Windows | any | | grading does not run; use WSL 2, which is Linux |

Look at the first line once after setting up. While a student's code runs, the grader's memory is closed to processes of its user
(`PR_SET_DUMPABLE`), with any of the locks and without.

### What is not given

- It is not a virtual machine: a hole in the kernel would be one here. Grade untrusted work in a container or on a machine without secrets.
- The locks hold the student's code, not other programs: who can start processes on the grading machine as the grader's user needs no exercise.
- The code can waste its time and memory (1 GiB; `memory=` of `coursework.grade`). A container smaller than that ends it earlier.
- The solutions are public, in the library. Importing them scores nothing; typing them in, or any other form of copying, is not detected.
- The hidden tests are public too; their inputs are not.
- Two students' processes are never the same. With `--all` those of one exercise are forked from a process that has loaded the library and sees
  nothing of any student. One exercise's tests share a process: code may remember earlier calls. It gains nothing by it.
- Computing a gradient numerically instead of deriving it is against the rules. Complex numbers are refused, and gradients are compared at
  inputs where only a formula is exact, so that difference quotients earn no gradient points. Not detected: automatic differentiation that a
  student writes for the purpose, and high-order differences fitted to single elements.
- Notebooks graded with nbgrader run with nbgrader's isolation, which is none, and the tests run in the student's process. Where that matters,
  grade the Python files.

## nbgrader

`nbgrader/source/` holds an assignment per exercise, with solutions and hidden tests between nbgrader's markers: copy it into a course folder, then
`nbgrader generate_assignment {first}`. Students and the grading machine need scratchgen installed.

## One version for a term

This folder belongs to scratchgen {version}. Exercises are cut from the source of the version installed, so students, staff and autograder should
have the same one: give students the wheel in `autograder/`, to be installed with `python -m pip install` and its file's name. (On package indexes the
name `scratchgen` belongs to another project.) `grade` says so when a folder was written by another version.
"""
