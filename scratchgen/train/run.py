"""The state of a training run: everything that changes while it goes on, so that a checkpoint of it is the whole run."""

import numpy as np

from scratchgen.ops import accumulate, array, copy_to, fill, to_host
from scratchgen.train.checkpoint import describe, read_like, restore, trained


class Run:
    """A model in training, with its optimizers and its binarization.

    step, epoch: how far it has come.   rows: of metrics.csv, one dict per epoch.   sums: over the epoch in progress, {part of the loss: [Σ, n]}.
    best: the epoch whose validation value was the best, 0 before there is one; kept: its parameters and buffers, {name: array}.
    settings: what must be the same for a run to be resumed, {name: number, text, dict or None}.
    """

    beside = ("step", "epoch", "sums", "rows", "best", "kept")  # attributes that change, but that no step depends on: ops/host_state.py

    def __init__(self, model, optimizers, bits, settings):
        self.model, self.optimizers, self.bits, self.settings = model, optimizers, bits, settings
        self.step, self.epoch, self.rows, self.sums = 0, 0, [], {}
        self.best, self.kept = 0, {}

    def add(self, record):
        """Add one step's parts of the loss to the sums -> their names, for `count`."""
        for key, value in record.items():
            if key not in self.sums:
                self.sums[key] = [array(np.zeros(())), 0]
            accumulate(self.sums[key][0], value)
        return tuple(record)

    def count(self, parts):
        """Count one step with these parts of the loss."""
        self.step += 1
        for key in parts:
            self.sums[key][1] += 1

    def end_epoch(self, evaluation):
        """Turn the sums into a row of means, together with the evaluation."""
        self.epoch += 1
        means = {key: float(to_host(total)) / count for key, (total, count) in self.sums.items() if count}
        self.rows.append({"epoch": self.epoch, "step": self.step, **means, **{f"valid_{key}": float(value) for key, value in evaluation.items()}})
        for entry in self.sums.values():  # in place: a recorded step adds to these very arrays
            fill(entry[0], 0.0)
            entry[1] = 0

    def keep_best(self, column):
        """Keep the parameters and buffers of the epoch that has just ended, if its number in that column is greater than all before."""
        now, best = (self.rows[epoch - 1].get(column, -np.inf) for epoch in (self.epoch, self.best))
        if not self.best or now > best or (np.isnan(best) and not np.isnan(now)):
            self.best, self.kept = self.epoch, {name: to_host(value).copy() for name, value in trained(self.model).items()}

    def take_best(self):
        """Give the model the parameters and buffers of the best epoch, where they were kept."""
        for name, value in self.kept.items():
            copy_to(trained(self.model)[name], array(value))

    def metrics(self):
        """{column: [number of each epoch]}."""
        return {key: [row.get(key) for row in self.rows] for key in dict.fromkeys(key for row in self.rows for key in row)}

    def describe(self):
        """(about, arrays) of the whole run, for a checkpoint."""
        about, arrays = describe(self.model)
        about["run"] = {
            "step": self.step, "epoch": self.epoch, "rows": self.rows, "bits": self.bits.state, "settings": self.settings,
            "sums": {key: [float(to_host(total)), count] for key, (total, count) in self.sums.items() if count},
            "optimizer_steps": {name: each.steps for name, each in self.optimizers.items()},
        }  # fmt: skip
        for name, each in self.optimizers.items():
            arrays.update({f"optimizer/{name}/{key}": to_host(value) for key, value in each.state.items()})
        if self.best:
            about["run"]["best"] = self.best
            arrays.update({f"best/{name}": value for name, value in self.kept.items()})
        return about, arrays

    def restore(self, about, arrays):
        """Put everything back as `describe` found it. Raises ValueError if the checkpoint lacks something, or has it of another shape."""
        run = about["run"]
        memories = {f"optimizer/{name}/{key}": value for name, each in self.optimizers.items() for key, value in each.state.items()}
        missing = [name for name in memories if name not in arrays] + [name for name in self.optimizers if name not in run["optimizer_steps"]]
        if missing:
            raise ValueError(f"the checkpoint was written by another version of scratchgen: it lacks {missing[0]!r}")
        best = {f"best/{name}": value for name, value in trained(self.model).items()} if run.get("best") else {}
        found = read_like(memories | best, arrays)
        restore(self.model, about, arrays)
        self.step, self.epoch, self.rows, self.bits.state = run["step"], run["epoch"], run["rows"], run["bits"]
        self.best, self.kept = run.get("best") or 0, {name.removeprefix("best/"): found[name] for name in best}
        self.sums = {key: [array(np.array(total, np.float64)), count] for key, (total, count) in run["sums"].items()}
        for name, each in self.optimizers.items():
            each.steps = run["optimizer_steps"][name]
            each.state = {key: array(found[f"optimizer/{name}/{key}"]) for key in each.state}
