"""What models with an encoder and a decoder show:
reconstructions of data, and the plane of latent variables.
"""

import numpy as np

from scratchgen.models.model import is_square
from scratchgen.ops import array, to_host


def draw_latent(model, x, plots, folder):
    """reconstructions.png, and with a latent space of two dimensions manifold.png,
    of a model of pictures with `reconstruct` and `decode`.
    """
    if not is_square(model.data_dim):
        return
    shown = x[:: max(1, len(x) // 24)][:24]
    reconstructed = to_host(model.reconstruct(array(shown))).clip(0, 1)
    plots.reconstructions(shown, reconstructed, folder / "reconstructions.png")
    if model.latent_dim == 2:
        decode = lambda z: to_host(model.decode(array(np.asarray(z, model.dtype)))).clip(0, 1)
        plots.latent_manifold(decode, folder / "manifold.png")
