"""What a student reads: sentences about their answer, in plain pytest as when graded, and never the library's own lines."""

import os
import signal
import time

import numpy as np
import pytest
from test_no_points_for_no_work import text_of
from test_student_folder import pytest_in

from scratchgen import coursework
from scratchgen.coursework.exercises import BY_NAME
from scratchgen.coursework.fixtures import time_limit
from scratchgen.coursework.testing import accumulated, close, in_words, sizes

WANTED = '{"loss": …, "nll": …, "kl": …}'
ANSWERS = [  # (exercise, blank, what the student writes, a test, what is read)
    ("vae", "VAE.loss", "return 1.0", "test_nll", f"the objective returns one value; wanted are two: the loss, and the dict {WANTED}"),
    ("vae", "VAE.loss", "return 1.0, {1.0, 2.0}", "test_nll", f"the second value that the objective returns is a set; wanted is the dict {WANTED}"),
    ("vae", "VAE.loss", "pass", "test_nll", "the objective returns None (is there a `return`?)"),
    ("linear", "linear", "pass", "test_forward_by_hand", "y is None; wanted is an array of shape"),
    ("linear", "linear", "return {1, 2}", "test_forward_by_hand", "y is a set; wanted is an array of shape"),
    ("linear", "linear", "return x @ W.T", "test_forward_by_hand", "a transpose is missing or on the wrong side"),
    ("linear", "Linear.backward", "return dy @ self.params['W']", "test_dx", "a transpose is missing or on the wrong side"),
    ("linear", "Linear.backward", "self.grads['b'] += dy; return x", "test_db", "the sum over the batch (axis=0) is missing"),
    ("linear", "Linear.backward", "self.params['W'] -= 1; return x", "test_dx", "your code changes W: parameters are the optimizer's business"),
    ("batch_norm", "batch_norm", "return x", "test_forward", "the function returns an array of shape"),
    ("bce_with_logits", "bce_with_logits", "return 'loss', logits", "test_loss", "loss is a str; wanted is a number"),
]


@pytest.fixture(scope="module")
def read_in_pytest(tmp_path_factory):
    """{number of the answer: what plain pytest prints}."""
    printed = {}
    for i, (name, blank, body, test, _) in enumerate(ANSWERS):
        folder = coursework.new(tmp_path_factory.mktemp("student") / "work", seed=3, exercises=[name])
        (folder / f"{BY_NAME[name].module}.py").write_text(text_of(BY_NAME[name], {blank: body}), encoding="utf-8")
        printed[i] = pytest_in(folder, "-k", test)[1]
    return printed


@pytest.mark.parametrize("number", range(len(ANSWERS)), ids=[f"{name}-{body}" for name, _, body, _, _ in ANSWERS])
def test_plain_pytest_says_it_in_words(read_in_pytest, number):
    output = read_in_pytest[number]
    assert ANSWERS[number][-1] in output
    for technical in ("Traceback", "drivers.py", "testing.py", "def test_", "checker.py", "|a − n|", "(seed"):
        assert technical not in output


@pytest.mark.skipif(os.name != "posix", reason="grading needs a POSIX system")
@pytest.mark.parametrize("name", ["vae", "linear"])
def test_grading_says_the_same(tmp_path, name):
    for _, blank, body, test, words in [answer for answer in ANSWERS if answer[0] == name]:
        exercise = BY_NAME[name]
        (tmp_path / f"{exercise.module}.py").write_text(text_of(exercise, {blank: body}), encoding="utf-8")
        outputs = [result["output"] for result in coursework.grade(tmp_path, exercises=[name])["tests"]]
        place = [t.name for t in exercise.tests].index(test)
        assert (words if "{1, 2}" not in body else "your answer cannot be used: the result is a set; wanted are numbers and arrays") in outputs[place]


