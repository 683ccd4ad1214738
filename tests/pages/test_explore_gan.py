"""The page of a GAN: G, D and ∂D/∂x are the library's, whatever D is shown beside the picture."""

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.pages import write_page
from scratchgen.pages.explore import explore

DEFAULT = dict(sg.GAN.suited_to(np.zeros((1, 784), np.float32)))
NETWORKS = {key: DEFAULT[key] for key in ("latent_dim", "generator_hidden", "discriminator_hidden", "batch_norm", "dropout")}
SMALL = dict(latent_dim=6, generator_hidden=(40,), discriminator_hidden=(40,))


def opened(open_page, folder, model, size="desk", scheme="light"):
    rng = np.random.default_rng(1)
    x, y = rng.random((30, model.data_dim)).astype(np.float32), np.arange(30) % 3
    np.savez(folder / "data.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    sg.save(model, folder / "model.npz")
    write_page(folder / "explore.html", explore(folder / "model.npz", str(folder / "data.npz")))
    return open_page(folder / "explore.html", size, scheme), x


def close(found, wanted):
    """Within 10⁻⁴ of the largest."""
    return np.abs(np.ravel(wanted) - np.ravel(found)).max() <= 1e-4 * np.abs(wanted).max()


JUDGE = "xs => xs.map((x) => { const [y, dx] = judge(Float32Array.from(x)); return [y, ...dx]; })"


def test_networks_and_gradient_are_the_library_s(open_page, tmp_path):
    """Weights of 16 bits, at the size that `scratchgen train gan` takes for pictures."""
    gan = sg.GAN(784, rng=0, **NETWORKS)
    tab, x = opened(open_page, tmp_path, gan)
    z = np.random.default_rng(2).normal(size=(20, 64)).astype(np.float32)
    assert close(tab.page.evaluate("zs => zs.map((z) => Array.from(generate(Float32Array.from(z))))", z.tolist()), gan.generator(z))
    found = np.array(tab.page.evaluate(JUDGE, x.tolist()))
    assert close(found[:, 0], gan.discriminator(x)) and close(found[:, 1:], gan._slope(x))


@pytest.mark.parametrize("options", [{"n_classes": 3}, {"pack": 3, "n_classes": 3}, {"minibatch_features": 4}, {"feature_matching": True}])
def test_what_d_is_shown_beside_the_picture(open_page, tmp_path, options):
    gan = sg.GAN(64, rng=0, **SMALL, **options)
    tab, x = opened(open_page, tmp_path, gan)
    label = 2 if "n_classes" in options else 0
    others = np.reshape(tab.page.evaluate(f"(state.label = {label}, state.others.map((x) => Array.from(x)))"), (-1, 64)).astype(np.float32)
    found = np.array(tab.page.evaluate(JUDGE, x[:1].tolist()))[0]
    batch = np.concatenate([x[:1], others])
    shown, packs = gan.shown(batch, np.full(len(batch), label) if "n_classes" in options else None)
    y, cache = gan.discriminator.forward(shown, training=False)
    dy = np.zeros_like(y)
    dy[0] = 1
    dx = gan.packing.backward(gan.discriminator.backward(dy, cache, wrt="input")[:, : gan.pack * 64], packs)
    assert len(others) == (15 if "minibatch_features" in options else options.get("pack", 1) - 1)
    assert abs(found[0] - y[0, 0]) < 1e-4 and close(found[1:], dx[0])


def test_codes_of_an_infogan(open_page, tmp_path):
    model = sg.InfoGAN(64, noise_dim=3, categories=(3, 2), continuous=2, generator_hidden=(20,), discriminator_hidden=(20,), rng=0)
    tab, x = opened(open_page, tmp_path, model)
    tab.page.get_by_label("code 1").select_option("2")
    tab.page.get_by_label("c₂").fill("1.5")
    z = np.array([[0.3, -1, 2]], np.float32)
    wanted = model.generate(z, [np.array([2]), np.array([0]), np.array([[0, 1.5]], np.float32)])
    assert close(tab.page.evaluate("z => Array.from(generate(Float32Array.from(z)))", z[0].tolist()), wanted)
    assert close(tab.page.evaluate("x => judge(Float32Array.from(x))[0]", x[0].tolist()), model.discriminator(x[:1])[:, 0])


@pytest.mark.parametrize("size, scheme", [("desk", "light"), ("phone", "dark")])
def test_what_one_can_do(open_page, tmp_path, size, scheme):
    tab, x = opened(open_page, tmp_path, sg.GAN(64, rng=0, **SMALL), size, scheme)
    assert not tab.too_wide()
    said = tab.page.locator("#said")
    tab.page.get_by_label("sample 5", exact=True).click()
    assert tab.page.evaluate("Array.from(state.z)") == tab.page.evaluate("Array.from(shown[4])")
    tab.page.get_by_label("z₂", exact=True).fill("2.5")
    assert tab.page.evaluate("state.z[1]") == 2.5
    tab.page.get_by_label("test example 2", exact=True).click()
    tab.page.evaluate("new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
    y = float(sg.load(tmp_path / "model.npz").discriminator(np.round(255 * x[1:2]) / np.float32(255))[0, 0])
    assert said.text_content() == f"D says: {100 / (1 + np.exp(-y)):.1f} % real"
    tab.page.locator("#draw").focus()
    for key in (" ", "ArrowDown", "ArrowDown", " "):
        tab.page.keyboard.press(key)
    assert np.max(tab.page.evaluate("Array.from(state.x)")) > 0.3


def test_a_generator_without_a_discriminator(open_page, tmp_path):
    model = sg.GMMN(64, latent_dim=3, hidden=(20,), rng=0)
    tab, _ = opened(open_page, tmp_path, model)
    z = np.random.default_rng(2).uniform(-1, 1, (5, 3)).astype(np.float32)
    assert close(tab.page.evaluate("zs => zs.map((z) => Array.from(generate(Float32Array.from(z))))", z.tolist()), model.generator(z))
    assert tab.page.locator("#said").count() == 0
