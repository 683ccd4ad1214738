"""A flow of two features bends the plane of the noise: its lines before and after, and the density that comes of it."""

import numpy as np

from scratchgen.plots.canvas import BLUE, FAINT, ORANGE, as_points, as_values, finish, new_figure, set_title, tidy

LINES, EDGE = 13, 3.0  # lines each way, from −EDGE to EDGE standard deviations


def bent_plane(from_noise, log_density, path=None, *, real, side=160):
    """Lines of the noise's plane, where a flow takes them, and the density of the data according to it -> Figure.

    from_noise: maps z (n, 2) to x (n, 2).  log_density: maps x (n, 2) to log p (n,).  real: data (m, 2), drawn under the bent lines; it says which
    part of the plane is shown.  side: the density is drawn at side × side points.
    Raises ValueError for other shapes or values that are not finite, OSError if `path` cannot be written.
    """
    real = as_points(real, "real", columns=2)
    steady, running = np.meshgrid(np.linspace(-EDGE, EDGE, LINES), np.linspace(-EDGE, EDGE, 121), indexing="ij")
    upright = np.stack([steady, running], axis=-1)  # (line, point, 2)
    z = np.concatenate([upright, upright[..., ::-1]])
    x = as_points(from_noise(z.reshape(-1, 2)), "what from_noise returned", columns=2).reshape(z.shape)
    low, high = real.min(axis=0), real.max(axis=0)
    low, high = low - 0.15 * (high - low + 1e-6), high + 0.15 * (high - low + 1e-6)
    grid = np.stack(np.meshgrid(*(np.linspace(a, b, side) for a, b in zip(low, high, strict=True))), axis=-1)
    log_p = as_values(log_density(grid.reshape(-1, 2)), "what log_density returned", side * side)
    density = np.exp(log_p - log_p.max()).reshape(side, side)

    figure = new_figure(10.5, 3.7)
    figure.set_layout_engine("constrained")
    panels = figure.subplots(1, 3)
    panels[1].scatter(*real.T, s=5, color=FAINT, linewidths=0)
    for axes, lines in zip(panels[:2], (z, x), strict=True):
        for k, line in enumerate(lines):
            axes.plot(*line.T, color=BLUE if k < LINES else ORANGE, linewidth=0.8)
    panels[2].imshow(density, origin="lower", extent=(low[0], high[0], low[1], high[1]), cmap="Greys", aspect="auto", interpolation="bilinear")
    for axes, title in zip(panels, ("noise z", "x = from_noise(z)", "density of x"), strict=True):
        if axes is not panels[0]:
            axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
        axes.set_aspect("equal", adjustable="box")
        set_title(axes, title)
        tidy(axes, grid=False)
    return finish(
        figure, path, sentence="Where the flow draws its lines together, there is much of the data: the density is what the map does to areas."
    )
