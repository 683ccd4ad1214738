"""What all pictures share: a figure outside pyplot, one set of colours, and one way to save it."""

import textwrap
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from scratchgen.atomic import atomic_file

INK, QUIET, FAINT, PAPER = "#222222", "#666666", "#b8b8b8", "#ffffff"
# Ten colours that stay apart in the common forms of colour blindness (Petroff 2021, "Accessible color sequences for data visualization").
COLOURS = ("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd")
BLUE, ORANGE, RED = COLOURS[:3]
DPI = 120
MARGIN, FOOT = 8, 34  # white dots around a sheet of images, and under it where a sentence stands there


def new_figure(width, height):
    """An empty white Figure of width × height inches, known to no global list."""
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(figure)
    return figure


def tidy(axes, grid=True):
    """Two thin spines, quiet ticks, a faint grid. Colours are set one by one, so that a user's dark style cannot hide the text."""
    axes.set_facecolor(PAPER)
    axes.set_axisbelow(True)
    axes.grid(False)  # whatever the user's style says
    if grid:
        axes.grid(True, color="#ececec", linewidth=0.8, linestyle="-")
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(FAINT)
    axes.tick_params(colors=INK, labelsize=9, length=3, color=FAINT)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(INK)
        label.set_fontsize(10)


def set_title(axes, text, **where):
    """A title at the left, where reading begins."""
    axes.set_title(text, color=INK, fontsize=11, loc="left", **where)


def legend(owner, **where):
    """A legend without a frame, on an Axes or a Figure."""
    return owner.legend(frameon=False, labelcolor=INK, fontsize=9, **where)


def finish(figure, path, sentence=None):
    """Save the figure if there is a path, and return it. The ending of the path names the format: .png, .pdf, .svg.

    sentence: what is to be seen, for the foot of the figure; in a .png it stands in the file's description as well.

    Raises ValueError for an ending that matplotlib cannot write, OSError if the file cannot be written.
    """
    if sentence:
        lines = textwrap.fill(sentence, int(13.5 * figure.get_figwidth()))
        if figure.get_layout_engine():
            figure.supxlabel(lines, x=0.02, ha="left", fontsize=9, color=QUIET)
        else:  # the place of everything is set already: room was left
            figure.text(MARGIN / DPI / figure.get_figwidth(), 0.06 / figure.get_figheight(), lines, fontsize=9, color=QUIET, va="bottom")
    if path is not None:
        formats = figure.canvas.get_supported_filetypes()
        kind = Path(path).suffix.lower().lstrip(".")
        if kind not in formats:
            raise ValueError(f"path is {str(path)!r}; its ending must name a picture format: {', '.join('.' + name for name in sorted(formats))}")
        with atomic_file(path) as file:
            figure.savefig(file, format=kind, facecolor=PAPER, metadata={"Description": sentence} if sentence and kind == "png" else None)
    return figure


def as_points(x, name, columns):
    """x as a finite float array of shape (n, columns), n ≥ 1; ValueError in one sentence otherwise."""
    x = np.asarray(x, dtype=float)
    if x.ndim != 2 or x.shape[1] != columns or len(x) == 0:
        raise ValueError(f"{name} has shape {x.shape}; a picture in the plane needs (n, {columns}) with n ≥ 1")
    if not np.isfinite(x).all():
        raise ValueError(f"{name} contains NaN or infinity; it must be finite")
    return x


def as_values(x, name, n):
    """x as a finite float array of shape (n,); ValueError in one sentence otherwise."""
    x = np.asarray(x, dtype=float)
    if x.shape != (n,):
        raise ValueError(f"{name} has shape {x.shape}; it must be ({n},), a number for each point")
    if not np.isfinite(x).all():
        raise ValueError(f"{name} contains NaN or infinity; it must be finite")
    return x
