"""The whole objectives, end to end, against difference quotients; and a check of the check: seeded mistakes must not pass."""

import numpy as np
import pytest

from scratchgen.gradcheck import assert_gradients, check_objective
from scratchgen.layers import ELU, BatchNorm, Dropout, LayerNorm, LeakyReLU, Linear, Maxout, Sequential, Tanh
from scratchgen.losses import discriminator_bce, gaussian_kl
from scratchgen.models import GAN, VAE
from scratchgen.models.likelihoods import split

RNG = np.random.default_rng(2)
X, EPS = RNG.random((6, 5)), RNG.normal(size=(6, 2))
REAL, Z = RNG.normal(size=(6, 4)), RNG.normal(size=(5, 3))


def make_vae(**options):
    vae = VAE(**dict(data_dim=5, latent_dim=2, hidden=(4,), rng=1, dtype=np.float64) | options)
    return off_centre(vae)


def make_gan(**options):
    gan = GAN(
        **dict(data_dim=4, latent_dim=3, generator_hidden=(6, 5), discriminator_hidden=(7, 6), output="tanh", rng=1, dtype=np.float64) | options
    )
    return off_centre(gan)


def off_centre(model):
    """Biases start at zero, where mistakes may hide: move every parameter away."""
    model.flat_params[...] += np.random.default_rng(3).normal(0, 0.2, model.flat_params.shape)
    return model


def check_vae(vae, loss=None):
    return check_objective(vae, lambda: (loss or vae.loss)(X, EPS), limit=None)


def check_discriminator(gan, loss=None):
    return check_objective(gan.discriminator, lambda: (loss or gan.discriminator_loss)(REAL, Z), context=(gan.generator,), limit=None)


def check_generator(gan, loss=None):
    return check_objective(gan.generator, lambda: (loss or gan.generator_loss)(Z), context=(gan.discriminator,), limit=None)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@pytest.mark.parametrize(
    "hidden, activation",
    [((), "tanh"), ((4,), "tanh"), ((4,), "sigmoid"), ((5, 3), "softplus"), ((4, 3, 4), "elu"), ((4,), "relu"), ((5, 3), "leaky_relu")],
)
def test_vae(backend, likelihood, hidden, activation):
    assert_gradients(check_vae(make_vae(likelihood=likelihood, hidden=hidden, activation=activation)))


def test_vae_with_its_own_noise(backend):
    vae = make_vae()
    assert_gradients(check_objective(vae, lambda: vae.loss(X), limit=None))  # the checker puts the stream back before each evaluation


def test_vae_of_one_example_one_pixel_one_latent(backend):
    vae = make_vae(data_dim=1, latent_dim=1)
    assert_gradients(check_objective(vae, lambda: vae.loss(X[:1, :1], EPS[:1, :1]), limit=None))


@pytest.mark.parametrize("output", ["sigmoid", "tanh", "identity"])
@pytest.mark.parametrize("objective", ["non_saturating", "minimax"])
def test_gan(backend, objective, output):
    gan = make_gan(objective=objective, output=output)
    assert_gradients(check_discriminator(gan))
    assert_gradients(check_generator(gan))


def linear(n_in, n_out):
    return Linear(n_in, n_out, rng=n_in, dtype=np.float64)


DISCRIMINATORS = {
    "batch norm": lambda: [linear(4, 6), BatchNorm(6, dtype=np.float64), LeakyReLU(0.2), linear(6, 1)],
    "layer norm": lambda: [linear(4, 6), LayerNorm(6, dtype=np.float64), Tanh(), linear(6, 1)],
    "dropout": lambda: [Dropout(0.2, rng=0), linear(4, 6), LeakyReLU(0.2), Dropout(0.5, rng=1), linear(6, 1)],
    "maxout": lambda: [linear(4, 15), Maxout(3), linear(5, 1)],
    "all": lambda: [linear(4, 6), BatchNorm(6, dtype=np.float64), ELU(), linear(6, 6), Dropout(0.5, rng=0), Maxout(2), linear(3, 1)],
}


