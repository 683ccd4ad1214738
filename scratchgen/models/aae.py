"""The adversarial autoencoder (Makhzani et al. 2016): an autoencoder whose codes
a discriminator cannot tell from the prior.

A variational autoencoder keeps its codes near N(0, I) by a Kullback–Leibler divergence, for which the density
of the prior must be known. Here a game does it, in the space of codes: whatever one can draw samples of may
be the prior.
Three players take turns on each minibatch:

    autoencoder     −log p(x | z = encoder(x))                     encoder and decoder: reconstruct
    discriminator   −mean log D(z) − mean log(1 − D(encoder(x)))   D: z ~ N(0, I) is real, codes are generated
    generator       −mean log D(encoder(x))                        the encoder: deceive D

The encoder belongs to two players. It serves the decoder, which wants different codes for different x, and
fools D, which wants all of them together to look like noise: so every z that one draws is the code of
something, and decoder(z) a sample. Each player has its own loss and its own optimizer, and each turn fills
only the gradients of its own player, from zero:

    autoencoder     z = encoder(x), output = decoder(z)
                    dz = decoder.backward(∂nll/∂output), encoder.backward(dz)
    generator       z = encoder(x), logit = D(z)
                    dz = D.backward(dlogit), encoder.backward(dz)

The autoencoder is a network of two, and its parameters lie in one array, the encoder's first:
that slice is what the generator trains.
"""

import numpy as np

from scratchgen.errors import integer, integers, one_of
from scratchgen.layers import LeakyReLU, Sequential, mlp
from scratchgen.losses import discriminator_bce, generator_non_saturating
from scratchgen.models.latent_pictures import draw_latent
from scratchgen.models.likelihoods import LIKELIHOODS
from scratchgen.models.model import BLIND, Model, check_unit_interval, grey_pictures
from scratchgen.models.passes import backward_both, forward_both
from scratchgen.ops import Stream, as_generator
from scratchgen.optim import Adam


