"""Somebody else's file: each thing in it is checked by itself, and what cannot be checked says why and where."""

import pytest

from scratchgen.gradcheck import catalogue, format_table, gradcheck_table, table

FILE = """
import numpy as np
from scratchgen.gradcheck import register_layer
from scratchgen.layers import Layer, Linear


class Square(Layer):
    def forward(self, x):
        return x**2, x

    def backward(self, dy, x):
        return 2 * x * dy


class NeedsMagic(Layer):
    def __init__(self, magic):
        self.magic = magic

    def forward(self, x):
        return self.magic * x, x

    def backward(self, dy, x):
        return self.magic * dy


class Registered(NeedsMagic):
    pass


class CannotBeMade(Layer):
    def __init__(self):
        self.W = np.zeros((3, 4)) @ np.zeros((3, 4))

    def forward(self, x):
        return x, x


class ForwardRaises(Layer):
    def forward(self, x):
        return no_such_name * x, x

    def backward(self, dy, x):
        return dy


class BackwardRaises(Layer):
    def forward(self, x):
        return 2 * x, x

    def backward(self, dy, x):
        return dy @ np.ones((3, 3))


class Noisy(Layer):
    def forward(self, x):
        noise = np.random.default_rng().normal(size=x.shape)
        return x * noise, noise

    def backward(self, dy, noise):
        return dy * noise


class LooksLikeALayer:
    def forward(self, x):
        self.x = x
        return x**3

    def backward(self, dy):
        return -3 * self.x**2 * dy


class WithParameters:
    def __init__(self, n_in, n_out):
        self.params = {"W": np.linspace(-1, 1, n_in * n_out).reshape(n_in, n_out)}
        self.grads = {"W": np.zeros((n_in, n_out))}

    def forward(self, x):
        return x @ self.params["W"], x

    def backward(self, dy, x):
        self.grads["W"] = x.T @ dy
        return dy @ self.params["W"].T


def swish(x):
    s = 1 / (1 + np.exp(-x))
    return x * s, (x, s)


def swish_backward(dy, cache):
    x, s = cache
    return dy * (s + x * s * (1 - s))


def arctan(x):
    return np.arctan(x)


def arctan_backward(dy, x):
    return dy / (1 + x)


def tanh(x):
    return np.tanh(x)


def tanh_backward(dy, out):
    return dy * (1 - out**2)


def affine(x, W, b):
    return x @ W + b


def affine_backward(dy, x, W):
    return dy @ W.T, x.T @ dy, dy.mean(axis=0)


def helper(x):
    return x


register_layer(lambda: Registered(3.0), (6, 4))
"""


def line(words):
    """The number of the first line of FILE with these words."""
    return 1 + FILE[: FILE.index(words)].count("\n")


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "registered", [])
    monkeypatch.setattr(table, "registered", catalogue.registered)
    path = tmp_path / "theirs.py"
    path.write_text(FILE)
    return str(path)


@pytest.fixture
def reports(file):
    return {report.subject: report for report in gradcheck_table([file])}


def test_everything_is_checked_by_itself(reports):
    right = {name for name, report in reports.items() if report.ok}
    assert right == {"Square", "Registered", "swish", "tanh"}
    wrong = {"NeedsMagic", "CannotBeMade", "ForwardRaises", "BackwardRaises", "Noisy", "LooksLikeALayer", "WithParameters", "arctan", "affine"}
    assert reports.keys() == right | wrong
    assert "4 of 13 right" in format_table(list(reports.values()))


@pytest.mark.parametrize(
    "name, words",
    [
        (
            "NeedsMagic",
            "NeedsMagic: not checked\n  it cannot be made: NeedsMagic needs 'magic', and the check cannot guess it: register_layer(lambda:",
        ),
        ("CannotBeMade", "it cannot be made: ValueError: matmul"),
        ("CannotBeMade", f"(theirs.py, line {line('np.zeros((3, 4)) @')})"),
        ("ForwardRaises", f"forward raises an exception: NameError: name 'no_such_name' is not defined (theirs.py, line {line('no_such_name')})"),
        ("BackwardRaises", f"(theirs.py, line {line('np.ones((3, 3))')})"),
        ("Noisy", "A difference quotient needs the same noise on both sides"),
        ("LooksLikeALayer", "Certain: dx has the wrong sign"),
        ("WithParameters", "gradients accumulate: use +=, not ="),
        ("arctan", "wrong: dx"),
        ("affine", "db is 0.166667 times what it should be: it is divided by the batch size (6)"),
    ],
)
def test_each_says_what_is_wrong_and_where(reports, name, words):
    assert words in reports[name].message


@pytest.mark.parametrize("name, right", [("Registered", True), ("Square", True), ("LooksLikeALayer", False), ("swish", True), ("Linear", True)])
def test_one_of_them_by_its_name(file, name, right):
    (report,) = gradcheck_table([f"{file}:{name}"])
    assert report.subject == name and report.ok == right


def test_what_cannot_be_checked_at_all(file, tmp_path):
    with pytest.raises(ValueError, match="did you mean 'Square'"):
        gradcheck_table([f"{file}:Squares"])
    with pytest.raises(TypeError, match="helper is a function without helper_backward"):
        gradcheck_table([f"{file}:helper"])
    for text, words in [("x = 1 / 0", "ZeroDivisionError: division by zero .empty.py, line 1"), ("", "has no pair of functions")]:
        (tmp_path / "empty.py").write_text(text)
        with pytest.raises(ValueError, match=words):
            gradcheck_table([str(tmp_path / "empty.py")])
