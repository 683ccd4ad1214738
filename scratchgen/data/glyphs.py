"""Glyphs: 28 × 28 grey digits like MNIST's, drawn from the fonts that matplotlib ships, so that everything runs without a download.

Each digit of each font is drawn once, large, and kept as a *signed distance* d: how deep a point lies inside the ink (outside:
negative), in pixels of the small image. A picture looks that shape up at bent places, once per pixel:

    q = A (p − centre − shift) + e(p)              p: a pixel,   q: the point of the shape that shows there
    A = scale · shear · rotation                   drawn per picture
    e(p) = Σ_ab c_ab cos(πa u) cos(πb v)           elastic: smooth random waves, u and v the position of p in [0, 1]
    grey = clip(½ + (d(q) + weight) / softness)    weight > 0 thickens the stroke; softness: width in pixels of its grey edge

The test split is drawn from fonts that the other two never show (TEST_FONTS), as MNIST's test digits are from other writers: a
model does worse there than on the valid split, which shares the training fonts. Everything follows from one fixed seed.
"""

import io
import os
from functools import cache as once

import matplotlib
import numpy as np
import PIL
from PIL import Image, ImageDraw, ImageFont

from scratchgen.data import cache
from scratchgen.data.npy import Npz
from scratchgen.ops import as_generator
from scratchgen.reading import open_regular

TRAIN_FONTS = (
    "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique",
    "DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique", "DejaVuSansMono-BoldOblique",
    "DejaVuSerif", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic",
    "STIXGeneral", "STIXGeneralBol", "STIXGeneralBolIta",
    "cmb10", "cmmi10", "cmr10",
)  # fmt: skip
TEST_FONTS = ("DejaVuSerif-Bold", "STIXGeneralItalic", "cmss10", "cmtt10")  # a bold, an italic, a sans serif and a typewriter face
SIZES = {"train": 20_000, "valid": 2_000, "test": 2_000}
RECIPE = 2  # counts up whenever the pictures change, so that an older cache is not read

SIDE, DIGIT = 28, 20  # pixels: the picture, and the longer side of an undeformed digit in it, as in MNIST
FINE = 4  # a shape is drawn with FINE × FINE dots per pixel …
COARSE = 2  # … its distances are kept at COARSE × COARSE points per pixel …
REACH = 2  # … up to so many pixels: further from the edge every picture is black or white
BATCH = 256  # pictures bent at a time: their working arrays fit the processor's cache

WAVES = np.arange(4)  # a and b: half periods of an elastic wave across the picture
COSINES = np.cos(np.pi * WAVES[:, None] * (np.arange(SIDE) + 0.5) / SIDE).astype(np.float32)  # (4, 28): cos(πa u)
ELASTIC = 0.9 / (1 + WAVES[:, None] ** 2 + WAVES**2)  # pixels: the standard deviation of c_ab, less for shorter waves
ELASTIC[0, 0] = 0  # that wave is the shift


def load(split):
    """Images (n, 28, 28) uint8 and labels (n,) uint8 of "train", "valid" or "test"; made in seconds the first time, then read from the cache."""
    path = cache.folder() / f"glyphs-{RECIPE}-matplotlib-{matplotlib.__version__}-pillow-{PIL.__version__}.npz"
    try:
        with open_regular(path) as file:
            kept = Npz(file)
            return kept[f"{split}_x"], kept[f"{split}_y"]
    except Exception:
        pass  # nothing there, or something is wrong with it: the glyphs are made again
    made = {}
    for number, (name, n) in enumerate(SIZES.items()):
        fonts = TEST_FONTS if name == "test" else TRAIN_FONTS
        made[f"{name}_x"], made[f"{name}_y"] = draw(n, fonts, rng=np.random.default_rng([RECIPE, number]))
    file = io.BytesIO()
    np.savez(file, **made)
    try:
        cache.keep(path, file.getvalue())
    except OSError:
        pass  # a cache that cannot be written only costs the time to make the glyphs again
    return made[f"{split}_x"], made[f"{split}_y"]


def draw(n, fonts=TRAIN_FONTS, rng=None):
    """n digits in the fonts named -> images (n, 28, 28) uint8, labels (n,) uint8, every digit equally often to within one.

    rng: a seed, a numpy.random.Generator or None.
    """
    rng = as_generator(rng)
    shapes = np.concatenate([_shapes(font) for font in fonts])  # (10 · fonts, side, side)
    labels = rng.permutation(np.arange(n) % 10)
    chosen = rng.integers(len(fonts), size=n) * 10 + labels
    images = np.empty((n, SIDE, SIDE), np.uint8)
    for i in range(0, n, BATCH):
        images[i : i + BATCH] = _bend(shapes, chosen[i : i + BATCH], rng)
    return images, labels.astype(np.uint8)


