"""Pictures from arrays. Every function takes NumPy arrays, returns a matplotlib Figure, and saves it where a path is given.
(animate_points only writes its file, and returns the path.)

    sample_grid        generated images, tiled;  save_grid: the same as a file alone, fast
    reconstructions    originals, and under each what the model makes of it
    learning_curves    the columns of metrics.csv
    latent_scatter     where the encoder puts each class
    latent_manifold    what the decoder makes of each point of a two-dimensional latent space
    density_figure     data, generator and discriminator in one dimension: the GAN paper's first figure
    points             generated points of the plane over real ones
    bent_plane         the lines of the noise's plane, where a flow takes them, and its density
    surface            what a discriminator says of each place of the plane, and where it sends generated points
    stages             points of the plane on their way from noise to data
    animate_points     a two-dimensional generator learning, as a GIF

Figures are made without pyplot: no global state, no window, the user's backend and rcParams untouched.
"""

from scratchgen.plots.animation import animate_points
from scratchgen.plots.bent_plane import bent_plane
from scratchgen.plots.curves import learning_curves
from scratchgen.plots.density import density_figure
from scratchgen.plots.grids import reconstructions, sample_grid, save_grid
from scratchgen.plots.latent import latent_manifold, latent_scatter
from scratchgen.plots.points import points
from scratchgen.plots.stages import stages
from scratchgen.plots.surface import surface

__all__ = [
    "animate_points",
    "bent_plane",
    "density_figure",
    "latent_manifold",
    "latent_scatter",
    "learning_curves",
    "points",
    "reconstructions",
    "sample_grid",
    "save_grid",
    "stages",
    "surface",
]
