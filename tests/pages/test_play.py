"""What `scratchgen play` trains in the page is what the library trains: the same numbers, turn by turn."""

import copy
import itertools

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.models.gan import OBJECTIVES
from scratchgen.pages import write_page
from scratchgen.pages.network import described
from scratchgen.pages.page import as_json
from scratchgen.pages.play import play

STEPS, BATCH = 20, 32


@pytest.fixture(scope="session")
def page_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("play") / "play.html"
    write_page(path, play())
    return path


def until(tab, condition):
    """Wait until it is so; the page's policy forbids the eval of Playwright's own."""
    tab.page.evaluate(f"new Promise((resolve) => {{ const look = () => ({condition} ? resolve() : setTimeout(look, 20)); look(); }})")


def network(net):
    """All layers of a network, those of networks inside it too, as the page takes them."""
    return [one for layer in net.layers for one in (network(layer) if hasattr(layer, "layers") else described(layer))]


TRAIN = """(text) => {
    const { networks, settings, turns } = revive(JSON.parse(text));
    const model = new { gan: GAN, vae: VAE, flow: FlowMatching }[settings.model](networks, settings);
    const losses = {};
    for (const [turn, ...given] of turns) losses[turn] = model[turn](...given);
    return [Object.keys(networks).map((name) => parameters([model[name]]).map(([p]) => Array.from(p))), losses];
}"""


def assert_same_training(tab, settings, networks, before, turns, losses):
    """The page, given the parameters before and the turns' draws, arrives at the networks' parameters, to 10⁻⁴ of the largest of each network, and
    at the losses {turn: the last one}.

    Not of each array: where a bias's gradient is zero but for rounding, as that of a critic's last one, Adam makes of it a step of up to lr.
    """
    found, found_losses = tab.page.evaluate(TRAIN, as_json({"networks": before, "settings": settings, "turns": turns}))
    for turn, loss in losses.items():
        theirs = found_losses[turn]["loss"] if settings["model"] == "vae" else found_losses[turn]
        assert theirs == pytest.approx(float(loss), rel=1e-4, abs=1e-5)
    for net, start, theirs in zip(networks.values(), before.values(), found, strict=True):
        ours, first = (np.concatenate([one[key].ravel() for one in layers for key in ("W", "b") if key in one]) for layers in (network(net), start))
        moved, tolerance = np.abs(ours - first).max(), 1e-4 * np.abs(ours).max()
        assert moved > 20 * tolerance  # it has learnt something that could be wrong
        assert np.abs(ours - np.concatenate(theirs)).max() <= tolerance


@pytest.mark.parametrize("objective, penalty", [*itertools.product(OBJECTIVES, ("none", "r1", "wgan_gp"))])
def test_a_gan_trains_as_the_library_s(open_page, page_file, objective, penalty):
    rng = np.random.default_rng(1)
    gan = sg.GAN(2, 3, (16, 8), (16, 8), "identity", objective, None if penalty == "none" else penalty, penalty_weight=3.0, rng=rng)
    settings = {"model": "gan", "objective": objective, "penalty": penalty, "weight": 3.0, "clip": 0.01}
    settings |= {"optimizer": "adam", "momentum": 0.5, "lr": 1e-3, "lr_d": 2e-3}
    networks = {"generator": gan.generator, "discriminator": gan.discriminator}
    before, turns = copy.deepcopy({name: network(net) for name, net in networks.items()}), []
    train = {name: sg.optim.Adam(net, lr=lr, betas=(0.5, 0.999)) for (name, net), lr in zip(networks.items(), (1e-3, 2e-3), strict=True)}
    for _ in range(STEPS):
        x, z, again = (rng.standard_normal((BATCH, n), dtype=np.float32) for n in (2, 3, 3))
        u = rng.random((BATCH, 1), dtype=np.float32)
        gan.zero_grads()
        loss_D, _ = gan.discriminator_loss(x, z, u)
        train["discriminator"].step()
        gan.updated("discriminator")
        gan.zero_grads()
        loss_G, _ = gan.generator_loss(again)
        train["generator"].step()
        turns += [["turnD", x, z, u], ["turnG", again]]
    assert_same_training(open_page(page_file), settings, networks, before, turns, {"turnD": loss_D, "turnG": loss_G})


class Recording:
    """A Generator that remembers what it has drawn."""

    def __init__(self, rng, data):
        self.rng, self.data, self.drawn = rng, data, []

    def integers(self, high, size):
        index = self.rng.integers(high, size=size)
        self.drawn.append(self.data[index])
        return index

    def standard_normal(self, shape, dtype):
        self.drawn.append(self.rng.standard_normal(shape, dtype=dtype))
        return self.drawn[-1]

    def random(self, shape, dtype):
        self.drawn.append(self.rng.random(shape, dtype=dtype))
        return self.drawn[-1]


