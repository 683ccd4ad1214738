"""Make a page of one training step, to be walked through: calls, source, arrays, and where each number came from.

It opens from the disk, in any browser. On each gradient element stands its difference quotient; a wrong one glows.

examples:
  scratchgen trace vae                              a small network of the library: xor, vae, gan, made
  scratchgen trace mine.py:step                     a function of yours without arguments: makes a step, returns its loss
  scratchgen trace mine.py:MyLinear                 a layer of yours, right or wrong, as gradcheck would check it

Small networks in float64 only, whose noise is fixed, made outside of the function.
"""

from pathlib import Path

from scratchgen.pages.page import write_page
from scratchgen.pages.trace import trace


def add_arguments(parser):
    """The options."""
    parser.add_argument("target", nargs="?", default="xor", metavar="TARGET", help="xor (default), vae, gan, made, FILE.py:function or FILE.py:Layer")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the page (default trace-TARGET.html)")


def run(options):
    """Record, measure, write."""
    out = options.out or Path(f"trace-{options.target.rpartition(':')[2]}.html")
    write_page(out, trace(options.target))
    print(f"page: {out}")
