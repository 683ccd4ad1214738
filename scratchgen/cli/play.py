"""Train a GAN, a VAE or a flow on points of the plane, in a page of the browser.

examples:
  scratchgen play                                   writes play.html: open it
  scratchgen play --out lecture.html
"""

from scratchgen.pages import write_page
from scratchgen.pages.play import play


def add_arguments(parser):
    """The options."""
    parser.add_argument("--out", default="play.html", metavar="FILE", help="the page (default play.html)")


def run(options):
    """Write."""
    write_page(options.out, play())
    print(f"open {options.out} in a browser; what you choose there stands in its address")