CHOICES = {
    "gan": "",
    "tanh, WGAN-GP": "objective=wasserstein&penalty=wgan_gp&weight=10&d_activation=tanh&activation=elu&data=moons&momentum=0",
    "softplus, R1": "objective=hinge&penalty=r1&weight=1&d_activation=softplus&optimizer=sgd&lr=0.03&lr_d=0.03&momentum=0.9",
    "elu, R1, 2 steps": "objective=minimax&penalty=r1&d_activation=elu&d_steps=2&latent=1&data=gaussian&layers=1",
    "clipping": "objective=wasserstein&clip=0.3&data=swiss_roll&activation=leaky_relu&optimizer=sgd&lr=0.1&lr_d=0.03",
    "least squares": "objective=least_squares&data=grid&activation=softplus",
    "drawn": "data=drawn&points=10.20_-50.0_100.-100&batch=16",
    "vae": "model=vae&data=moons&activation=tanh&lr=0.003&momentum=0.9",
    "vae, beta": "model=vae&data=pinwheel&beta=3&variance=0.1&latent=8&activation=elu&layers=1",
    "flow": "model=flow&data=grid&activation=relu&momentum=0.9",
    "flow, SGD": "model=flow&data=swiss_roll&activation=tanh&optimizer=sgd&lr=0.03",
}


@pytest.mark.parametrize("name", CHOICES)
def test_the_code_does_what_the_page_does(open_page, page_file, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    tab = open_page(page_file)
    tab.page.evaluate(f"location.hash = '{CHOICES[name]}&units=8&d_units=8'.replace(/^&/, '')")
    until(tab, "settings.units === 8")
    tab.page.evaluate(f"for (let i = 0; i < {STEPS}; i++) step()")
    tab.page.click("#show-code")
    code, settings = tab.page.inner_text("#code"), tab.page.evaluate("run.model.settings")
    assert f"range({STEPS})" in code

    head, loop = code.split(f"for step in range({STEPS})")
    scope = {}
    exec(head, scope)
    if settings["data"] != "drawn":
        assert np.array_equal(scope["data"].ravel(), np.float32(tab.page.evaluate("Array.from(run.x.values)")))
    vae, flow = scope.get("vae"), scope.get("flow")
    if vae:
        networks = {"encoder": vae.encoder, "decoder": vae.decoder}
    else:
        networks = {"net": flow.net} if flow else {"generator": scope["G"], "discriminator": scope["D"]}
    before = copy.deepcopy({name: network(net) for name, net in networks.items()})
    scope["rng"] = recording = Recording(scope["rng"], scope["data"])
    exec(f"for step in range({STEPS})" + loop.replace("points = ", "drawn = list(rng.drawn); points = "), scope)
    assert (tmp_path / "points.png").stat().st_size > 1000

    drawn, turns = iter(scope["drawn"]), []
    for step in range(STEPS):
        if settings["model"] != "gan":
            turns.append(["turn", next(drawn), *itertools.islice(drawn, 1 if vae else 2)])
            continue
        x, z = next(drawn), next(drawn)
        u = next(drawn) if settings["penalty"] == "wgan_gp" else np.zeros((len(x), 1), np.float32)
        turns.append(["turnD", x, z, u])
        if (step + 1) % settings["d_steps"] == 0:
            turns.append(["turnG", next(drawn)])
    assert next(drawn, None) is None and recording.drawn
    losses = {"turn": scope["loss"]} if settings["model"] != "gan" else {"turnD": scope["loss_D"], "turnG": scope["loss_G"]}
    assert_same_training(tab, settings, networks, before, turns, losses)


@pytest.mark.parametrize("size, scheme", [("desk", "light"), ("desk", "dark"), ("phone", "light"), ("phone", "dark")])
def test_it_trains_and_fits_the_screen(open_page, page_file, size, scheme):
    tab = open_page(page_file, size, scheme)
    for model in ("gan", "vae", "flow"):
        tab.page.select_option("#model", model)
        tab.page.click("#run")
        until(tab, "run.step > 5")
        tab.page.click("#run")
        step = tab.page.evaluate("run.step")
        assert not tab.too_wide() and tab.page.inner_text("#numbers dd >> nth=0") == str(step)
        assert "NaN" not in tab.page.inner_text("#numbers")


def test_one_player_alone(open_page, page_file):
    tab = open_page(page_file)
    weights = "(name) => parameters([run.model[name]]).flatMap(([p]) => Array.from(p))"
    for button, moved, rests in (("#step-d", "discriminator", "generator"), ("#step-g", "generator", "discriminator")):
        before = {name: tab.page.evaluate(weights, name) for name in (moved, rests)}
        tab.page.click(button)
        assert tab.page.evaluate(weights, moved) != before[moved] and tab.page.evaluate(weights, rests) == before[rests]


def test_the_address_holds_the_settings(open_page, page_file):
    tab = open_page(page_file)
    assert tab.page.evaluate("address()") == ""
    tab.page.select_option("#objective", "hinge")
    tab.page.select_option("#penalty", "r1")
    tab.page.select_option("#weight", "10")
    assert tab.page.evaluate("location.hash") == "#objective=hinge&penalty=r1&weight=10"
    tab.page.reload()
    assert tab.page.input_value("#penalty") == "r1" and tab.page.evaluate("settings.weight") == 10
    tab.page.evaluate("location.hash = 'model=vae&units=7&seed=%3Cb%3E&points=nonsense_1.2.3'")  # what is unknown is left out
    until(tab, "settings.model === 'vae'")
    assert tab.page.evaluate("[settings.units, settings.seed, drawing.points.length]") == [32, 0, 0]


def test_the_same_seed_gives_the_same_training(open_page, page_file):
    tab = open_page(page_file)
    lossD = "reset(); for (let i = 0; i < 3; i++) step(); run.lossD"
    assert tab.page.evaluate(lossD) == tab.page.evaluate(lossD)
    tab.page.select_option("#seed", "1")
    assert tab.page.evaluate(lossD) != tab.page.evaluate("settings.seed = 0; " + lossD)


def test_drawing_by_keyboard_and_pointer(open_page, page_file):
    tab = open_page(page_file)
    tab.page.select_option("#data", "drawn")
    tab.page.focus("#plane")
    for key in ("ArrowRight", "ArrowUp", "Enter"):
        tab.page.keyboard.press(key)
    assert tab.page.evaluate("drawing.points") == [[0.1, 0.1]]
    box = tab.page.locator("#plane").bounding_box()
    tab.page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.5 * box["height"])
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.75 * box["height"], steps=4)
    tab.page.mouse.up()
    points = tab.page.evaluate("drawing.points")
    assert len(points) == 6 and np.allclose(points[1], [-0.75, 0], atol=0.02) and np.allclose(points[-1], [-0.75, -0.75], atol=0.02)
    tab.page.reload()
    assert tab.page.evaluate("drawing.points") == points
    assert np.allclose(tab.page.evaluate("mean(run.x.values, (v) => v)"), np.mean(points), atol=0.05)
    tab.page.click("#clear")
    assert tab.page.evaluate("drawing.points") == []


