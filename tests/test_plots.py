"""Pictures are judged by eye; these tests hold what an eye does not see: pixels in the right place, whole files, nobody's settings changed."""

import os
import subprocess
import sys

import matplotlib.style
import numpy as np
import pytest
from PIL import Image

from scratchgen import plots

RNG = np.random.default_rng(0)
RING = np.stack([np.cos(np.arange(8) * np.pi / 4), np.sin(np.arange(8) * np.pi / 4)], axis=1)
X = np.linspace(-3, 3, 61)
BUMP = np.exp(-(X**2) / 2) / np.sqrt(2 * np.pi)
Z = np.linspace(-1, 1, 50)

DRAW = {
    "sample_grid": lambda path=None: plots.sample_grid(RNG.random((5, 16)), path, title="epoch 1"),
    "reconstructions": lambda path=None: plots.reconstructions(np.zeros((5, 16)), np.ones((5, 4, 4)), path, columns=3),
    "learning_curves": lambda path=None: plots.learning_curves({"epoch": [1, 2], "elbo": [-3, -2], "valid_elbo": ["", "-2.5"]}, path),
    "latent_scatter": lambda path=None: plots.latent_scatter(RNG.normal(size=(30, 2)), np.arange(30) % 3, path),
    "latent_manifold": lambda path=None: plots.latent_manifold(lambda z: np.zeros((len(z), 16)), path, side=4),
    "surface": lambda path=None: plots.surface(lambda x: -(x**2).sum(axis=1), lambda x: -2 * x, RING[:50] * 1.2, path, real=RING, side=40),
    "bent_plane": lambda path=None: plots.bent_plane(lambda z: z + 0.2 * z**2, lambda x: -(x**2).sum(axis=1), path, real=RING, side=40),
    "points": lambda path=None: plots.points(RING[:50], path, real=RING),
    "stages": lambda path=None: plots.stages([RING[:50], 2 * RING[:50]], path, real=RING),
    "density_figure": lambda path=None: plots.density_figure(X, BUMP, np.full(61, 0.5), Z, 2 * Z, path),
}


