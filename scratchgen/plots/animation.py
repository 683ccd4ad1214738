"""A two-dimensional generator while it learns: its points move over the data's, frame by frame, in a GIF of a few hundred kilobytes.

What makes the file small: everything that stands still is drawn once, all frames share one palette of two dozen colours, and a frame stores
only the rectangle that changed.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageColor

from scratchgen.atomic import atomic_file
from scratchgen.plots.canvas import FAINT, INK, ORANGE, PAPER, as_points, new_figure, tidy

DATA = "#a0a0a0"


def animate_points(frames, real, path, *, captions=None, fps=12):
    """Write an animation of moving points over fixed ones -> path.

    frames: list of (n, 2) arrays, the generated points at successive moments; captions: one text for each frame, such as "step 400".
    real: (m, 2), drawn behind them; it sets the limits of the axes. fps: frames a second; the last frame stays for two seconds.
    Raises ValueError for other shapes, an empty list, or a path that does not end in .gif; OSError if it cannot be written.
    """
    real = as_points(real, "real", columns=2)
    frames = [as_points(points, f"frames[{i}]", columns=2) for i, points in enumerate(frames)]
    captions = [""] * len(frames) if captions is None else list(captions)
    if not frames:
        raise ValueError("frames is empty; an animation needs at least one (n, 2) array")
    if len(captions) != len(frames):
        raise ValueError(f"captions has {len(captions)} texts, frames {len(frames)} arrays; there must be one text for each frame")
    if not fps > 0:
        raise ValueError(f"fps is {fps}; it must be positive")
    if Path(path).suffix.lower() != ".gif":
        raise ValueError(f"path is {str(path)!r}; an animation is written as .gif")

    pictures = draw_frames(frames, real, captions)
    palette = shared_palette()
    pictures = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    duration = [round(1000 / fps)] * (len(pictures) - 1) + [2000]  # milliseconds
    with atomic_file(path) as file:
        pictures[0].save(file, format="GIF", save_all=True, append_images=pictures[1:], duration=duration, loop=0, optimize=True)
    return path


def shared_palette():
    """An image whose palette holds the colours that are drawn, each blended with the paper in six steps, for smooth edges."""
    blend = np.linspace(0, 1, 6)[:, None]
    colours = [blend * ImageColor.getrgb(colour) + (1 - blend) * ImageColor.getrgb(PAPER) for colour in (INK, FAINT, DATA, ORANGE)]
    image = Image.new("P", (1, 1))
    image.putpalette(np.concatenate(colours).round().astype(int).ravel().tolist())
    return image


def draw_frames(frames, real, captions):
    """One RGB picture for each frame; only the moving points and the caption are drawn anew."""
    figure = new_figure(3.8, 4.0)
    axes = figure.add_axes((0.03, 0.03, 0.94, 0.85))
    low, high = real.min(axis=0), real.max(axis=0)
    centre, reach = (low + high) / 2, 0.65 * (high - low).max() or 1.0
    axes.set_xlim(centre[0] - reach, centre[0] + reach)
    axes.set_ylim(centre[1] - reach, centre[1] + reach)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    tidy(axes, grid=False)
    for spine in axes.spines.values():
        spine.set_visible(True)
    axes.scatter(*real.T, s=9, color=DATA, linewidths=0)
    figure.text(0.97, 0.945, "● generated", color=ORANGE, fontsize=10, ha="right", va="center", weight="bold")
    figure.text(0.97, 0.9, "● data", color=DATA, fontsize=10, ha="right", va="center", weight="bold")
    canvas = figure.canvas
    canvas.draw()
    still = canvas.copy_from_bbox(figure.bbox)
    moving = axes.scatter([], [], s=11, color=ORANGE, linewidths=0, animated=True)
    caption = figure.text(0.03, 0.925, "", color=INK, fontsize=12, va="center", animated=True)
    pictures = []
    for points, text in zip(frames, captions, strict=True):
        canvas.restore_region(still)
        moving.set_offsets(points)
        caption.set_text(text)
        axes.draw_artist(moving)
        figure.draw_artist(caption)
        pictures.append(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy()))
    return pictures
