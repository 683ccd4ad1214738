"""The pictures that a training run leaves in its folder: what the model generates after each epoch, and at the end how it got there.

Always from the same noise, so that one picture after the other shows one thing growing.
"""

import math

import numpy as np

from scratchgen import plots
from scratchgen.models import VAE
from scratchgen.ops import array, to_host


def write_pictures(run, path, x, *, last, seed):
    """Write samples/<epoch>.png; at the last epoch also curves.png and, for a VAE of pictures, reconstructions.png and manifold.png.

    x: data to reconstruct, (n, data_dim). Only square grey pictures and points in the plane can be drawn; for other data there are curves only.
    """
    model = run.model
    if is_pictures(model):
        plots.save_grid(to_host(model.sample(100, rng=seed)), path / "samples" / f"{run.epoch:04d}.png")
    elif model.data_dim == 2:
        points = to_host(model.sample(2000, rng=seed))
        plots.points(points, path / "samples" / f"{run.epoch:04d}.png", real=x[:2000])
    if not last:
        return
    plots.learning_curves(run.metrics(), path / "curves.png")
    if is_pictures(model) and isinstance(model, VAE):
        shown = x[:: max(1, len(x) // 24)][:24]
        plots.reconstructions(shown, to_host(model.reconstruct(array(shown))).clip(0, 1), path / "reconstructions.png")
        if model.latent_dim == 2:
            plots.latent_manifold(lambda z: to_host(model.decode(array(np.asarray(z, model.dtype)))).clip(0, 1), path / "manifold.png")


def is_pictures(model):
    """Whether the model's data are square pictures of at least 4 × 4 pixels."""
    side = math.isqrt(model.data_dim)
    return side >= 4 and side * side == model.data_dim
