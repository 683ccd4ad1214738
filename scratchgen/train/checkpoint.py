"""Checkpoints: the whole state of a model, or of a training run, in one .npz file without pickles.

    about                     JSON text: format, class and arguments of the model, random streams, and what a run adds
    params                    all parameters, one flat array
    buffers/<name>            running statistics and masks
    optimizer/<player>/<name> the state of each optimizer (runs only)
    best/params, …            parameters and buffers of the best epoch (runs with patience only)

A crash at any moment leaves the old file or the new one, never half of one (scratchgen/atomic.py). structure.py checks the text; arrays are read only
if the model or the run has them and their headers fit.
"""

import contextlib
import json
import math
from pathlib import Path

import numpy as np

from scratchgen.atomic import atomic_file
from scratchgen.data.npy import Npz
from scratchgen.models import MODELS, Model
from scratchgen.ops import array, copy_to, get_backend, to_host
from scratchgen.reading import Damaged, open_regular
from scratchgen.train.structure import FORMAT, check


def save(model, path):
    """Write a model (VAE, GAN, …) to a file; `load` reads it. Missing folders are made.

    Raises TypeError if it is no model, or has arguments that no file can hold (such as a function in the place of an activation's name);
    OSError if the file cannot be written; an older file of that name is then still whole.
    """
    write(path, *describe(model))


def load(path):
    """The model in a file written by `save` or by a training run (or in a run's folder), its random streams as they were.

    Of a run with patience, it has the parameters of the best epoch. A Model of your own must be defined by then, and take rng and dtype.
    Raises FileNotFoundError, or ValueError if the file is not a whole checkpoint.
    """
    path = Path(path)
    path = path / "checkpoint.npz" if path.is_dir() else path
    get_backend()  # here, because a backend that cannot be loaded is not the file's fault
    with opened(path) as (about, arrays):
        n_params = arrays["params"].size  # of the array itself: a damaged header can announce any size
        try:
            model = rebuild(about, n_params)
            restore(model, about, arrays)
            if about.get("run", {}).get("best"):
                restore(model, about, arrays, "best/")
        except (Damaged, MemoryError):
            raise
        except Exception as error:  # a constructor may raise anything for damaged arguments
            raise ValueError(f"{path} describes a model that this version cannot rebuild: {error}") from error
    return model


def rebuild(about, n_params):
    """The model that `about` describes, its parameters random. ValueError if it has more of them than n_params, before they take up memory."""
    cls, config = class_of(about["model"]), about["config"]
    if cls.least_params(config) > n_params:
        raise ValueError(TOO_LARGE)
    return cls(**config, rng=Allowance(n_params) if cls in MODELS.values() else 0, dtype=np.dtype(about["dtype"]))


def class_of(name):
    """The model's class of that name, the library's own before others. ValueError if there is none, or several in different modules."""
    named = [model for model in descendants(Model) if model.__name__ == name]
    classes = {(model.__module__, model.__qualname__): model for model in named}  # of a class that was defined again, as in a notebook, the last
    own = [model for model in MODELS.values() if model.__name__ == name]
    if not classes and not own:
        raise ValueError(f"it is of class {name!r}, and none of that name is defined")
    if not own and len(classes) > 1:
        where = " and ".join(f"{module}.{place}" for module, place in classes)
        raise ValueError(f"it is of class {name!r}, and there are several of that name: {where}; give them different names")
    return own[0] if own else next(iter(classes.values()))


TOO_LARGE = "its arguments make a larger model than the parameters in the file"


class Allowance(np.random.Generator):
    """Draws the initial weights of a model that is to be loaded, but not more of them than the file has."""

    def __init__(self, n):
        super().__init__(np.random.PCG64(0))
        self.left = n

    def uniform(self, low, high, size):
        self.left -= math.prod(size)
        if self.left < 0:
            raise ValueError(TOO_LARGE)
        return super().uniform(low, high, size)


