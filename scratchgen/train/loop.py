"""The training loop: minibatches in a seeded order, one step each, with everything on disk that resuming needs.

    model.start_from(data)                                           such as output biases at the data's marginals
    for epoch in range(epochs):
        for x in minibatches(data, batch_size, seed, epoch):
            train_step(model, optimizers, x)

A run that is stopped and resumed ends with the same parameters, to the bit, as one that never stopped: the order of minibatches is a
function of (seed, epoch), and everything else that changes (parameters, buffers, optimizers, random streams, sums of the epoch so far)
is in the checkpoint.
"""

import contextlib
import time
import zlib

import numpy as np

from scratchgen.data import Binarize, minibatches
from scratchgen.ops import announcing, array, is_async, recorded
from scratchgen.train import history
from scratchgen.train.checkpoint import describe
from scratchgen.train.checks import check_arguments, check_batches, check_data, check_labels, check_optimizer, check_patience
from scratchgen.train.interrupt import interruptible
from scratchgen.train.pictures import write_pictures
from scratchgen.train.progress import Progress
from scratchgen.train.ranks import ranks
from scratchgen.train.run import Run
from scratchgen.train.run_folder import RunFolder
from scratchgen.train.shards import Shards, check_shards
from scratchgen.train.step import check_losses, check_parameters, train_step

