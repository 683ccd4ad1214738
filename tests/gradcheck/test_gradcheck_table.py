"""The catalogue of everything that can be checked, the table, and its picture."""

import inspect
import sys

import numpy as np
import pytest

import scratchgen as sg
from scratchgen import layers, losses
from scratchgen.gradcheck import catalogue, error_picture, format_table, gradcheck_table, register_layer

MINE = """
import numpy as np
from scratchgen.layers import Layer, Linear


class Averaged(Layer):
    def __init__(self, n_in, n_out, rng=None):
        rng = np.random.default_rng(rng)
        self.params = {"W": rng.normal(size=(n_in, n_out))}
        self.grads = {"W": np.zeros((n_in, n_out))}

    def forward(self, x):
        return x @ self.params["W"], x

    def backward(self, dy, x):
        self.grads["W"] += x.T @ dy / len(x)
        return dy @ self.params["W"].T


class Gate(Layer):
    def forward(self, a, b):
        return a * b, (a, b)

    def backward(self, dy, cache):
        return dy * cache[1], dy * cache[0]
"""


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mylayers.py"
    path.write_text(MINE)
    return str(path)


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setattr(catalogue, "registered", [])
    monkeypatch.setattr(sys.modules["scratchgen.gradcheck.table"], "registered", catalogue.registered)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_everything_in_the_library_is_right(backend):
    with sg.use_backend(backend):
        reports = gradcheck_table()
    assert all(report.ok for report in reports), format_table(reports)
    assert len(reports) >= 40


def test_the_catalogue_is_complete():
    names = " ".join(case.name for case in catalogue.all_cases())
    own_layers = [name for name, thing in vars(layers).items() if inspect.isclass(thing) and name not in ("Layer", "Module")]
    returning_gradients = [name for name in losses.__all__ if not name.endswith(("_rows", "_log_likelihood"))]
    assert all(name in names for name in [*own_layers, *returning_gradients, "VAE", "GAN", "MADE"])


def test_table_of_some(mine):
    reports = gradcheck_table(["BatchNorm", mine], seed=1)
    text = format_table(reports)
    assert [report.ok for report in reports] == [True, True, False, True]
    lines = [line.split() for line in text.splitlines()]
    assert lines[1][:2] == ["ok", "BatchNorm"] and lines[3][:2] == ["WRONG", "Averaged"] and lines[3][-1] == "factor"
    assert "3 of 4 right" in text and "it is divided by the batch size (6)" in text


def test_a_class_of_a_file_or_module(mine):
    assert [report.subject for report in gradcheck_table([mine + ":Gate"])] == ["Gate"]
    assert gradcheck_table(["scratchgen.layers.tanh:Tanh"])[0].ok


def test_a_layer_that_cannot_be_made_is_reported_beside_the_others(mine, tmp_path):
    path = tmp_path / "broken.py"
    path.write_text(
        MINE + "\n\nclass Broken(Layer):\n    def __init__(self):\n        self.add_param()\n\n    def forward(self, x):\n        return x, x\n"
    )
    reports = {report.subject: report for report in gradcheck_table([str(path)])}
    assert reports["Gate"].ok and not reports["Broken"].ok
    assert "cannot be made: AttributeError: 'Broken' object has no attribute 'add_param'" in format_table(reports.values())


def test_a_file_that_is_no_python_is_named_with_its_line(tmp_path):
    path = tmp_path / "typo.py"
    path.write_text("import numpy\nclass Typo(\n")
    with pytest.raises(ValueError, match="typo.py, line 2: "):
        gradcheck_table([str(path)])


def test_a_file_may_say_how_its_layers_are_made(tmp_path, registered):
    path = tmp_path / "own.py"
    path.write_text(MINE.replace("rng=None", "sigma, rng=None") + "\nfrom scratchgen.gradcheck import register_layer\n")
    averaged, gate = gradcheck_table([str(path)])
    assert gate.ok and "Averaged needs 'sigma', and the check cannot guess it: register_layer(lambda: Averaged" in averaged.message
    path.write_text(path.read_text() + "register_layer(lambda: Averaged(4, 3, 1.0), (5, 4))\n")
    assert [report.subject for report in gradcheck_table([str(path)])] == ["Averaged", "Gate"]


def test_registered_layers_are_in_the_catalogue(registered):
    case = register_layer(lambda: layers.Linear(7, 2, rng=0), (3, 7), name="mine")
    assert case in catalogue.layer_cases() and case.check().arrays["W"].analytic.shape == (7, 2)  # float32 layers are checked in float64


WRONG = [
    ("Bacthnorm", ValueError, "unknown target 'Bacthnorm'; did you mean 'BatchNorm'"),
    ("missing.py", FileNotFoundError, "missing.py is not there"),
    ("scratchgen.layers:Tahn", ValueError, "unknown layer in scratchgen.layers 'Tahn'"),
    ("json", ValueError, "json has no pair of functions"),
]


@pytest.mark.parametrize(("target", "error", "sentence"), WRONG, ids=[target for target, *_ in WRONG])
def test_wrong_targets(target, error, sentence):
    with pytest.raises(error, match=sentence):
        gradcheck_table([target])


def test_picture(mine, tmp_path):
    report = gradcheck_table([mine + ":Averaged"])[0]
    figure = error_picture(report, tmp_path / "errors.png")
    assert (tmp_path / "errors.png").stat().st_size > 3000
    panels = {axes.get_title(loc="left"): axes.images[0].get_array() for axes in figure.axes if axes.images}
    assert np.all(panels["dW: wrong"] > -1) and np.all(panels["dx: right"] < -6)