def descendants(cls):
    """All classes derived from that one."""
    return [each for below in cls.__subclasses__() for each in (below, *descendants(below))]


def describe(model):
    """(about, arrays) of a model: what `restore` needs. TypeError as in `save`."""
    if not isinstance(model, Model):
        raise TypeError(f"model is of type {type(model).__name__}; a checkpoint holds a VAE, a GAN, a MADE or another scratchgen.models.Model")
    name = type(model).__name__
    if any(cls.__name__ == name and cls is not type(model) for cls in MODELS.values()):
        raise TypeError(f"{type(model).__module__}.{name} has the name of a model of this library, and a file would not tell them apart; rename it")
    try:
        json.dumps(model.config)
    except TypeError as error:
        raise TypeError(f"{model!r} cannot be kept in a checkpoint, which holds names and numbers only ({error})") from None
    about = {
        "format": FORMAT, "model": type(model).__name__, "config": model.config, "dtype": str(model.dtype),
        "streams": {name: stream.state for name, stream in model.streams().items()},
    }  # fmt: skip
    return about, {name: to_host(value) for name, value in trained(model).items()}


def trained(model):
    """{name in a checkpoint: array} of all parameters and buffers."""
    return {"params": model.flat_params} | {f"buffers/{name}": value for name, value in model.all_buffers().items()}


def restore(model, about, arrays, place=""):
    """Put parameters, buffers and random streams back. Raises ValueError if they are those of another model.

    place: the prefix of the names of parameters and buffers: "best/", or "" for the latest.
    """
    targets, streams = trained(model), model.streams()
    found = read_like({f"{place}{name}": value for name, value in targets.items()}, arrays)
    if about["streams"].keys() != streams.keys():
        raise ValueError(f"the random streams are {', '.join(about['streams']) or 'none'} in the checkpoint; the model has {', '.join(streams)}")
    for name, target in targets.items():
        copy_to(target, array(found[f"{place}{name}"]))
    for name, stream in streams.items():
        stream.state = about["streams"][name]


def read_like(targets, arrays):
    """The arrays of an Npz or a dict with the names of the targets, {name: array}. ValueError, before any is read, where a shape or dtype differs."""
    look = getattr(arrays, "header", arrays.__getitem__)
    for name, target in targets.items():
        header = look(name) if name in arrays else None
        if header is None or header.shape != tuple(target.shape) or header.dtype != target.dtype:
            found = "missing" if header is None else f"{header.dtype} {header.shape}"
            raise ValueError(f"{name} is {found} in the checkpoint; the model has {target.dtype} {tuple(target.shape)}")
    return {name: arrays[name] for name in targets}


def write(path, about, arrays):
    """Write one checkpoint file, atomically."""
    with atomic_file(path) as file:
        np.savez(file, about=np.array(json.dumps(about)), **arrays)


@contextlib.contextmanager
def opened(path):
    """(about, arrays) of a checkpoint file: `about` read and checked, arrays an Npz.

    Raises FileNotFoundError, or ValueError if it is not a whole checkpoint, also where that shows within the context.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"no checkpoint at {path}")
    try:
        with open_regular(path) as file:
            arrays = Npz(file)
            yield read_about(arrays), arrays
    except Damaged as error:
        raise ValueError(f"{path} is not a whole scratchgen checkpoint ({error}); wanted a file written by sg.save or a training run") from error
    except MemoryError as error:
        raise MemoryError(f"the model in {path} does not fit into memory ({str(error) or 'none is left'})") from error


def read_about(arrays):
    """The entry `about` of an Npz, checked. Raises Damaged."""
    text = arrays["about"]
    if text.shape or text.dtype.kind != "U":
        raise Damaged(f"about: {text.dtype} {text.shape}, where one text is wanted")
    try:
        about = json.loads(str(text))
    except (ValueError, RecursionError) as error:
        raise Damaged(f"about: {error}") from error
    check(about)
    return about
