"""The pytest plugin, as a student meets it: in a pytest of its own."""

import importlib.metadata
import os
import subprocess
import sys

STUDENT = """
import numpy as np
import pytest

from scratchgen.gradcheck import register_layer
from scratchgen.layers import Layer, Tanh


class GoodSquare(Layer):
    def forward(self, x):
        return x**2, x

    def backward(self, dy, x):
        return 2 * x * dy


class WrongSquare(GoodSquare):
    def backward(self, dy, x):
        return -2 * x * dy


class Sigmoid(GoodSquare):  # the library has one of this name, too
    def backward(self, dy, x):
        return -2 * x * dy


class Scale(Layer):
    def __init__(self, c, slope):
        self.c, self.slope = c, slope

    def forward(self, x):
        return self.c * x, None

    def backward(self, dy, cache):
        return self.slope * dy


register_layer(lambda: Scale(3.0, -3.0), (6, 4))
register_layer(lambda: Scale(2.0, 2.0), (6, 4))


class Odd(GoodSquare):
    def __init__(self, viscosity):
        self.viscosity = viscosity


def test_every_layer(layer_case):
    layer_case.check()


def test_good(gradcheck, rng):
    assert gradcheck(GoodSquare(), rng.normal(size=(3, 2))).ok
    gradcheck(lambda x: (x * x, x), lambda dy, x: 2 * x * dy, rng.normal(size=(30, 20)))


def test_wrong(gradcheck, rng):
    gradcheck(WrongSquare(), rng.normal(size=(3, 2)))


def test_ordinary_failure_keeps_its_traceback():
    assert 1 == 2


def test_options(gradcheck, rng, request):
    report = gradcheck(Tanh(), np.random.default_rng(0).normal(size=(30, 10)))
    print("SEED", report.seed, "CHECKED", report.arrays["x"].n_checked, "DRAW", round(rng.normal(), 6))
"""


def run(folder, *arguments):
    (folder / "test_student.py").write_text(STUDENT)
    environment = os.environ | {"SCRATCHGEN_BACKEND": "numpy", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "pytest", "-p", "scratchgen.gradcheck.pytest_plugin", "-p", "no:cacheprovider", "-rA", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120).stdout


def test_fixtures_catalogue_and_failures(tmp_path):
    out = run(tmp_path)
    for name in (*(f"every_layer[{layer}]" for layer in ("Linear", "BatchNorm", "Sequential", "GoodSquare", "Scale (2)")), "good"):
        assert f"PASSED test_student.py::test_{name}" in out
    for name in ("wrong", "every_layer[WrongSquare]", "every_layer[Odd]", "every_layer[Sigmoid]", "every_layer[Scale]"):
        assert f"FAILED test_student.py::test_{name}" in out
    assert "Certain: dx has the wrong sign" in out and "Odd needs 'viscosity', and the check cannot guess it" in out
    section = out.split("_ test_wrong _")[1].split("\n____")[0]
    assert "WrongSquare(): wrong: dx" in section and "Traceback" not in section and "checker.py" not in section and "def test_wrong" not in section
    assert "test_student.py:" in section  # where to look
    assert ">       assert 1 == 2" in out  # other failures look as ever
    assert "SEED 0 CHECKED 200 DRAW 0.12573" in out


def test_seed_and_exhaustive(tmp_path):
    out = run(tmp_path, "--gradcheck-seed=3", "--gradcheck-exhaustive", "-k", "options or Linear")
    assert "SEED 3 CHECKED 300 DRAW 2.040919" in out and "FAILED" not in out


def test_importing_the_plugin_imports_neither_numba_nor_matplotlib():
    code = "import sys, scratchgen.gradcheck.pytest_plugin; print([m for m in ('numba', 'llvmlite', 'matplotlib') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60).stdout.strip() == "[]"


def test_it_is_installed_with_the_package():
    (found,) = [point for point in importlib.metadata.entry_points(group="pytest11") if point.name == "scratchgen"]
    assert found.value == "scratchgen.gradcheck.pytest_plugin"
