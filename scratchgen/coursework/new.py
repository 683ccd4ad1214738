"""Write the folder that a student works in: exercises, their tests, a page that says how to begin. No solutions."""

import json
import os
import secrets
from pathlib import Path

import scratchgen
from scratchgen.coursework.exercises import chosen
from scratchgen.coursework.notebook import notebook

CONFTEST = '''"""For pytest: `exercise` is your file, `rng` makes the inputs of the tests. Nothing to change here."""

from scratchgen.coursework.fixtures import *  # noqa: F403
'''


def new(folder, *, seed=None, exercises=None, notebooks=False):
    """Write the exercises into a new or empty folder -> its path.

    seed: of the inputs of the visible tests, an int ≥ 0; a course gives each student their own. None draws one.
    exercises: names of those wanted; None for all.  notebooks: as Jupyter notebooks as well.
    Raises FileExistsError if there is something in the folder, ValueError for an unknown exercise.
    """
    folder, wanted = Path(folder), chosen(exercises)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} is there and not an empty folder; `coursework new` needs a new or an empty one")
    seed = secrets.randbits(32) if seed is None else seed
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed is {seed!r}; it must be an int ≥ 0")
    about = {"scratchgen": scratchgen.__version__, "seed": seed, "exercises": [e.name for e in wanted]}
    texts = {"coursework.json": json.dumps(about, indent=2) + "\n", "conftest.py": CONFTEST, "README.md": readme(wanted)}
    for exercise in wanted:
        texts[f"{exercise.module}.py"] = exercise.text()
        texts[f"test_{exercise.module}.py"] = exercise.visible_source
        if notebooks:
            texts[f"{exercise.module}.ipynb"] = notebook(exercise)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():  # all are made before the first is written: a failure leaves the folder empty
        write(folder / name, text)
    return folder


def write(path, text, executable=False):
    """Write a text file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    if executable:
        os.chmod(path, 0o755)


def table(exercises):
    """The exercises as a Markdown table."""
    rows = [f"| {e.number} | `{e.module}.py` | {e.title} | {e.points:g} | {e.minutes} |" for e in exercises]
    total = f"| | | all | {sum(e.points for e in exercises):g} | {sum(e.minutes for e in exercises)} |"
    return "\n".join(["| | file | about | points | minutes |", "|---|---|---|---|---|", *rows, total])


def readme(exercises):
    """The page that says how to begin."""
    first = exercises[0]
    subset = "" if len(exercises) == len(chosen()) else " --exercises " + " ".join(exercise.name for exercise in exercises)
    return f"""# Generative networks from scratch: the exercises

{table(exercises)}

They build on one another as ideas, but not as code: no exercise needs your solution of another one, so take them in any order.

## How to begin

Work in the Python environment in which scratchgen is installed. In a terminal, in the folder that holds it (here it is called `.venv`):

    source .venv/bin/activate              # Linux, macOS
    .venv\\Scripts\\activate                 # Windows
    python -m pip install pytest           # once, for the tests

After that, `python`, `pytest` and `scratchgen` are those of the environment; `scratchgen doctor` says whether all is well.

1. Open `{first.module}.py`. It begins with the task and the lesson: the equations, and the shapes of all arrays.
2. Below stands the code. Where it says `raise NotImplementedError("not implemented: …")`, delete that line and write your own code.
   Leave names and arguments as they are. In this exercise there is to write: {", ".join(f"`{blank}`" for blank in first.blanks)}.
3. Run the tests of this exercise, here in this folder:

       pytest test_{first.module}.py

   `pytest -x test_{first.module}.py` stops at the first failure, `pytest test_{first.module}.py -k dx` runs what has "dx" in its name, and plain
   `pytest` runs everything. A test that fails says what is wrong: a value, a shape, or for a gradient what kind of mistake it looks like.
   "command not found" means that the environment is not active: see above.
4. See your points, with tests that are not in this folder:

       scratchgen coursework grade .{subset}

   On macOS add `--without-locks`: there nothing can lock up the code that is graded, which matters where it is not your own.

## Conventions

`dx`, `dW`, `dy` are the gradients of the loss with respect to x, W and y, each of that thing's shape. Examples are rows: x is (batch,
features). Losses sum over features and average over the batch. All notation: `python -c "import scratchgen; help(scratchgen)"`.

## Rules

- One file per exercise, and it may import what it imports when you get it, NumPy, and of Python itself math, typing, dataclasses, functools
  and itertools. The tests tell you if it imports more.
- The library that you have installed contains a solution of every exercise. When your work is graded it does not: there, only what your
  file imports at the beginning can be imported. Reading solutions teaches little; the tests tell you more than they do.
- A gradient is to be derived, and coded as a formula. Computing it numerically, by difference quotients or with complex numbers, is against the
  rules: complex numbers are refused, and the tests have inputs at which only the formula is exact, a backward function's arguments that no
  forward gives among them.
- A function leaves its arguments as they are, unless the task says "in place". A changed argument fails the test.
- Graded is with other inputs than those in the tests here. Where a task forbids overflow, an overflow on the way is a mistake, whatever
  comes out in the end: Python's RuntimeWarning shows it.
- Hand in the files `ex….py`, or notebooks: `ex….ipynb` is graded where there is no such file, or nothing was written in it. Of a notebook, plots
  with matplotlib and what else only shows something are left out. The tests, and all else in this folder, are not looked at.
- What the tests in this folder do not see: large and extreme inputs, other shapes, float32, and speed. Each exercise lists its hidden parts.
- Each test has 10 seconds, those of an exercise together 30. Good solutions take milliseconds; there is nothing to optimise.
"""
