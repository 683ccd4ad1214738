"""What a run's networks were on the way: parameters and buffers after 0, 1, 2, 4, 8, … epochs, for pages that show a network learn.

    history/<epoch>.npz     params, as 16-bit floats; buffers/<name>

Epochs that double: so few files hold a whole run, most of them from its beginning, where most happens; and which they are does not depend on how long
the run will be.
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
    """Write what the model of the run is after this epoch, if it is one of those that are kept, into its folder."""
    if run.epoch & (run.epoch - 1):
        return
    arrays = {name: to_host(value) for name, value in trained(run.model).items()}
    with np.errstate(over="ignore"):  # what 16 bits cannot hold is infinite
        arrays["params"] = arrays["params"].astype(np.float16)
    with atomic_file(Path(folder) / FOLDER / f"{run.epoch:04d}.npz") as file:
        np.savez_compressed(file, **arrays)


def epochs(folder):
    """-> the epochs of which a run's folder has kept something, in order; the one of its checkpoint. Of a file of sg.save: none, and 0."""
    folder = Path(folder)
    with opened(folder / "checkpoint.npz" if folder.is_dir() else folder) as (about, _):
        run = about.get("run", {"epoch": 0})
    last = run.get("best") or run["epoch"]
    names = (re.fullmatch(r"(\d+)\.npz", path.name) for path in (folder / FOLDER).glob("*.npz"))
    return sorted(epoch for epoch in (int(name[1]) for name in names if name) if epoch < last), last


def restore(model, folder, epoch):
    """Give the model the parameters and buffers that it had after that epoch. ValueError if the file is no part of its run's history."""
    path, targets = Path(folder) / FOLDER / f"{epoch:04d}.npz", trained(model)
    try:
        with open_regular(path) as file:
            arrays = Npz(file)
            for name, target in targets.items():  # before any is read: a header can promise anything
                if (shape := arrays.header(name).shape) != tuple(target.shape):
                    raise Damaged(f"{name} is {shape}, where the model has {tuple(target.shape)}")
            found = {name: arrays[name] for name in targets}
    except (OSError, Damaged) as error:
        raise ValueError(f"{path} does not belong to the run in {folder} ({error}); delete it") from error
    for name, target in targets.items():
        copy_to(target, array(found[name].astype(target.dtype)))
