"""The generative adversarial network (Goodfellow et al. 2014): two networks play against each other.

The generator G turns noise z ~ N(0, I) into an example; the discriminator D says how probable it finds that an example is real. D
learns to tell the two apart, G learns to deceive D:

    discriminator minimises   −mean log D(x) − mean log(1 − D(G(z)))
    generator minimises       −mean log D(G(z))          (non-saturating; or mean log(1 − D(G(z))), minimax)

For a fixed G the optimal discriminator is D*(x) = p(x) / (p(x) + q(x)), p the density of the data and q that of G(z); at the
optimum of the game p = q and D* = ½ everywhere.

Each player's loss fills only that player's gradients. The generator's gradient comes *through* the discriminator: its backward is
asked for the gradient of its input only (wrt="input"), and that is the gradient of the generator's output.

Other pairs of losses stand in losses/gan_*.py, penalties on D's slope in penalties.py.
"""

import numpy as np

from scratchgen.errors import flag, integer, integers, number, one_of
from scratchgen.layers import LeakyReLU, mlp
from scratchgen.losses import (
    critic_wasserstein,
    discriminator_bce,
    discriminator_hinge,
    discriminator_least_squares,
    generator_hinge,
    generator_least_squares,
    generator_minimax,
    generator_non_saturating,
    generator_wasserstein,
)
from scratchgen.models.model import Model, check_unit_interval, grey_pictures
from scratchgen.models.passes import backward_both, forward_both
from scratchgen.models.penalties import CLIP, PENALTIES, clip_weights
from scratchgen.ops import Stream, add, as_generator
from scratchgen.optim import Adam

OBJECTIVES = {  # name -> loss of the discriminator (real, fake), loss of the generator (fake)
    "non_saturating": (discriminator_bce, generator_non_saturating),
    "minimax": (discriminator_bce, generator_minimax),
    "least_squares": (discriminator_least_squares, generator_least_squares),
    "hinge": (discriminator_hinge, generator_hinge),
    "wasserstein": (critic_wasserstein, generator_wasserstein),
}


