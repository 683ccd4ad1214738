"""The museum: each mistake passes a weak test, is found by ours for the reason named, and the repaired code is not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import scratchgen as sg

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "demos"))

from exhibits import EXHIBITS  # noqa: E402

FOUND = {  # (exhibit, piece): [what each check must say; None where it is content]
    (1, 0): ["d2.W is zero everywhere"],
    (1, 1): ["d2.W  WRONG  12 of 12 elements differ"],
    (2, 0): ["dreal has the wrong sign"],
    (3, 0): [None, None, "at logvar = -2 samples have std 0.13"],
    (4, 0): ["dU is zero everywhere"],
    (5, 0): ["dx has only the diagonal of the Jacobian"],
    (5, 1): ["right only before a cross-entropy, if dy is already p − target"],
    (6, 0): [None, "30 of 30 later inputs reach an output, 0 of 30 earlier ones do not", "probabilities is 1.9"],
    (6, 1): [None, "0 of 30 later inputs reach an output, 12 of 30 earlier ones do not", None],
    (6, 2): [None, None, "probabilities is 1.6"],
    (7, 0): ["7 of 8 are distinct; (1, 0) stands there 2 times", "of its own centres 8 of 8"],
    (8, 0): ["backward updates the parameter W; that is the optimizer's job"],
    (9, 0): [None, "0%; uniform would be 50%", "41 times too steep between the two costs 0.0668"],
}
PIECES = [(number, at) for number, exhibit in enumerate(EXHIBITS, 1) for at in range(len(exhibit.PIECES))]


@pytest.fixture(autouse=True)
def numpy_backend():
    with sg.use_backend("numpy"):
        yield


def test_every_piece_has_its_finding():
    assert PIECES == list(FOUND) and len(EXHIBITS) == 9


@pytest.mark.parametrize("number, at", PIECES)
def test_a_weak_test_lets_it_pass(number, at):
    piece = EXHIBITS[number - 1].PIECES[at]
    piece.weak_test(piece.thing)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("number, at", PIECES)
def test_ours_finds_it(number, at, seed):
    exhibit, expected = EXHIBITS[number - 1], FOUND[number, at]
    reports = exhibit.checks(exhibit.PIECES[at].thing, seed)
    assert [bool(report) for report in reports] == [words is None for words in expected]
    for report, words in zip(reports, expected, strict=True):
        assert words is None or words in str(report)


def test_no_parameter_of_the_generator_that_never_trains_gets_a_gradient():
    generator = EXHIBITS[0]
    (shipped,), (right,) = generator.checks(generator.PIECES[0].thing), generator.checks(generator.REPAIRED)
    assert len(shipped.arrays) == 4
    assert all(not check.analytic.any() for check in shipped.arrays.values())
    assert all(check.analytic.all() for check in right.arrays.values())


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("exhibit", EXHIBITS, ids=lambda exhibit: exhibit.__name__)
def test_repaired_it_passes(exhibit, seed):
    for report in exhibit.checks(exhibit.REPAIRED, seed):
        assert report, str(report)


def test_the_tour(tmp_path):
    command = [sys.executable, str(ROOT / "demos" / "museum.py"), "--out", str(tmp_path)]
    tour = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True, env=environment()).stdout
    for exhibit in EXHIBITS:
        assert exhibit.TITLE in tour and f"{exhibit.REPAIRED.__name__} passes all of this" in tour
    assert "FAILS" not in tour
    assert (tmp_path / "museum.png").read_bytes().startswith(b"\x89PNG")

    one = subprocess.run([*command, "--exhibit", "2"], capture_output=True, text=True, encoding="utf-8", check=True, env=environment()).stdout
    assert EXHIBITS[1].TITLE in one and EXHIBITS[0].TITLE not in one
    assert "Tested: −dfake agrees with the difference quotient in its 4 elements" in one


def environment():
    return os.environ | {"PYTHONIOENCODING": "utf-8", "NUMBA_NUM_THREADS": "1"}
