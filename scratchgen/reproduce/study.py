"""What a published result is, and how one is obtained again: trained, measured, interrupted, resumed.

A result is a function of a Study, which holds the paper's setting and nothing else:

    def run(study):
        vae = sg.VAE(784, latent_dim=128, …, rng=study.seed)
        study.fit(vae, study.mnist("train"), epochs=study.choose(quick=2, default=166), …)
        study.measure("log p", lambda: vae.log_likelihood(…))

Everything is kept in the study's folder as soon as it is there: a study that is begun again trains on from its checkpoints, and measures only what
was not measured yet.
"""

import contextlib
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scratchgen import data, train
from scratchgen.atomic import atomic_file
from scratchgen.layers import Linear
from scratchgen.layers.initializers import initialize
from scratchgen.metrics import Estimate, estimate
from scratchgen.ops import array, as_generator, copy_to
from scratchgen.reading import Damaged

SIZES = ("quick", "default", "full")


@dataclass(frozen=True)
class Published:
    """A number and its standard error, where one is given, as printed.  origin: "table", "code", "text", "recalled", or "exact", of closed forms."""

    value: float
    error: float | None = None
    origin: str = "table"

    def __str__(self):
        error = "" if self.error is None else f" ± {self.error:g}"
        return f"{self.value:g}{error} ({self.origin})"


@dataclass(frozen=True)
class Reproduction:
    """One published result.

    name: on the command line.  title: what is reproduced, with its source.  run: function of a Study.
    published: {what is measured: Published}, in the order of the report.  unit: of all of them.
    differs: how the setting differs from the published one at every size, a sentence each.
    quick, default, full: what each size changes besides, a sentence; "" of nothing.
    """

    name: str
    title: str
    run: object
    published: dict
    unit: str
    differs: tuple
    quick: str
    default: str = ""
    full: str = ""


def start(network, init, rng):
    """Start a network as the paper's code does: weights by an initialiser, a function (shape, rng) -> array (layers/initializers.py); biases 0.

    Raises ValueError if it gives another shape.
    """
    for name, value in network.params.items():
        if name.endswith(("W", "b")):
            new = initialize(init, value.shape, rng) if name.endswith("W") else np.zeros(value.shape)
            copy_to(value, array(new.astype(value.dtype)))


def start_as_pytorch(rng, *networks):
    """Start the Linear layers of Sequentials as PyTorch's own do: weights (n_in, n_out) and biases (n_out,) uniform on ±1/√n_in.

    rng: seed or Generator.
    """
    rng = as_generator(rng)
    for layer in (layer for network in networks for layer in network.layers if isinstance(layer, Linear)):
        limit = layer.n_in**-0.5
        for value in layer.params.values():
            copy_to(value, array(rng.uniform(-limit, limit, value.shape).astype(value.dtype)))


class Study:
    """One seed's run of a result.

    folder: where everything is kept.  seed.  size: "quick" for a glimpse, "default", or "full" for the paper's own length.
    setting: what that size means, in words; what was measured in another setting is not mixed with it.
    """

    def __init__(self, folder, seed=0, size="default", setting=""):
        self.folder, self.seed, self.size, self.setting = Path(folder), seed, size, setting
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OSError(f"the folder {self.folder} cannot be made ({error.strerror}); give another --out") from error
        self.record = self._read()

    def choose(self, quick, default, full=None):
        """The value that belongs to the study's size; what is not given for full is that of default."""
        return {"quick": quick, "default": default, "full": default if full is None else full}[self.size]

    def mnist(self, split):
        """MNIST's examples, "train" (50,000), "valid" or "test" (10,000 each), a Dataset of grey values in [0, 1]."""
        return data.load("mnist", split)

    def fit(self, model, x, name="model", **arguments):
        """Train as sg.fit does, in a folder of that name; on from a checkpoint where there is one."""
        out = self.folder / name
        with self.timing():
            return train.fit(model, x, out=out, resume=(out / "checkpoint.npz").exists(), seed=self.seed, **arguments)

    def measure(self, what, function):
        """Measure, or recall what was measured before. function() gives an Estimate, values (n,) of examples, or a number,
        of whose error one seed tells nothing. FloatingPointError if it is none, NaN or infinity."""
        if what not in self.record["measured"]:
            with self.timing():
                found = function()
            if not isinstance(found, Estimate):
                found = estimate(np.atleast_1d(found))
            mean, error = map(float, found)
            if not np.isfinite(mean):
                raise FloatingPointError(f"{what} is {mean}, measured in {self.folder}")
            self.record["measured"][what] = [mean, None if np.isnan(error) else error]  # JSON knows no NaN
            self._write()
        return self.measured[what]

    @property
    def measured(self):
        """{what: Estimate} so far."""
        return {what: Estimate(mean, np.nan if error is None else error) for what, (mean, error) in self.record["measured"].items()}

    @property
    def seconds(self):
        """Time spent in training and measuring, interrupted runs included, but for those that were killed."""
        return self.record["seconds"]

    @contextlib.contextmanager
    def timing(self):
        """Count the time within as the study's."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.record["seconds"] += time.monotonic() - began
            self._write()

    def _read(self):
        path = self.folder / "study.json"
        if not path.exists():
            return {"seed": self.seed, "size": self.size, "setting": self.setting, "seconds": 0.0, "measured": {}}
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            found = {str(what): [float(mean), error and float(error)] for what, (mean, error) in record["measured"].items()}
            setting = {name: record[name] for name in ("seed", "size", "setting")}
            if setting == {"seed": self.seed, "size": self.size, "setting": self.setting}:
                return setting | {"seconds": float(record["seconds"]), "measured": found}
        except (ValueError, TypeError, KeyError, AttributeError):
            pass
        raise Damaged(f"{path} is not of a study with seed {self.seed}, {self.setting or self.size}; remove its folder, or give another --out")

    def _write(self):
        with atomic_file(self.folder / "study.json") as file:
            file.write(json.dumps(self.record, indent=2).encode() + b"\n")