class GAN(Model):
    """Generative adversarial network of two MLPs: ReLU in the generator, LeakyReLU(0.2) in the discriminator, whose output is a logit.

    data_dim: features of x.
    latent_dim: features of the noise z.
    generator_hidden: sizes of the generator's hidden layers.
    discriminator_hidden: sizes of the discriminator's hidden layers.
    output: activation of the generator's output: "sigmoid" for data in [0, 1], "tanh", "identity".
    objective: pair of losses: "non_saturating", "minimax", "least_squares", "hinge"; "wasserstein", without a penalty with weights clipped.
    penalty: on the discriminator's slope: none, "wgan_gp" or "r1" (penalties.py).
    penalty_weight: λ of wgan_gp, γ of r1; 10 by default, as in both papers.
    discriminator_steps: steps of the discriminator for each of the generator, k of Algorithm 1.
    batch_norm: in the generator's hidden layers (Radford et al. 2016): keeps a young generator from giving one picture for every z.
    dropout: rate in the discriminator's hidden layers; the paper has ½.
    rng: seed or Generator.
    """

    examples = {
        name: dict(latent_dim=2, generator_hidden=(4,), discriminator_hidden=(3,)) | options
        for name, options in {
            "GAN": {},
            "GAN (minimax)": dict(objective="minimax"),
            "GAN (least squares)": dict(objective="least_squares"),
            "GAN (hinge)": dict(objective="hinge"),
            "GAN (Wasserstein)": dict(objective="wasserstein"),
            "GAN (WGAN-GP)": dict(objective="wasserstein", penalty="wgan_gp"),
            "GAN (R1)": dict(penalty="r1", penalty_weight=3.0),
        }.items()
    }

    def __init__(
        self,
        data_dim,
        latent_dim=100,
        generator_hidden=(1200, 1200),
        discriminator_hidden=(1200, 1200),
        output="sigmoid",
        objective="non_saturating",
        penalty=None,
        penalty_weight=10.0,
        discriminator_steps=1,
        batch_norm=False,
        dropout=0.0,
        rng=None,
        dtype=np.float32,
    ):
        data_dim, latent_dim = integer("data_dim", data_dim, 1), integer("latent_dim", latent_dim, 1)
        generator_hidden = integers("generator_hidden", generator_hidden, 1)
        discriminator_hidden = integers("discriminator_hidden", discriminator_hidden, 1)
        discriminator_steps = integer("discriminator_steps", discriminator_steps, 1)
        number("dropout", dropout, lambda rate: 0 <= rate < 1, "be at least 0 and below 1")
        number("penalty_weight", penalty_weight, lambda weight: 0 < weight < np.inf, "be positive")
        one_of("objective", objective, OBJECTIVES)
        one_of("penalty", penalty, (None, *PENALTIES))
        rng = as_generator(rng)
        self.config = dict(
            data_dim=data_dim, latent_dim=latent_dim, generator_hidden=generator_hidden, discriminator_hidden=discriminator_hidden,
            output=output, objective=objective, penalty=penalty, penalty_weight=float(penalty_weight),
            discriminator_steps=discriminator_steps, batch_norm=flag("batch_norm", batch_norm), dropout=float(dropout),
        )  # fmt: skip
        self.data_dim, self.latent_dim, self.discriminator_steps = data_dim, latent_dim, discriminator_steps
        self.discriminator_objective, self.objective = OBJECTIVES[objective]
        self.penalty = penalty and PENALTIES[penalty](float(penalty_weight))
        self.generator = mlp((latent_dim, *generator_hidden, data_dim), "relu", output=output, batch_norm=batch_norm, rng=rng, dtype=dtype)
        self.discriminator = mlp((data_dim, *discriminator_hidden, 1), lambda: LeakyReLU(0.2), dropout=dropout, rng=rng, dtype=dtype)
        self.stream = Stream(rng)  # of z, and of where a penalty looks
        self.set_parts(generator=self.generator, discriminator=self.discriminator)

    def discriminator_loss(self, x, z=None, u=None):
        """-> loss, {"discriminator"}; adds to the discriminator's gradients, and leaves no trace in the generator.

        x (batch, data_dim) real examples.  z (batch, latent_dim), u (batch, 1): the noise, and where between real and generated examples
        the penalty of wgan_gp looks; instead of the model's own stream.
        """
        with self.generator.frozen_buffers():
            generated, _ = self.generator.forward(self._noise(x.shape[0]) if z is None else z)
        real, fake, caches = forward_both(self.discriminator, x, generated)
        loss, dreal, dfake = self.discriminator_objective(real, fake)
        backward_both(self.discriminator, dreal, dfake, caches)
        if self.penalty:
            if u is None and self.penalty.mixes:
                u = self.stream.uniform((x.shape[0], 1), self.dtype)
            loss = add(loss, self.penalty(self.discriminator, x, generated, u))
        return loss, {"discriminator": loss}

    def generator_loss(self, z):
        """-> loss, {"generator"}; adds to the generator's gradients, and leaves no trace in the discriminator.  z (batch, latent_dim)."""
        generated, generator_cache = self.generator.forward(z)
        with self.discriminator.frozen_buffers():
            logits, discriminator_cache = self.discriminator.forward(generated)
        loss, dlogits = self.objective(logits)
        dgenerated = self.discriminator.backward(dlogits, discriminator_cache, wrt="input")
        self.generator.backward(dgenerated, generator_cache, wrt="params")
        return loss, {"generator": loss}

    def players(self):
        """{"discriminator", "generator"}: the two networks, each with an optimizer of its own."""
        return {"discriminator": self.discriminator, "generator": self.generator}

    def turns(self, step):
        """Algorithm 1 of the paper: every step trains the discriminator on a fresh minibatch, every k-th the generator as well."""
        turns = [("discriminator", self.discriminator_loss)]
        if (integer("step", step, 0) + 1) % self.discriminator_steps == 0:
            turns.append(("generator", lambda x: self.generator_loss(self._noise(x.shape[0]))))
        return turns

    def updated(self, name):
        """A Wasserstein critic's weights are clipped: so its slope is bounded, as the distance that it measures demands."""
        if name == "discriminator" and self.config["objective"] == "wasserstein" and not self.penalty:
            clip_weights(self.discriminator.flat_params, CLIP)

    def check_range(self, name, x):
        """A sigmoid output stays in [0, 1]."""
        if self.config["output"] == "sigmoid":
            check_unit_interval(name, x, "a generator with a sigmoid output (for real numbers use output='identity')")

    def optimizer(self, player):
        """Adam with the settings of Radford et al. 2016: a small step, and little momentum in a game that turns."""
        return Adam(player, lr=2e-4, betas=(0.5, 0.999))

    @classmethod
    def suited_to(cls, x):
        """Batch normalisation and dropout for pictures; three hidden layers, and a learning rate that falls to nothing, for points."""
        if grey_pictures(x):
            sizes = {"generator_hidden": (512, 512), "discriminator_hidden": (512, 512), "latent_dim": 64}
            return sizes | {"batch_norm": True, "dropout": 0.3, "steps": 15_000}
        sizes = {"generator_hidden": (128, 128, 128), "discriminator_hidden": (128, 128, 128), "latent_dim": 2}
        return sizes | {"output": "identity", "batch_size": 256, "lr": 1e-3, "schedule": "cosine", "steps": 8_000}

    def sample(self, n, y=None, rng=None):
        """n generated examples -> (n, data_dim). rng: seed, Generator, or None for the model's own stream."""
        return self.generator(self._noise(n, rng))

    def _noise(self, n, rng=None):
        stream = self.stream if rng is None else Stream(rng)
        return stream.normal((integer("n", n, 0), self.latent_dim), self.dtype)
