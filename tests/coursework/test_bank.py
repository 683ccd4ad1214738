"""Mistakes as students make them, planted in the solutions: each loses points, nearly all are named, and none is misnamed with certainty.

bank/ has a file per exercise: (part of the solution, what a student writes in its place, a pattern of the right name). What is read here is
what a student reads. Inputs and shapes differ from seed to seed. By default a third of the mistakes are tried, each with a seed of its own; with
`-m slow` all of them with five.
"""

import re
import runpy
import types
from pathlib import Path

import numpy as np
import pytest

from scratchgen.coursework.exercises import BY_NAME
from scratchgen.coursework.loading import run_file
from scratchgen.coursework.testing import Student, in_words
from scratchgen.ops import use_backend

BANK = {path.stem: runpy.run_path(str(path))["MISTAKES"] for path in sorted((Path(__file__).parent / "bank").glob("*.py"))}
SEEDS = 5


def messages(name, right, wrong, seed):
    """What the tests say of the exercise's solution with one edit: a message for each test that fails."""
    exercise = BY_NAME[name]
    lesson, end, code = exercise.text("solution").partition('\n"""\n')
    assert code.count(right) == 1, f"{right!r} is {code.count(right)} times in the solution of {name}"
    module, said = types.ModuleType(exercise.module), []
    with use_backend("numpy"), np.errstate(all="ignore"):
        run_file(lesson + end + code.replace(right, wrong), exercise.module + ".py", module.__dict__)
        for i, test in enumerate(exercise.tests):
            try:
                test.run(Student(module), np.random.default_rng([seed, exercise.number, i]))
            except Exception as error:
                said.append(in_words(error, f"{exercise.module}.py, line ?"))
    return said


def judge(name, mistakes):
    """Of [(mistake, seed)] -> sentences about those that lost no points, those that are not named, and those that are misnamed with certainty."""
    free, unnamed, misnamed = [], [], []
    for (right, wrong, pattern), seed in mistakes:
        said = messages(name, right, wrong, seed)
        about = f"{name}: {wrong.strip()!r}, which is {pattern!r}, with seed {seed}"
        if not said:
            free.append(about)
        elif not any(re.search(pattern, message, re.DOTALL) for message in said):
            unnamed.append(f"{about}: {said[0]}")
        certain = [line for message in said for line in message.splitlines() if line.strip().startswith("Certain:")]
        misnamed += [f"{about}: {line}" for line in certain if not re.search(pattern, line, re.DOTALL)]
    return free, unnamed, misnamed


def check(name, mistakes):
    free, unnamed, misnamed = judge(name, mistakes)
    assert free == [] and misnamed == []
    assert len(unnamed) <= 0.1 * len(mistakes), unnamed


@pytest.mark.parametrize("name", BANK)
def test_mistakes_lose_points_and_are_named(name):
    check(name, [(mistake, i % SEEDS) for i, mistake in enumerate(BANK[name][::3])])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("name", BANK)
def test_all_mistakes_lose_points_and_are_named(name, seed):
    check(name, [(mistake, seed) for mistake in BANK[name]])


def test_the_bank_is_large_and_covers_every_exercise():
    assert BANK.keys() == BY_NAME.keys()
    assert sum(len(mistakes[::3]) for mistakes in BANK.values()) >= 200 and min(map(len, BANK.values())) >= 20
