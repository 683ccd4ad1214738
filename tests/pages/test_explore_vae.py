"""The page of a VAE: its numbers are the library's, and every way to move z does so."""

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.pages import write_page
from scratchgen.pages.explore import explore

SIDE = 8


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of four epochs on squares of pixels, with labels."""
    folder = tmp_path_factory.mktemp("vae")
    rng = np.random.default_rng(0)
    y = np.arange(200) % 3
    x = (rng.random((200, SIDE * SIDE)) * (np.arange(SIDE * SIDE) % 3 == y[:, None])).astype(np.float32)
    np.savez(folder / "data.npz", x_train=x, y_train=y, x_test=x[:50], y_test=y[:50])
    sg.fit(sg.VAE(SIDE * SIDE, 4, (60,), rng=0), x, epochs=4, out=folder / "run", progress=False)
    return folder


@pytest.fixture(scope="module")
def page_file(run):
    write_page(run / "explore.html", explore(run / "run", str(run / "data.npz")))
    return run / "explore.html"


def close(found, wanted):
    """Within 10⁻⁴ of the largest."""
    return np.abs(np.ravel(wanted) - np.ravel(found)).max() <= 1e-4 * np.abs(wanted).max()


@pytest.mark.parametrize("options", [{}, {"n_classes": 3}, {"likelihood": "gaussian"}], ids=["plain", "labels", "gaussian"])
def test_encoder_and_decoder_are_the_library_s(open_page, tmp_path, options):
    """Weights of 16 bits, at the default size."""
    y = np.arange(30) % 3
    rng = np.random.default_rng(1)
    x, z = rng.random((30, 784)).astype(np.float32), rng.normal(size=(30, 20)).astype(np.float32)
    np.savez(tmp_path / "data.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    vae = sg.VAE(784, 20, (500,), rng=0, **options)
    sg.save(vae, tmp_path / "model.npz")
    write_page(tmp_path / "explore.html", explore(tmp_path / "model.npz", str(tmp_path / "data.npz")))
    tab, told = open_page(tmp_path / "explore.html"), {"y": np.full(30, 2)} if "n_classes" in options else {}
    found = tab.page.evaluate(
        """([xs, zs]) => {
            state.label = 2;
            return [xs.map((x) => Array.from(encode(Float32Array.from(x)))), zs.map((z) => Array.from(decode(Float32Array.from(z))))];
        }""",
        [x.tolist(), z.tolist()],
    )
    assert close(found[0], vae.encode(x, **told)[0]) and close(found[1], vae.decode(z, **told))


def test_earlier_epochs_look_the_same(open_page, page_file, run):
    from scratchgen.train import history

    tab, vae = open_page(page_file), sg.load(run / "run")
    z = np.random.default_rng(2).normal(size=(20, 4)).astype(np.float32)
    for index, epoch in enumerate((0, 1, 2)):
        history.restore(vae, run / "run", epoch)
        found = tab.page.evaluate(
            "([k, zs]) => { changeEpoch(snapshot(k)); return zs.map((z) => Array.from(decode(Float32Array.from(z)))) }", [index, z.tolist()]
        )
        assert np.abs(np.array(found) - vae.decode(z)).mean() < 0.02, epoch


@pytest.mark.parametrize("size, scheme", [("desk", "light"), ("phone", "dark")])
def test_it_fits(open_page, page_file, size, scheme):
    assert not open_page(page_file, size, scheme).too_wide()


def z_of(tab):
    return np.array(tab.page.evaluate("Array.from(state.z)"))


def test_every_way_to_move_z(open_page, page_file):
    tab = open_page(page_file)
    start = z_of(tab)
    box = tab.page.locator("#plane").bounding_box()
    tab.page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + box["width"] * 3 / 4, box["y"] + box["height"] / 4)
    tab.page.mouse.up()
    place = tab.page.evaluate("directions().map((direction) => along(state.z, direction))")
    assert np.allclose(place, [2, 2], atol=0.05)  # of −4 … 4, and what is not in the plane has stayed
    planes = np.array(tab.page.evaluate("directions().map((direction) => Array.from(direction))"))
    outside = np.eye(4) - planes.T @ planes
    assert np.allclose(outside @ z_of(tab), outside @ start, atol=1e-4)
    tab.page.locator("#plane").press("ArrowLeft")
    assert np.allclose(tab.page.evaluate("along(state.z, directions()[0])"), place[0] - 0.1, atol=1e-4)
    tab.page.get_by_label("z₃").fill("1.5")
    assert z_of(tab)[2] == 1.5
    tab.page.get_by_role("button", name="z = 0").click()
    assert (z_of(tab) == 0).all()
    tab.page.get_by_label("test example 3").click()
    assert np.allclose(z_of(tab), tab.page.evaluate("Array.from(encode(example(2)))"))
    tab.page.get_by_label("horizontal axis").select_option("2")
    assert tab.page.evaluate("Array.from(directions()[0])") == [0, 0, 1, 0]
    tab.page.get_by_label("from A to B").fill("1")
    assert np.allclose(z_of(tab), tab.page.evaluate("Array.from(state.ends[1])"))


def test_a_finger_moves_z_and_draws(open_page, page_file):
    tab = open_page(page_file, "phone")
    for name in ("#plane", "#draw"):
        tab.page.locator(name).scroll_into_view_if_needed()
        box, before = tab.page.locator(name).bounding_box(), z_of(tab)
        tab.page.touchscreen.tap(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.6)
        assert np.abs(z_of(tab) - before).max() > 0.01, name


def test_a_drawn_digit_is_encoded(open_page, page_file):
    tab = open_page(page_file)
    box = tab.page.locator("#draw").bounding_box()
    tab.page.mouse.move(box["x"] + box["width"] - 20, box["y"] + 20)  # where nothing may lie over the canvas
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + 30, box["y"] + 60, steps=5)
    tab.page.mouse.up()
    x = np.array(tab.page.evaluate("Array.from(state.x)")).reshape(SIDE, SIDE)
    assert x.max() > 0.4
    assert np.allclose(z_of(tab), tab.page.evaluate("Array.from(encode(state.x))"))
    tab.page.get_by_role("button", name="clear").click()
    assert tab.page.evaluate("state.x") is None
    tab.page.locator("#draw").focus()
    for key in (" ", "ArrowDown", "ArrowDown", "ArrowRight", " "):
        tab.page.keyboard.press(key)
    assert np.max(tab.page.evaluate("Array.from(state.x)")) > 0.4


def test_a_drawing_is_centred_as_mnist_s_digits_are(open_page, page_file):
    """Wherever and however large it is drawn: 20 pixels long, its centre of mass in the middle."""
    tab = open_page(page_file)
    for scale, left, top in ((1, 0, 0), (0.3, 0.6, 0.1)):
        strokes = [[[left + scale * x, top + scale * y] for x, y in ((0, 0), (0.6, 0), (0.2, 1), (0.25, 0.9))]]
        ink = np.array(tab.page.evaluate("(strokes) => Array.from(inked(strokes, 28))", strokes)).reshape(28, 28)
        rows = np.flatnonzero(ink.max(axis=1) > 0.5)
        assert abs(rows[-1] - rows[0] + 1 - 20) <= 1
        place = np.arange(28)
        centre = [float((ink.sum(axis=axis) * place).sum() / ink.sum()) for axis in (0, 1)]
        assert np.allclose(centre, 13.5, atol=0.3)


def test_the_layers_are_shown(open_page, page_file):
    tab = open_page(page_file)
    tab.page.locator(".unit").first.wait_for()
    assert tab.page.locator(".unit").count() == 60
    tab.page.get_by_label("network").select_option("encoder")
    tab.page.get_by_role("button", name="Linear 8").click()
    tab.page.locator(".matrix").wait_for()


def test_the_page_of_the_default_vae_is_small_and_quick(open_page, tmp_path):
    """At most 3 MB; what a drag costs is a small part of a frame's 16 ms."""
    test = sg.data.load("glyphs", "test")
    vae = sg.VAE(784, rng=0)
    sg.fit(vae, test.x[:200], epochs=9, out=tmp_path / "run", progress=False)
    text = explore(tmp_path / "run", "glyphs")
    write_page(tmp_path / "explore.html", text)
    assert len(text.encode()) <= 3e6 and text.count('"epoch":') == 5
    tab = open_page(tmp_path / "explore.html")
    milliseconds = tab.page.evaluate("""() => Array.from({ length: 20 }, (_, k) => {
        const begun = performance.now();
        move([k / 10, 1]);
        showPicture(image, decode(state.z));
        drawPlane();
        return performance.now() - begun;
    })""")
    assert np.min(milliseconds) < 16


def test_what_has_no_page_is_refused(tmp_path, run):
    sg.save(sg.VAE(5, 2, (3,), rng=0), tmp_path / "model.npz")
    with pytest.raises(ValueError, match="no page"):
        explore(tmp_path / "model.npz", "ring")
    with pytest.raises(ValueError, match="2 features"):
        explore(run / "run", "ring")
    sg.save(sg.VAE(16, 2, (3,), n_classes=3, rng=0), tmp_path / "model.npz")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((40, 16)))
    with pytest.raises(ValueError, match="x.npy has no labels"):
        explore(tmp_path / "model.npz", str(tmp_path / "x.npy"))
