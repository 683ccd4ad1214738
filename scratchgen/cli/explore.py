"""Show the networks of a run, live in a page of the browser.

A VAE of pictures: the latent space to drag through, a slider for each dimension, a digit to draw. A GAN: what D says of a picture, and the gradient
that it sends back. A MADE: the probability of each pixel as one draws. Diffusion, flow matching, flows: the way from noise to data. Of these the
networks from within, too. Models of points in the plane: samples, D's surface or the density, and the way from noise. All of it epoch by epoch.

examples:
  scratchgen explore runs/vae-glyphs                writes runs/vae-glyphs/explore.html: open it
  scratchgen explore runs/vae-glyphs --out vae.html
"""

from pathlib import Path

from scratchgen.cli.train import read_config
from scratchgen.pages import write_page
from scratchgen.pages.explore import explore


def add_arguments(parser):
    """The options."""
    parser.add_argument("run_folder", metavar="RUN", help="a run's folder, or a file written by sg.save")
    parser.add_argument("--data", metavar="NAME", help="the data whose test split is shown (default: what the run was trained on)")
    parser.add_argument("--out", metavar="FILE", help="the page (default explore.html in RUN)")


def run(options):
    """Write."""
    folder = Path(options.run_folder)
    if not folder.exists():
        raise FileNotFoundError(f"there is no run, and no file of a model, at {folder}")
    data = options.data or (read_config(folder).get("command", {}).get("data") if folder.is_dir() else None)
    if data is None:
        raise ValueError(f"{folder} does not say what it was trained on; give --data")
    out = Path(options.out or (folder if folder.is_dir() else folder.parent) / "explore.html")
    write_page(out, explore(folder, data))
    print(f"open {out} in a browser")
