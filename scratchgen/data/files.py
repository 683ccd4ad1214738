"""Your own data: a .npy, .npz or IDX file, read without pickles and split into train, valid and test.

    .npy, IDX    x, one row per example; labels, if there are any, in a file of their own
    .npz         x and perhaps y;   or x_train, x_valid, x_test and perhaps y_train, y_valid, y_test

Data that comes in one piece is split 80 : 10 : 10. A file is often sorted by class, so the rows are shuffled first, always in the same
order, and train, valid and test never overlap. Where an .npz has x_train and x_test but no x_valid, a tenth of x_train is the valid split.
"""

from pathlib import Path

import numpy as np

from scratchgen.data.idx import read_idx

SPLITS = ("train", "valid", "test")


def load(path, split, labels=None):
    """x and y (or None) as they are in the file, rows of that split only. Raises FileNotFoundError, or ValueError for a file that is not as above."""
    read = read_array(path)
    if not isinstance(read, dict):
        x, y = read, None if labels is None else read_array(labels)
        if isinstance(y, dict):
            raise ValueError(f"labels file {labels} is an .npz file; a .npy or IDX file is wanted")
        return _part(x, y, split, SPLITS, path)
    if labels is not None:
        raise ValueError(f"labels is {str(labels)!r}, but an .npz file such as {path} carries its own labels: y, or y_train and y_test")
    if "x" in read:
        return _part(read["x"], read.get("y"), split, SPLITS, path)
    if "x_train" not in read or (f"x_{split}" not in read and split != "valid"):
        raise ValueError(f"{path} holds the arrays {', '.join(read) or '(none)'}; wanted x (and y), or x_train, x_test (and y_train, y_test)")
    features = {name: read[name].shape[1:] for name in ("x_train", "x_valid", "x_test") if name in read}
    if len(set(features.values())) > 1:
        raise ValueError(f"{path} holds examples of different shapes: {', '.join(f'{name} {shape}' for name, shape in features.items())}")
    if "x_valid" in read or split == "test":
        return _part(read[f"x_{split}"], read.get(f"y_{split}"), split, (split,), path)
    return _part(read["x_train"], read.get("y_train"), split, ("train", "valid"), path)


def read_array(path):
    """The array in a .npy or IDX file, or the {name: array} of an .npz file. Errors as in `load`."""
    path = Path(path)
    kind = path.suffix.lower()
    if kind not in (".npy", ".npz"):
        return read_idx(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist")
    if path.is_dir():
        raise ValueError(f"{path} is a folder; a file is wanted")
    try:
        if kind == ".npy":
            with open(path, "rb") as file:
                return np.lib.format.read_array(file, allow_pickle=False)
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays if isinstance(arrays[name], np.ndarray)}
    except PermissionError:
        raise
    except Exception as error:  # NumPy raises half a dozen kinds for a damaged file
        if "Object arrays" in str(error):
            raise ValueError(f"{path} holds Python objects (dtype object); save arrays of numbers") from error
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise ValueError(f"{path} cannot be read as {kind} ({reason}): truncated, corrupt or of another kind") from error


def _part(x, y, split, splits, path):
    """The rows of one split of data that holds all of `splits`: a tenth each for valid and test, the others for train."""
    if x.ndim == 0 or (y is not None and (y.ndim != 1 or len(y) != len(x))):
        given = f"x {x.shape}" if y is None else f"x {x.shape} and y {y.shape}"
        raise ValueError(f"{path} has {given}; wanted x (n, features) or (n, height, width), and y (n,) where there are labels")
    if len(splits) == 1:
        return x, y
    n, held = len(x), max(1, len(x) // 10)
    train = n - held * (len(splits) - 1)
    if train < 1:
        raise ValueError(f"{path} has {n} rows, too few to split into {', '.join(splits)}")
    order = np.random.default_rng(0).permutation(n)
    start, end = (0, train) if split == "train" else (train + held * (splits.index(split) - 1), train + held * splits.index(split))
    rows = np.sort(order[start:end])  # in the order of the file
    return x[rows], None if y is None else y[rows]