def test_a_breach_of_the_contract_is_told_once(tmp_path):
    exercise = BY_NAME["activations"]
    folder = coursework.new(tmp_path / "work", exercises=["activations"])
    (folder / f"{exercise.module}.py").write_text(text_of(exercise, {"tanh_backward": "pass"}), encoding="utf-8")
    assert pytest_in(folder, "-k", "test_tanh_backward")[1].count("is there a `return`") == 1


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no such signal")
def test_a_loop_without_end_is_ended():
    began = time.monotonic()
    with pytest.raises(AssertionError, match="no answer within 0.2 seconds. Is there a loop that does not end"), time_limit(0.2):
        while True:
            pass
    with pytest.raises(AssertionError, match="no answer"), time_limit(0.2):  # though the code catches it
        while True:
            try:
                time.sleep(0.01)
            except AssertionError:
                if time.monotonic() - began > 1:
                    raise
    assert time.monotonic() - began < 5 and signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_an_exception_with_and_without_a_line():
    assert in_words(KeyError("W"), "mine.py, line 3") == "mine.py, line 3, raises KeyError: 'W'"
    assert in_words(TypeError("no")) == "your answer cannot be used: TypeError: no"
    assert in_words(AssertionError("as it is"), "mine.py, line 3") == "as it is"


def told(check, *arguments, **options):
    with pytest.raises(AssertionError) as error:
        check("the answer", *arguments, **options)
    return str(error.value)


def test_a_value_is_explained_by_what_the_test_knows():
    x, b = np.random.default_rng(0).normal(size=(2, 7, 5))
    for got, words in [
        (x - b, "Certain: the term b is missing from the answer"),
        (-x, "Certain: the answer has the wrong sign"),
        (x / 7, "Certain: the answer is 0.142857 times what it should be: it is divided by the batch size (7)"),
        (x * 7 / 5, "it is divided by the number of features (5) in the place of the batch size (7)"),
        (x / np.log(2), "the natural one belongs"),
        (0 * x, "Certain: the answer is zero everywhere"),
        (x.T, "Certain: the answer is transposed: it has shape (5, 7)"),
        (x * (1 + 1e-6), "the answer is nearly right"),
        (np.where(b > 0, 0, x), "Likely: the answer is wrong only where b > 0"),
        (x[:, 0], "has shape (7,); wanted is an array of shape (7, 5)"),
        (np.where(x > 1, np.nan, x), "has NaN or infinity"),
    ]:
        want = x if words != "Certain: the term b is missing from the answer" else x
        assert words in told(close, got, want, known={"b": b})


def test_listed_mistakes_are_certain_only_where_they_are_alone_and_many_numbers_say_so():
    x = np.random.default_rng(0).normal(size=(7, 5))
    assert "Certain: doubled" in told(close, 2 * x, x, mistakes={"doubled": 2 * x, "halved": x / 2})
    both = told(close, 2 * x, x, mistakes={"doubled": 2 * x, "added twice": x + x})
    assert "Likely: doubled" in both and "Likely: added twice" in both and "Certain" not in both
    assert "Likely: doubled" in told(close, 2 * x[0, 0], x[0, 0], mistakes={"doubled": 2 * x[0, 0]})


def test_gradients_that_were_not_added():
    added = np.random.default_rng(0).normal(size=5)
    assert "is overwritten: gradients accumulate" in told(accumulated, added, added, 3.0)
    assert "nothing was added to it" in told(accumulated, np.full(5, 3.0), added, 3.0)
    assert "make a new array" in told(close, added, 2 * added, before=added)
    accumulated("the answer", added + 3, added, 3.0)


def test_sizes_are_far_from_one_another():
    """Whatever a number is multiplied or divided by, no two mistakes give one factor."""
    for seed in range(20):
        a, b, c = sizes(np.random.default_rng(seed), 3)
        ones = {s: [s, 1 / s, s / (s - 1), (s - 1) / s] for s in (a, b, c)}
        factors = [2.0, 0.5, *(f for each in ones.values() for f in each), a / b, b / a, a / c, c / a, b / c, c / b, a * b, 1 / (a * b)]
        factors = np.sort(factors)
        assert np.min(factors[1:] / factors[:-1]) > 1.01