def test_the_keyboard_alone(open_page, page_file):
    tab = open_page(page_file)
    for key, expected in (("s", 1), ("s", 2), ("r", 0)):
        tab.page.keyboard.press(key)
        assert tab.page.evaluate("run.step") == expected
    tab.page.keyboard.press("Space")
    until(tab, "run.step > 3")
    tab.page.keyboard.press("Space")
    assert tab.page.evaluate("running") is False


def test_slow_motion_shows_one_player_after_the_other(open_page, page_file):
    tab = open_page(page_file)
    moved = tab.page.evaluate("[1, 2, 3, 4].map(() => { slowStep(); return run.moved; })")
    assert moved == ["D", "G", "D", "G"] and tab.page.evaluate("run.step") == 2


def test_a_frame_trains_for_ten_milliseconds(open_page, page_file):
    tab = open_page(page_file)
    counted = """(ms) => {
        const [clock, ask, before] = [performance.now, requestAnimationFrame, run.step];
        let now = 0;
        performance.now = () => (now += ms); // how long a step takes
        window.requestAnimationFrame = () => {};
        running = true;
        frame(0);
        running = false;
        [performance.now, window.requestAnimationFrame] = [clock, ask];
        return run.step - before;
    }"""
    assert tab.page.evaluate(counted, 2) == 5 and tab.page.evaluate(counted, 500) == 1


def test_drawing_by_touch(open_page, page_file):
    tab = open_page(page_file, "phone")
    tab.page.select_option("#data", "drawn")
    tab.page.locator("#plane").scroll_into_view_if_needed()
    box = tab.page.locator("#plane").bounding_box()
    tab.page.touchscreen.tap(box["x"] + 0.75 * box["width"], box["y"] + 0.25 * box["height"])
    assert np.allclose(tab.page.evaluate("drawing.points"), [[0.75, 0.75]], atol=0.02)
    assert tab.page.evaluate("location.hash") == "#" + tab.page.evaluate("address()")


def test_a_training_that_diverges_says_so(open_page, page_file):
    tab = open_page(page_file)
    tab.page.evaluate("run.model.trainD.lr = run.model.trainG.lr = 1e30; running = true; for (let i = 0; i < 3; i++) step()")
    assert "diverged" in tab.page.inner_text("#hint") and tab.page.evaluate("running") is False


def test_mode_coverage_agrees(open_page, page_file):
    modes = sg.data.ring_modes()
    samples = np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32)
    captured, high_quality, _ = sg.metrics.mode_coverage(samples, modes, 0.1)
    count = (
        "(rows) => { const { captured, highQuality } = modeCoverage(Tensor.of(rows), data.toys.ring.modes, 0.1); return [captured, highQuality]; }"
    )
    assert open_page(page_file).page.evaluate(count, samples.tolist()) == [captured, pytest.approx(high_quality)]
