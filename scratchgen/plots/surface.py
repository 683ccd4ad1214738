"""What a discriminator says of each place of the plane, and where it sends what the generator draws."""

import numpy as np

from scratchgen.plots.canvas import BLUE, FAINT, ORANGE, as_points, as_values, finish, legend, new_figure, tidy

USUAL, LONGEST = 0.06, 0.25  # arrows, of the picture's side


def surface(value, slope, generated, path=None, *, real, side=160, levels=12):
    """A discriminator's output over the plane, with data, generated points, and arrows along its slope at these -> Figure.

    value: maps x (n, 2) to what is drawn, (n,).  slope: maps x (n, 2) to the direction (n, 2) in which x would look more real; arrows are as long
    as it is, in one scale by which the usual ones can be seen and the longest stays in the picture.
    generated (n, 2), real (m, 2).  side: drawn from side × side points.  levels: of grey.
    Raises ValueError for other shapes or values that are not finite, OSError if `path` cannot be written.
    """
    real, generated = as_points(real, "real", columns=2), as_points(generated, "generated", columns=2)
    both = np.concatenate([real, generated])
    low, high = both.min(axis=0), both.max(axis=0)
    low, high = low - 0.15 * (high - low + 1e-6), high + 0.15 * (high - low + 1e-6)
    x, y = (np.linspace(a, b, side) for a, b in zip(low, high, strict=True))
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    heights = as_values(value(grid.reshape(-1, 2)), "what value returned", side * side).reshape(side, side)
    arrows = as_points(slope(generated), "what slope returned", columns=2)

    figure = new_figure(6.2, 5.6)
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    drawn = axes.contourf(x, y, heights, levels=levels, cmap="Greys", alpha=0.55)
    bar = figure.colorbar(drawn, ax=axes, shrink=0.8, label="what the discriminator says: darker is more real")
    axes.scatter(*real.T, s=8, color=BLUE, alpha=0.5, linewidths=0, label="data")
    axes.scatter(*generated.T, s=8, color=ORANGE, linewidths=0, label="generated, and where the discriminator sends it")
    lengths = np.sqrt((arrows**2).sum(axis=1))
    if lengths.any():
        scale = max(np.median(lengths) / USUAL, lengths.max() / LONGEST) / (high - low).max()
        axes.quiver(*generated.T, *arrows.T, color=ORANGE, angles="xy", scale_units="xy", scale=scale, width=0.003, alpha=0.8)
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), facecolor=FAINT)
    axes.set_aspect("equal", adjustable="box")
    legend(figure, loc="outside upper center", ncols=2, markerscale=2)
    for each in (axes, bar.ax):
        tidy(each, grid=False)
    return finish(figure, path, sentence="An arrow is the slope of what the discriminator says, the gradient from which the generator learns.")
