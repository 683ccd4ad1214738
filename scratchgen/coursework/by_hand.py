"""One step of a linear layer by hand, with numbers that follow from a student's seed: what is handed in fits nobody else's sheet.

The sheet is a file of numbers, ex00_by_hand.py. It is read and never run; its answers count if they belong to the student's own numbers, whatever
numbers stand in the file.
"""

import ast
import functools

import numpy as np

from scratchgen.coursework.exercise import Test

module, name, number, blanks = "ex00_by_hand", "by_hand", 0, ()  # as those of an Exercise
ANSWERS = {
    "y": "2 rows of 2 numbers",
    "loss": "a number",
    "dy": "2 rows of 2 numbers",
    "dW": "2 rows of 2 numbers",
    "db": "2 numbers",
    "dx": "2 rows of 2 numbers",
}
ROUNDED = 0.0051  # answers have two decimals


def given(seed):
    """{"x", "W", "b", "t"}: a student's own numbers, halves between −3 and 3, none of them 0."""
    rng = np.random.default_rng([seed, 0])
    shapes = {"x": (2, 2), "W": (2, 2), "b": (2,), "t": (2, 2)}
    return {name: rng.choice([-1, 1], size=shape) * rng.integers(1, 7, size=shape) / 2 for name, shape in shapes.items()}


def right(x, W, b, t):
    """{answer: (what is right, {words: what comes out of a common mistake})}."""
    y = x @ W + b
    dy = (y - t) / len(x)
    loss = 0.5 * np.mean(np.sum((y - t) ** 2, axis=1))
    return {
        "y": (y, {"b is missing in y": x @ W, "y is W x + b: examples are rows of x": x @ W.T + b}),
        "loss": (loss, {"the loss is twice as large as it should be: the ½ is missing, or the mean over the two examples": 2 * loss}),
        "dy": (dy, {"dy has the wrong sign": -dy, "dy is not divided by the number of examples": len(x) * dy}),
        "dW": (x.T @ dy, {"dW is x dy, where xᵀ dy is wanted": x @ dy, "dW is not divided by the number of examples": x.T @ dy * len(x)}),
        "db": (dy.sum(axis=0), {"db is summed over the wrong axis": dy.sum(axis=1), "db is the mean over the batch of dy": dy.mean(axis=0)}),
        "dx": (dy @ W.T, {"dx is dy W, where dy Wᵀ is wanted": dy @ W, "dx is not divided by the number of examples": dy @ W.T * len(x)}),
    }


def text(seed):
    """The sheet as it is handed out."""
    numbers = "\n".join(f"{name} = {value.tolist()}" for name, value in given(seed).items())
    answers = "\n".join(f"{name} = None  # {shape}" for name, shape in ANSWERS.items())
    return f'''"""Exercise 0: one step by hand, with numbers that only you have.

{len(ANSWERS)} points, about 20 minutes.

A linear layer gets two examples, the rows of x, and should give the rows of t. The loss is summed over the features, mean over the batch:

    y = x W + b         loss = mean over the examples of ½ ‖y − t‖²

Write in place of each None what comes out for your numbers, with two decimals or more, as a list like those above it. dy, dW, db and dx are
the gradients of the loss with respect to y, W, b and x, each of that thing's shape. The file is read and not run: write numbers, no formulas.

    pytest test_{module}.py

says which of them are right. Graded is with the numbers that were drawn for you, whatever stands here.
"""

{numbers}

{answers}
'''


TESTS = f'''"""Which of your numbers are right."""

import json

import pytest

from scratchgen.coursework import by_hand


@pytest.mark.parametrize("answer", by_hand.ANSWERS)
def test_by_hand(request, answer):
    """By hand."""
    seed = json.loads(request.path.with_name("coursework.json").read_text(encoding="utf-8"))["seed"]
    complaint = by_hand.complaint(answer, request.path.with_name("{module}.py").read_text(encoding="utf-8"), seed)
    if complaint:
        pytest.fail(complaint, pytrace=False)
'''


def complaint(answer, text, seed):
    """What is wrong with an answer, in a sentence; "" if nothing is."""
    try:
        value = ast.literal_eval(written(text)[answer])
        got = None if value is None else np.asarray(value, dtype=float)
    except KeyError:
        return f"the file has no line `{answer} = …` with numbers"
    except (SyntaxError, ValueError, TypeError, OverflowError, RecursionError, MemoryError):
        return f"{answer} cannot be read: wanted is {ANSWERS[answer]}, as numbers and not as formulas"
    if got is None:
        return f"not implemented: {answer}"
    want, mistakes = right(**given(seed))[answer]
    if got.shape != want.shape:
        return f"{answer} has shape {got.shape}; wanted is {ANSWERS[answer]}"
    agrees = lambda value: np.abs(got - value) <= ROUNDED
    if agrees(want).all():
        return ""
    recognised = [words for words, wrong in mistakes.items() if agrees(wrong).all()]
    return recognised[0] if len(recognised) == 1 else f"{answer}: {np.sum(~agrees(want))} of {want.size} numbers are not right"


def written(text):
    """{name: expression} of what a file assigns to single names at its top level. None is evaluated: a formula spoils its own answer only."""
    lines = [node for node in ast.parse(text).body if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)]
    return {node.targets[0].id: node.value for node in lines}


def _test(answer):
    run = functools.partial(complaint, answer)
    run.__doc__ = f"{answer} of your own numbers"
    return Test(answer, 1, False, run)


tests = [_test(answer) for answer in ANSWERS]
