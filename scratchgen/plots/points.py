"""Generated points of the plane over real ones."""

from scratchgen.plots.canvas import FAINT, ORANGE, as_points, finish, legend, new_figure, tidy


def points(generated, path=None, *, real=None):
    """Scatter of generated (n, 2), over real (m, 2) if given -> Figure.

    Raises ValueError for other shapes or values that are not finite, OSError if `path` cannot be written.
    """
    figure = new_figure(5.2, 5.4)
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    if real is not None:
        axes.scatter(*as_points(real, "real", columns=2).T, s=10, color=FAINT, linewidths=0, label="data")
    axes.scatter(*as_points(generated, "generated", columns=2).T, s=6, color=ORANGE, alpha=0.6, linewidths=0, label="generated")
    axes.set_aspect("equal", adjustable="datalim")
    legend(figure, loc="outside upper center", ncols=2, markerscale=2.5)
    tidy(axes)
    return finish(figure, path, sentence=None if real is None else "Data without generated points over them are a mode that the model misses.")
