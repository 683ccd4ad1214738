"""InfoGAN (Chen et al. 2016): a generative adversarial network that finds out, without labels,
which kinds of examples there are.

The generator is given codes c beside the noise z: a category, uniform over K, and numbers u, uniform between
−1 and 1. So far it may ignore them. It is rewarded for a large mutual information I(c; G(z, c)), how much an
example tells of the codes that it was made from:

    I(c; x̃) = H(c) − H(c|x̃)                                     x̃ = G(z, c)

H(c|x̃) needs the posterior p(c|x̃), which nobody knows; but with any other distribution Q(c|x̃) in its place
there is a bound from below, because what is missing is a Kullback–Leibler divergence,
and that is never negative:

    I(c; x̃) = H(c) + E[log p(c|x̃)]
            = H(c) + E[log Q(c|x̃)] + E[KL(p(·|x̃) ‖ Q(·|x̃))]
            ≥ H(c) − E[−log Q(c|x̃)]  =  L_I

Q is a network that reads codes from examples. It is D's own, but for the last layer: D's first output is its
logit, the others are Q's, logits of each category, and mean and log-variance of each number. So −log Q is a
softmax cross-entropy and a Gaussian's nll, each with its gradient:

    [logit | l | μ | logvar] = D(x̃)          −log Q(c|x̃) = cross_entropy(l, c) + gaussian_nll(u, μ, logvar)

    discriminator minimises   −mean log D(x) − mean log(1 − D(x̃))  − λ L_I
    generator minimises       −mean log D(x̃)                       − λ L_I

H(c) = log K + log 2 per number is a constant: what is trained is + λ · (−log Q). In L_I both want the same,
and each step of either may raise it: the discriminator's updates D and Q, the generator's goes through both,
as a gradient of x̃ that is the sum of what comes from the logit and from Q:

    dD(x̃) = [dlogit | λ dl | λ_u dμ | λ_u dlogvar]       dD(x) = [dlogit | 0]       dx̃ = D.backward(dD(x̃))

λ is 1 for categories, less for numbers, whose densities have no upper bound. Nobody tells the categories what
to stand for. They settle on what can be read most reliably from an example, and on parts of the data that no
G bends smoothly into each other.

For an MLP and pictures that is slant and thickness rather than the digit. Two additions, which the paper does
not have, tell it what not to look at. With `picture`, D sees every minibatch through a random affine map
(layers/random_affine.py): a code that is to be read must survive it. And with `real_weight`, Q learns from
real examples, too. Their codes are not known; but what Q says of an example as it is should be what it says
of the changed one, with certainty, and all categories should be equally frequent (losses/two_looks.py):

    first = Q(x), as in inference,   second = Q(changed x)
    D's loss  +=  real_weight · two_looks(first, second)
"""

import functools
import math

import numpy as np

from scratchgen.errors import flag, integer, integers, number
from scratchgen.layers import LeakyReLU, RandomAffine, Sequential, mlp
from scratchgen.layers.softmax import softmax
from scratchgen.losses import (
    discriminator_bce,
    gaussian_nll,
    generator_non_saturating,
    softmax_cross_entropy,
    two_looks,
)
from scratchgen.models.given import Labels
from scratchgen.models.gmmn import symmetric_uniform
from scratchgen.models.likelihoods import split
from scratchgen.models.model import BLIND, Model, check_unit_interval, grey_pictures, is_square
from scratchgen.models.passes import backward_both, forward_both
from scratchgen.ops import Stream, add, array, as_generator, join_columns, op, scaled, to_host
from scratchgen.optim import Adam

BALANCE = 4.0  # μ, of two_looks: how much it counts that categories of real examples are equally frequent


@op
def draw_categories(u, n):  # labels uniform in 0 … n − 1, from u uniform in [0, 1):  (batch,) -> (batch,)
    return np.floor(u * n).astype(np.int64)


