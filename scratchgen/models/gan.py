"""The generative adversarial network (Goodfellow et al. 2014): two networks play against each other.

The generator G turns noise z ~ N(0, I) into an example; the discriminator D says how probable it finds that
an example is real. D learns to tell the two apart, G learns to deceive D:

    discriminator minimises   −mean log D(x) − mean log(1 − D(G(z)))
    generator minimises       −mean log D(G(z))          (non-saturating; or mean log(1 − D(G(z))), minimax)

For a fixed G the optimal discriminator is D*(x) = p(x) / (p(x) + q(x)), p the density of the data and q that
of G(z); at the optimum of the game p = q and D* = ½ everywhere.

Each player's loss fills only that player's gradients. The generator's gradient comes *through* the
discriminator: its backward is asked for the gradient of its input only (wrt="input"), and that is the
gradient of the generator's output.

What has been changed in this game since, each in a place of its own:

    other pairs of losses      losses/gan_*.py            feature matching   losses/feature_matching.py
    penalties on D's slope     penalties.py               smoothed labels    losses/gan_label_smoothing.py
    packs of examples          layers/pack.py             labels             given.py
    minibatch discrimination   layers/minibatch_discrimination.py

A conditional GAN (Mirza & Osindero 2014) gives a label y to both, to G beside the noise and to D beside the
example; the examples that G makes for a minibatch have the labels of that minibatch. D is then shown

    [x | onehot(y)]        or, of a pack,        [x₁ | … | x_m | onehot(y₁) | … | onehot(y_m)]

Algorithm 1 lets the players move in turn, each on noise of its own. The paper's code lets both move at once,
from gradients at the same point: D looks once at G(z), with whatever dropout, and what it sees there goes
into the gradients of both. The code's D is of maxout units, with dropout, and its noise uniform; momentum
rises during training (optim/schedules.py):

    GAN(784, maxout_pieces=5, discriminator_hidden=(240, 240), dropout=0.5,
        noise="uniform", simultaneous=True)
"""

import functools

import numpy as np

from scratchgen.errors import flag, integer, integers, number, one_of
from scratchgen.layers import (
    Identity,
    LeakyReLU,
    Linear,
    Maxout,
    MinibatchDiscrimination,
    Pack,
    Sequential,
    mlp,
)
from scratchgen.layers.sigmoid import sigmoid
from scratchgen.losses import (
    critic_wasserstein,
    discriminator_bce,
    discriminator_bce_smoothed,
    discriminator_hinge,
    discriminator_least_squares,
    feature_matching,
    generator_hinge,
    generator_least_squares,
    generator_minimax,
    generator_non_saturating,
    generator_wasserstein,
)
from scratchgen.models.given import Labels
from scratchgen.models.model import BLIND, Model, check_unit_interval, grey_pictures
from scratchgen.models.passes import backward_both, forward_both
from scratchgen.models.penalties import CLIP, PENALTIES, clip_weights
from scratchgen.ops import Stream, add, array, as_generator, op, to_host
from scratchgen.optim import Adam

OBJECTIVES = {  # name -> loss of the discriminator (real, fake), loss of the generator (fake)
    "non_saturating": (discriminator_bce, generator_non_saturating),
    "minimax": (discriminator_bce, generator_minimax),
    "least_squares": (discriminator_least_squares, generator_least_squares),
    "hinge": (discriminator_hinge, generator_hinge),
    "wasserstein": (critic_wasserstein, generator_wasserstein),
}
NOISE = ("normal", "uniform")


@op
def spread(u):  # uniform on [0, 1) -> uniform on [−√3, √3): mean 0 and variance 1, as N(0, I) has
    return 3**0.5 * (2 * u - 1)


def discriminator_layers(sizes, maxout_pieces, dropout, minibatch_features, rng, dtype):
    """The layers of a discriminator (n_in, n_hidden, …, 1), the last a Linear that gives the logit;
    those before it compute its features.
    """
    activation = (lambda: Maxout(maxout_pieces)) if maxout_pieces else (lambda: LeakyReLU(0.2))
    *layers, last = mlp(sizes, activation, dropout=dropout, rng=rng, dtype=dtype).layers
    if minibatch_features:
        layers.append(MinibatchDiscrimination(sizes[-2], minibatch_features, rng=rng, dtype=dtype))
        last = Linear(sizes[-2] + minibatch_features, 1, rng=rng, dtype=dtype)
    return *layers, last