def pixels(figure):
    """The drawn figure as grey values in [0, 1]."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].mean(axis=2) / 255


@pytest.mark.parametrize("name", DRAW)
def test_each_picture_is_returned_and_saved_whole(name, tmp_path):
    path = tmp_path / "new folder" / "picture.png"
    figure = DRAW[name](path)
    assert isinstance(figure, matplotlib.figure.Figure)
    with Image.open(path) as image:
        image.load()
        saved = np.asarray(image.convert("L")) / 255
    assert 0.02 < (saved < 0.98).mean() < 0.98  # neither blank nor black
    assert os.listdir(path.parent) == ["picture.png"]  # no temporary file left


@pytest.mark.parametrize("name", DRAW)
def test_the_users_style_neither_changes_nor_hides_anything(name):
    with matplotlib.rc_context():
        matplotlib.style.use("dark_background")
        before = dict(matplotlib.rcParams)
        figure = DRAW[name]()
        drawn = pixels(figure)
        assert dict(matplotlib.rcParams) == before
    assert drawn[0, 0] == 1  # paper stays white
    texts = [t for t in figure.findobj(matplotlib.text.Text) if t.get_visible() and t.get_text().strip()]
    assert all(matplotlib.colors.to_rgb(t.get_color()) != (1, 1, 1) for t in texts)


def test_no_pyplot_and_no_matplotlib_before_it_is_needed():
    code = "import sys, scratchgen; assert 'matplotlib' not in sys.modules; import scratchgen.plots; assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_grid_puts_each_image_in_its_place_in_whole_pixels():
    images = np.arange(6)[:, None, None] / 5 * np.ones((6, 4, 4))
    drawn = pixels(plots.sample_grid(images, columns=3))
    zoom = 60  # 840 dots over 3 × 4 + 2 pixels
    for i, grey in enumerate(np.arange(6) / 5):
        top, left = 8 + (i // 3) * 5 * zoom, 8 + (i % 3) * 5 * zoom
        block = drawn[top : top + 4 * zoom, left : left + 4 * zoom]
        assert block.shape == (240, 240)
        np.testing.assert_allclose(block, grey, atol=0.01)


def test_grid_takes_flat_and_square_images_alike_and_clips():
    images = RNG.random((4, 3, 5)) * 3 - 1
    np.testing.assert_array_equal(pixels(plots.sample_grid(images)), pixels(plots.sample_grid(images.clip(0, 1))))
    square = RNG.random((4, 5, 5))
    np.testing.assert_array_equal(pixels(plots.sample_grid(square)), pixels(plots.sample_grid(square.reshape(4, 25))))


def test_reconstructions_stand_under_their_originals():
    figure = plots.reconstructions(np.zeros((4, 3, 3)), np.full((4, 3, 3), 0.5), columns=2)
    sheet = figure.axes[0].images[0].get_array()
    np.testing.assert_array_equal(sheet[:, 0], [0, 0, 0, 1, 0.5, 0.5, 0.5] + [1] * 8 + [0, 0, 0, 1, 0.5, 0.5, 0.5])


def test_curves_share_a_panel_where_they_measure_the_same_thing():
    n = 5
    columns = ["epoch", "step", "seconds", "discriminator", "generator", "elbo", "valid_elbo", "kl"]
    figure = plots.learning_curves({name: np.arange(n) for name in columns})
    panels = {axes.get_title("left"): [line.get_label() for line in axes.lines] for axes in figure.axes}
    both = ["training data", "validation data"]
    assert panels == {"loss of each player, training data": ["discriminator", "generator"], "elbo": both, "kl": both[:1]}
    assert {axes.get_xlabel() for axes in figure.axes} == {"epoch"}


def test_curves_have_their_units_and_landmarks():
    metrics = {"epoch": [1, 2], "valid_elbo": [-3, -2], "discriminator": [1.5, 1.4], "generator": [0.6, 0.7]}
    figure = plots.learning_curves(metrics, units={"elbo": "nats"}, landmarks={"discriminator": (np.log(4), "log 4")})
    elbo, players = figure.axes
    assert elbo.get_title("left") == "elbo, nats" and [text.get_text() for text in elbo.get_legend().get_texts()] == ["validation data"]
    assert [text.get_text() for text in players.get_legend().get_texts()] == ["discriminator", "log 4", "generator"]
    np.testing.assert_allclose(players.lines[1].get_ydata(), np.log(4))


@pytest.mark.parametrize("name", [name for name in DRAW if name != "sample_grid"])
def test_a_sentence_stands_under_each_picture_and_in_its_file(name, tmp_path):
    figure = DRAW[name](tmp_path / "picture.png")
    with Image.open(tmp_path / "picture.png") as image:
        sentence = image.info["Description"]
    (text,) = [text for text in figure.findobj(matplotlib.text.Text) if text.get_text().replace("\n", " ") == sentence]
    box, paper = text.get_window_extent(), figure.bbox
    assert sentence.endswith(".") and 0 <= box.x0 < box.x1 <= paper.x1 and 0 <= box.y0 < box.y1 < 0.2 * paper.y1
    others = [each.get_tightbbox() for each in figure.axes]
    assert all(not box.overlaps(other) for other in others if other is not None)


def test_curves_run_over_steps_where_epochs_repeat_and_bridge_empty_cells():
    figure = plots.learning_curves({"epoch": [1, 1, 2], "step": ["10", "20", "30"], "loss": ["3", "", "1.5"]})
    (line,) = figure.axes[0].lines
    np.testing.assert_array_equal(line.get_xydata(), [[10, 3], [30, 1.5]])
    assert figure.axes[0].get_xlabel() == "step"


def test_the_running_mean_of_a_long_straight_line_is_that_line():
    figure = plots.learning_curves({"step": np.arange(1000), "loss": 2.0 * np.arange(1000)})
    raw, mean = figure.axes[0].lines
    assert len(raw.get_xdata()) == 1000 and 900 < len(mean.get_xdata()) < 1000
    np.testing.assert_allclose(mean.get_ydata(), 2.0 * mean.get_xdata(), atol=1.01)  # half a step where the window is even


def test_scatter_names_every_label_and_draws_every_point():
    mu, labels = RNG.normal(size=(40, 2)), np.arange(40) % 4
    figure = plots.latent_scatter(mu, labels)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["0", "1", "2", "3"]
    points = figure.axes[0].collections[0]
    colours = {tuple(point): tuple(colour) for point, colour in zip(points.get_offsets().data, points.get_facecolors(), strict=True)}
    assert set(colours) == set(map(tuple, mu))
    for label in range(4):
        assert len({colours[tuple(point)] for point in mu[labels == label]}) == 1
    assert len(set(colours.values())) == 4


def test_manifold_is_even_in_probability_and_grows_right_and_up():
    asked = []

    def decode(z):
        asked.append(z)
        return np.repeat(z[:, :1] > 0, 4, axis=1) * 0.5 + np.repeat(z[:, 1:] > 0, 4, axis=1) * 0.25

    sheet = plots.latent_manifold(decode, side=2).axes[0].images[0].get_array()
    np.testing.assert_array_equal(sheet[::2, ::2], [[0.25, 0.75], [0, 0.5]])  # (left, up), (right, up); (left, down), (right, down)
    quartile = 0.6744897502
    np.testing.assert_allclose(np.abs(asked[0]), quartile, rtol=1e-6)


def test_density_of_samples_integrates_to_one_and_finds_the_gaussian():
    from scratchgen.plots.density import smooth_density

    x = np.linspace(-6, 6, 301)
    q = smooth_density(np.random.default_rng(0).normal(size=20000), x)
    assert q.sum() * (x[1] - x[0]) == pytest.approx(1, abs=1e-3)
    assert np.abs(q - np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)).max() < 0.02
    collapsed = smooth_density(np.zeros(100), x)
    assert collapsed.sum() * (x[1] - x[0]) == pytest.approx(1, abs=1e-3)


def test_optimal_discriminator_is_one_half_where_generator_equals_data():
    z = np.random.default_rng(1).normal(size=50000)
    figure = plots.density_figure(X, BUMP, np.full(61, 0.5), z, z)
    best = next(line for axes in figure.axes for line in axes.lines if line.get_label().startswith("optimal")).get_ydata()
    assert np.isfinite(best).sum() > 40
    np.testing.assert_allclose(best[np.isfinite(best)], 0.5, atol=0.08)


def test_animation_has_every_frame_and_stays_small(tmp_path):
    rng = np.random.default_rng(0)
    real = RING[rng.integers(8, size=500)] + 0.02 * rng.normal(size=(500, 2))
    frames = [t * real[:200] + (1 - t) * rng.normal(size=(200, 2)) for t in np.linspace(0, 1, 12)]
    path = plots.animate_points(frames, real, tmp_path / "ring.gif", captions=[f"step {i}" for i in range(12)], fps=10)
    assert path.stat().st_size < 12 * 10_000
    with Image.open(path) as gif:
        assert (gif.n_frames, gif.info["loop"], gif.info["duration"]) == (12, 0, 100)
        first = np.asarray(gif.convert("RGB"), int)
        gif.seek(11)
        last = np.asarray(gif.convert("RGB"), int)
        assert gif.info["duration"] == 2000
    orange = [(np.abs(picture - (255, 169, 14)).sum(axis=2) < 12)[100:].sum() for picture in (first, last)]
    assert orange[1] < 0.7 * orange[0]  # points gather in the modes
    assert (first[0, 0] == 255).all() and (last[0, 0] == 255).all()


def test_equal_frames_are_all_kept_in_time(tmp_path):
    path = plots.animate_points([RING] * 5, RING, tmp_path / "still.gif", fps=10)
    with Image.open(path) as gif:
        total = 0
        for i in range(gif.n_frames):
            gif.seek(i)
            total += gif.info["duration"]
    assert total == 4 * 100 + 2000


def test_a_failed_save_names_the_path_and_keeps_the_old_picture(tmp_path, monkeypatch):
    path = tmp_path / "picture.png"
    path.write_bytes(b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match=r"cannot write .*picture.png: No space left on device"):
        DRAW["sample_grid"](path)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["picture.png"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot write"):
        DRAW["sample_grid"](tmp_path / "file" / "picture.png")


@pytest.mark.parametrize("ending", ["png", "pdf", "svg"])
def test_formats_by_ending(ending, tmp_path):
    DRAW["learning_curves"](tmp_path / f"curves.{ending}")
    start = (tmp_path / f"curves.{ending}").read_bytes()[:5]
    assert start in (b"\x89PNG\r", b"%PDF-", b"<?xml")


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plots.sample_grid(np.zeros((3, 783))), r"images has shape \(3, 783\); grey images need"),
        (lambda: plots.sample_grid(np.zeros((0, 784))), r"images has shape \(0, 28, 28\)"),
        (lambda: plots.sample_grid(np.full((3, 4), np.nan)), "images contains NaN"),
        (lambda: plots.sample_grid(np.zeros((3, 4)), columns=0), "columns is 0"),
        (lambda: plots.sample_grid(np.zeros((3, 4)), "grid"), "path is 'grid'; its ending must name a picture format: .*.png"),
        (lambda: plots.reconstructions(np.zeros((3, 4)), np.zeros((2, 4))), r"reconstructed has shape \(2, 2, 2\), originals \(3, 2, 2\)"),
        (lambda: plots.learning_curves({"epoch": [1]}), "no column of numbers"),
        (lambda: plots.learning_curves({"loss": ["high"]}), "column 'loss' of metrics holds something that is not a number"),
        (lambda: plots.learning_curves({"loss": [1, 2], "kl": [1]}), "different lengths"),
        (lambda: plots.latent_scatter(np.zeros((3, 20))), r"mu has shape \(3, 20\); a picture in the plane needs \(n, 2\)"),
        (lambda: plots.latent_scatter(np.zeros((3, 2)), [1, 2]), "one label for each point"),
        (lambda: plots.latent_manifold(lambda z: z[:3, [0, 0, 0, 0]], side=3), "was given 9 points and returned 3 images"),
        (lambda: plots.latent_manifold(lambda z: z, side=1), "side is 1"),
        (lambda: plots.density_figure(X, BUMP[:-1], BUMP, Z, Z), "61, 60 and 61 values"),
        (lambda: plots.density_figure(X, BUMP, BUMP, Z, Z[:-1]), r"generated must be G\(z\)"),
        (lambda: plots.animate_points([], RING, "a.gif"), "frames is empty"),
        (lambda: plots.animate_points([RING, RING[0]], RING, "a.gif"), r"frames\[1\] has shape \(2,\)"),
        (lambda: plots.animate_points([RING], RING, "a.gif", captions=["a", "b"]), "captions has 2 texts, frames 1 arrays"),
        (lambda: plots.animate_points([RING], RING, "a.png"), "path is 'a.png'; an animation is written as .gif"),
        (lambda: plots.animate_points([RING], RING, "a.gif", fps=0), "fps is 0"),
    ],
)
def test_bad_input_is_named(draw, message):
    with pytest.raises(ValueError, match=message):
        draw()


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: plots.surface(lambda x: np.full(len(x), np.nan), lambda x: x, RING, real=RING, side=5), "what value returned contains NaN"),
        (lambda: plots.surface(lambda x: x, lambda x: x, RING, real=RING, side=5), r"what value returned has shape \(25, 2\)"),
        (lambda: plots.surface(lambda x: x[:, 0], lambda x: x * np.inf, RING, real=RING, side=5), "what slope returned contains NaN"),
        (lambda: plots.bent_plane(lambda z: z, lambda x: x[:, 0] * np.nan, real=RING, side=5), "what log_density returned contains NaN"),
        (lambda: plots.stages([]), "states is empty"),
        (lambda: plots.save_grid(np.zeros((4, 16)), "never.png", columns=0), "columns is 0"),
    ],
)
def test_what_cannot_be_drawn_is_said(draw, words):
    with pytest.raises(ValueError, match=words):
        draw()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("slope", [lambda x: 0 * x, lambda x: np.where(np.arange(len(x))[:, None] == 0, 5.0, 1e-3) * np.ones_like(x)])
def test_arrows_of_any_length_stay_in_the_picture(slope):
    (axes, *_) = plots.surface(lambda x: x[:, 0], slope, RING, real=RING, side=10).axes
    for quiver in axes.findobj(matplotlib.quiver.Quiver):
        assert np.hypot(quiver.U, quiver.V).max() / quiver.scale < 0.3 * np.ptp(axes.get_xlim())


def test_a_density_however_high_is_drawn():
    figure = plots.bent_plane(lambda z: z, lambda x: 1000 - (x**2).sum(axis=1), real=RING, side=10)
    assert np.ptp(figure.axes[2].images[0].get_array()) > 0.1


@pytest.mark.parametrize("metrics", [{"epoch": [1], "nll": [3.0]}, {"epoch": [5, 6], "valid_nll": ["", 2.0]}])
def test_there_are_no_fractions_of_an_epoch(metrics):
    figure = plots.learning_curves(metrics)
    figure.canvas.draw()
    low, high = figure.axes[0].get_xlim()
    assert {float(tick) for tick in figure.axes[0].get_xticks() if low <= tick <= high} == {float(metrics["epoch"][-1])}
