"""All models side by side: what each makes of eight points, of twenty-five, of a curve and of digits,
after the same few steps.

Every model of the library that suits the data is trained with its customary settings (`suited_to`), only
shorter than it would like. Look for modes that a GAN leaves out, for the bridges that a flow, being
continuous, cannot avoid between modes, for the blur of a VAE.

    python demos/gallery.py [--seed 0] [--out runs/demo-gallery] [--quick]
"""

import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

import scratchgen as sg
from scratchgen.cli.settings import build
from scratchgen.cli.train import make_optimizer, make_schedule
from scratchgen.ops import to_host
from scratchgen.plots.canvas import FAINT, INK, ORANGE, finish, new_figure
from scratchgen.plots.grids import as_images, tile
from scratchgen.terminal import tolerate_terminal

tolerate_terminal()
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--seed", type=int, default=0, help="of the weights and of all noise")
parser.add_argument("--out", type=Path, default=Path("runs/demo-gallery"), help="folder for the picture")
parser.add_argument("--quick", action="store_true", help="a few steps of each, on the ring and glyphs")
options = parser.parse_args()
steps = {"points": 10, "pictures": 6} if options.quick else {"points": 1000, "pictures": 300}
epochs = 2 if options.quick else 20
names = ("ring", "glyphs") if options.quick else ("ring", "grid", "swiss_roll", "glyphs")


def train(cls, x, steps):
    """A model with its customary settings, trained on rows of x for so many steps.
    ValueError if it does not suit such data."""
    settings = {"seed": options.seed, "batch_size": 100, "schedule": "constant", "binarize": "none"}
    settings = settings | cls.suited_to(x) | {"epochs": epochs}
    model = build(cls, settings, x.shape[1])
    rows = x[np.arange(steps // epochs * settings["batch_size"]) % len(x)]
    training = {name: settings[name] for name in ("epochs", "batch_size", "binarize", "seed")}
    optimizer, schedule = make_optimizer(model, settings), make_schedule(settings)
    sg.fit(model, rows, optimizer=optimizer, schedule=schedule, progress=False, **training)
    return model


data = {name: sg.data.load(name).x for name in names}
columns = {"data": {name: x[:400] for name, x in data.items()}}
pairs = [(cls, name) for cls in sg.models.MODELS.values() for name in names]
for cls, name in (bar := tqdm(pairs, unit="model")):
    bar.set_postfix_str(f"{cls.__name__} on {name}")
    try:
        model = train(cls, data[name], steps["points" if data[name].shape[1] == 2 else "pictures"])
    except ValueError:  # the model does not suit such data; its panel stays empty
        continue
    samples = model.sample(400 if model.data_dim == 2 else 16, rng=options.seed)
    columns.setdefault(cls.__name__, {})[name] = to_host(samples)

figure = new_figure(1.5 * len(columns), 1.5 * len(names) + 0.3)
figure.set_layout_engine("constrained")
for row, panels in zip(names, figure.subplots(len(names), len(columns)), strict=True):
    for (title, drawn), axes in zip(columns.items(), panels, strict=True):
        axes.set(xticks=[], yticks=[])
        if axes in panels[:1]:
            axes.set_ylabel(row.replace("_", " "), color=INK, fontsize=10)
        if row == "ring":
            axes.set_title(title, color=INK, fontsize=10)
        if row == "glyphs" and row in drawn:
            picture = tile(as_images(drawn[row][:16]), 4)
            axes.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        elif row in drawn:
            low, high = data[row].min(axis=0), data[row].max(axis=0)
            axes.set(xlim=(low[0] - 0.5, high[0] + 0.5), ylim=(low[1] - 0.5, high[1] + 0.5), aspect="equal")
            axes.scatter(*drawn[row].T, s=3, color=FAINT if title == "data" else ORANGE, linewidths=0)
models = ", ".join(name for name in columns if name != "data")
print(f"{len(columns) - 1} models on {len(names)} data sets: {models}")
finish(figure, options.out / "gallery.png")
print(f"picture: {options.out}/gallery.png")