SECONDS_BETWEEN_CHECKPOINTS = 60  # within an epoch; another is written at its end
SECONDS_BETWEEN_EPOCHS = 1  # no checkpoint at the end of an epoch so soon after another, except the last epoch: writing to disk takes time
MOST_PICTURES = 100  # of samples: with little data, epochs are many and short


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
    patience=None,
    shards=None,
    progress=True,
    config=None,
    begin=None,
):
    """Train a model -> its metrics, {column: list with one number per epoch}.

    data: x (n, data_dim), or a Dataset from sg.data.load, whose labels go to a model that takes them.
    valid: likewise, evaluated after every epoch (columns valid_…).
    epochs: passes through the data.  batch_size: examples in a minibatch.  seed: of shuffling, binarization and evaluation.
    out: the run's folder, made if missing: config.json, metrics.csv, checkpoint.npz, pictures.   None writes nothing.
    resume: go on from the checkpoint in `out`; where there is none yet, start from the beginning and say so.
    binarize: "none", "threshold", "once" or "fresh" (see scratchgen.data.binarize); validation data is binarized once.
    optimizer: function player -> Optimizer; default is the model's own choice.   schedule: function optimizer -> schedule, which is called with
    the epoch's number.   clip_norm: bound on the norm of each player's gradients.
    patience: stop early, after so many epochs without a better validation value, the first that the model's `evaluate` gives (a VAE's ELBO, a MADE's
    log-likelihood). At the end the model has the parameters of the best epoch; sg.load gives those of the best epoch so far at any time.
    shards: cut every minibatch into so many; any number of processes up to that, `mpiexec -n N`, then trains the same parameters, to the bit (see
    train/shards.py). All processes need the same arguments; the first one writes.
    progress: show a progress bar.   config: more entries for config.json.   begin: called when everything is checked and the folder is made.

    Ctrl-C ends the run after the step in progress: a checkpoint is written, then KeyboardInterrupt is raised.
    Raises ValueError or TypeError for unusable arguments or data, OSError if `out` cannot be written, Diverged if a loss is not finite. On the cuda
    backend losses are looked at only when the bar is drawn, and always before a checkpoint is written: looking more often would make the GPU wait.
    """
    epochs, batch_size, seed = check_arguments(model, epochs, batch_size, seed, clip_norm, optimizer, schedule, resume, out, config)
    x, y = check_data(model, data, "data"), check_labels(model, data, "data")
    valid, valid_y = (None, None) if valid is None else (check_data(model, valid, "valid"), check_labels(model, valid, "valid"))
    check_batches(model, x, batch_size)
    bits = Binarize(binarize, rng=np.random.default_rng([seed, 1]))
    x = bits.dataset(x)
    if valid is not None:
        valid = Binarize("once" if binarize == "fresh" else binarize, rng=seed).dataset(valid)
    patience = check_patience(model, patience, valid, valid_y)
    together = ranks()
    if shards is None and together.size > 1:
        raise ValueError(f"started as {together.size} processes, but shards is None; give shards=8 (--shards 8), say, for them to divide among them")
    smallest = len(x) % batch_size or batch_size
    shards = shards if shards is None else check_shards(shards, together.size, model, smallest)
    optimizers = {name: check_optimizer((optimizer or model.optimizer)(player)) for name, player in model.players().items()}
    schedules = [schedule(each) for each in optimizers.values()] if schedule else []

    settings = {
        "model": repr(model), "n_params": model.n_params, "batch_size": batch_size, "seed": seed, "binarize": binarize,
        "clip_norm": clip_norm and float(clip_norm), "optimizers": {name: repr(each) for name, each in optimizers.items()},
        "data": summary(x, y),
    }  # fmt: skip
    if patience:  # how long it is may change
        settings |= {"patience": "on", "valid": summary(valid, valid_y)}
    if schedules:
        settings["schedule"] = type(schedules[0]).__name__  # how long it is may change with the epochs
    if shards:
        settings["shards"] = shards
    run = Run(model, optimizers, bits, settings)
    cut = Shards(run, shards, together) if shards else None
    steps_per_epoch = -(-len(x) // batch_size)

    def ended():
        return run.epoch >= epochs or bool(run.best and run.epoch - run.best >= patience)

    def check():
        check_losses(model, optimizers, run.sums, run.step)
        check_parameters(model, optimizers, run.step)

    def save():
        check()
        if folder:
            folder.write_checkpoint(*run.describe())
            folder.write_rows(run.rows)

    def show():
        if folder:
            history.keep(run, folder.path)
        if folder and run.epoch and (ended() or run.epoch % -(-epochs // MOST_PICTURES) == 0):
            try:
                write_pictures(run, folder.path, x if valid is None else valid, last=ended(), seed=seed)
            except ValueError as error:  # samples may overflow where the loss does not; that must not end the training
                bar.say(f"no pictures after epoch {run.epoch}: {error}")

    def evaluate():
        return {} if valid is None else model.evaluate(array(valid), None if valid_y is None else array(valid_y), rng=seed)

    def stop():
        where = f"saved; go on with resume=True (--resume) in {folder.path}" if folder else "nothing was saved, because out is None"
        raise KeyboardInterrupt(f"stopped after step {run.step}: {where}")

    def one_step(x, y, players):
        return run.add(train_step(model, optimizers, bits.minibatch(x), run.step, clip_norm, y, cut))

    with (
        together.together(),
        interruptible() as interrupted,
        open_folder(out if together.rank == 0 else None, resume, run, epochs, steps_per_epoch, config) as folder,
        Progress(epochs * steps_per_epoch, run.step, progress and together.rank == 0) as bar,
        announcing(bar.compiling),
    ):
        if not run.step:
            model.start_from(x)
        if together.size > 1:
            run.restore(*together.same(run.describe))
        if begin:
            begin()
        step = recorded(one_step) if together.size == 1 else one_step  # messages are not operations
        rows = array(x) if y is None else (array(x), array(y))  # on a device, all of it is copied there once
        saved = time.monotonic()
        if run.step == run.epoch * steps_per_epoch:  # a run that was stopped just after the checkpoint of an epoch lacks its pictures
            show()
        while not ended():
            bar.epoch(run.epoch + 1, epochs)
            for set_rate in schedules:
                set_rate(run.epoch)
            for minibatch in minibatches(rows, batch_size, seed=seed, epoch=run.epoch, start=run.step - run.epoch * steps_per_epoch):
                x_batch, y_batch = (minibatch, None) if y is None else minibatch
                run.count(step(x_batch, y_batch, tuple(name for _, *names in model.turns(run.step) for name in names)))
                if bar.update() or not is_async():  # where reading a number waits, only when the bar is redrawn
                    check_losses(model, optimizers, run.sums, run.step)
                if together.any(interrupted()):
                    save()
                    stop()
                if time.monotonic() - saved > SECONDS_BETWEEN_CHECKPOINTS:
                    save()
                    saved = time.monotonic()
            check()
            evaluation = together.same(evaluate)
            run.end_epoch(evaluation)
            if patience:
                run.keep_best(f"valid_{next(iter(evaluation))}")
            if ended() or time.monotonic() - saved > SECONDS_BETWEEN_EPOCHS:
                save()
                saved = time.monotonic()
            bar.figures(run.rows[-1])
            show()
        run.take_best()
        if patience:
            bar.say(f"the model is that of epoch {run.best} of {run.epoch}, the best on the validation data")
        if together.any(interrupted()):  # since the last step
            stop()
    return run.metrics()


def summary(x, y):
    """A short text that identifies the data."""
    checksum = zlib.crc32(x) if y is None else zlib.crc32(y, zlib.crc32(x))
    return f"{x.shape[0]} x {x.shape[1]}, crc {checksum:08x}"


def open_folder(out, resume, run, epochs, steps_per_epoch, config):
    """The RunFolder, with the run restored from its checkpoint if there is one to resume; a context of None if out is None."""
    if out is None:
        return contextlib.nullcontext()
    describe(run.model)  # for its checks: that a model cannot be saved should be said before the first epoch
    folder = RunFolder(out)
    try:
        folder.restore(run, resume, steps_per_epoch)
        if run.step > epochs * steps_per_epoch:
            raise ValueError(f"epochs is {epochs}, but the run in {out} is already at step {run.step}, of {steps_per_epoch} an epoch")
        folder.write_config({**(config or {}), **run.settings, "epochs": epochs})
        folder.write_rows(run.rows)
    except BaseException:
        folder.close()
        raise
    return folder
