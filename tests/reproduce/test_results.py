"""Every result: its setting runs, measures what it promises, and goes on where it was. The numbers themselves are made by the command."""

import functools

import pytest

from scratchgen import data, train
from scratchgen.reproduce import RESULTS, Study


class Glimpse(Study):
    """A study of a few examples and a single epoch."""

    def mnist(self, split):
        whole = digits(split)
        return data.Dataset(whole.x[:150], whole.y[:150])

    def fit(self, model, x, name="model", **arguments):
        return super().fit(model, x[:400], name, **arguments | {"epochs": 1, "progress": False})


@functools.cache
def digits(split):
    return data.load("glyphs", split)


@pytest.mark.parametrize("name", RESULTS)
def test_a_glimpse(name, tmp_path, monkeypatch):
    result, study = RESULTS[name], Glimpse(tmp_path, size="quick")
    result.run(study)
    assert set(result.published) <= set(study.measured)
    monkeypatch.setattr(train, "fit", lambda model, x, **arguments: pytest.fail("trains again") if not arguments["resume"] else None)
    result.run(Glimpse(tmp_path, size="quick"))


@pytest.mark.parametrize("name", RESULTS)
def test_it_says_what_it_is(name):
    result = RESULTS[name]
    assert result.name == name and result.title and result.unit and result.differs and result.quick
    assert all(each.origin in ("table", "code", "text", "recalled", "exact") for each in result.published.values())
