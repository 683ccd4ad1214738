"""The folder of a training run.

config.json       the model, how it is trained and on what data; from the command line, its settings too
metrics.csv       one row per epoch
checkpoint.npz    the latest state; `fit(…, resume=True)` goes on from it
history/          the networks after 0, 1, 2, 4, 8, … epochs: history.py
samples/          pictures of samples, one for each epoch, at most 100; beside them, at the end, curves.png and others
"""

import csv
import io
import json
import sys
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: there two runs in one folder are not noticed
    fcntl = None

from scratchgen.atomic import PARTS, atomic_file
from scratchgen.reading import Damaged
from scratchgen.train.checkpoint import opened, write


class RunFolder:
    """The files of one run. Raises OSError, naming the folder, if it cannot be made or written, or another run trains in it.

    No other run can use it until `close`, the end of a `with` block, or the end of the process.
    """

    def __init__(self, path):
        self.path, self._lock = Path(path), None
        lock = self.path / ".lock"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            if lock.exists() and not lock.is_file():
                raise OSError(None, f"{lock} is no file")
            self._lock = open(lock, "ab")
            if fcntl:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held by this opening of the file: two runs in one process exclude each other
            for part in (part for place in (".", "samples", "history") for part in (self.path / place).glob(PARTS)):  # left by a killed run
                part.unlink()
        except OSError as error:
            self.close()
            if isinstance(error, BlockingIOError):
                raise BlockingIOError(f"another run is training in the run folder {self.path}; wait for it, or give another with out=") from None
            raise type(error)(f"the run folder {self.path} cannot be written ({error.strerror}); give another with out=") from error

    def close(self):
        """Release the folder for other runs."""
        if self._lock:
            self._lock.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    @property
    def checkpoint(self):
        """Path of the checkpoint."""
        return self.path / "checkpoint.npz"

    def write_config(self, config):
        """Write config.json."""
        with atomic_file(self.path / "config.json") as file:
            file.write(json.dumps(config, indent=2, default=str).encode() + b"\n")

    def write_checkpoint(self, about, arrays):
        """Replace the checkpoint."""
        write(self.checkpoint, about, arrays)

    def restore(self, run, resume, steps_per_epoch):
        """Restore the run from the checkpoint; without one it stays at the beginning. ValueError if that would overwrite a run, or mix two."""
        if not self.checkpoint.exists():
            if resume:
                print(f"{self.path} holds no checkpoint yet: starting from the beginning", file=sys.stderr)
            return
        if not resume:
            raise ValueError(f"{self.path} already holds a run; give resume=True (--resume) to go on with it, or another out")
        with opened(self.checkpoint) as (about, arrays):
            if "run" not in about:
                raise ValueError(f"{self.checkpoint} holds a model but no training run; it cannot be resumed")
            stored, step, epoch = (about["run"][key] for key in ("settings", "step", "epoch"))
            for key in {**run.settings, **stored}:
                if stored.get(key) != run.settings.get(key):
                    raise ValueError(f"cannot resume {self.path}: its {key} was {stored.get(key)}, now it is {run.settings.get(key)}")
            if not 0 <= step - epoch * steps_per_epoch <= steps_per_epoch:
                raise ValueError(f"{self.checkpoint} is damaged: step {step} is not in epoch {epoch + 1}, of {steps_per_epoch} steps each")
            try:
                run.restore(about, arrays)
            except Damaged:
                raise
            except ValueError as error:
                raise ValueError(f"cannot resume {self.path}: {error}") from error

    def write_rows(self, rows):
        """Replace metrics.csv by these rows, dicts of numbers; columns in the order in which they first appear."""
        text = io.StringIO()
        table = csv.DictWriter(text, list(dict.fromkeys(column for row in rows for column in row)), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        with atomic_file(self.path / "metrics.csv") as file:
            file.write(text.getvalue().encode())