class OtherGAN(GAN):
    """A GAN with another discriminator, and batch normalisation in the generator."""

    def __init__(self, layers, **options):
        super().__init__(4, 3, (6,), (6,), rng=1, dtype=np.float64, **options)
        self.generator = Sequential(linear(3, 6), BatchNorm(6, dtype=np.float64), Tanh(), linear(6, 4))
        self.discriminator = Sequential(*layers)
        self.set_parts(generator=self.generator, discriminator=self.discriminator)


@pytest.mark.parametrize("objective", ["non_saturating", "minimax"])
@pytest.mark.parametrize("kind", DISCRIMINATORS)
def test_gan_with_layers_that_draw_noise_or_couple_the_batch(backend, kind, objective):
    gan = off_centre(OtherGAN(DISCRIMINATORS[kind](), objective=objective))
    assert_gradients(check_discriminator(gan))
    assert_gradients(check_generator(gan))


@pytest.mark.parametrize("options", [dict(batch_norm=True), dict(dropout=0.4), dict(batch_norm=True, dropout=0.4)])
def test_gan_with_batch_norm_and_dropout_of_its_own(backend, options):
    gan = make_gan(**options)
    assert_gradients(check_discriminator(gan))
    assert_gradients(check_generator(gan))


def test_gan_with_unequal_numbers_of_real_and_generated(backend):
    gan = make_gan()
    for n, m in ((1, 5), (6, 1)):
        assert_gradients(check_objective(gan.discriminator, lambda n=n, m=m: gan.discriminator_loss(REAL[:n], Z[:m]), limit=None))


# Mistakes that have been made. Each objective stands here once more, with a place for a slip at every gradient.


def vae_loss(vae, **slips):
    """VAE.loss, with slips {name: function of the value}."""
    slip = lambda name, value: slips[name](value) if name in slips else value

    def loss(x, eps):
        h, encoder_cache = vae.encoder.forward(x)
        mu, logvar = split(h)
        z, sample_cache = vae.posterior.reparameterize.forward(mu, logvar, eps=eps)
        z = slip("z", (z, mu, logvar, eps))[0] if "z" in slips else z
        output, decoder_cache = vae.decoder.forward(z)
        nll, doutput = vae.likelihood.nll(x, output)
        kl, dmu_kl, dlogvar_kl = gaussian_kl(mu, logvar)
        dz = vae.decoder.backward(slip("doutput", doutput), decoder_cache, wrt=slip("decoder", "both"))
        dmu_z, dlogvar_z = vae.posterior.reparameterize.backward(slip("dz", dz), sample_cache)
        dmu = slip("dmu_z", dmu_z) + slip("dmu_kl", dmu_kl)
        dlogvar = slip("dlogvar_z", dlogvar_z) + slip("dlogvar_kl", dlogvar_kl)
        vae.encoder.backward(np.concatenate(slip("dh", [dmu, dlogvar]), axis=1), encoder_cache, wrt="params")
        return slip("nll", nll) + kl

    return loss


VAE_MISTAKES = {
    "KL's gradient for logvar dropped": dict(dlogvar_kl=np.zeros_like),
    "KL's gradient for mu dropped": dict(dmu_kl=np.zeros_like),
    "KL's gradient with its sign flipped": dict(dmu_kl=np.negative, dlogvar_kl=np.negative),
    "KL's gradient summed over the batch": dict(dmu_kl=lambda d: 6 * d, dlogvar_kl=lambda d: 6 * d),
    "no gradient through the noise": dict(dlogvar_z=np.zeros_like),
    "no gradient through the mean": dict(dmu_z=np.zeros_like),
    "½ forgotten in the reparameterization": dict(dlogvar_z=lambda d: 2 * d),
    "std taken for log-variance": dict(z=lambda v: (v[1] + np.exp(v[2]) * v[3],)),
    "variance taken for std": dict(dlogvar_z=lambda d: d * 0.9),
    "mu and logvar swapped on the way back": dict(dh=lambda pair: pair[::-1]),
    "decoder's own gradient left out": dict(decoder=lambda wrt: "input"),
    "reconstruction averaged over pixels": dict(nll=lambda nll: nll / 5),
    "reconstruction's gradient averaged over pixels": dict(doutput=lambda d: d / 5),
    "gradient of the decoder's input summed": dict(dz=lambda d: 6 * d),
}


@pytest.mark.parametrize("mistake", VAE_MISTAKES)
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_a_mistake_in_the_vae_does_not_pass(mistake, likelihood):
    vae = make_vae(likelihood=likelihood)
    assert not check_vae(vae, vae_loss(vae, **VAE_MISTAKES[mistake])).ok


