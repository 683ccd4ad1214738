"""The checks of `fit`'s arguments: one sentence for each unusable one, before anything is trained or written."""

import os

import numpy as np

from scratchgen.data import minibatches
from scratchgen.errors import integer, number, shown
from scratchgen.models import Model
from scratchgen.ops import array
from scratchgen.optim import Optimizer


def check_arguments(model, epochs, batch_size, seed, clip_norm, optimizer, schedule, resume, out, config):
    """TypeError or ValueError, with the argument's name, for arguments of `fit` that are unusable; -> epochs, batch_size, seed as ints."""
    if not isinstance(model, Model):
        raise TypeError(f"model is of type {type(model).__name__}; fit trains a VAE, a GAN, a MADE or another scratchgen.models.Model")
    if clip_norm is not None:
        number("clip_norm", clip_norm, lambda norm: norm > 0, "be positive")
    if not isinstance(out, (str, os.PathLike, type(None))):
        raise TypeError(f"out is {shown(out)}; it must be the path of a folder, or None")
    if not isinstance(config, (dict, type(None))):
        raise TypeError(f"config is {shown(config)}; it must be a dict, or None")
    for name, make in (("optimizer", optimizer), ("schedule", schedule)):
        if make is not None and not callable(make):
            raise TypeError(f"{name} is {make!r}; it must be a function that makes one, such as optimizer=lambda player: Adam(player, lr=1e-3)")
    if resume and out is None:
        raise ValueError("resume is True, but out, the folder of the run to go on with, is None")
    return integer("epochs", epochs, 1), integer("batch_size", batch_size, 1), integer("seed", seed, 0)


def check_optimizer(made):
    """What `optimizer` has made. TypeError if it is none."""
    if not isinstance(made, Optimizer):
        raise TypeError(f"optimizer made {shown(made)}; it must make an Optimizer, as optimizer=lambda player: Adam(player, lr=1e-3) does")
    return made


def check_patience(model, patience, valid, y):
    """patience as an int, or None; TypeError or ValueError if it is unusable, or if nothing tells which epoch is best."""
    if patience is None:
        return None
    if valid is None:
        raise ValueError(f"patience is {patience}, but there is no validation data; give valid=")
    if not validation_value(model, valid, y):
        raise ValueError(
            f"patience is {patience}, but {type(model).__name__} has no validation value, such as a likelihood, to tell which epoch is best"
        )
    return integer("patience", patience, 1)


def validation_value(model, valid, y):
    """The name of the first number that `evaluate` gives for validation data (n, data_dim), by which epochs are compared; None if there is none."""
    return next(iter(model.evaluate(array(valid), None if y is None else array(y), rng=0)), None)


def check_data(model, data, name):
    """x of an array or Dataset, ready for the model. Raises TypeError or ValueError, with the argument's name, if it is not."""
    x = getattr(data, "x", data)
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "fiub":
        raise TypeError(f"{name} is {type(x).__name__}{f' of {x.dtype}' if hasattr(x, 'dtype') else ''}; fit needs a numpy array of numbers")
    if x.ndim != 2 or x.shape[1] != model.data_dim or not len(x):
        raise ValueError(f"{name} has shape {x.shape}; {type(model).__name__} needs (n, {model.data_dim}) with n ≥ 1")
    x = np.ascontiguousarray(x, model.dtype)
    if not np.isfinite([x.min(), x.max()]).all():  # needs no array of booleans as large as the data
        row, column = np.argwhere(~np.isfinite(x))[0]
        raise ValueError(f"{name} holds {x[row, column]} at row {row}, feature {column}; fit needs finite numbers")
    model.check_range(name, x)
    return x


def check_labels(model, data, name):
    """The labels (n,) of a Dataset, int64; None for a model that takes none. ValueError, with the argument's name, if they do not fit."""
    if model.n_classes is None:
        return None
    y = getattr(data, "y", None)
    if y is None:
        raise ValueError(
            f"{name} has no labels; {type(model).__name__} with n_classes={model.n_classes} needs a Dataset (x, y), as sg.data.load returns"
        )
    y, n = np.asarray(y), len(data.x)
    if y.shape != (n,) or y.dtype.kind not in "iu":
        raise ValueError(f"the labels of {name} are {y.dtype} of shape {y.shape}; they must be integers ({n},)")
    if n and not 0 <= y.min() <= y.max() < model.n_classes:
        raise ValueError(f"the labels of {name} run from {y.min()} to {y.max()}; the model's n_classes is {model.n_classes}")
    return y.astype(np.int64)


def check_batches(model, x, batch_size):
    """ValueError if x (n, data_dim) cannot be cut into minibatches of that size, or the last one is too small for the model."""
    minibatches(x, batch_size)  # for its checks
    smallest = len(x) % batch_size or batch_size
    if smallest < model.least_batch:
        why = f"{type(model).__name__} needs at least {model.least_batch} in each{', because it couples them' if model.couples_batch else ''}"
        raise ValueError(f"batch_size is {batch_size}, which leaves a minibatch of {smallest} of {len(x)} examples; {why}")
