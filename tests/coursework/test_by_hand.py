"""Numbers that only one student has: right ones score, a neighbour's do not, and mistakes are named."""

import ast
import re

import numpy as np
import pytest

from scratchgen.coursework import by_hand
from scratchgen.coursework.by_hand import ANSWERS, complaint, given, right, text


def filled(seed, change=lambda name, value: value, digits=2):
    """The sheet of a seed with all its answers."""
    sheet = text(seed)
    for name, (value, _) in right(**given(seed)).items():
        answer = np.round(change(name, value), digits).tolist()
        sheet = re.sub(rf"^{name} = None.*$", f"{name} = {answer}", sheet, flags=re.MULTILINE)
    return sheet


def told(sheet, seed):
    """{answer: complaint} of what is not right."""
    return {name: words for name in ANSWERS if (words := complaint(name, sheet, seed))}


def test_the_equations_are_those_of_the_gradients():
    """Difference quotients of the loss, which is quadratic: exact for any step."""
    numbers = given(5)
    answers = {name: value for name, (value, _) in right(**numbers).items()}
    assert np.array_equal(answers["y"], numbers["x"] @ numbers["W"] + numbers["b"])
    for of, name in {"W": "dW", "b": "db", "x": "dx", "t": "dy"}.items():
        for place in np.ndindex(numbers[of].shape):
            step = np.zeros(numbers[of].shape)
            step[place] = 0.5
            up, down = (right(**{**numbers, of: numbers[of] + sign * step})["loss"][0] for sign in (1, -1))
            sign = -1 if of == "t" else 1  # y and t stand with opposite signs in the loss
            assert np.isclose(answers[name][place], sign * (up - down), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("digits", [2, 3, 12])
def test_right_answers_to_two_decimals_or_more(digits):
    assert all(told(filled(seed, digits=digits), seed) == {} for seed in range(50))


def test_nobody_elses_answers_fit():
    sheets = [filled(seed) for seed in range(30)]
    for seed, sheet in enumerate(sheets):
        neighbours = sheets[seed - 1]
        assert len(told(neighbours, seed)) >= 5
        given_as_own = sheet.split("y = ")[0] + "y = " + neighbours.split("\n\ny = ")[1]  # own numbers, a neighbour's answers
        assert len(told(given_as_own, seed)) >= 5
    assert len({str(given(seed)) for seed in range(300)}) == 300


def test_common_mistakes_are_named():
    seed = 3
    for name, (_, mistakes) in right(**given(seed)).items():
        for words, wrong in mistakes.items():
            sheet = filled(seed, lambda each, value, name=name, wrong=wrong: wrong if each == name else value)
            assert told(sheet, seed) == {name: words}


def test_what_is_no_answer():
    sheet = text(7)
    assert told(sheet, 7) == {name: f"not implemented: {name}" for name in ANSWERS}
    assert told("", 7)["y"] == "the file has no line `y = …` with numbers"
    for answer in ("x @ W", "[[1, 2], [3]]", "'1'", "1 + 2j", "open('/etc/passwd')", "1e999", "[" * 500, "9" * 5000, "[None]", "{1: 2}"):
        assert set(told(filled(7).split("\n\ny = ")[0] + f"\n\ny = {answer}\n", 7)) == set(ANSWERS)
    assert "has shape (2,); wanted is 2 rows of 2 numbers" in complaint("dW", "dW = [1, 2]", 7)
    assert complaint("dW", "dW = [[9, 9], [9, 9]]", 7) == "dW: 4 of 4 numbers are not right"


def test_the_sheet_holds_no_answers():
    values = {name: ast.literal_eval(expression) for name, expression in by_hand.written(text(11)).items()}
    assert values == {name: value.tolist() for name, value in given(11).items()} | dict.fromkeys(ANSWERS)


def test_a_formula_spoils_its_own_answer_only():
    sheet = "db = [1/2, 3]\nhelper = 3 / 2\ndW = [[9, 9], [9, 9]]\n"
    assert complaint("dW", sheet, 7) == "dW: 4 of 4 numbers are not right" and "db cannot be read" in complaint("db", sheet, 7)