@op
def lower_bound(nll, entropy):  # L_I = H(c) − E[−log Q(c|x̃)]
    return entropy - nll


@op
def without_codes(dlogit, y):  # [dlogit | 0], like y:  real examples were made from no codes
    return np.concatenate([dlogit, np.zeros_like(y[:, 1:])], axis=1)


@op
def of_categories(dq, y):  # [0 | dq | 0], like y:  a gradient for Q's logits of categories, after D's logit
    return np.concatenate([np.zeros_like(y[:, :1]), dq, np.zeros_like(y[:, 1 + dq.shape[1] :])], axis=1)


class Category:
    """A code that is one of n categories: Q's outputs are logits."""

    def __init__(self, n):
        self.inputs, self.outputs, self.entropy = n, n, math.log(n)
        self.labels = Labels(n)

    def draw(self, stream, batch, dtype):
        """-> c (batch,), integers."""
        return draw_categories(stream.uniform((batch,), dtype), self.inputs)

    def join(self, z, c):
        """-> [z | onehot(c)]."""
        return self.labels.given(z, c)

    def nll(self, c, q):
        """−log Q(c|x) -> nll, dq."""
        return softmax_cross_entropy(q, c)

    def read(self, q):
        """Q(c|x) -> (batch, n)."""
        return softmax(q)


class Numbers:
    """A code of n numbers, uniform between −1 and 1: Q's outputs are means and log-variances."""

    def __init__(self, n):
        self.inputs, self.outputs, self.entropy = n, 2 * n, n * math.log(2)

    def draw(self, stream, batch, dtype):
        """-> c (batch, n)."""
        return symmetric_uniform(stream.uniform((batch, self.inputs), dtype))

    def join(self, z, c):
        """-> [z | c]."""
        return join_columns(z, c)

    def nll(self, c, q):
        """−log Q(c|x) -> nll, dq."""
        nll, dmu, dlogvar = gaussian_nll(c, *split(q))
        return nll, join_columns(dmu, dlogvar)

    def read(self, q):
        """E[c|x] -> (batch, n)."""
        return split(q)[0]


