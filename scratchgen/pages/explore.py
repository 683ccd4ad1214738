"""The networks of one's own run, live in a page: what `scratchgen explore RUN` writes.

What a page of a model needs is said in a file for each kind of model, explore_vae.py and so on, by two functions,

    shared(model, data)                what holds for all epochs: test examples, sizes
    snapshot(model, data, is_last)     the networks at one epoch, the last or another, and what they make of the test examples

and drawn by the file of that name in assets/. The epochs are those that the run has kept (train/history.py), and the last.
"""

from pathlib import Path

import numpy as np

import scratchgen as sg
from scratchgen.models.flow import Flow
from scratchgen.models.model import is_square
from scratchgen.pages import explore_gan, explore_made, explore_noise, explore_plane, explore_vae
from scratchgen.pages.page import page
from scratchgen.train import history
from scratchgen.train.checks import check_labels

MOST_EPOCHS = 5  # of the many that a long run has kept


def kind_of(model):
    """The module that shows such a model. ValueError if there is none."""
    if model.data_dim == 2:
        return explore_plane
    if is_square(model.data_dim):
        if isinstance(model, (sg.GAN, sg.GMMN, sg.InfoGAN)):
            return explore_gan
        if isinstance(model, (sg.Diffusion, sg.FlowMatching, Flow)):
            return explore_noise
        if isinstance(model, sg.MADE) and model.config["output"] == "bernoulli":
            return explore_made
        if isinstance(model, (sg.AAE, sg.VAE)) and model.config.get("posterior") != "iaf":
            return explore_vae
    raise ValueError(f"there is no page for {model!r}: explore shows square pictures, and points in the plane")


def explore(run, data="glyphs"):
    """The page of a run's folder, or of a file written by sg.save. data: name of the data set, or a file, whose test split is shown.

    Raises what sg.load and sg.data.load raise, ValueError for a model that no page shows, or data of another width or without the labels it needs.
    """
    run, model = Path(run), sg.load(run)
    kind = kind_of(model)
    test = sg.data.load(data, "test" if "test" in sg.data.splits(data) else "valid")
    if test.x.shape[1] != model.data_dim:
        raise ValueError(f"data {data!r} has {test.x.shape[1]} features, but the model {model.data_dim}")
    check_labels(model, test, data)
    epochs, last = history.epochs(run)
    snapshots = [{"epoch": last, **kind.snapshot(model, test, is_last=True)}]
    shared = kind.shared(model, test)
    for epoch in spread(epochs, getattr(kind, "MOST_EPOCHS", MOST_EPOCHS) - 1)[::-1]:
        history.restore(model, run, epoch)
        snapshots.insert(0, {"epoch": epoch, **kind.snapshot(model, test, is_last=False)})
    name = kind.__name__.rsplit(".", 1)[1]
    return page(
        f"{type(model).__name__} of {run.resolve().name}",
        styles=["explore.css"],
        scripts=["network.js", "explore.js", "explore_draw.js", "explore_inside.js", f"{name}.js"],
        data={"snapshots": snapshots, **shared},
    )


def spread(epochs, n):
    """At most n of these, with the first and the last."""
    return [epochs[k] for k in np.linspace(0, len(epochs) - 1, min(n, len(epochs))).round().astype(int)]
