"""The generative moment matching network (Li et al. 2015; Dziugaite et al. 2015):
a generator without an adversary.

In place of a discriminator stands a fixed measure of how far two samples are apart, the maximum mean
discrepancy (losses/mmd.py): a minibatch of the data on one side, on the other as many examples that the
generator G makes of noise.

    z ~ U(−1, 1)                 x̃ = G(z)                 loss = MMD(x̃, x) = √MMD²(x̃, x)

    dx̃ = dMMD²/dx̃ / (2 MMD)                               G.backward(dx̃)

The root makes the steps larger when little is left to gain. There is no game, only a loss that falls; what it
costs is that a kernel sees distances between examples and nothing else: in many dimensions all of them are
nearly alike, and the minibatch must be large for the means over pairs to say something. A minibatch of 1000
is what the paper takes for pictures.
"""

import numpy as np

from scratchgen.errors import integer, integers
from scratchgen.layers import mlp
from scratchgen.losses import mmd
from scratchgen.losses.mmd import check_bandwidths
from scratchgen.models.model import Model, check_unit_interval, grey_pictures
from scratchgen.ops import Stream, as_generator, op


@op
def symmetric_uniform(u):  # uniform in [−1, 1), from u uniform in [0, 1)
    return 2 * u - 1


@op
def square_root(squared, dx):
    """loss = √squared, and its gradient from dx, that of the square, taken as 0 where the square is 0."""
    loss = np.sqrt(np.maximum(squared, 0))  # rounding may leave less than nothing
    return loss, dx * np.where(loss > 0, 1 / np.where(loss > 0, 2 * loss, 1), 0).astype(dx.dtype)


class GMMN(Model):
    """Generative moment matching network: an MLP of ReLU layers, trained by the maximum mean discrepancy.

    data_dim: features of x.
    latent_dim: features of the noise z.
    hidden: sizes of the generator's hidden layers.
    bandwidths: widths σ of the Gaussian kernels, in units of the data.
    output: activation of the generator's output: "sigmoid" for data in [0, 1], "tanh", "identity".
    rng: seed or Generator.
    """

    examples = {"GMMN": dict(latent_dim=2, hidden=(4,), bandwidths=(0.5, 2.0))}

    def __init__(
        self,
        data_dim,
        latent_dim=10,
        hidden=(64, 256, 256, 1024),
        bandwidths=(2.0, 5.0, 10.0, 20.0, 40.0, 80.0),
        output="sigmoid",
        rng=None,
        dtype=np.float32,
    ):
        data_dim, latent_dim = integer("data_dim", data_dim, 1), integer("latent_dim", latent_dim, 1)
        hidden = integers("hidden", hidden, 1)
        rng = as_generator(rng)
        self.bandwidths = check_bandwidths(bandwidths)
        self.config = dict(
            data_dim=data_dim, latent_dim=latent_dim, hidden=hidden, bandwidths=self.bandwidths, output=output
        )
        self.data_dim, self.latent_dim = data_dim, latent_dim
        self.generator = mlp((latent_dim, *hidden, data_dim), "relu", output=output, rng=rng, dtype=dtype)
        self.stream = Stream(rng)  # of z
        self.set_parts(generator=self.generator)

    def loss(self, x, z=None):
        """MMD of a minibatch and as many generated examples -> loss, {"loss"};
        adds to the generator's gradients.

        x (batch, data_dim); z (m, latent_dim): the noise, instead of the model's own stream.
        """
        generated, cache = self.generator.forward(self._noise(x.shape[0]) if z is None else z)
        loss, dgenerated = square_root(*mmd(generated, x, self.bandwidths))
        self.generator.backward(dgenerated, cache, wrt="params")
        return loss, {"loss": loss}

    def sample(self, n, rng=None):
        """n generated examples -> (n, data_dim). rng: seed, Generator, or None for the model's own stream."""
        return self.generator(self._noise(n, rng))

    def check_range(self, name, x):
        """A sigmoid output stays in [0, 1]."""
        if self.config["output"] == "sigmoid":
            check_unit_interval(
                name, x, "a generator with a sigmoid output (for real numbers use output='identity')"
            )

    @classmethod
    def suited_to(cls, x):
        """The paper's network for pictures, with wider kernels, whose σ are its σ²;
        for points, kernels from a fiftieth of the data's spread up.
        """
        if grey_pictures(x):
            return {"batch_size": 500, "lr": 1e-3, "schedule": "cosine", "steps": 4_000}
        spread = float(x.std()) or 1.0
        bandwidths = tuple(round(spread * s, 4) for s in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0))
        sizes = {"latent_dim": 2, "hidden": (128, 128, 128), "bandwidths": bandwidths, "output": "identity"}
        return sizes | {"batch_size": 500, "lr": 1e-3, "schedule": "cosine", "steps": 8_000}

    def _noise(self, n, rng=None):
        stream = self.stream if rng is None else Stream(rng)
        return symmetric_uniform(stream.uniform((integer("n", n, 0), self.latent_dim), self.dtype))
