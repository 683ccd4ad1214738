"""The museum: nine mistakes that really shipped in code for teaching,
each rebuilt here as a few lines that run.

Each exhibit runs a test that the mistake passes, the one it had or one of that kind, and then asks this
library: the gradient checker where a gradient is wrong, a property test where the mistake lies elsewhere.
(In 3, 6 and 9 all gradients are right, of the wrong thing; in 7 there are none.) The same checks pass on the
repaired code. One file each, in exhibits/.

    python demos/museum.py [--exhibit N] [--seed 0] [--out runs/demo-museum]
"""

import argparse
import textwrap
from pathlib import Path

import scratchgen as sg
from exhibits import EXHIBITS
from scratchgen.gradcheck import Report
from scratchgen.plots.canvas import INK, finish, new_figure, set_title
from scratchgen.terminal import tolerate_terminal

tolerate_terminal()
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument(
    "--exhibit",
    type=int,
    choices=range(1, len(EXHIBITS) + 1),
    metavar="N",
    help="only this one, with all that the checker says",
)
parser.add_argument("--seed", type=int, default=0, help="of the checks' random numbers")
parser.add_argument("--out", type=Path, default=Path("runs/demo-museum"), help="folder for the picture")
options = parser.parse_args()
chosen = [
    (number, exhibit) for number, exhibit in enumerate(EXHIBITS, 1) if options.exhibit in (None, number)
]


def say(label, text):
    """Print a paragraph with its label in the margin."""
    wrap = lambda line: textwrap.wrap(line, 125, subsequent_indent="  ", break_on_hyphens=False) or [""]
    lines = [part for line in text.splitlines() for part in wrap(line)]
    for i, line in enumerate(lines):
        print(f"   {label if i == 0 else '':10}{line}".rstrip())


def words(report):
    """What a check says: all of it for a single exhibit, else of a gradient report the verdict,
    or the first error and its diagnosis."""
    if options.exhibit or not isinstance(report, Report):
        return str(report)
    if report.ok:
        return report.message
    first = next(check for check in report.arrays.values() if not check.ok)
    return f"{first}\n{str(report.diagnoses[0]).strip().splitlines()[0]}"


with sg.use_backend("numpy"):  # arrays this small are not worth compiling for
    for number, exhibit in chosen:
        print(f"{number}  {exhibit.TITLE}\n")
        for piece in exhibit.PIECES:
            say("wrong", piece.mistake)
            piece.weak_test(piece.thing)
            say("passes", piece.tested)
            for i, report in enumerate(exhibit.checks(piece.thing, options.seed)):
                say("found" if i == 0 else "", words(report))
            print()
        right = all(exhibit.checks(exhibit.REPAIRED, options.seed))
        say("repaired", f"{exhibit.REPAIRED.__name__} {'passes all of this' if right else 'FAILS'}")
        say("lesson", exhibit.LESSON)
        print()

    columns = min(2, len(chosen))
    rows = -(-len(chosen) // columns)
    figure = new_figure(7.5 * columns, 2.9 * rows)
    figure.set_layout_engine("constrained")
    parts = figure.subfigures(rows, columns, squeeze=False, hspace=0.06, wspace=0.04).flat
    for (number, exhibit), part in zip(chosen, parts, strict=False):  # the last row may be half empty
        title = f"{number}  {exhibit.TITLE}"
        part.suptitle(title, x=0.02, ha="left", color=INK, fontsize=11.5, weight="bold")
        things = [*(piece.thing for piece in exhibit.PIECES), exhibit.REPAIRED]
        for axes, thing in zip(part.subplots(1, len(things)), things, strict=True):
            exhibit.draw(axes, thing)
            set_title(axes, "right" if thing is exhibit.REPAIRED else "wrong")
finish(figure, options.out / "museum.png")
print(f"picture: {options.out / 'museum.png'}")
