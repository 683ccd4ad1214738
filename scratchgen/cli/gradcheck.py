"""Check gradients numerically: everything in the library, or layers of your own.

A wrong gradient is shown with what is probably the mistake. Exit status 1 if any is wrong.

examples:
  scratchgen gradcheck                              every layer, loss and model
  scratchgen gradcheck BatchNorm VAE                some of them, by the beginning of their names
  scratchgen gradcheck mylayers.py                  every layer in a file of yours, and every function f with its f_backward
  scratchgen gradcheck mylayers.py:MyLinear --picture errors.png
"""

from pathlib import Path

import scratchgen as sg
from scratchgen.gradcheck import table


def add_arguments(parser):
    """The options."""
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="a name of the library's, file.py, file.py:NAME, module or module:NAME")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of inputs and upstream gradients (default 0)")
    parser.add_argument("--exhaustive", action="store_true", help="measure every element of large arrays too")
    parser.add_argument("--backend", metavar="NAME", help="numba (default) or numpy")
    parser.add_argument("--picture", metavar="FILE", help="draw the error over each array; one picture per target that is checked")


def run(options):
    """Check, print the table -> 1 if a gradient is wrong."""
    if options.backend == "cuda":
        raise ValueError("--backend is cuda; gradients are checked by shifting numbers in host memory, so it must be numba or numpy")
    if options.backend:
        sg.use_backend(options.backend)
    reports = table.gradcheck_table(options.targets, seed=options.seed, **({"limit": None} if options.exhaustive else {}))
    print(table.format_table(reports))
    if options.picture:
        path = Path(options.picture)
        for number, report in enumerate(reports):
            place = path if len(reports) == 1 else path.with_stem(f"{path.stem}-{number + 1}")
            table.error_picture(report, place)
            print(f"{report.subject}: {place}")
    return 0 if all(report.ok for report in reports) else 1
