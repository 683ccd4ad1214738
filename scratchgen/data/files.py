"""Your own data: a .npy, .npz or IDX file, read without pickles and split into train, valid and test.

    .npy, IDX    x, one row per example; labels, if there are any, in a file of their own
    .npz         x and perhaps y;   or x_train, x_valid, x_test and perhaps y_train, y_valid, y_test;   x_val is x_valid, and a bare train x_train

Data that comes in one piece is split 80 : 10 : 10. A file is often sorted by class, so the rows are shuffled first, always in the same
order, and train, valid and test never overlap. Where an .npz has x_train but no x_valid, a tenth of x_train is the valid split; without x_test,
there is no test split.
"""

import contextlib
import os
from pathlib import Path

import numpy as np

from scratchgen.data.idx import read_idx
from scratchgen.data.npy import Npz, read_npy
from scratchgen.reading import Damaged, open_regular

SPLITS = ("train", "valid", "test")
NAMES = {"train": ("train",), "valid": ("valid", "val"), "test": ("test",)}  # of the splits in an .npz


def load(path, split, labels=None):
    """x and y (or None) as they are in the file, rows of that split only.

    Raises FileNotFoundError, ValueError for a file that is not as above, MemoryError for one that memory cannot hold.
    """
    if kind(path) == ".npz":
        if labels is not None:
            raise ValueError(f"labels is {str(labels)!r}, but an .npz file such as {path} carries its own labels: y, or y_train and y_test")
        return _load_npz(path, split)
    if labels is not None and kind(labels) == ".npz":
        raise ValueError(f"labels file {labels} is an .npz file; a .npy or IDX file is wanted")
    return _part(read_array(path), None if labels is None else read_array(labels), split, SPLITS, path)


def _load_npz(path, split):
    with told(path), open_regular(path) as file:
        arrays = Npz(file)

        def part(name, labels, splits):
            return _part(arrays[name], arrays[labels] if labels in arrays else None, split, splits, path, name, labels)

        if "x" in arrays:
            return part("x", "y", SPLITS)
        found = {each: name for each in SPLITS if (name := name_of(each, arrays))}
        if "train" not in found or split not in (*found, "valid"):
            raise ValueError(f"{path} holds the arrays {', '.join(arrays) or '(none)'}; wanted x (and y), or x_train, x_test (and y_train, y_test)")
        features = {name: arrays.header(name).shape[1:] for name in found.values()}
        if len(set(features.values())) > 1:
            raise ValueError(f"{path} holds examples of different shapes: {', '.join(f'{name} {shape}' for name, shape in features.items())}")
        labels = {each: f"y_{name.removeprefix('x_')}" for each, name in found.items()}
        if "valid" in found or split == "test":
            return part(found[split], labels[split], (split,))
        return part(found["train"], labels["train"], ("train", "valid"))


def name_of(split, arrays):
    """The name of the array that holds the x of a split, x_train or train for "train"; None if there is none."""
    return next((name for each in NAMES[split] for name in (f"x_{each}", each) if name in arrays), None)


def splits(path):
    """The splits that a file has: all three; the first two of an .npz with x_train and no x_test. Errors as in `load`."""
    if kind(path) != ".npz":
        return SPLITS
    with told(path), open_regular(path) as file:
        arrays = Npz(file)
        return SPLITS if "x" in arrays or name_of("test", arrays) else SPLITS[:2]


def read_array(path):
    """The array in a .npy or IDX file. Errors as in `load`."""
    if kind(path) == ".npy":
        with told(path), open_regular(path) as file:
            return read_npy(file, os.path.getsize(path))
    with told(path):
        return read_idx(path)


@contextlib.contextmanager
def told(path):
    """What is Damaged in a file, or more than memory holds, is told with its name."""
    try:
        yield
    except Damaged as error:
        objects = "; save arrays of numbers" if "Python objects" in str(error) else ""
        raise ValueError(f"{path} cannot be read as {kind(path)} ({error}{objects}): truncated, corrupt or of another kind") from error
    except MemoryError as error:
        raise MemoryError(f"{path} does not fit into memory ({str(error) or 'none is left'})") from error


def kind(path):
    """The ending of a file's name: .npy, .npz, or anything else for IDX."""
    return Path(path).suffix.lower()


def _part(x, y, split, splits, path, x_name="x", y_name="y"):
    """The rows of one split of data that holds all of `splits`: a tenth each for valid and test, the others for train."""
    if x.ndim == 0 or (y is not None and (y.ndim != 1 or len(y) != len(x))):
        given = f"{x_name} {x.shape}" if y is None else f"{x_name} {x.shape} and {y_name} {y.shape}"
        raise ValueError(f"{path} has {given}; wanted x (n, features) or (n, height, width), and y (n,) where there are labels")
    if len(splits) == 1:
        return x, y
    n, held = len(x), max(1, len(x) // 10)
    train = n - held * (len(splits) - 1)
    if train < 1:
        raise ValueError(f"{path} has {n} rows, too few to split into {', '.join(splits)}")
    if x.size == 0:
        raise ValueError(f"{path} holds data of shape {x.shape}: there is nothing in it")
    order = np.arange(n, dtype=np.min_scalar_type(n))  # as small as it can be: of narrow data it is the larger part
    np.random.default_rng(0).shuffle(order)
    start, end = (0, train) if split == "train" else (train + held * (splits.index(split) - 1), train + held * splits.index(split))
    rows = np.zeros(n, bool)
    rows[order[start:end]] = True
    return x[rows], None if y is None else y[rows]  # in the order of the file