class AAE(Model):
    """Adversarial autoencoder of three MLPs; the encoder gives one code z for each x.

    data_dim: features of x.
    latent_dim: features of the code z.
    hidden: sizes of the encoder's hidden layers; the decoder has them in reverse.
    discriminator_hidden: sizes of the discriminator's hidden layers.
    activation: of the hidden layers of encoder and decoder.
    likelihood: of the data, given z: "bernoulli", for x in [0, 1], "gaussian" or "gaussian_fixed"
        (likelihoods.py).
    rng: seed or Generator.
    """

    landmarks = BLIND
    examples = {
        "AAE": dict(latent_dim=2, hidden=(4,), discriminator_hidden=(3,), activation="tanh"),
        "AAE (Gaussian)": dict(
            latent_dim=2, hidden=(4,), discriminator_hidden=(3,), activation="tanh", likelihood="gaussian"
        ),
    }

    def __init__(
        self,
        data_dim,
        latent_dim=8,
        hidden=(1000, 1000),
        discriminator_hidden=(1000, 1000),
        activation="relu",
        likelihood="bernoulli",
        rng=None,
        dtype=np.float32,
    ):
        data_dim, latent_dim = integer("data_dim", data_dim, 1), integer("latent_dim", latent_dim, 1)
        hidden = integers("hidden", hidden, 1)
        discriminator_hidden = integers("discriminator_hidden", discriminator_hidden, 1)
        one_of("likelihood", likelihood, LIKELIHOODS)
        rng = as_generator(rng)
        self.config = dict(
            data_dim=data_dim, latent_dim=latent_dim, hidden=hidden,
            discriminator_hidden=discriminator_hidden, activation=activation, likelihood=likelihood,
        )  # fmt: skip
        self.data_dim, self.latent_dim = data_dim, latent_dim
        self.likelihood = LIKELIHOODS[likelihood]()
        self.encoder = mlp((data_dim, *hidden, latent_dim), activation, rng=rng, dtype=dtype)
        sizes = (latent_dim, *hidden[::-1], self.likelihood.outputs_per_feature * data_dim)
        self.decoder = mlp(sizes, activation, rng=rng, dtype=dtype)
        self.autoencoder = Sequential(self.encoder, self.decoder)
        sizes = (latent_dim, *discriminator_hidden, 1)
        self.discriminator = mlp(sizes, lambda: LeakyReLU(0.2), rng=rng, dtype=dtype)
        self.stream = Stream(rng)  # of z
        self.set_parts(autoencoder=self.autoencoder, discriminator=self.discriminator)

    def autoencoder_loss(self, x):
        """−log p(x|z) in nats -> loss, {"autoencoder"}; adds to the gradients of encoder and decoder.

        x (batch, data_dim).
        """
        output, cache = self.autoencoder.forward(x)
        loss, doutput = self.likelihood.nll(x, output)
        self.autoencoder.backward(doutput, cache, wrt="params")
        return loss, {"autoencoder": loss}

    def discriminator_loss(self, x, z=None):
        """-> loss, {"discriminator"}; adds to the discriminator's gradients,
        and leaves no trace in the encoder.

        x (batch, data_dim); z (m, latent_dim): draws from the prior, instead of the model's own stream.
        """
        with self.encoder.frozen_buffers():
            codes, _ = self.encoder.forward(x)
        z = self._prior(x.shape[0]) if z is None else z
        prior, posterior, caches = forward_both(self.discriminator, z, codes)
        loss, dprior, dposterior = discriminator_bce(prior, posterior)
        backward_both(self.discriminator, dprior, dposterior, caches)
        return loss, {"discriminator": loss}

    def generator_loss(self, x):
        """-> loss, {"generator"}; adds to the encoder's gradients, and leaves no trace in the discriminator.

        x (batch, data_dim).
        """
        codes, encoder_cache = self.encoder.forward(x)
        with self.discriminator.frozen_buffers():
            logits, discriminator_cache = self.discriminator.forward(codes)
        loss, dlogits = generator_non_saturating(logits)
        dcodes = self.discriminator.backward(dlogits, discriminator_cache, wrt="input")
        self.encoder.backward(dcodes, encoder_cache, wrt="params")
        return loss, {"generator": loss}

    def players(self):
        """{"autoencoder", "discriminator", "generator"}:
        the generator is the encoder, a part of the autoencoder.
        """
        return {
            "autoencoder": self.autoencoder,
            "discriminator": self.discriminator,
            "generator": self.encoder,
        }

    def turns(self, step):
        """Every step trains all three."""
        return [
            (self.autoencoder_loss, "autoencoder"),
            (self.discriminator_loss, "discriminator"),
            (self.generator_loss, "generator"),
        ]

    def optimizer(self, player):
        """Adam; in the game with little momentum and smaller steps,
        or codes move on before the decoder can read them.
        """
        return Adam(player) if player is self.autoencoder else Adam(player, lr=4e-4, betas=(0.5, 0.999))

    def encode(self, x):
        """x (batch, data_dim) -> its code z (batch, latent_dim)."""
        return self.encoder(x)

    def decode(self, z):
        """z (batch, latent_dim) -> E[x|z] (batch, data_dim)."""
        return self.likelihood.mean(self.decoder(z))

    def reconstruct(self, x):
        """E[x|z] at the code of x:  (batch, data_dim) -> (batch, data_dim)."""
        return self.decode(self.encode(x))

    def sample(self, n, rng=None):
        """E[x|z] for n draws of z from the prior -> (n, data_dim).

        rng: seed, Generator, or None for the model's own stream.
        """
        return self.decode(self._prior(n, rng))

    def check_range(self, name, x):
        """A Bernoulli likelihood needs data in [0, 1]."""
        if self.config["likelihood"] == "bernoulli":
            check_unit_interval(
                name, x, "a Bernoulli likelihood (for real numbers use likelihood='gaussian_fixed')"
            )

    def pictures(self, x, plots, folder):
        """reconstructions.png; with a latent space of two dimensions manifold.png, for pictures."""
        draw_latent(self, x, plots, folder)

    @classmethod
    def suited_to(cls, x):
        """Narrower networks than the paper's for pictures;
        two latent variables and a squared error for points.
        """
        if grey_pictures(x):
            return {"hidden": (512, 512), "discriminator_hidden": (512, 512), "steps": 8_000}
        sizes = {"hidden": (128, 128), "discriminator_hidden": (128, 128)}
        training = {"batch_size": 256, "schedule": "cosine", "steps": 8_000}
        return sizes | {"latent_dim": 2, "likelihood": "gaussian_fixed"} | training

    def _prior(self, n, rng=None):
        stream = self.stream if rng is None else Stream(rng)
        return stream.normal((integer("n", n, 0), self.latent_dim), self.dtype)
