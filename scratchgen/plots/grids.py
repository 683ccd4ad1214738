"""Images side by side: what a model draws, and what it makes of an original."""

import numpy as np
from PIL import Image

from scratchgen.atomic import atomic_file
from scratchgen.plots.canvas import DPI, FOOT, INK, MARGIN, finish, new_figure, set_title

WIDTH = 840  # dots that a grid should be about as wide as; each pixel of an image becomes a whole number of dots


def as_images(images, name="images"):
    """Images as a float array (n, h, w) clipped to [0, 1], from (n, h, w) or from flat square ones (n, h·h).

    Raises ValueError for another shape, no image at all, or NaN.
    """
    images = np.asarray(images, dtype=float)
    side = int(round(images.shape[1] ** 0.5)) if images.ndim == 2 else 0
    if side and side * side == images.shape[1]:
        images = images.reshape(-1, side, side)
    if images.ndim != 3 or images.size == 0:
        raise ValueError(f"{name} has shape {images.shape}; grey images need (n, h, w), or (n, h·h) such as (n, 784), with n ≥ 1")
    if np.isnan(images).any():
        raise ValueError(f"{name} contains NaN; grey values lie in [0, 1]")
    return images.clip(0, 1)


def tile(images, columns, gap=1):
    """(n, h, w) -> one image, `columns` to a row, white gaps between them and white where the last row is short."""
    n, h, w = images.shape
    rows = -(-n // columns)
    sheet = np.ones((rows * columns, h + gap, w + gap))
    sheet[:n, :h, :w] = images
    sheet = sheet.reshape(rows, columns, h + gap, w + gap).swapaxes(1, 2).reshape(rows * (h + gap), columns * (w + gap))
    return sheet[: rows * (h + gap) - gap, : columns * (w + gap) - gap]


def show_sheet(sheet, left=0, top=0, bottom=0, margin=MARGIN):
    """A Figure that holds one grey image, its pixels whole and square, with extra margins in dots -> figure, axes."""
    zoom = max(1, round(WIDTH / sheet.shape[1]))
    height, width = (zoom * side for side in sheet.shape)
    full_width, full_height = left + width + 2 * margin, top + bottom + height + 2 * margin
    figure = new_figure(full_width / DPI, full_height / DPI)
    axes = figure.add_axes((
        (left + margin) / full_width, (bottom + margin) / full_height, width / full_width, height / full_height
    ))  # fmt: skip
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=1, interpolation="nearest", aspect="auto", origin="upper")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_frame_on(False)
    return figure, axes


def checked_columns(columns, n):
    """How many of n images to a row: as given, or by default a square. ValueError for fewer than 1."""
    columns = int(np.ceil(n**0.5)) if columns is None else columns
    if columns < 1:
        raise ValueError(f"columns is {columns}; a grid needs at least 1")
    return columns


def sample_grid(images, path=None, *, columns=None, title=None):
    """Grey images, tiled -> Figure.

    images: (n, h, w), or (n, h·h) such as (n, 784); 0 is black, 1 is white, values beyond are clipped.
    columns: how many to a row; by default a square. Raises ValueError for other shapes or NaN, OSError if `path` cannot be written.
    """
    images = as_images(images)
    figure, axes = show_sheet(tile(images, checked_columns(columns, len(images))), top=28 if title else 0)
    if title:
        set_title(axes, title)
    return finish(figure, path)


def save_grid(images, path, columns=None):
    """sample_grid without a title, as a .png file and nothing else: a tenth of the time that a Figure takes, for pictures after every epoch.

    Raises ValueError for other shapes or NaN, OSError if `path` cannot be written.
    """
    images = as_images(images)
    sheet = tile(images, checked_columns(columns, len(images)))
    zoom = max(1, round(WIDTH / sheet.shape[1]))
    dots = np.kron(np.round(255 * sheet), np.ones((zoom, zoom))).astype(np.uint8)
    with atomic_file(path) as file:
        Image.fromarray(np.pad(dots, MARGIN, constant_values=255)).save(file, "png", compress_level=1)


def reconstructions(originals, reconstructed, path=None, *, columns=12, labels=("original", "reconstruction"), sentence=None):
    """Each original with its reconstruction under it, in pairs of rows -> Figure.

    originals, reconstructed: equal shapes, (n, h, w) or (n, h·h), grey in [0, 1]. `columns` pairs stand side by side.
    labels: what the two rows are called.  sentence: what to look for; None says it of reconstructions.
    Raises ValueError for other or unequal shapes or NaN, OSError if `path` cannot be written.
    """
    originals, reconstructed = as_images(originals, "originals"), as_images(reconstructed, "reconstructed")
    if originals.shape != reconstructed.shape:
        raise ValueError(f"reconstructed has shape {reconstructed.shape}, originals {originals.shape}; the two must be equal")
    n, h, w = originals.shape
    columns = min(checked_columns(columns, n), n)
    gap, between = 1, 8
    strips, names = [], []  # names: (row of the sheet at the strip's middle, text)
    for start in range(0, n, columns):
        for images, label, below in ((originals, labels[0], gap), (reconstructed, labels[1], between)):
            strip = np.ones((h, columns * (w + gap) - gap))
            part = tile(images[start : start + columns], columns)
            strip[:, : part.shape[1]] = part
            names.append((sum(map(len, strips)) + h / 2 - 0.5, label))
            strips += [strip, np.ones((below, strip.shape[1]))]
    figure, axes = show_sheet(np.concatenate(strips[:-1]), left=136, bottom=FOOT)
    for row, label in names:
        axes.text(-3, row, label, color=INK, fontsize=10, ha="right", va="center")
    lost = f"What the lower row of a pair lacks ({labels[1]}) is what the model did not keep of the upper one ({labels[0]})."
    return finish(figure, path, sentence=sentence or lost)
