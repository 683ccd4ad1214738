"""Training runs: the loop, the run folder, checkpoints that resume to the bit."""

from scratchgen.train.checkpoint import load, save
from scratchgen.train.loop import fit
from scratchgen.train.step import Diverged, train_step

__all__ = ["Diverged", "fit", "load", "save", "train_step"]
