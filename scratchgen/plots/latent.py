"""A two-dimensional latent space, seen from both sides: where the encoder puts the data, and what the decoder makes of each point."""

from statistics import NormalDist

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex
from matplotlib.patheffects import withStroke

from scratchgen.plots.canvas import COLOURS, FOOT, INK, PAPER, as_points, finish, legend, new_figure, tidy
from scratchgen.plots.grids import as_images, show_sheet, tile


def latent_scatter(mu, labels=None, path=None):
    """Points of the latent plane, coloured by label, each label's name at its median -> Figure.

    mu: (n, 2), such as the means from `vae.encode(x)`; labels: (n,) integers, or None for one colour.
    Raises ValueError for other shapes or values that are not finite, OSError if `path` cannot be written.
    """
    mu = as_points(mu, "mu", columns=2)
    labels = np.zeros(len(mu), int) if labels is None else np.asarray(labels)
    if labels.shape != (len(mu),):
        raise ValueError(f"labels has shape {labels.shape}, mu {mu.shape}; there must be one label for each point")
    names = np.unique(labels)
    figure = new_figure(6.4, 5.6)
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    colour = dict(zip(names, colours_for(len(names)), strict=True))
    order = np.random.default_rng(0).permutation(len(mu))  # so that no class covers the ones drawn before it
    size = float(np.clip(30000 / len(mu), 4, 30))
    axes.scatter(*mu[order].T, s=size, c=[colour[label] for label in labels[order]], alpha=0.65, linewidths=0)
    if len(names) > 1:
        for name in names:
            axes.scatter([], [], s=36, color=colour[name], label=str(name))
            x, y = np.median(mu[labels == name], axis=0)
            halo = withStroke(linewidth=3, foreground=PAPER)
            axes.text(x, y, str(name), color=INK, fontsize=13, weight="bold", ha="center", va="center", path_effects=[halo])
        legend(figure, loc="outside right center", handletextpad=0.2)
    axes.set_xlabel("z₁")
    axes.set_ylabel("z₂")
    axes.set_aspect("equal", adjustable="datalim")
    tidy(axes)
    return finish(figure, path, sentence="Each point is an example, where the encoder puts it; the model was not told the classes.")


def colours_for(n):
    """n colours: the ten of all pictures while they last, beyond that n steps of a map whose lightness rises."""
    return COLOURS[:n] if n <= len(COLOURS) else [to_hex(colour) for colour in colormaps["viridis"](np.linspace(0, 1, n))]


def latent_manifold(decode, path=None, *, side=20):
    """What the decoder makes of a side × side grid of latent points -> Figure (Kingma & Welling 2013, figure 4).

    decode: maps z (n, 2) to grey images (n, h·h) or (n, h, w) in [0, 1].
    The grid is even in *probability*: u on an even grid of (0, 1), z = Φ⁻¹(u), so that every image stands for the same mass of the prior.
    Raises ValueError if side < 2 or decode returns something else, OSError if `path` cannot be written.
    """
    if side < 2:
        raise ValueError(f"side is {side}; the grid needs at least 2 points a side")
    z = np.array([NormalDist().inv_cdf((i + 0.5) / side) for i in range(side)])
    z1, z2 = np.meshgrid(z, z[::-1])  # z₂ grows upward, like the axis of a plot
    images = decode(np.stack([z1.ravel(), z2.ravel()], axis=1).astype(np.float32))
    images = as_images(images, "what decode returned")
    if len(images) != side * side:
        raise ValueError(f"decode was given {side * side} points and returned {len(images)} images; it must return one for each")
    sheet = tile(images, side, gap=0)
    figure, axes = show_sheet(sheet, left=62, bottom=44 + FOOT)
    marks = (np.arange(3) * (side - 1) / 5).round().astype(int)
    marks = np.union1d(marks, side - 1 - marks)  # symmetric about 0
    names = [f"{z[i]:.1f}".replace("-", "−") for i in marks]
    h, w = images.shape[1:]
    axes.set_xticks((marks + 0.5) * w - 0.5, names)
    axes.set_yticks((side - 0.5 - marks) * h - 0.5, names)
    axes.set_xlabel("z₁")
    axes.set_ylabel("z₂", labelpad=0)
    tidy(axes, grid=False)
    return finish(figure, path, sentence="What the decoder makes of each place; each picture stands for equally much of the prior.")
