"""Pages to look at: HTML made from runs, steps and sources. Each page is one file that opens from the disk, and asks nothing of a network.

page.py        how a page is put together: its styles, its scripts, its numbers
network.py     a network's layers and weights, as a page computes with them
trace.py       a training step to walk through; beside it recorder.py, statements.py, provenance.py, measured.py, and the steps of steps.py
explore.py     the networks of a run, live; explore_….py for each kind of model, slim.py for weights in few bytes
play.py        a GAN, a VAE or a flow that trains in the page
report.py      a run: its curves, samples, numbers and settings, and how to go on
book.py        the annotated source, and book_….py what it is made of
assets/        what the pages are written in: CSS, and the library's mathematics once more in JavaScript
"""

from scratchgen.pages.page import page, write_page
from scratchgen.pages.report import write_report

__all__ = ["page", "write_page", "write_report"]
