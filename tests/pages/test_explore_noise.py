"""The page of a model that turns noise into pictures: its network is the library's, and so is what follows from its answers."""

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.pages import explore_noise, write_page
from scratchgen.pages.explore import explore

DEFAULTS = {name: sg.models.MODELS[name].suited_to(np.zeros((1, 784), np.float32)) for name in ("diffusion", "flowmatching")}
SMALL = {"center": 0.5, "scale": 0.5, "rng": 0, "hidden": (20,)}
MODELS = {
    "diffusion": lambda: sg.Diffusion(64, n_steps=100, sample_steps=10, **SMALL),
    "velocity": lambda: sg.FlowMatching(64, sample_steps=4, **SMALL),
    "data": lambda: sg.FlowMatching(64, predict="data", sample_steps=4, waves=2, **SMALL),
    "maf": lambda: sg.MAF(64, n_flows=2, **SMALL),
    "realnvp": lambda: sg.RealNVP(64, n_flows=2, **SMALL),
}


def opened(open_page, folder, model, size="desk", scheme="light"):
    x = np.random.default_rng(1).random((30, model.data_dim)).astype(np.float32)
    np.savez(folder / "data.npz", x_train=x, x_test=x)
    sg.save(model, folder / "model.npz")
    write_page(folder / "explore.html", explore(folder / "model.npz", str(folder / "data.npz")))
    return open_page(folder / "explore.html", size, scheme), x


@pytest.mark.parametrize("name", DEFAULTS)
def test_the_network_is_the_library_s(open_page, tmp_path, name):
    """Weights of 16 bits, at the size that `scratchgen train` takes for pictures."""
    model = sg.models.MODELS[name](784, DEFAULTS[name]["hidden"], rng=0)
    tab, _ = opened(open_page, tmp_path, model)
    x_t, times = np.random.default_rng(2).normal(size=(5, 784)).astype(np.float32), [0.0, 0.2, 0.5, 0.9, 1.0]
    found = tab.page.evaluate(
        "([xs, ts]) => xs.map((x, i) => Array.from(state.now.net.call(new Tensor([1, D + 1], Float32Array.from([...x, ts[i]]))).values))",
        [x_t.tolist(), times],
    )
    wanted = model.net(np.hstack([x_t, np.reshape(times, (-1, 1))]).astype(np.float32))
    assert np.abs(wanted - found).max() <= 1e-4 * np.abs(wanted).max()


@pytest.mark.parametrize("name", ["diffusion", "velocity", "data"])
def test_what_follows_from_its_answer(open_page, tmp_path, name):
    """The guess at x₀, by the library's formulas; and the page's way from noise is a deterministic sampler."""
    model = MODELS[name]()
    tab, _ = opened(open_page, tmp_path, model)
    x_t = np.random.default_rng(2).normal(size=(1, 64)).astype(np.float32)
    guess, carried = tab.page.evaluate(
        "x => [Array.from(guess(Float32Array.from(x), 0.6)[0]), Array.from(carried(Float32Array.from(x), 1, 4))]", x_t[0].tolist()
    )
    if name == "diffusion":
        cos, sin = model._cos_sin(60)
        wanted, x = (x_t - sin * model.predict_noise(x_t, 60)) / cos, x_t
        for t, s in ((100, 75), (75, 50), (50, 25), (25, 0)):
            (cos, sin), (cos_s, sin_s) = model._cos_sin(t), model._cos_sin(s)
            noise = model.predict_noise(x, t)
            x = cos_s * (x - sin * noise) / cos + sin_s * noise
    else:
        wanted, x = x_t + 0.6 * model.velocity(x_t, 0.4), x_t
        for k in range(4):
            x = x + model.velocity(x, k / 4) / 4
    for ours, theirs in ((wanted, guess), (x, carried)):
        assert np.abs(np.ravel(ours) - theirs).max() <= 1e-3 * np.abs(ours).max()


@pytest.mark.parametrize(
    "name, size, scheme", [("diffusion", "desk", "light"), ("data", "phone", "dark"), ("maf", "phone", "dark"), ("realnvp", "desk", "light")]
)
def test_the_way_and_the_controls(open_page, tmp_path, name, size, scheme):
    model = MODELS[name]()
    tab, x = opened(open_page, tmp_path, model, size, scheme)
    assert not tab.too_wide()
    shown = "Array.from(sheet[0].getContext('2d').getImageData(0, 0, side, side).data).filter((_, i) => i % 4 === 0)"
    path = [np.asarray(state) for state in explore_noise.stations(model, explore_noise.SAMPLES, explore_noise.STAGES)]
    tab.page.get_by_label("from noise to data").fill("1")  # read once: a canvas that is read twice warns
    assert np.abs(np.array(tab.page.evaluate(shown)) - 255 * path[1][0].clip(0, 1)).max() <= 1
    last = tab.page.evaluate("Array.from(state.now.path.values.subarray(-D))")
    assert np.abs(last - 255 * path[-1][-1].clip(0, 1)).max() <= 1
    if name in ("diffusion", "data"):
        tab.page.get_by_label("test example 2", exact=True).click()
        assert np.allclose(tab.page.evaluate("Array.from(state.x)"), x[1], atol=1 / 255)
        tab.page.get_by_label("noise", exact=True).fill("0.1")
        assert tab.page.evaluate("state.t") == 0.1
        tab.page.locator("#draw").focus()
        for key in (" ", "ArrowDown", "ArrowDown", " "):
            tab.page.keyboard.press(key)
        assert np.max(tab.page.evaluate("Array.from(state.x)")) > 0.3 and np.min(tab.page.evaluate("Array.from(state.x)")) == 0
