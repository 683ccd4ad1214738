"""The page of a model of points: what it shows of each epoch is what the library computes, for every kind of model."""

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.models import MODELS
from scratchgen.pages import explore_plane, write_page
from scratchgen.pages.explore import explore

X = sg.data.load("ring", "test").x[:400]
SMALL = {
    name: {key: (8,) for key in ("hidden", "generator_hidden", "discriminator_hidden") if key in cls.suited_to(X)} | {"rng": 0}
    for name, cls in MODELS.items()
}


def model(name):
    settings = {
        key: value
        for key, value in MODELS[name].suited_to(X).items()
        if key not in ("batch_size", "lr", "schedule", "steps", "clip_norm", "binarize")
    }
    return MODELS[name](2, **settings | SMALL[name])


@pytest.mark.parametrize("name", MODELS)
def test_every_model_of_points_has_a_page(open_page, tmp_path, monkeypatch, name):
    monkeypatch.setattr(explore_plane, "GRID", 12)
    monkeypatch.setattr(explore_plane, "SAMPLES", 40)
    sg.save(model(name), tmp_path / "model.npz")
    write_page(tmp_path / "explore.html", explore(tmp_path / "model.npz", "ring"))
    tab = open_page(tmp_path / "explore.html", "phone", "dark")
    assert not tab.too_wide()
    last = tab.page.evaluate("samples(lastStation())")
    assert np.shape(last) == (40, 2) and np.isfinite(last).all()
    tab.page.locator("#plane").press("ArrowLeft")
    assert ": " in tab.page.locator("#here").text_content() or name in ("aae", "gmmn", "flowmatching")
    if name in ("diffusion", "flowmatching", "maf", "realnvp"):
        tab.page.get_by_label("from noise to data").fill("0")
        first = np.array(tab.page.evaluate("samples(state.station)"))
        assert np.abs(first - last).max() > 0.1


def test_the_surface_is_d_s_and_the_arrows_its_gradient():
    gan = model("gan")
    data = sg.data.Dataset(X, None)
    view, found = explore_plane.shared(gan, data), explore_plane.snapshot(gan, data, True)
    n = explore_plane.GRID
    place = view["corner"] + (np.array([5, 60]) + 0.5) / n * view["width"]  # column 5 of row 60
    assert np.isclose(found["surface"].reshape(n, n)[60, 5], 1 / (1 + np.exp(-gan.discriminator(place[None].astype(np.float32))[0, 0])))
    np.testing.assert_allclose(found["slope"], gan._slope(found["path"][-1]), rtol=1e-6)
    np.testing.assert_array_equal(found["path"][-1], gan.sample(explore_plane.SAMPLES, rng=0))


def test_a_flow_s_surface_is_its_density_and_its_way_ends_at_from_noise():
    flow = model("realnvp")
    data = sg.data.Dataset(X, None)
    view, found = explore_plane.shared(flow, data), explore_plane.snapshot(flow, data, True)
    assert view["surface"] == "log_likelihood"
    cell = (view["width"] / explore_plane.GRID) ** 2
    assert 0.3 < found["surface"].sum() * cell <= 1.01  # of its mass, what lies in the part of the plane that is shown
    np.testing.assert_allclose(found["path"][-1], flow.from_noise(found["path"][0]), rtol=1e-5)


def test_through_the_run(open_page, tmp_path):
    sg.fit(model("gan"), X, epochs=3, batch_size=100, out=tmp_path / "run", progress=False)
    write_page(tmp_path / "explore.html", explore(tmp_path / "run", "ring"))
    tab = open_page(tmp_path / "explore.html")
    assert tab.page.evaluate("data.snapshots.map((one) => one.epoch)") == [0, 1, 2, 3]
    tab.page.get_by_label("epoch").fill("0")
    untrained = model("gan").sample(explore_plane.SAMPLES, rng=0)
    assert np.abs(tab.page.evaluate("samples(0)") - untrained).max() < 5e-3  # of parameters kept as 16-bit floats
