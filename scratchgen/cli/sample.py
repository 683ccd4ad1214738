"""Generate examples from a trained model: a picture, or an array.

examples:
  scratchgen sample runs/vae-glyphs
  scratchgen sample runs/vae-glyphs -n 64 --seed 3 --out digits.png
  scratchgen sample runs/gan-ring -n 5000 --out points.npy
  scratchgen sample runs/vae-mnist --label 7             of a model that was trained with --conditional
"""

from pathlib import Path

import numpy as np

import scratchgen as sg
from scratchgen import plots
from scratchgen.atomic import atomic_file
from scratchgen.models.model import is_square
from scratchgen.ops import array, to_host


def add_arguments(parser):
    """The options."""
    parser.add_argument("run_folder", metavar="RUN", help="a run's folder, or a file written by sg.save")
    parser.add_argument("-n", type=int, default=100, metavar="N", help="how many (default 100)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default 0")
    parser.add_argument("--label", type=int, metavar="K", help="the class, of a model that was trained with --conditional (default: each)")
    parser.add_argument("--out", metavar="FILE", help="a .png picture or a .npy array (default samples.png in RUN)")


def run(options):
    """Sample and write."""
    if options.n < 1:
        raise ValueError(f"-n is {options.n}; it must be at least 1")
    model = sg.load(options.run_folder)
    folder = Path(options.run_folder)
    out = Path(options.out or (folder if folder.is_dir() else folder.parent) / "samples.png")
    x = to_host(draw(model, options.n, options.label, options.seed))
    if out.suffix == ".npy":
        with atomic_file(out) as file:
            np.save(file, x)
    elif is_square(model.data_dim):
        plots.sample_grid(x.clip(0, 1), out)
    elif model.data_dim == 2:
        plots.points(x, out)
    else:
        raise ValueError(f"examples of {model.data_dim} features are no square picture; write an array instead: --out samples.npy")
    print(f"{options.n} examples are in {out}")


def draw(model, n, label, seed):
    """n samples, all of the class `label` where that is given. ValueError if the model knows no such class."""
    if label is None:
        return model.draw(n, rng=seed)
    if model.n_classes is None:
        raise ValueError(f"--label is {label}, but this {type(model).__name__} knows no classes: it was not trained with --conditional")
    if not 0 <= label < model.n_classes:
        raise ValueError(f"--label is {label}; the model knows the classes 0 … {model.n_classes - 1}")
    return model.sample(n, y=array(np.full(n, label), np.int64), rng=seed)
