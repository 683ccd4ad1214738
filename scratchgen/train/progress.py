"""The progress bar of a training run."""

import sys

from tqdm import tqdm

from scratchgen.ops import is_async

WITHOUT_ESTIMATE = "{desc}{n_fmt}/{total_fmt} steps"
FIRST_STEPS = 8  # they are watched, compiled and recorded, and so slower than the rest


class Progress:
    """A tqdm bar that estimates the remaining time only once the first, slow steps are over."""

    def __init__(self, total, done, show):
        show = show and sys.stderr is not None
        often = 0.1 if show and sys.stderr.isatty() else 10  # seconds between updates of the bar: in a log file each is a line
        self.bar = tqdm(
            total=total, initial=done, unit="step", disable=not show, mininterval=often, dynamic_ncols=True, bar_format=WITHOUT_ESTIMATE
        )  # fmt: skip
        self.shown, self.steps = show, 0

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.bar.close()

    def compiling(self):
        """Say that code is being compiled."""
        if self.shown:
            said = "the GPU: about 20 seconds" if is_async() else "this machine, once: about 6 seconds"
            self.say(f"compiling for {said}")

    def say(self, sentence):
        """Print a sentence above the bar."""
        if self.shown:
            self.bar.write(sentence, file=sys.stderr)

    def update(self):
        """Count a step; whether the bar was drawn anew."""
        self.steps += 1
        if self.steps == FIRST_STEPS and self.shown:
            self.bar.bar_format, self.bar.initial = None, self.bar.n
            self.bar.start_t = self.bar.last_print_t = self.bar._time()
            self.bar.last_print_n = self.bar.n
        return self.bar.update()

    def epoch(self, number, total):
        self.bar.set_description(f"epoch {number}/{total}", refresh=False)

    def figures(self, row):
        """Show these numbers after the bar."""
        self.bar.set_postfix({key: f"{value:.4g}" for key, value in row.items() if key not in ("epoch", "step")}, refresh=False)
