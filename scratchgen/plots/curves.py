"""Learning curves: one small panel for each quantity, all over the same axis.

Columns that measure the same thing share a panel: `nll` and `valid_nll`, or the two players `generator` and `discriminator`. The legend says which is
which, and on which data.
"""

import numpy as np
from matplotlib.ticker import MultipleLocator

from scratchgen.plots.canvas import COLOURS, INK, finish, legend, new_figure, set_title, tidy

CLOCKS = ("epoch", "step", "seconds")  # columns that say when, not how well
SPLITS = {"train_": "training data", "valid_": "validation data", "test_": "test data"}
PLAYERS = ("discriminator", "generator")
SENTENCES = {
    "epoch": "On training data the mean over each epoch, while the model still changes; on validation data the value at its end.",
    "step": "Each step has examples of its own.",
}
LONG = 200  # points beyond which the eye wants a running mean


def learning_curves(metrics, path=None, *, units=None, landmarks=None):
    """Every column of a run's metrics over its epochs (or steps, where there is no epoch) -> Figure.

    metrics: dict of column name -> sequence of equal length, as read from metrics.csv; numbers or their text; an empty cell is a gap that
    the line bridges. Columns epoch, step and seconds are clocks and are not drawn.
    units: {column: unit}.  landmarks: {column: (number, what it means)}, drawn across that column's panel.  A model has both.
    Raises ValueError if nothing can be drawn, a cell is not a number, or lengths differ; OSError if `path` cannot be written.
    """
    series = {name: as_column(name, cells) for name, cells in metrics.items()}
    drawn = [name for name in series if name not in CLOCKS and np.isfinite(series[name]).any()]
    if not drawn:
        raise ValueError(f"metrics has no column of numbers to draw beside {', '.join(CLOCKS)}; it has: {', '.join(map(str, metrics)) or 'nothing'}")
    lengths = {name: len(column) for name, column in series.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"the columns of metrics have different lengths: {lengths}; they must be equal")
    clock = choose_clock(series)
    when = series[clock] if clock else np.arange(1, len(series[drawn[0]]) + 1)

    panels = {}  # title -> the columns in it
    for name in drawn:
        panels.setdefault(panel_of(name), []).append(name)
    across = 2 if len(panels) == 4 else min(3, len(panels))
    down = -(-len(panels) // across)
    figure = new_figure(3.9 * across + 0.3, 2.7 * down + 0.3)
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.1)
    grid = figure.subplots(down, across, squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, (title, names) in zip(grid.flat, panels.items(), strict=False):
        for colour, name in zip(COLOURS, names, strict=False):
            draw_line(axes, when, series[name], colour, label_of(name))
            if name in (landmarks or {}):
                height, meaning = landmarks[name]
                axes.axhline(height, color=INK, linewidth=1, linestyle=(0, (4, 3)), label=meaning, zorder=1)
        unit = next((units[column] for name in names if (column := quantity(name)) in (units or {})), None)
        set_title(axes, f"{title}, {unit}" if unit else title)
        axes.set_xlabel(clock or "row")
        axes.margins(x=0.02)
        low, high = axes.get_xlim()
        if high - low < 1:
            axes.set_xlim(0.5 * (low + high) - 0.5, 0.5 * (low + high) + 0.5)
        if high - low < 6:  # where the other would have fractions of an epoch
            axes.xaxis.set_major_locator(MultipleLocator(1))
        else:
            axes.xaxis.get_major_locator().set_params(integer=True, nbins=6)
        tidy(axes)
        legend(axes)
    strong = " Faint lines are the numbers, strong ones their running means." if len(when) > LONG else ""
    return finish(figure, path, sentence=SENTENCES.get(clock, "A point for each row of the table.") + strong)


def as_column(name, cells):
    """Numbers of one column, NaN where a cell is empty."""
    try:
        return np.array([np.nan if cell is None or cell == "" else float(cell) for cell in cells])
    except (TypeError, ValueError):
        raise ValueError(f"column {name!r} of metrics holds something that is not a number; cells must be numbers or empty") from None


def choose_clock(series):
    """The first clock without gaps that tells the rows apart, or None."""
    for name in CLOCKS:
        if name in series and np.isfinite(series[name]).all() and len(np.unique(series[name])) == len(series[name]):
            return name
    return None


def panel_of(name):
    """Title of the panel in which a column is drawn."""
    return "loss of each player, training data" if name in PLAYERS else quantity(name)


def quantity(name):
    """What a column measures, on whatever data."""
    return next((name.removeprefix(split) for split in SPLITS if name.startswith(split)), name)


def label_of(name):
    """What tells a column from the others in its panel: the data it was measured on, or the player."""
    return name if name in PLAYERS else next((data for split, data in SPLITS.items() if name.startswith(split)), "training data")


def draw_line(axes, when, values, colour, label):
    """One line through the cells that are not empty; a long one is drawn faint, its running mean strong."""
    there = np.isfinite(values)
    when, values = when[there], values[there]
    if len(values) <= LONG:
        axes.plot(when, values, color=colour, linewidth=1.8, label=label, marker="o" if len(values) <= 40 else None, markersize=3.2)
        return
    width = len(values) // 50
    mean = np.convolve(values, np.full(width, 1 / width), mode="valid")
    axes.plot(when, values, color=colour, linewidth=0.6, alpha=0.3)
    axes.plot(when[width // 2 :][: len(mean)], mean, color=colour, linewidth=1.8, label=label)