def _bend(shapes, chosen, rng):
    """A picture of each chosen shape, deformed at random:  shapes (m, side, side), chosen (n,) -> (n, 28, 28) uint8."""
    n = len(chosen)

    def uniform(low, high):
        return rng.uniform(low, high, (n, 1, 1)).astype(np.float32)

    angle, shear = uniform(-0.2, 0.2), uniform(-0.25, 0.25)  # radians; sideways per unit of height
    height, width = uniform(0.8, 1.0), uniform(0.8, 1.1)
    weight, softness = uniform(-0.1, 0.5), uniform(1.0, 1.8)
    waves = rng.standard_normal((2, n, 4, 4)) * ELASTIC

    pixel = np.arange(SIDE, dtype=np.float32) - (SIDE - 1) / 2  # from the centre
    y, x = pixel[:, None] - uniform(-0.7, 0.7), pixel - uniform(-0.7, 0.7)  # shifted: (n, 28, 1), (n, 1, 28)
    y, x = np.cos(angle) * y - np.sin(angle) * x, np.sin(angle) * y + np.cos(angle) * x  # rotated: (n, 28, 28)
    ey, ex = np.einsum("knaj,ai->knij", np.einsum("knab,bj->knaj", waves.astype(np.float32), COSINES), COSINES)
    qy, qx = y / height + ey, (x + shear * y) / width + ex

    d = _look_up(shapes, chosen, qy, qx)
    grey = np.clip(0.5 + (d + weight) / softness, 0, 1)
    return np.rint(255 * grey).astype(np.uint8)


def _look_up(shapes, chosen, qy, qx):
    """d at the points q (n, 28, 28), in pixels from the middle of the chosen shapes: bilinear between four neighbours."""
    side = shapes.shape[-1]
    qy, qx = ((q * COARSE + (side - 1) / 2).clip(0, side - 1.001) for q in (qy, qx))
    row, column = qy.astype(np.int32), qx.astype(np.int32)
    fy, fx = qy - row, qx - column
    corner = (chosen.astype(np.int32)[:, None, None] * side + row) * side + column
    flat = shapes.ravel()
    top = flat.take(corner) * (1 - fx) + flat.take(corner + 1) * fx
    bottom = flat.take(corner + side) * (1 - fx) + flat.take(corner + side + 1) * fx
    return top * (1 - fy) + bottom * fy


@once
def _shapes(font):
    """The ten digits of a font as signed distances in pixels, (10, COARSE · 28, COARSE · 28), cut off at ± REACH."""
    ink = np.stack([_ink(font, str(digit)) for digit in range(10)])
    depth = np.where(ink, _distance(~ink) - 0.5, 0.5 - _distance(ink)) / FINE  # the edge runs halfway between two dots
    k = FINE // COARSE
    return depth.reshape(10, SIDE * COARSE, k, SIDE * COARSE, k).mean(axis=(2, 4), dtype=np.float32)


def _ink(font, digit):
    """A digit as bits, FINE dots per pixel, its longer side DIGIT pixels, the centre of its ink in the middle of the square."""
    size, side = DIGIT * FINE, SIDE * FINE
    rows, columns = np.nonzero(_drawn(font, digit, size))
    bits = _drawn(font, digit, round(size * size / (max(np.ptp(rows), np.ptp(columns)) + 1)))
    top, left = (round(dots.mean()) - side // 2 for dots in np.nonzero(bits))
    return bits[top : top + side, left : left + side]


def _drawn(font, digit, size):
    """A digit as bits at a font size in dots, somewhere in a wide square."""
    path = os.path.join(matplotlib.get_data_path(), "fonts", "ttf", font + ".ttf")
    picture = Image.new("L", (4 * SIDE * FINE, 4 * SIDE * FINE))
    face = ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)
    ImageDraw.Draw(picture).text((SIDE * FINE, SIDE * FINE), digit, font=face, fill=255)
    return np.asarray(picture) > 127


def _distance(target):
    """Distance in dots from every dot to the nearest target dot:  (n, side, side) bool -> the same shape, cut off near REACH.

    Squared distances separate: min over (i, j) of i² + j² = min over i of (i² + min over j of j²), one axis after the other.
    """
    reach = REACH * FINE
    squared = np.where(target, 0, 2 * reach**2).astype(np.float32)
    for axis in (1, 2):
        before = squared.copy()
        for step in range(1, reach + 1):
            near, far = [slice(None)] * 3, [slice(None)] * 3
            near[axis], far[axis] = slice(None, -step), slice(step, None)
            near, far = tuple(near), tuple(far)
            np.minimum(squared[near], before[far] + step**2, out=squared[near])
            np.minimum(squared[far], before[near] + step**2, out=squared[far])
    return np.sqrt(squared)
