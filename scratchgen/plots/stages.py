"""Points of the plane on their way: one picture beside the other."""

from scratchgen.plots.canvas import FAINT, ORANGE, as_points, finish, new_figure, tidy


def stages(states, path=None, *, real=None):
    """Points at successive moments, each in a panel of its own, all with the same axes -> Figure.

    states: list of (n, 2) arrays.  real: (m, 2), drawn under the last, if given.
    Raises ValueError for no states, other shapes or values that are not finite, OSError if `path` cannot be written.
    """
    if not len(states):
        raise ValueError("states is empty; there must be at least one")
    states = [as_points(x, f"states[{i}]", columns=2) for i, x in enumerate(states)]
    figure = new_figure(2.4 * len(states), 2.7)
    figure.set_layout_engine("constrained")
    panels = figure.subplots(1, len(states), sharex=True, sharey=True, squeeze=False)[0]
    for i, (axes, x) in enumerate(zip(panels, states, strict=True)):
        if real is not None and i == len(states) - 1:
            axes.scatter(*as_points(real, "real", columns=2).T, s=6, color=FAINT, linewidths=0)
        axes.scatter(*x.T, s=4, color=ORANGE, alpha=0.6, linewidths=0)
        axes.set_aspect("equal", adjustable="box")
        tidy(axes)
    return finish(figure, path, sentence="From noise, at the left, to data: the same points at successive moments.")
