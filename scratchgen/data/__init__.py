"""Data to learn from, by name or from a file, and what is done to it on its way to the network.

glyphs    digits drawn from fonts, MNIST-shaped, no download; the default
mnist     handwritten digits, downloaded on first use
toys      points in the plane or on a line
files     your own .npy, .npz or IDX file
binarize, minibatch    grey pixels into bits; rows into minibatches
"""

import os
from typing import NamedTuple

import numpy as np

from scratchgen.data import files, glyphs, mnist, toys
from scratchgen.data.binarize import Binarize
from scratchgen.data.idx import read_idx, write_idx
from scratchgen.data.minibatch import Batch, minibatch_indices, minibatches
from scratchgen.data.toys import GRID_STD, RING_STD, grid_modes, mixture1d_density, ring_modes
from scratchgen.errors import integer, one_of, unknown_name

__all__ = [
    "GRID_STD", "NAMES", "RING_STD", "Batch", "Binarize", "Dataset", "grid_modes", "load", "minibatch_indices", "minibatches", "mixture1d_density",
    "read_idx", "ring_modes", "splits", "write_idx",
]  # fmt: skip

IMAGES = {"glyphs": glyphs.load, "mnist": mnist.load}
TOYS = {
    "ring": toys.ring, "grid": toys.grid, "swiss_roll": toys.swiss_roll, "moons": toys.moons, "pinwheel": toys.pinwheel, "mixture1d": toys.mixture1d,
}  # fmt: skip
NAMES = (*IMAGES, *TOYS)
SPLITS = files.SPLITS
TOY_SIZES = {"train": 50_000, "valid": 10_000, "test": 10_000}


class Dataset(NamedTuple):
    """x (n, features) float32, images in [0, 1];  y (n,) int64, or None where there are no labels."""

    x: np.ndarray
    y: np.ndarray | None


def load(name, split="train", *, labels=None, seed=0):
    """One split of a data set -> Dataset(x, y).

    name: one of NAMES, or the path of a .npy, .npz or IDX file (scratchgen.data.files says how those are split).
    split: "train", "valid" or "test".   labels: path of a .npy or IDX file with the labels for a .npy or IDX file.
    seed: which draw of a toy; all other data is fixed.

    Pictures (n, height, width) are flattened. Bytes are divided by 255, unless they are all 0 or 1; other numbers stay as they are.
    Raises ValueError for unknown names, a damaged file or unusable data (wrong shape, empty, NaN or infinity), TypeError for data that are
    not real numbers, FileNotFoundError for a missing file or a failed download.
    """
    one_of("split", split, SPLITS)
    if not isinstance(name, (str, os.PathLike)):
        raise TypeError(f"name is of type {type(name).__name__}; it must be one of {', '.join(NAMES)}, or the path of a file")
    if not isinstance(labels, (str, os.PathLike, type(None))):
        raise TypeError(f"labels is of type {type(labels).__name__}; it must be the path of a .npy or IDX file")
    if name in NAMES and labels is not None:
        raise ValueError(f"labels is {str(labels)!r}, but data set {name!r} has its own; labels goes with a .npy or IDX file")
    if name in IMAGES:
        return _dataset(*IMAGES[name](split), name)
    if name in TOYS:
        rng = np.random.default_rng([integer("seed", seed, 0), SPLITS.index(split)])
        return _dataset(*TOYS[name](TOY_SIZES[split], rng), name)
    if not os.path.exists(name) and os.path.basename(name) == os.fspath(name) and not os.path.splitext(name)[1]:
        raise unknown_name("data", name, (*NAMES, "(or the path of a .npy, .npz or IDX file)"))
    x, y = files.load(name, split, labels)
    is_dark = x.dtype == np.uint8 and x.size and x.max() <= 1  # zeros and ones, or a dark part of pictures: the other splits tell
    levels = any(files.load(name, other, labels)[0].max(initial=0) > 1 for other in files.splits(name)) if is_dark else None
    return _dataset(x, y, f"{os.fspath(name)} ({split})", levels)


def splits(name):
    """The names of the splits of a data set that `load` knows: "train", "valid" and "test"; the first two of an .npz with x_train and no x_test."""
    return SPLITS if name in NAMES else files.splits(name)


def _dataset(x, y, source, levels=None):
    """x and y as the rest of the library wants them, or one sentence about what is wrong with them.

    levels: whether bytes are grey levels, and not zeros and ones; None: if some of these are above 1.
    """
    if x.dtype.kind not in "buif":
        raise TypeError(f"{source} holds data of dtype {x.dtype}; real numbers are wanted")
    if x.ndim not in (2, 3, 4):
        raise ValueError(f"{source} holds data of shape {x.shape}; wanted (n, features), (n, height, width) or (n, height, width, channels)")
    if x.size == 0:
        raise ValueError(f"{source} holds data of shape {x.shape}: there is nothing in it")
    if x.dtype.kind in "iu" and x.dtype != np.uint8 and x.min() >= 0 and 127 < x.max() <= 255:  # a list of pixels becomes int64
        raise ValueError(f"{source} holds whole numbers from 0 to {x.max()} as {x.dtype}; save grey levels as uint8, anything else as float32")
    if levels is None:
        levels = x.max() > 1
    is_float, largest = x.dtype.kind == "f", 255 if x.dtype == np.uint8 and levels else 1
    with np.errstate(over="ignore"):  # a float64 too large for float32 becomes infinity, which the next lines report
        x = x.reshape(len(x), -1).astype(np.float32)
    if is_float and not np.isfinite([x.min(), x.max()]).all():  # no array of booleans as long as the data
        row, column = np.argwhere(~np.isfinite(x))[0]
        raise ValueError(f"{source} holds {x[row, column]} (row {row}, feature {column}); finite float32 numbers are wanted")
    x /= largest
    if y is not None:
        if y.dtype.kind not in "bui":
            raise TypeError(f"{source} holds labels of dtype {y.dtype}; integers are wanted")
        y = y.astype(np.int64)
    return Dataset(x, y)
