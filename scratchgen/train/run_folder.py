"""The folder of a training run.

config.json       the model, how it is trained and on what data; from the command line, its settings too
metrics.csv       one row per epoch
checkpoint.npz    the latest state; `fit(…, resume=True)` goes on from it
samples/          pictures of what the model generates, one per epoch; curves.png and others beside it at the end
"""

import csv
import io
import json
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: there two runs in one folder are not noticed
    fcntl = None

from tqdm import tqdm

from scratchgen.atomic import atomic_file
from scratchgen.train.checkpoint import read, write


class RunFolder:
    """The files of one run. Raises OSError, naming the folder, if it cannot be made or written, or another process trains in it.

    Until the end of a `with` block, or of the process, no other process can have it.
    """

    def __init__(self, path):
        self.path = Path(path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = open(self.path / ".lock", "ab")
            if fcntl:
                fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for part in self.path.glob(".checkpoint.npz.*.part"):  # what a killed run was writing
                part.unlink()
        except BlockingIOError:
            raise BlockingIOError(f"another process is training in the run folder {self.path}; wait for it, or give another with out=") from None
        except OSError as error:
            raise type(error)(f"the run folder {self.path} cannot be written ({error.strerror}); give another with out=") from error

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._lock.close()

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

    def read_checkpoint(self, resume, settings):
        """The checkpoint to go on from, as (about, arrays), or None to start. ValueError if that would lose a run, or mix two."""
        if not self.checkpoint.exists():
            if resume:
                tqdm.write(f"{self.path} holds no checkpoint yet: starting from the beginning")
            return None
        if not resume:
            raise ValueError(f"{self.path} already holds a run; give resume=True (--resume) to go on with it, or another out")
        about, arrays = read(self.checkpoint)
        if "run" not in about:
            raise ValueError(f"{self.checkpoint} holds a model but no training run; it cannot be resumed")
        for key, value in about["run"]["settings"].items():
            if value != settings.get(key):
                raise ValueError(f"cannot resume {self.path}: its {key} was {value}, now it is {settings.get(key)}")
        return about, arrays

    def write_rows(self, rows):
        """Replace metrics.csv by these rows, dicts of numbers; columns in the order in which they first appear."""
        text = io.StringIO()
        table = csv.DictWriter(text, list(dict.fromkeys(column for row in rows for column in row)), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        with atomic_file(self.path / "metrics.csv") as file:
            file.write(text.getvalue().encode())
