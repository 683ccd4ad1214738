"""The history of a run's networks: parameters and buffers after 0, 1, 2, 4, 8, … epochs, for pages that show a network learn.

    history/<epoch>.npz     params, as 16-bit floats; buffers/<name>

Epochs that double: a few files hold a whole run, most of them from its beginning, where most happens; and the choice does not depend on how long the
run will be.
"""

import re
from pathlib import Path

import numpy as np

from scratchgen.atomic import atomic_file
from scratchgen.data.npy import Npz
from scratchgen.ops import array, copy_to, to_host
from scratchgen.reading import Damaged, open_regular
from scratchgen.train.checkpoint import opened, trained

FOLDER = "history"


def keep(run, folder):
    """Write the model's parameters and buffers after this epoch into the run's folder, if the epoch is one of those that are kept."""
    if run.epoch & (run.epoch - 1):
        return
    arrays = {name: to_host(value) for name, value in trained(run.model).items()}
    with np.errstate(over="ignore"):  # what 16 bits cannot hold is infinite
        arrays["params"] = arrays["params"].astype(np.float16)
    with atomic_file(Path(folder) / FOLDER / f"{run.epoch:04d}.npz") as file:
        np.savez_compressed(file, **arrays)


def epochs(folder):
    """-> the epochs kept in a run's folder, in order; the epoch of its checkpoint. Of a file written by sg.save: none, and 0."""
    folder = Path(folder)
    with opened(folder / "checkpoint.npz" if folder.is_dir() else folder) as (about, _):
        run = about.get("run", {"epoch": 0})
    last = run.get("best") or run["epoch"]
    names = (re.fullmatch(r"(\d+)\.npz", path.name) for path in (folder / FOLDER).glob("*.npz"))
    return sorted(epoch for epoch in (int(name[1]) for name in names if name) if epoch < last), last


def restore(model, folder, epoch):
    """Give the model the parameters and buffers of that epoch. ValueError if the file does not belong to the run."""
    path, targets = Path(folder) / FOLDER / f"{epoch:04d}.npz", trained(model)
    try:
        with open_regular(path) as file:
            arrays = Npz(file)
            for name, target in targets.items():  # before any is read: a damaged header can announce any size
                if (shape := arrays.header(name).shape) != tuple(target.shape):
                    raise Damaged(f"{name} is {shape}, where the model has {tuple(target.shape)}")
            found = {name: arrays[name] for name in targets}
    except (OSError, Damaged) as error:
        raise ValueError(f"{path} does not belong to the run in {folder} ({error}); delete it") from error
    for name, target in targets.items():
        copy_to(target, array(found[name].astype(target.dtype)))
