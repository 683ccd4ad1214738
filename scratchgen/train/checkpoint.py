"""Checkpoints: everything that a model, or a training run, is at one moment, in one .npz file without pickles.

    about                     JSON text: format, class and arguments of the model, random streams, and what a run adds
    params                    all parameters, one flat array
    buffers/<name>            running statistics and masks
    optimizer/<player>/<name> what each optimizer remembers (runs only)

A crash at any moment leaves the old file or the new one, never half of one (scratchgen/atomic.py).
"""

import json
import zipfile
from pathlib import Path

import numpy as np

from scratchgen.atomic import atomic_file
from scratchgen.models import MODELS, Model
from scratchgen.ops import array, copy_to, get_backend, to_host

FORMAT = "scratchgen checkpoint 1"


def save(model, path):
    """Write a model (VAE, GAN, …) to a file; `load` reads it. Missing folders are made.

    Raises TypeError if it is no model, or has arguments that no file can hold (such as a function in the place of an activation's name);
    OSError if the file cannot be written; an older file of that name is then still whole.
    """
    write(path, *describe(model))


def load(path):
    """The model in a file written by `save` or by a training run (or in a run's folder), its random streams as they were.

    A Model of your own must be defined by then, and take rng and dtype.
    Raises FileNotFoundError, or ValueError if the file is not a whole checkpoint.
    """
    path = Path(path)
    about, arrays = read(path / "checkpoint.npz" if path.is_dir() else path)
    get_backend()  # here, because one that cannot be loaded is no fault of the file
    classes = {model.__name__: model for model in (*descendants(Model), *MODELS.values())}  # the library's own win
    try:
        model = classes[about["model"]](**about["config"], rng=0, dtype=np.dtype(about["dtype"]))
        restore(model, about, arrays)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} describes a model that this version cannot rebuild: {error}") from error
    return model


def descendants(cls):
    """All classes derived from that one."""
    return [each for below in cls.__subclasses__() for each in (below, *descendants(below))]


def describe(model):
    """(about, arrays) of a model: what `restore` needs. TypeError as in `save`."""
    if not isinstance(model, Model):
        raise TypeError(f"model is of type {type(model).__name__}; a checkpoint holds a VAE, a GAN, a MADE or another scratchgen.models.Model")
    try:
        json.dumps(model.config)
    except TypeError as error:
        raise TypeError(f"{model!r} cannot be kept in a checkpoint, which holds names and numbers only ({error})") from None
    about = {
        "format": FORMAT, "model": type(model).__name__, "config": model.config, "dtype": str(model.dtype),
        "streams": {name: stream.state for name, stream in model.streams().items()},
    }  # fmt: skip
    buffers = {f"buffers/{name}": to_host(value) for name, value in model.all_buffers().items()}
    return about, {"params": to_host(model.flat_params), **buffers}


def restore(model, about, arrays):
    """Put parameters, buffers and random streams back. Raises ValueError if they are those of another model."""
    targets = {"params": model.flat_params} | {f"buffers/{name}": value for name, value in model.all_buffers().items()}
    for name, target in targets.items():
        if name not in arrays or arrays[name].shape != target.shape or arrays[name].dtype != target.dtype:
            found = f"{arrays[name].dtype} {arrays[name].shape}" if name in arrays else "missing"
            raise ValueError(f"{name} is {found} in the checkpoint; the model has {target.dtype} {tuple(target.shape)}")
    for name, target in targets.items():
        copy_to(target, array(arrays[name]))
    for name, stream in model.streams().items():
        stream.state = about["streams"][name]


def write(path, about, arrays):
    """Write one checkpoint file, atomically."""
    with atomic_file(path) as file:
        np.savez(file, about=np.array(json.dumps(about)), **arrays)


def read(path):
    """(about, arrays) of a checkpoint file. Raises FileNotFoundError, or ValueError if it is not a whole checkpoint."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"no checkpoint at {path}")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about = json.loads(str(arrays.pop("about")))
        if about["format"] != FORMAT:
            raise ValueError(f"its format is {about['format']!r}")
    except PermissionError:
        raise
    except (OSError, EOFError, KeyError, RuntimeError, TypeError, ValueError, zipfile.BadZipFile) as error:  # a damaged file can raise each of these
        raise ValueError(f"{path} is not a whole scratchgen checkpoint ({error}); wanted a file written by sg.save or a training run") from error
    return about, arrays