class GAN(Model):
    """Generative adversarial network of two MLPs: ReLU in the generator, LeakyReLU(0.2) in the discriminator,
    whose output is a logit.

    data_dim: features of x.
    latent_dim: features of the noise z.
    generator_hidden: sizes of the generator's hidden layers.
    discriminator_hidden: sizes of the discriminator's hidden layers.
    output: activation of the generator's output: "sigmoid" for data in [0, 1], "tanh", "identity".
    objective: pair of losses: "non_saturating", "minimax", "least_squares", "hinge";
        "wasserstein", without a penalty with weights clipped.
    penalty: on the discriminator's slope: none, "wgan_gp" or "r1" (penalties.py).
    penalty_weight: λ of wgan_gp, γ of r1; 10 by default, as in both papers.
    discriminator_steps: steps of the discriminator for each of the generator, k of Algorithm 1.
    simultaneous: update both players at once, from one look at one minibatch, as the paper's code does;
        else G answers a D that has just moved.
    batch_norm: in the generator's hidden layers (Radford et al. 2016):
        keeps a young generator from giving one picture for every z.
    dropout: rate in the discriminator's hidden layers; the paper has ½.
    n_classes: number of classes, for a conditional GAN, which is given labels; none: no labels.
    pack: examples that the discriminator is shown at once, so that it sees whether they are all alike
        (PacGAN); 1: one at a time.
    feature_matching: train the generator to have the data's mean features, in the place of the objective
        (Salimans et al. 2016).
    minibatch_features: numbers that tell the discriminator how close the other examples are
        (Salimans et al. 2016); 0: none.
    real_label: target of real examples for the cross-entropy, such as 0.9: one-sided label smoothing
        (Salimans et al. 2016).
    maxout_pieces: pieces of the maxout units in the discriminator's hidden layers, 5 in the paper;
        0: LeakyReLU units.
    noise: "normal" or "uniform", both with variance 1.
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
            "GAN (conditional)": dict(n_classes=3),
            "GAN (packed)": dict(pack=2),
            "GAN (conditional, packed, WGAN-GP)": dict(
                n_classes=3, pack=2, objective="wasserstein", penalty="wgan_gp"
            ),
            "GAN (conditional, packed, R1)": dict(n_classes=3, pack=2, penalty="r1", penalty_weight=3.0),
            "GAN (feature matching)": dict(feature_matching=True, n_classes=3, pack=2),
            "GAN (minibatch discrimination)": dict(minibatch_features=2),
            "GAN (label smoothing)": dict(real_label=0.9),
            "GAN (maxout)": dict(maxout_pieces=2, dropout=0.5, noise="uniform"),
            "GAN (simultaneous)": dict(simultaneous=True, dropout=0.5, n_classes=3, pack=2),
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
        simultaneous=False,
        batch_norm=False,
        dropout=0.0,
        n_classes=None,
        pack=1,
        feature_matching=False,
        minibatch_features=0,
        real_label=1.0,
        maxout_pieces=0,
        noise="normal",
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
        one_of("noise", noise, NOISE)
        pack = integer("pack", pack, 1)
        minibatch_features = integer("minibatch_features", minibatch_features, 0)
        maxout_pieces = integer("maxout_pieces", maxout_pieces, 0)
        number("real_label", real_label, lambda t: 0 < t <= 1, "be above 0 and at most 1")
        if real_label != 1 and OBJECTIVES[objective][0] is not discriminator_bce:
            raise ValueError(
                f"real_label is {real_label}; objective {objective!r} has no label to smooth: "
                "'non_saturating' and 'minimax' have"
            )
        if penalty and minibatch_features:
            raise ValueError(
                f"penalty is {penalty!r} and minibatch_features {minibatch_features}; "
                "with these no example has a slope of its own"
            )
        alone = {
            "penalty": penalty,
            "feature_matching": feature_matching,
            "discriminator_steps": discriminator_steps != 1,
        }
        if flag("simultaneous", simultaneous) and any(alone.values()):
            names = ", ".join(name for name, there in alone.items() if there)
            raise ValueError(f"simultaneous is True; it goes without {names}")
        if flag("feature_matching", feature_matching) and not discriminator_hidden:
            raise ValueError(
                "feature_matching is True, but discriminator_hidden is empty: there are no features to match"
            )
        rng = as_generator(rng)
        self.labels = Labels(n_classes)
        self.config = dict(
            data_dim=data_dim, latent_dim=latent_dim,
            generator_hidden=generator_hidden, discriminator_hidden=discriminator_hidden,
            output=output, objective=objective, penalty=penalty, penalty_weight=float(penalty_weight),
            discriminator_steps=discriminator_steps, simultaneous=bool(simultaneous),
            batch_norm=flag("batch_norm", batch_norm), dropout=float(dropout),
            n_classes=self.labels.n_classes, pack=pack,
            feature_matching=bool(feature_matching), minibatch_features=minibatch_features,
            real_label=float(real_label), maxout_pieces=maxout_pieces, noise=noise,
        )  # fmt: skip
        self.data_dim, self.latent_dim, self.discriminator_steps = data_dim, latent_dim, discriminator_steps
        self.n_classes, self.noise, self.pack = self.labels.n_classes, noise, pack
        self.packing = Pack(pack) if pack > 1 else Identity()
        self.discriminator_objective, self.objective = OBJECTIVES[objective]
        if real_label != 1:
            self.discriminator_objective = functools.partial(
                discriminator_bce_smoothed, real_label=float(real_label)
            )
        self.penalty = penalty and PENALTIES[penalty](float(penalty_weight))
        sizes = (latent_dim + self.labels.columns, *generator_hidden, data_dim)
        self.generator = mlp(sizes, "relu", output=output, batch_norm=batch_norm, rng=rng, dtype=dtype)
        sizes = (pack * (data_dim + self.labels.columns), *discriminator_hidden, 1)
        *layers, last = discriminator_layers(sizes, maxout_pieces, dropout, minibatch_features, rng, dtype)
        self.features = Sequential(*layers) if feature_matching else None
        before = [self.features] if feature_matching else layers
        self.discriminator = Sequential(*before, last)
        self.stream = Stream(rng)  # of z, and of where a penalty looks
        self.set_parts(generator=self.generator, discriminator=self.discriminator)

    def discriminator_loss(self, x, z=None, u=None, y=None):
        """-> loss, {"discriminator"}; adds to the discriminator's gradients,
        and leaves no trace in the generator.

        x (batch, data_dim) real examples.  z (batch, latent_dim), u (batch / pack, 1): the noise, and where
        between real and generated examples the penalty of wgan_gp looks; instead of the model's own stream.
        y (batch,): labels of both, with n_classes.
        """
        with self.generator.frozen_buffers():
            z = self._noise(x.shape[0]) if z is None else z
            generated, _ = self.generator.forward(self.labels.given(z, y))
        (x, _), (generated, _) = self.shown(x, y), self.shown(generated, y)
        real, fake, caches = forward_both(self.discriminator, x, generated)
        loss, dreal, dfake = self.discriminator_objective(real, fake)
        backward_both(self.discriminator, dreal, dfake, caches)
        if self.penalty:
            if u is None and self.penalty.mixes:
                u = self.stream.uniform((x.shape[0], 1), self.dtype)
            given = self.pack * self.labels.columns
            loss = add(loss, self.penalty(self.discriminator, x, generated, u, given=given))
        return loss, {"discriminator": loss}

    def generator_loss(self, z, y=None, x=None):
        """-> loss, {"generator"}; adds to the generator's gradients,
        and leaves no trace in the discriminator.

        z (batch, latent_dim); y (batch,): labels, with n_classes;
        x (batch, data_dim): real examples, with feature_matching.
        """
        generated, generator_cache = self.generator.forward(self.labels.given(z, y))
        shown, pack_cache = self.shown(generated, y)
        with self.discriminator.frozen_buffers():
            if self.features is not None:
                loss, dshown = self._features_loss(shown, x, y)
            else:
                logits, cache = self.discriminator.forward(shown)
                loss, dlogits = self.objective(logits)
                dshown = self.discriminator.backward(dlogits, cache, wrt="input")
        dpacks = dshown[:, : self.pack * self.data_dim]  # the other columns are the labels'
        dgenerated = self.packing.backward(dpacks, pack_cache)
        self.generator.backward(dgenerated, generator_cache, wrt="params")
        return loss, {"generator": loss}

    def losses(self, x, z=None, y=None):
        """Both players' losses at the same point, of the same noise
        -> their sum, {"discriminator", "generator"}; adds to the gradients of both.

        D looks once at what G makes; from there one gradient goes into D's parameters, another through D into
        G's. A dropout in D drops the same units for both. Arguments as of discriminator_loss.
        """
        z = self._noise(x.shape[0]) if z is None else z
        generated, generator_cache = self.generator.forward(self.labels.given(z, y))
        (x, _), (generated, pack_cache) = self.shown(x, y), self.shown(generated, y)
        real, real_cache = self.discriminator.forward(x)
        fake, fake_cache = self.discriminator.forward(generated)

        discriminator_loss, dreal, dfake = self.discriminator_objective(real, fake)
        self.discriminator.backward(dreal, real_cache, wrt="params")
        self.discriminator.backward(dfake, fake_cache, wrt="params")

        generator_loss, dfake = self.objective(fake)
        dshown = self.discriminator.backward(dfake, fake_cache, wrt="input")
        dgenerated = self.packing.backward(dshown[:, : self.pack * self.data_dim], pack_cache)
        self.generator.backward(dgenerated, generator_cache, wrt="params")
        parts = {"discriminator": discriminator_loss, "generator": generator_loss}
        return add(discriminator_loss, generator_loss), parts

    def _features_loss(self, shown, x, y):
        """How far the mean features of what is shown are from those of real examples x (batch, data_dim)
        -> loss, dshown.
        """
        if x is None:
            raise ValueError(
                "x is missing: with feature_matching the generator's loss compares with real examples"
            )
        real, _ = self.features.forward(self.shown(x, y)[0])
        fake, cache = self.features.forward(shown)
        loss, dfake = feature_matching(fake, real)
        return loss, self.features.backward(dfake, cache, wrt="input")

    def shown(self, x, y):
        """x (batch, data_dim), labels y (batch,) -> what the discriminator is shown of them,
        packs of x and after them their labels; and the packs' cache.
        """
        packs, cache = self.packing.forward(x)
        return self.labels.given(packs, y, self.pack), cache

    def players(self):
        """{"discriminator", "generator"}: the two networks, each with an optimizer of its own."""
        return {"discriminator": self.discriminator, "generator": self.generator}

    def turns(self, step):
        """Algorithm 1 of the paper: every step trains the discriminator on a fresh minibatch,
        every k-th the generator as well.
        """
        if self.config["simultaneous"]:
            return [(self.losses, "discriminator", "generator")]
        turns = [(self.discriminator_loss, "discriminator")]
        if (integer("step", step, 0) + 1) % self.discriminator_steps == 0:
            turns.append((lambda x, y=None: self.generator_loss(self._noise(x.shape[0]), y, x), "generator"))
        return turns

    def updated(self, name):
        """A Wasserstein critic's weights are clipped: so its slope is bounded,
        as the distance that it measures demands.
        """
        if name == "discriminator" and self.config["objective"] == "wasserstein" and not self.penalty:
            clip_weights(self.discriminator.flat_params, CLIP)

    def check_range(self, name, x):
        """A sigmoid output stays in [0, 1]."""
        if self.config["output"] == "sigmoid":
            check_unit_interval(
                name, x, "a generator with a sigmoid output (for real numbers use output='identity')"
            )

    def optimizer(self, player):
        """Adam with the settings of Radford et al. 2016: a small step,
        and little momentum in a game that turns.
        """
        return Adam(player, lr=2e-4, betas=(0.5, 0.999))

    @classmethod
    def suited_to(cls, x, y=None):
        """Batch normalisation and dropout for pictures;
        three hidden layers, and a learning rate that falls to nothing, for points.
        """
        if grey_pictures(x):
            sizes = {"generator_hidden": (512, 512), "discriminator_hidden": (512, 512), "latent_dim": 64}
            return sizes | {"batch_norm": True, "dropout": 0.3, "steps": 15_000}
        sizes = {"generator_hidden": (128, 128, 128), "discriminator_hidden": (128, 128, 128)}
        training = {"batch_size": 256, "lr": 1e-3, "schedule": "cosine", "steps": 8_000}
        return sizes | {"latent_dim": 2, "output": "identity"} | training

    def pictures(self, x, plots, folder):
        """surface.png, of points of the plane: what the discriminator says of each place,
        and where it sends generated points.
        """
        if self.data_dim != 2 or self.pack > 1 or self.n_classes or self.discriminator.couples_batch:
            return
        move = lambda a: array(np.asarray(a, self.dtype))
        cross_entropy = OBJECTIVES[self.config["objective"]][0] is discriminator_bce
        probability = sigmoid if cross_entropy else lambda logits: logits
        value = lambda x: to_host(probability(self.discriminator(move(x))))[:, 0]
        slope = lambda x: to_host(self._slope(move(x)))
        samples = to_host(self.sample(300, rng=0))
        plots.surface(value, slope, samples, folder / "surface.png", real=x[:1000])

    def _slope(self, x):
        """∂D/∂x of the discriminator's output at each x (n, data_dim) -> (n, data_dim):
        the direction in which x would look more real.
        """
        y, cache = self.discriminator.forward(x, training=False)
        return self.discriminator.backward(array(np.ones(y.shape), y.dtype), cache, wrt="input")

    @property
    def landmarks(self):
        """log 4, with cross-entropy; not with wgan_gp, whose penalty a blind D has to pay."""
        blind = self.discriminator_objective is discriminator_bce and self.config["penalty"] != "wgan_gp"
        return BLIND if blind else {}

    @property
    def least_batch(self):
        """A pack has to be filled."""
        return max(super().least_batch, self.pack)

    def sample(self, n, y=None, rng=None):
        """n generated examples -> (n, data_dim). y: labels (n,), with n_classes; None is all classes in turn.

        rng: seed, Generator, or None for the model's own stream.
        """
        z = self._noise(n, rng)
        if y is None and self.n_classes:
            y = self._classes_in_turn(n)
        return self.generator(self.labels.given(z, y))

    def _noise(self, n, rng=None):
        stream, shape = self.stream if rng is None else Stream(rng), (integer("n", n, 0), self.latent_dim)
        if self.noise == "uniform":
            return spread(stream.uniform(shape, self.dtype))
        return stream.normal(shape, self.dtype)
