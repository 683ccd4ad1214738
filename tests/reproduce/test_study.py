"""Studies are interrupted, resumed, measured once, and reported with their errors."""

import dataclasses
import json

import numpy as np
import pytest

import scratchgen as sg
from scratchgen import reproduce
from scratchgen.cli import main
from scratchgen.layers import mlp
from scratchgen.layers.initializers import normal
from scratchgen.metrics import Estimate
from scratchgen.reproduce import Published, Reproduction, Study
from scratchgen.reproduce.report import as_json, as_text, combined, differences, written
from scratchgen.reproduce.study import start, start_as_pytorch

X = (np.random.default_rng(0).uniform(size=(60, 6)) < 0.5).astype(np.float32)


def run(study):
    made = sg.MADE(6, hidden=(8,), rng=study.seed)
    study.fit(made, X, epochs=study.choose(quick=1, default=3), batch_size=20, progress=False)
    study.measure("NLL", lambda: -made.log_likelihood(X))


def result(run=run, **changes):
    settings = {"published": {"NLL": Published(4.0, 0.1), "other": Published(2.0, origin="recalled")}, "unit": "nats", "differs": ("all of it",)}
    return Reproduction(name="little", title="A little MADE", run=run, quick="one epoch", **settings | changes)


@pytest.fixture
def little(monkeypatch, tmp_path):
    monkeypatch.setitem(reproduce.RESULTS, "little", result())
    monkeypatch.chdir(tmp_path)


def test_ours_beside_theirs(little, tmp_path, capsys):
    assert main(["reproduce", "little", "--seeds", "2"]) == 0
    said = capsys.readouterr().out
    assert "4 ± 0.1 (table)" in said and "2 (recalled)" in said and "differs: all of it" in said and "2 seeds" in said
    kept = json.loads((tmp_path / "reproduced" / "little" / "result.json").read_text())
    each = [kept["each"][seed]["NLL"]["mean"] for seed in ("0", "1")]
    assert kept["ours"]["NLL"]["mean"] == pytest.approx(np.mean(each))
    assert kept["ours"]["NLL"]["standard_error"] == pytest.approx(abs(each[0] - each[1]) / 2)
    assert kept["theirs"]["NLL"] == {"value": 4.0, "error": 0.1, "origin": "table"} and kept["seconds"] > 0


@pytest.mark.parametrize("size, sentence", [("quick", "one epoch"), ("default", "two of three"), ("full", "")])
def test_each_size_says_what_it_changes(size, sentence):
    assert differences(result(default="two of three"), size) == ["all of it", *filter(None, [sentence])]


def test_what_is_there_is_not_done_again(little, monkeypatch, capsys):
    assert main(["reproduce", "little", "--quick"]) == 0
    first = capsys.readouterr().out
    assert "differs: one epoch" in first
    monkeypatch.setattr(sg.MADE, "log_likelihood", lambda self, x: pytest.fail("measured twice"))
    monkeypatch.setattr(sg.MADE, "loss", lambda self, x: pytest.fail("trained twice"))
    assert main(["reproduce", "little", "--quick"]) == 0
    table = lambda text: [line for line in text.splitlines() if "NLL" in line]
    assert table(capsys.readouterr().out) == table(first)


def test_an_interrupted_study_ends_as_if_it_had_not_been(tmp_path, monkeypatch):
    """Stopped while it measures, or (test_loop.py) while it trains: what was done is kept."""
    run(Study(tmp_path / "whole", seed=3))

    def stopped(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sg.MADE, "log_likelihood", stopped)
        with pytest.raises(KeyboardInterrupt):
            run(Study(tmp_path / "stopped", seed=3))
    assert Study(tmp_path / "stopped", seed=3).seconds > 0
    run(Study(tmp_path / "stopped", seed=3))
    assert Study(tmp_path / "stopped", seed=3).measured == Study(tmp_path / "whole", seed=3).measured


def test_one_that_fails_does_not_end_the_others(little, monkeypatch, capsys):
    def fails(study):
        if study.seed == 1:
            raise FloatingPointError("the loss is NaN")
        run(study)

    monkeypatch.setitem(reproduce.RESULTS, "failing", result(fails))
    assert main(["reproduce", "failing", "little", "--seeds", "3"]) == 1
    said = capsys.readouterr()
    assert "; 2 seeds;" in said.out and "; 3 seeds;" in said.out and "kept in reproduced/little" in said.out
    assert said.err.splitlines()[-1] == "scratchgen: failing, seed 1: the loss is NaN"


def test_sizes():
    study = Study.__new__(Study)
    for size, wanted in [("quick", 1), ("default", 2), ("full", 2)]:
        study.size = size
        assert study.choose(quick=1, default=2) == wanted
    assert study.choose(1, 2, 3) == 3


