"""The page of a MADE: its conditionals are the library's, and a pixel depends on those before it only."""

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.pages import write_page
from scratchgen.pages.explore import explore

SIDE, D = 6, 36


def opened(open_page, folder, model, size="desk", scheme="light"):
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 2, (30, model.data_dim)).astype(np.float32), np.arange(30) % 3
    np.savez(folder / "data.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    sg.save(model, folder / "model.npz")
    write_page(folder / "explore.html", explore(folder / "model.npz", str(folder / "data.npz")))
    return open_page(folder / "explore.html", size, scheme), x


@pytest.mark.parametrize("options", [{}, {"n_classes": 3, "direct": True}, {"n_masks": 2}, {"data_dim": 784, "hidden": (500,)}])
def test_the_conditionals_are_the_library_s(open_page, tmp_path, options):
    made = sg.MADE(**{"data_dim": D, "hidden": (50,), "rng": 0} | options)
    tab, x = opened(open_page, tmp_path, made)
    made._use_mask(0)
    wanted = 1 / (1 + np.exp(-made._forward(x[:5], np.full(5, 2) if made.n_classes else None)[0]))
    found = tab.page.evaluate(
        "xs => xs.map((x) => { [state.x, state.drawn, state.label] = [x, D, 2]; return Array.from(conditionals()) })", x[:5].tolist()
    )
    assert np.abs(wanted - found).max() <= 1e-4 * wanted.max()


def test_what_is_drawn_later_changes_nothing(open_page, tmp_path):
    tab, x = opened(open_page, tmp_path, sg.MADE(D, (50,), ordering=tuple(np.random.default_rng(0).permutation(D).tolist()), rng=0))
    full, half = tab.page.evaluate("""(x) => {
        state.x = x;
        return [D, 18].map((drawn) => { state.drawn = drawn; return Array.from(order.subarray(0, 19), (i) => conditionals()[i]); });
    }""", x[0].tolist())  # fmt: skip
    assert np.allclose(full, half, atol=1e-6) and len(set(np.round(full, 6))) > 10


@pytest.mark.parametrize("size, scheme", [("desk", "light"), ("phone", "dark")])
def test_drawing(open_page, tmp_path, size, scheme):
    tab, x = opened(open_page, tmp_path, sg.MADE(D, (50,), rng=0), size, scheme)
    assert not tab.too_wide()
    drawn = lambda: tab.page.evaluate("state.drawn")
    tab.page.get_by_label("test example 3", exact=True).click()
    assert drawn() == D // 2 and tab.page.evaluate("Array.from(state.x)") == x[2].tolist()
    tab.page.get_by_role("button", name="draw one pixel").click()
    assert drawn() == D // 2 + 1
    tab.page.get_by_role("button", name="draw the rest").click()
    tab.page.evaluate("new Promise((resolve) => { const look = () => (state.drawn === D ? resolve() : setTimeout(look, 20)); look(); })")
    assert tab.page.evaluate("Array.from(state.x)")[: D // 2] == x[2, : D // 2].tolist()
    box = tab.page.get_by_label("the pixels drawn so far").bounding_box()
    tab.page.mouse.click(box["x"] + box["width"] * 1.5 / SIDE, box["y"] + box["height"] * 0.5 / SIDE)
    assert tab.page.evaluate("state.x[1]") == 1 - x[2, 1]
    tab.page.get_by_label("pixels drawn", exact=True).fill("0")
    tab.page.evaluate("new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
    first = 1 / (1 + np.exp(-float(sg.load(tmp_path / "model.npz").net(np.zeros((1, D), np.float32))[0, 0])))
    assert f"row 1, column 1, white with probability {first:.3f}" in tab.page.locator("#next").text_content()


def test_a_sample_is_the_library_s_with_the_same_draws(open_page, tmp_path):
    made, u = sg.MADE(D, (50,), ordering=tuple(range(D))[::-1], rng=0), np.random.default_rng(0).random((5, D))
    tab, _ = opened(open_page, tmp_path, made)
    found = tab.page.evaluate(
        """us => us.map((u) => {
            Math.random = () => u[state.drawn];
            for (state.drawn = 0; state.drawn < D;) sampleOne();
            return Array.from(state.x);
        })""",
        u.tolist(),
    )
    x = np.zeros((5, D), np.float32)
    for k, d in enumerate(made.ordering):
        x[:, d] = u[:, k] < 1 / (1 + np.exp(-made.net(x)[:, d]))
    np.testing.assert_array_equal(found, x)


def test_earlier_epochs(open_page, tmp_path):
    x = np.random.default_rng(0).integers(0, 2, (100, D)).astype(np.float32)
    made = sg.MADE(D, (50,), rng=0)
    made.start_from(x)
    untrained = made.net(x[:5]).copy()
    sg.fit(made, x, epochs=5, batch_size=50, out=tmp_path / "run", progress=False)
    np.savez(tmp_path / "data.npz", x_train=x, x_test=x)
    write_page(tmp_path / "explore.html", explore(tmp_path / "run", str(tmp_path / "data.npz")))
    tab = open_page(tmp_path / "explore.html")
    assert tab.page.evaluate("data.snapshots.map((one) => one.epoch)") == [0, 4, 5]
    tab.page.get_by_label("epoch").fill("0")
    found = tab.page.evaluate("xs => xs.map((x) => { [state.x, state.drawn] = [x, D]; return Array.from(conditionals()) })", x[:5].tolist())
    assert np.abs(1 / (1 + np.exp(-untrained)) - found).max() < 0.02  # of weights in 8 bits
