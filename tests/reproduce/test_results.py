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


class TenEpochs(Glimpse):
    """The GAN's ten moments, an epoch each, and a Ctrl-C before one of them is measured."""

    stop = None

    def choose(self, quick, default, full=None):
        return 10 if default == 100 else quick

    def fit(self, model, x, name="model", **arguments):
        return Study.fit(self, model, x[:100], name, **arguments | {"progress": False})

    def measure(self, what, function):
        if what == self.stop:
            raise KeyboardInterrupt
        return super().measure(what, function)


def test_the_gan_goes_on_from_any_of_its_moments(tmp_path):
    whole, parts = TenEpochs(tmp_path / "whole", size="quick"), TenEpochs(tmp_path / "parts", size="quick")
    RESULTS["gan"].run(whole)
    for parts.stop in ("3 epochs, validation", "7 epochs, test"):
        with pytest.raises(KeyboardInterrupt):
            RESULTS["gan"].run(parts)
    parts.stop = None
    RESULTS["gan"].run(parts)
    assert parts.measured == whole.measured and len(whole.measured) == 24