class InfoGAN(Model):
    """InfoGAN of two MLPs: ReLU in the generator, LeakyReLU(0.1) in the discriminator,
    whose outputs are a logit and what Q says of the codes.

    data_dim: features of x.
    noise_dim: features of the noise z, from N(0, I).
    categories: sizes of the categorical codes, one number for each.
    continuous: how many codes are numbers between −1 and 1.
    generator_hidden: sizes of the generator's hidden layers.
    discriminator_hidden: sizes of the discriminator's hidden layers.
    output: activation of the generator's output: "sigmoid" for data in [0, 1], "tanh", "identity".
    weight: λ, of the information about categories.
    continuous_weight: λ, of the information about numbers.
    real_weight: of what Q says of two looks at a real example, one of them changed by dropout
        or a random map; 0 for the paper's objective.
    picture: height and width of pictures that the discriminator sees through random affine maps.
    batch_norm: in the generator's hidden layers.
    dropout: rate in the discriminator's hidden layers.
    rng: seed or Generator.
    """

    landmarks = BLIND
    examples = {
        name: dict(generator_hidden=(4,), discriminator_hidden=(3,)) | options
        for name, options in {
            "InfoGAN": dict(noise_dim=2, categories=(3,), continuous=2),
            "InfoGAN (two categories)": dict(noise_dim=1, categories=(3, 2), continuous=0, weight=0.7),
            "InfoGAN (real)": dict(
                noise_dim=1, categories=(3, 2), continuous=1, real_weight=0.7, picture=(1, 5)
            ),
        }.items()
    }

    def __init__(
        self,
        data_dim,
        noise_dim=62,
        categories=(10,),
        continuous=2,
        generator_hidden=(512, 512),
        discriminator_hidden=(512, 512),
        output="sigmoid",
        weight=1.0,
        continuous_weight=0.1,
        real_weight=0.0,
        picture=None,
        batch_norm=False,
        dropout=0.0,
        rng=None,
        dtype=np.float32,
    ):
        data_dim, noise_dim = integer("data_dim", data_dim, 1), integer("noise_dim", noise_dim, 1)
        categories, continuous = integers("categories", categories, 2), integer("continuous", continuous, 0)
        generator_hidden = integers("generator_hidden", generator_hidden, 1)
        discriminator_hidden = integers("discriminator_hidden", discriminator_hidden, 1)
        for name, value in (("weight", weight), ("continuous_weight", continuous_weight)):
            number(name, value, lambda weight: 0 < weight < math.inf, "be positive")
        number("real_weight", real_weight, lambda weight: 0 <= weight < math.inf, "be at least 0")
        if picture is not None:
            picture = integers("picture", picture, 1)
            if len(picture) != 2 or math.prod(picture) != data_dim:
                raise ValueError(
                    f"picture is {picture}; "
                    f"it must be a height and a width whose product is data_dim, {data_dim}"
                )
        if real_weight and not (categories and (picture or dropout)):
            raise ValueError(
                "real_weight needs categories, and dropout or a random map of pictures, "
                "without which two looks at an example are the same"
            )
        number("dropout", dropout, lambda rate: 0 <= rate < 1, "be at least 0 and below 1")
        if not categories and not continuous:
            raise ValueError(
                "categories is empty and continuous is 0; an InfoGAN needs a code (without one, it is a GAN)"
            )
        rng = as_generator(rng)
        self.config = dict(
            data_dim=data_dim, noise_dim=noise_dim, categories=categories, continuous=continuous,
            generator_hidden=generator_hidden, discriminator_hidden=discriminator_hidden, output=output,
            weight=float(weight), continuous_weight=float(continuous_weight), real_weight=float(real_weight),
            picture=picture, batch_norm=flag("batch_norm", batch_norm), dropout=float(dropout),
        )  # fmt: skip
        self.data_dim, self.noise_dim = data_dim, noise_dim
        self.latents = [*map(Category, categories), *([Numbers(continuous)] if continuous else [])]
        self.weights = [float(weight)] * len(categories) + ([float(continuous_weight)] if continuous else [])
        inputs = sum(latent.inputs for latent in self.latents)
        outputs = sum(latent.outputs for latent in self.latents)
        sizes = (noise_dim + inputs, *generator_hidden, data_dim)
        self.generator = mlp(sizes, "relu", output=output, batch_norm=batch_norm, rng=rng, dtype=dtype)
        sizes = (data_dim, *discriminator_hidden, 1 + outputs)
        self.discriminator = mlp(sizes, lambda: LeakyReLU(0.1), dropout=dropout, rng=rng, dtype=dtype)
        if picture is not None:
            self.discriminator = Sequential(RandomAffine(picture, rng=rng, dtype=dtype), self.discriminator)
        self.stream = Stream(rng)  # of z and codes
        self.set_parts(generator=self.generator, discriminator=self.discriminator)

    def discriminator_loss(self, x, z=None, codes=None):
        """-> loss, {"discriminator", "information"}; adds to the gradients of D and Q,
        and leaves no trace in the generator.

        x (batch, data_dim) real examples.  z (m, noise_dim) and codes, a list as of `draw_codes`, instead of
        the model's own stream.
        information: the bound L_I, in nats.
        """
        with self.generator.frozen_buffers():
            codes = self.draw_codes(x.shape[0]) if codes is None else codes
            z = self._noise(x.shape[0]) if z is None else z
            generated, _ = self.generator.forward(self._input(z, codes))
        real, fake, caches = forward_both(self.discriminator, x, generated)
        loss, dreal, dfake = discriminator_bce(real[:, :1], fake[:, :1])
        information, nll, dq = self._information(fake, codes)
        total, parts = add(loss, nll), {"discriminator": loss, "information": information}
        dreal = without_codes(dreal, real)
        if self.config["real_weight"]:
            looks, dsecond = self._first_look(x, real)
            total, dreal = add(total, scaled(looks, self.config["real_weight"])), add(dreal, dsecond)
            parts["two_looks"] = looks
        backward_both(self.discriminator, dreal, join_columns(dfake, dq), caches)
        return total, parts

    def _first_look(self, x, second):
        """The loss of two looks at real examples x: this one, at x as it is, and the second, at x changed.

        second: D's outputs for x changed.  Returns the loss, and for second the gradient of
        real_weight · loss; that for the first look is added to the gradients of D and Q.
        """
        first, cache = self.discriminator.forward(x, training=False)
        start, losses, dfirsts, dseconds, weight = 1, [], [], [], self.config["real_weight"]
        for n in self.config["categories"]:
            stop = start + n
            loss, dfirst, dsecond = two_looks(first[:, start:stop], second[:, start:stop], BALANCE)
            losses.append(loss)
            dfirsts.append(scaled(dfirst, weight))
            dseconds.append(scaled(dsecond, weight))
            start = stop
        dfirst = of_categories(functools.reduce(join_columns, dfirsts), second)
        dsecond = of_categories(functools.reduce(join_columns, dseconds), second)
        self.discriminator.backward(dfirst, cache, wrt="params")
        return functools.reduce(add, losses), dsecond

    def generator_loss(self, z, codes):
        """-> loss, {"generator"}; adds to the generator's gradients, and leaves no trace in D and Q.

        z (batch, noise_dim), codes as of `draw_codes`.
        """
        generated, generator_cache = self.generator.forward(self._input(z, codes))
        with self.discriminator.frozen_buffers():
            fake, discriminator_cache = self.discriminator.forward(generated)
        loss, dfake = generator_non_saturating(fake[:, :1])
        _, nll, dq = self._information(fake, codes)
        dgenerated = self.discriminator.backward(join_columns(dfake, dq), discriminator_cache, wrt="input")
        self.generator.backward(dgenerated, generator_cache, wrt="params")
        return add(loss, nll), {"generator": loss}

    def _information(self, fake, codes):
        """-> L_I in nats, −λ L_I but for the constant, and its gradient for Q's outputs.

        fake: outputs of D for examples made from the codes.
        """
        start, nlls, weighted, dqs = 1, [], [], []
        for latent, weight, c in zip(self.latents, self.weights, codes, strict=True):
            nll, dq = latent.nll(c, fake[:, start : start + latent.outputs])
            nlls.append(nll)
            weighted.append(scaled(nll, weight))
            dqs.append(scaled(dq, weight))
            start += latent.outputs
        entropy = sum(latent.entropy for latent in self.latents)
        bound = lower_bound(functools.reduce(add, nlls), entropy)
        return bound, functools.reduce(add, weighted), functools.reduce(join_columns, dqs)

    def _input(self, z, codes):
        """[z | codes], what the generator is given."""
        if len(codes) != len(self.latents):
            raise ValueError(
                f"codes has {len(codes)} parts; "
                f"this InfoGAN needs {len(self.latents)}, as draw_codes gives them"
            )
        for latent, c in zip(self.latents, codes, strict=True):
            z = latent.join(z, c)
        return z

    def _noise(self, n, stream=None):
        return (stream or self.stream).normal((integer("n", n, 0), self.noise_dim), self.dtype)

    def draw_codes(self, n, stream=None):
        """n draws of the codes: a list of labels (n,) for each category,
        then, if there are such, the numbers (n, continuous).
        """
        return [latent.draw(stream or self.stream, n, self.dtype) for latent in self.latents]

    def players(self):
        """{"discriminator", "generator"}; Q is a part of the discriminator."""
        return {"discriminator": self.discriminator, "generator": self.generator}

    def turns(self, step):
        """Every step trains both, the generator on fresh noise and codes."""
        generator_loss = lambda x: self.generator_loss(self._noise(x.shape[0]), self.draw_codes(x.shape[0]))
        return [(self.discriminator_loss, "discriminator"), (generator_loss, "generator")]

    def sample(self, n, rng=None):
        """n generated examples, of random codes -> (n, data_dim).

        rng: seed, Generator, or None for the model's own stream.
        """
        stream = self.stream if rng is None else Stream(rng)
        return self.generate(self._noise(n, stream), self.draw_codes(n, stream))

    def generate(self, z, codes):
        """Examples from z (n, noise_dim) and codes as of `draw_codes` -> (n, data_dim)."""
        return self.generator(self._input(z, codes))

    def codes(self, x):
        """What Q reads in x (n, data_dim): a list of Q(c|x) (n, K) for each category,
        then, if there are such, the numbers' means (n, continuous).
        """
        y, start, read = self.discriminator(x), 1, []
        for latent in self.latents:
            read.append(latent.read(y[:, start : start + latent.outputs]))
            start += latent.outputs
        return read

    def clusters(self, x):
        """The most probable category, of the first code, of each example of x (n, data_dim) -> (n,);
        None without categories.
        """
        return to_host(self.codes(x)[0]).argmax(axis=1) if self.config["categories"] else None

    def pictures(self, x, plots, folder):
        """traversals.png, for pictures: a row for each category, all from one z;
        and in each row every number in turn goes from −2 to 2.
        """
        if not is_square(self.data_dim):
            return
        categories, continuous = self.config["categories"], self.config["continuous"]
        rows, columns = (categories or (1,))[0], 10 * max(1, continuous)
        steps, still = np.linspace(-2, 2, 10), np.zeros((columns, continuous))
        for i in range(continuous):
            still[10 * i : 10 * i + 10, i] = steps
        # without numbers, each column has a z of its own
        z = self._noise(columns if not continuous else 1, Stream(0))
        z = array(np.repeat(to_host(z), 1 if not continuous else columns, axis=0))
        sheet = []
        for row in range(rows):
            labels = [array(np.full(columns, row if i == 0 else 0), np.int64) for i in range(len(categories))]
            codes = labels + ([array(still, self.dtype)] if continuous else [])
            sheet.append(to_host(self.generate(z, codes)))
        plots.sample_grid(np.concatenate(sheet), folder / "traversals.png", columns=columns)

    def check_range(self, name, x):
        """A sigmoid output stays in [0, 1]."""
        if self.config["output"] == "sigmoid":
            check_unit_interval(
                name, x, "a generator with a sigmoid output (for real numbers use output='identity')"
            )

    def optimizer(self, player):
        """Adam as in the paper, with a larger step for the generator;
        and for D, where its Q learns from real examples, too.
        """
        lr = 1e-3 if player is self.generator or self.config["real_weight"] else 2e-4
        return Adam(player, lr=lr, betas=(0.5, 0.999))

    @classmethod
    def suited_to(cls, x):
        """For pictures, batch normalisation, and two looks through random maps (dropout, where their height
        and width are not known); for points, networks of three hidden layers, and eight categories.
        """
        if grey_pictures(x) and is_square(x.shape[1]):
            sizes = {"generator_hidden": (256, 256), "discriminator_hidden": (256, 256)}
            picture = (math.isqrt(x.shape[1]),) * 2
            return sizes | {"picture": picture, "batch_norm": True, "real_weight": 2.0, "steps": 15_000}
        if grey_pictures(x):
            return {"batch_norm": True, "dropout": 0.3, "steps": 15_000}
        sizes = {"generator_hidden": (128, 128, 128), "discriminator_hidden": (128, 128, 128), "noise_dim": 2}
        codes = {"categories": (8,), "continuous": 0}
        return sizes | codes | {"output": "identity", "batch_size": 256, "schedule": "cosine", "steps": 8_000}