def gan_losses(gan, **slips):
    """GAN.discriminator_loss and GAN.generator_loss, with slips {name: function of the value}."""
    slip = lambda name, value: slips[name](value) if name in slips else value
    G, D = gan.generator, gan.discriminator

    def discriminator_loss(x, z):
        generated, _ = G.forward(z)
        real, real_cache = D.forward(x)
        fake, fake_cache = D.forward(generated)
        loss, dreal, dfake = discriminator_bce(real, fake)
        D.backward(slip("dreal", dreal), real_cache, wrt="params")
        slip("between", D)
        D.backward(slip("dfake", dfake), slip("fake_cache", [fake_cache, real_cache])[0], wrt="params")
        return loss

    def generator_loss(z):
        generated, generator_cache = G.forward(z)
        logits, discriminator_cache = D.forward(generated)
        stale = G.forward(z[::-1] + 0)[1]
        loss, dlogits = gan.objective(logits)
        dgenerated = D.backward(slip("dlogits", dlogits), discriminator_cache, wrt="input")
        slip("before the generator's backward", G)
        through = slip("through", [dgenerated, dlogits * np.ones_like(dgenerated)])[0]
        G.backward(through, slip("generator_cache", [generator_cache, stale])[0], wrt="params")
        return loss

    return discriminator_loss, generator_loss


swapped = lambda pair: pair[::-1]
DISCRIMINATOR_MISTAKES = {
    "generated examples labelled real": dict(dfake=np.negative),
    "both signs flipped": dict(dreal=np.negative, dfake=np.negative),
    "generated examples left out": dict(dfake=np.zeros_like),
    "real examples' gradient overwritten": dict(between=lambda D: D.zero_grads()),
    "one loss averaged over both batches": dict(dreal=lambda d: d * 6 / 11, dfake=lambda d: d * 5 / 11),
    "halved": dict(dreal=lambda d: d / 2, dfake=lambda d: d / 2),
}
GENERATOR_MISTAKES = {
    "not through the discriminator": dict(through=swapped),
    "the generator's cache of another pass": dict(generator_cache=swapped),
    "sign flipped": dict(dlogits=np.negative),
    "of the sum": dict(dlogits=lambda d: 5 * d),
    "of the saturating objective": dict(dlogits=lambda d: -1 / 5 - d),  # −σ(l)/m = −1/m + σ(−l)/m
    "never arrives": dict(through=lambda pair: [np.zeros_like(pair[0])]),
}


@pytest.mark.parametrize("mistake", DISCRIMINATOR_MISTAKES)
def test_a_mistake_in_the_discriminators_loss_does_not_pass(mistake):
    gan = make_gan()
    slips = DISCRIMINATOR_MISTAKES[mistake]
    assert not check_objective(gan.discriminator, lambda: gan_losses(gan, **slips)[0](REAL[:5], Z), limit=None).ok


@pytest.mark.parametrize("mistake", GENERATOR_MISTAKES)
def test_a_mistake_in_the_generators_loss_does_not_pass(mistake):
    gan = make_gan()
    assert not check_generator(gan, gan_losses(gan, **GENERATOR_MISTAKES[mistake])[1]).ok


def test_the_slips_are_the_only_difference():
    """Without a slip the copies compute what the models compute, and pass: the mistakes fail for the reason they should."""
    for likelihood in ("bernoulli", "gaussian"):
        vae = make_vae(likelihood=likelihood)
        assert float(vae_loss(vae)(X, EPS)) == pytest.approx(float(vae.loss(X, EPS)[0]), rel=1e-14)
        assert_gradients(check_vae(vae, vae_loss(vae)))
    gan = make_gan()
    discriminator_loss, generator_loss = gan_losses(gan)
    assert float(discriminator_loss(REAL, Z)) == pytest.approx(float(gan.discriminator_loss(REAL, Z)[0]), rel=1e-14)
    assert float(generator_loss(Z)) == pytest.approx(float(gan.generator_loss(Z)[0]), rel=1e-14)
    assert_gradients(check_discriminator(gan, discriminator_loss))
    assert_gradients(check_generator(gan, generator_loss))