def test_one_seed_has_its_own_error_and_several_that_over_seeds(tmp_path):
    studies = [Study(tmp_path / str(seed), seed) for seed in range(3)]
    for study, value in zip(studies, (1.0, 2.0, 6.0), strict=True):
        study.measure("a", lambda value=value: Estimate(value, 0.5))
    assert combined(studies[:1]) == {"a": (1.0, 0.5)}
    mean, error = combined(studies)["a"]
    assert mean == 3 and error == pytest.approx(np.std([1, 2, 6], ddof=1) / np.sqrt(3))
    assert "3.0 ± 1.5" in as_text(result(published={"a": Published(3)}), studies)
    assert as_json(result(published={}), studies)["theirs"] == {}


def test_what_is_no_number_is_not_kept(tmp_path):
    with pytest.raises(FloatingPointError, match="NLL is nan"):
        Study(tmp_path).measure("NLL", lambda: [np.nan, 1.0])
    assert Study(tmp_path).measured == {} and Study(tmp_path).measure("NLL", lambda: [1.0, 3.0]).mean == 2


def test_errors_are_written_as_far_as_they_are_known():
    assert [written(Estimate(8, error)) for error in (0.25, 0, np.nan)] == ["8.00 ± 0.25", "8 ± 0", "8"]


def test_values_and_numbers_are_estimates_too(tmp_path):
    study = Study(tmp_path)
    assert study.measure("values", lambda: [1.0, 3.0]) == (2, pytest.approx(1))
    mean, error = study.measure("number", lambda: 7)
    assert mean == 7 and np.isnan(error)
    assert "NaN" not in (tmp_path / "study.json").read_text() and str(Study(tmp_path).measured) == str(study.measured)
    assert as_json(result(published={}), [study])["ours"]["number"] == {"mean": 7, "standard_error": None}
    assert "nan" not in as_text(result(published={}), [Study(tmp_path)])


@pytest.mark.parametrize("text", ["", "[]", '{"seed": 0, "size": "quick", "seconds": 1, "measured": {}}', '{"measured": {"a": [1]}}'])
def test_a_damaged_record_is_named(text, tmp_path):
    (tmp_path / "study.json").write_text(text)
    with pytest.raises(ValueError, match="study.json"):
        Study(tmp_path)


def test_numbers_of_another_setting_are_not_mixed_with_these(little, monkeypatch, capsys):
    assert main(["reproduce", "little", "--quick"]) == 0
    monkeypatch.setitem(reproduce.RESULTS, "little", dataclasses.replace(result(), quick="two epochs"))
    assert main(["reproduce", "little", "--quick"]) == 1
    assert "is not of a study with seed 0, two epochs; remove its folder" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_named(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["reproduce", "estimators", "--quick", "--out", str(tmp_path / "file")]) == 1
    assert "file/estimators-quick/seed-0 cannot be made" in capsys.readouterr().err


def test_the_list_and_what_is_not_in_it(capsys):
    assert main(["reproduce", "--list"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in reproduce.RESULTS)
    assert main(["reproduce", "jaann"]) == 2
    assert "did you mean 'jaan'" in capsys.readouterr().err
    assert main(["reproduce", "jaan", "--seeds", "0"]) == 2


def test_a_network_starts_as_the_papers_code_does():
    net = mlp((3, 400, 2), batch_norm=True, rng=0)
    for value in net.params.values():
        value[...] = 7
    start(net, normal(0.02), np.random.default_rng(0))
    for name, value in net.params.items():
        if name.endswith("W"):
            assert 0.015 < value.std() < 0.025 and abs(value.mean()) < 0.005
        else:
            assert (value == (0 if name.endswith("b") else 7)).all()  # scales and shifts of batch normalisation stay
    with pytest.raises(ValueError, match="init gave weights of shape"):
        start(net, lambda shape, rng: np.zeros(3), None)


def test_networks_start_as_pytorchs_do():
    one, other = mlp((100, 50, 2), batch_norm=True, rng=0), mlp((100, 50, 2), rng=0)
    start_as_pytorch(0, one, other)
    for net in one, other:
        first, *_, last = net.layers
        for layer, limit in ((first, 0.1), (last, 50**-0.5)):
            for value in layer.params.values():
                assert 0.1 * limit < abs(value).max() <= limit
            assert layer.params["W"].std() == pytest.approx(limit / 3**0.5, rel=0.15)
    assert (one.params["1.gamma"] == 1).all()  # batch normalisation stays
    assert not np.array_equal(first.params["W"], one.layers[0].params["W"])
