"""The training loop: minibatches in a seeded order, one step each, and everything on disk that going on later needs.

    for epoch in range(epochs):
        for x in minibatches(data, batch_size, seed, epoch):
            train_step(model, optimizers, x)

A run that is stopped and resumed ends with the same parameters, to the bit, as one that never stopped: the order of minibatches is
a function of (seed, epoch), and all else that moves (parameters, buffers, optimizers, random streams, sums of the epoch so far) is in
the checkpoint.
"""

import contextlib
import signal
import sys
import threading
import time
import zlib

import numpy as np
from tqdm import tqdm

from scratchgen.data import Binarize, minibatches
from scratchgen.errors import integer
from scratchgen.models import Model
from scratchgen.ops import array, to_host
from scratchgen.train.checkpoint import describe, restore
from scratchgen.train.pictures import write_pictures
from scratchgen.train.run_folder import RunFolder
from scratchgen.train.step import check_parameters, train_step

SECONDS_BETWEEN_CHECKPOINTS = 60  # within an epoch; one is written at the end of every epoch besides


def fit(
    model,
    data,
    *,
    epochs=10,
    batch_size=100,
    seed=0,
    out=None,
    resume=False,
    valid=None,
    binarize="none",
    optimizer=None,
    schedule=None,
    clip_norm=None,
    progress=True,
    config=None,
):
    """Train a model -> its metrics, {column: list with one number per epoch}.

    data: x (n, data_dim), or a Dataset from sg.data.load.   valid: likewise, evaluated after every epoch (columns valid_…).
    epochs, batch_size, seed: how often to go through the data, in minibatches of what size, shuffled from what seed.
    out: the run's folder, made if missing: config.json, metrics.csv, checkpoint.npz, pictures.   None writes nothing.
    resume: go on from the checkpoint in `out`; where there is none yet, start from the beginning and say so.
    binarize: "none", "threshold", "once" or "fresh" (see scratchgen.data.binarize); validation data is binarized once.
    optimizer: function player -> Optimizer; default is the model's own choice.   schedule: function optimizer -> schedule, called with
    the epoch's number.   clip_norm: bound on the norm of each player's gradients.   progress: show a progress bar.
    config: more entries to keep in config.json.

    Ctrl-C ends the run after the step in progress: a checkpoint is written, then KeyboardInterrupt is raised.
    Raises ValueError or TypeError for unusable arguments or data, OSError if `out` cannot be written, Diverged if a loss is not finite.
    """
    if not isinstance(model, Model):
        raise TypeError(f"model is of type {type(model).__name__}; fit trains a VAE, a GAN, a MADE or another scratchgen.models.Model")
    epochs, batch_size, seed = integer("epochs", epochs, 1), integer("batch_size", batch_size, 1), integer("seed", seed, 0)
    if clip_norm is not None and not clip_norm > 0:
        raise ValueError(f"clip_norm is {clip_norm}; it must be positive")
    for name, make in (("optimizer", optimizer), ("schedule", schedule)):
        if make is not None and not callable(make):
            raise TypeError(f"{name} is {make!r}; wanted is a function that makes one, such as optimizer=lambda player: Adam(player, lr=1e-3)")
    if resume and out is None:
        raise ValueError("resume is True, but out, the folder of the run to go on with, is None")
    x, valid = check_data(model, data, "data"), None if valid is None else check_data(model, valid, "valid")
    minibatches(x, batch_size, seed=seed)  # for its checks
    if model.couples_batch and 1 in (batch_size, len(x) % batch_size):
        raise ValueError(f"batch_size is {batch_size}, which leaves one of {len(x)} examples alone; batch normalisation needs at least 2")
    bits = Binarize(binarize, rng=np.random.default_rng([seed, 1]))
    x = bits.dataset(x)
    if valid is not None and binarize != "none":
        valid = Binarize("threshold" if binarize == "threshold" else "once", rng=seed).dataset(valid)

    players = model.players()
    optimizers = {name: (optimizer or model.optimizer)(player) for name, player in players.items()}
    schedules = [schedule(each) for each in optimizers.values()] if schedule else []
    state = State()
    settings = {
        "model": repr(model), "n_params": model.n_params, "batch_size": batch_size, "seed": seed, "binarize": binarize,
        "clip_norm": clip_norm and float(clip_norm),
        "optimizers": {name: repr(each) for name, each in optimizers.items()}, "data": f"{x.shape[0]} x {x.shape[1]}, crc {zlib.crc32(x):08x}",
    }  # fmt: skip
    steps_per_epoch = -(-len(x) // batch_size)
    if out is not None:
        describe(model)  # for its checks
    folder = None if out is None else RunFolder(out)
    if folder:
        found = open_run(folder, resume, settings)
        if found:
            state.restore(*found, model, optimizers, bits)
        if state.step > epochs * steps_per_epoch:
            raise ValueError(f"epochs is {epochs}, but the run in {folder.path} is already at step {state.step}, of {steps_per_epoch} an epoch")
        folder.write_config({**(config or {}), **settings, "epochs": epochs})
        folder.write_rows(state.rows)

    def save():
        check_parameters(model, optimizers, state.step)
        if folder:
            folder.write_checkpoint(*state.describe(model, optimizers, bits, settings))

    often = 0.1 if sys.stderr.isatty() else 10  # seconds between two states of the bar: in a log file each is a line
    bar = tqdm(total=epochs * steps_per_epoch, initial=state.step, unit="step", disable=not progress, mininterval=often, dynamic_ncols=True)
    with interruptible() as interrupted, folder or contextlib.nullcontext(), bar:
        saved = time.monotonic()
        while state.epoch < epochs:
            bar.set_description(f"epoch {state.epoch + 1}/{epochs}", refresh=False)
            for set_rate in schedules:
                set_rate(state.epoch)
            for minibatch in minibatches(x, batch_size, seed=seed, epoch=state.epoch, start=state.step - state.epoch * steps_per_epoch):
                record = train_step(model, optimizers, bits.minibatch(array(minibatch)), state.step, clip_norm)
                state.add(record)
                bar.update()
                if interrupted():
                    save()
                    where = f"saved; go on with resume=True (--resume) in {folder.path}" if folder else "nothing was saved, because out is None"
                    raise KeyboardInterrupt(f"stopped after step {state.step}: {where}")
                if time.monotonic() - saved > SECONDS_BETWEEN_CHECKPOINTS:
                    save()
                    saved = time.monotonic()
            check_parameters(model, optimizers, state.step)
            state.end_epoch({} if valid is None else model.evaluate(array(valid), rng=seed))
            bar.set_postfix({key: f"{value:.4g}" for key, value in state.rows[-1].items() if key not in ("epoch", "step")}, refresh=False)
            if folder:
                folder.write_rows(state.rows)
                write_pictures(model, folder.path, state, valid if valid is not None else x, last=state.epoch == epochs, seed=seed)
            save()
            saved = time.monotonic()
    return state.metrics()


class State:
    """How far a run has come: step, epoch, the rows of metrics.csv, and the sums of the epoch in progress."""

    def __init__(self):
        self.step, self.epoch, self.rows = 0, 0, []
        self.sums = {}  # part of the loss -> [sum, count] over this epoch

    def add(self, record):
        """Count one step with these parts of the loss."""
        self.step += 1
        for key, value in record.items():
            total, count = self.sums.get(key, (0.0, 0))
            self.sums[key] = [total + float(value), count + 1]

    def end_epoch(self, evaluation):
        """Turn the sums into a row of means, together with what was evaluated."""
        self.epoch += 1
        means = {key: total / count for key, (total, count) in self.sums.items()}
        self.rows.append({"epoch": self.epoch, "step": self.step, **means, **{f"valid_{key}": value for key, value in evaluation.items()}})
        self.sums = {}

    def metrics(self):
        """{column: [number of each epoch]}."""
        return {key: [row.get(key) for row in self.rows] for key in dict.fromkeys(key for row in self.rows for key in row)}

    def describe(self, model, optimizers, bits, settings):
        """(about, arrays) of the whole run, for a checkpoint."""
        about, arrays = describe(model)
        about["run"] = {
            "step": self.step, "epoch": self.epoch, "rows": self.rows, "sums": self.sums, "bits": bits.state, "settings": settings,
            "optimizer_steps": {name: each.steps for name, each in optimizers.items()},
        }  # fmt: skip
        for name, each in optimizers.items():
            arrays.update({f"optimizer/{name}/{key}": to_host(value) for key, value in each.state.items()})
        return about, arrays

    def restore(self, about, arrays, model, optimizers, bits):
        """Put everything back as `describe` found it."""
        try:
            restore(model, about, arrays)
            run = about["run"]
            self.step, self.epoch, self.rows, self.sums = run["step"], run["epoch"], run["rows"], run["sums"]
            bits.state = run["bits"]
            for name, each in optimizers.items():
                each.steps = run["optimizer_steps"][name]
                each.state = {key: array(arrays[f"optimizer/{name}/{key}"]) for key in each.state}
        except KeyError as error:
            raise ValueError(f"the checkpoint was written by another version of scratchgen: it lacks {error}") from error


def check_data(model, data, name):
    """x of an array or Dataset, ready for the model. Raises TypeError or ValueError, with the argument's name, if it is not."""
    x = getattr(data, "x", data)
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "fiub":
        raise TypeError(f"{name} is {type(x).__name__}{f' of {x.dtype}' if hasattr(x, 'dtype') else ''}; fit needs a numpy array of numbers")
    if x.ndim != 2 or x.shape[1] != model.data_dim or not len(x):
        raise ValueError(f"{name} has shape {x.shape}; {type(model).__name__} needs (n, {model.data_dim}) with n ≥ 1")
    x = np.ascontiguousarray(x, model.dtype)
    if not np.isfinite(x).all():
        row, column = np.argwhere(~np.isfinite(x))[0]
        raise ValueError(f"{name} holds {x[row, column]} at row {row}, feature {column}; fit needs finite numbers")
    model.check_range(name, x)
    return x


def open_run(folder, resume, settings):
    """The checkpoint to resume from, as (about, arrays), or None to start. ValueError if that would lose or mix runs."""
    if not resume:
        if folder.checkpoint.exists():
            raise ValueError(f"{folder.path} already holds a run; give resume=True (--resume) to go on with it, or another out")
        return None
    found = folder.read_checkpoint()
    if found is None:
        tqdm.write(f"{folder.path} holds no checkpoint yet: starting from the beginning")
        return None
    if "run" not in found[0]:
        raise ValueError(f"{folder.checkpoint} holds a model but no training run; it cannot be resumed")
    for key, value in found[0]["run"]["settings"].items():
        if value != settings.get(key):
            raise ValueError(f"cannot resume {folder.path}: its {key} was {value}, now it is {settings.get(key)}")
    return found


@contextlib.contextmanager
def interruptible():
    """Within this context the first Ctrl-C only makes the function it yields return True; a second one interrupts at once."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread may handle signals
        yield lambda: False
        return
    pressed = []

    def handle(number, frame):
        pressed.append(number)
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)
