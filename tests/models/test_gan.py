"""The two players: what each loss touches and leaves alone, the passes it shares, seeds, and what the constructor refuses."""

import math

import numpy as np
import pytest

import scratchgen as sg
from scratchgen import plots
from scratchgen.layers import BatchNorm, Dropout, Sequential, mlp
from scratchgen.models import GAN

RNG = np.random.default_rng(0)
X, Z = RNG.random((8, 6)), RNG.normal(size=(5, 3))


class NormalisedGAN(GAN):
    """A GAN with batch normalisation in both players and dropout in the discriminator."""

    def __init__(self):
        super().__init__(6, 3, (7,), (7,), rng=0, dtype=np.float64)
        self.generator = mlp((3, 7, 6), batch_norm=True, rng=0, dtype=np.float64)
        self.discriminator = mlp((6, 7, 1), "leaky_relu", batch_norm=True, dropout=0.3, rng=1, dtype=np.float64)
        self.set_parts(generator=self.generator, discriminator=self.discriminator)


def make(seed=0, **options):
    return GAN(**dict(data_dim=6, latent_dim=3, generator_hidden=(9, 8), discriminator_hidden=(7,), rng=seed, dtype=np.float64) | options)


def everything(module):
    """All numbers that a module holds, copies: parameters, gradients, buffers."""
    return {"params": module.flat_params.copy(), "grads": module.flat_grads.copy()} | {k: v.copy() for k, v in module.all_buffers().items()}


def same(one, other):
    return all(one[key].tobytes() == other[key].tobytes() for key in one)


@pytest.mark.parametrize("make", [make, NormalisedGAN])
@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_a_players_loss_touches_that_players_gradients_and_nothing_of_the_other(backend, make, player):
    gan = make()
    gan.flat_grads[...] = RNG.normal(size=gan.flat_grads.shape)  # what stands there must stay, or be added to
    gan.generator_loss(Z), gan.discriminator_loss(X, Z)  # running statistics move away from where they start
    mine, other = (gan.discriminator, gan.generator) if player == "discriminator" else (gan.generator, gan.discriminator)
    before, others = everything(mine), everything(other)
    loss, parts = gan.discriminator_loss(X, Z) if player == "discriminator" else gan.generator_loss(Z)
    assert same(everything(other), others)
    after = everything(mine)
    assert (after["params"] == before["params"]).all()
    assert (after["grads"] != before["grads"]).any()
    assert all((after[key] != before[key]).all() for key in before if key not in ("params", "grads"))  # its own statistics do move
    assert float(parts[player]) == float(loss)


@pytest.mark.parametrize("objective", ["non_saturating", "minimax"])
def test_every_generator_parameter_gets_a_gradient(backend, objective):
    """Museum: a generator that never trains, because the discriminator was not on the path of its gradient."""
    gan = make(objective=objective, generator_hidden=(9,))
    gan.generator.params["0.b"][...] = 1  # no unit that is silent for every z
    gan.zero_grads()
    gan.generator_loss(RNG.normal(size=(200, 3)))
    for name, grad in gan.generator.grads.items():
        assert (grad != 0).all(), name


def test_the_generators_gradient_comes_through_the_discriminator(backend):
    """A discriminator that ignores its input leaves the generator nothing to learn; one with weights doubled, more."""
    gan = make()
    gan.zero_grads()
    gan.generator_loss(Z)
    usual = np.abs(gan.generator.flat_grads).sum()
    gan.discriminator.layers[0].params["W"][...] *= 2
    gan.zero_grads()
    gan.generator_loss(Z)
    assert np.abs(gan.generator.flat_grads).sum() > 1.2 * usual > 0
    gan.discriminator.layers[0].params["W"][...] = 0
    gan.zero_grads()
    gan.generator_loss(Z)
    assert not gan.generator.flat_grads.any()


def test_one_pass_over_real_and_generated_equals_two(backend, monkeypatch):
    together, apart = make(), make()
    together.zero_grads(), apart.zero_grads()
    one = together.discriminator_loss(X, Z)[0]
    monkeypatch.setattr(Sequential, "couples_batch", True)
    two = apart.discriminator_loss(X, Z)[0]
    assert float(one) == pytest.approx(float(two), rel=1e-13)
    np.testing.assert_allclose(together.flat_grads, apart.flat_grads, rtol=1e-11, atol=1e-15)
    assert together.discriminator.flat_grads.any()


def test_batch_statistics_of_real_and_generated_do_not_mix(backend):
    """With batch normalisation the two minibatches go through one after the other: the real ones' logits do not depend on the generated."""
    gan = NormalisedGAN()
    assert gan.discriminator.couples_batch
    assert not make(batch_norm=True).discriminator.couples_batch  # that is the generator's
    passes = []
    forward = gan.discriminator.forward
    gan.discriminator.forward = lambda x: passes.append(x) or forward(x)
    gan.discriminator_loss(X, Z)
    assert len(passes) == 2
    np.testing.assert_array_equal(passes[0], X)
    assert passes[1].shape == (5, 6)


def test_batch_norm_is_the_generators_and_dropout_the_discriminators():
    gan = make(batch_norm=True, dropout=0.3)
    kinds = lambda net, kind: [type(layer) is kind for layer in net.layers].count(True)
    assert (kinds(gan.generator, BatchNorm), kinds(gan.discriminator, BatchNorm)) == (2, 0)  # one for each hidden layer
    assert (kinds(gan.generator, Dropout), kinds(gan.discriminator, Dropout)) == (0, 1)
    assert gan.discriminator_loss(X, Z)[0] != gan.discriminator_loss(X, Z)[0]  # another mask each time


def test_losses_are_the_papers(backend):
    gan = make()
    real, fake = gan.discriminator(X), gan.discriminator(gan.generator(Z))
    D = lambda logit: 1 / (1 + np.exp(-logit))
    wanted = -np.log(D(real)).mean() - np.log(1 - D(fake)).mean()
    assert float(gan.discriminator_loss(X, Z)[0]) == pytest.approx(wanted, rel=1e-12)
    assert float(gan.generator_loss(Z)[0]) == pytest.approx(-np.log(D(fake)).mean(), rel=1e-12)
    assert float(make(objective="minimax").generator_loss(Z)[0]) == pytest.approx(np.log(1 - D(fake)).mean(), rel=1e-12)


def test_a_discriminator_that_says_one_half_pays_log_4(backend):
    gan = make()
    gan.discriminator.flat_params[...] = 0
    assert float(gan.discriminator_loss(X, Z)[0]) == pytest.approx(math.log(4), rel=1e-15)


@pytest.mark.parametrize("output, low, high", [("sigmoid", 0, 1), ("tanh", -1, 1), ("identity", -np.inf, np.inf)])
def test_samples_have_the_range_of_the_output(backend, output, low, high):
    gan = make(output=output, dtype=np.float32)
    gan.generator.flat_params[...] *= 4
    samples = gan.sample(50, rng=0)
    assert samples.shape == (50, 6)
    assert samples.dtype == np.float32
    assert low <= samples.min() < samples.max() <= high
    if output == "identity":
        assert samples.min() < -1


def test_same_seed_same_model_same_noise():
    one, twin, other = make(5), make(5), make(6)
    np.testing.assert_array_equal(one.flat_params, twin.flat_params)
    assert (one.flat_params != other.flat_params).any()
    first, second = one.discriminator_loss(X)[0], one.discriminator_loss(X)[0]
    assert first != second  # fresh noise
    assert (first, second) == (twin.discriminator_loss(X)[0], twin.discriminator_loss(X)[0])
    np.testing.assert_array_equal(one.sample(4), twin.sample(4))
    np.testing.assert_array_equal(one.sample(4, rng=1), one.sample(4, rng=1))
    assert (one.sample(4, rng=1) != one.sample(4, rng=2)).any()
    np.testing.assert_array_equal(one.sample(4), twin.sample(4))  # a given seed leaves the model's own stream alone


@pytest.mark.parametrize("k", [1, 3])
def test_algorithm_1_trains_the_generator_at_every_kth_step(k):
    gan = make(discriminator_steps=k)
    turns = [[name for _, name in gan.turns(step)] for step in range(6)]
    assert turns == [["discriminator", "generator"] if (step + 1) % k == 0 else ["discriminator"] for step in range(6)]


def test_the_turns_of_a_step_fill_each_players_gradients(backend):
    gan = make()
    losses = {name: loss for loss, name in gan.turns(0)}
    gan.zero_grads()
    losses["discriminator"](X)
    assert gan.discriminator.flat_grads.any()
    assert not gan.generator.flat_grads.any()
    gan.zero_grads()
    losses["generator"](X)
    assert gan.generator.flat_grads.any()
    assert not gan.discriminator.flat_grads.any()


def test_what_a_training_loop_asks_for():
    gan = make()
    assert gan.players() == {"discriminator": gan.discriminator, "generator": gan.generator}
    optimizer = gan.optimizer(gan.generator)
    assert (optimizer.lr, optimizer.betas) == (2e-4, (0.5, 0.999))
    assert gan.evaluate(X) == {}  # a GAN has no likelihood to report
    np.testing.assert_array_equal(GAN(**gan.config, rng=0, dtype=np.float64).flat_params, gan.flat_params)  # config makes an equal model
    with pytest.raises(ValueError, match=r"data has values from -1 to 1; .* output='identity'"):
        gan.check_range("data", np.resize([-1.0, 1.0], (1, 6)))
    make(output="identity").check_range("data", np.resize([-1.0, 1.0], (1, 6)))


@pytest.mark.parametrize(
    "options, error, words",
    [
        (dict(data_dim=0), ValueError, "data_dim is 0; it must be at least 1"),
        (dict(latent_dim=1.5), TypeError, "latent_dim is 1.5; it must be an int"),
        (dict(generator_hidden=128), TypeError, "generator_hidden is 128; it must be a tuple of ints"),
        (dict(discriminator_hidden=(128, -1)), ValueError, r"discriminator_hidden\[1\] is -1"),
        (dict(discriminator_steps=0), ValueError, "discriminator_steps is 0"),
        (
            dict(simultaneous=True, discriminator_steps=2, penalty="r1"),
            ValueError,
            "simultaneous is True; it goes without penalty, discriminator_steps",
        ),
        (dict(simultaneous=1), TypeError, "simultaneous is 1"),
        (dict(objective="non-saturating"), ValueError, "unknown objective 'non-saturating'; did you mean 'non_saturating'"),
        (dict(output="sigmoyd"), ValueError, "unknown output 'sigmoyd'; did you mean 'sigmoid'"),
    ],
)
def test_arguments_that_make_no_model(options, error, words):
    with pytest.raises(error, match=words):
        make(**options)


def test_data_and_noise_of_the_wrong_shape():
    gan = make()
    with pytest.raises(ValueError, match=r"x has shape \(5, 2\); Linear\(3, 9\) needs \(batch, 3\)"):
        gan.generator_loss(Z[:, :2])
    with pytest.raises(ValueError, match=r"x has shape \(8, 5\); GAN.discriminator_loss needs \(batch, 6\)"):
        gan.discriminator_loss(X[:, :5], Z)


def test_models_of_both_kinds_are_saved_and_loaded(tmp_path):
    gan = make(dtype=np.float32)
    sg.save(gan, tmp_path / "gan.npz")
    again = sg.load(tmp_path / "gan.npz")
    np.testing.assert_array_equal(again.flat_params, gan.flat_params)
    np.testing.assert_array_equal(again.sample(3), gan.sample(3))  # the stream as well


def test_the_discriminator_s_surface_and_slope(tmp_path):
    gan = GAN(2, latent_dim=2, generator_hidden=(4,), discriminator_hidden=(5,), output="identity", rng=0, dtype=np.float64)
    x, step = np.random.default_rng(0).normal(size=(6, 2)), np.array([1e-6, 0])
    difference = (gan.discriminator(x + step) - gan.discriminator(x - step)) / 2e-6
    np.testing.assert_allclose(gan._slope(x)[:, :1], difference, rtol=1e-5, atol=1e-9)
    gan.pictures(x, plots, tmp_path)
    assert (tmp_path / "surface.png").stat().st_size > 5000
    for other in (GAN(3, latent_dim=2, output="identity"), GAN(2, latent_dim=2, pack=2), GAN(2, latent_dim=2, n_classes=2)):
        other.pictures(x[:, [0] * other.data_dim], plots, tmp_path / "none")  # packs and labels are no places of the plane


def test_log_4_is_the_loss_of_a_discriminator_that_always_says_one_half():
    gan = sg.GAN(3, 2, (4,), (4,), rng=0)
    gan.discriminator.flat_params[...] = 0
    loss, _ = gan.discriminator_loss(np.zeros((5, 3), np.float32), np.zeros((5, 2), np.float32))
    number, _ = gan.landmarks["discriminator"]
    assert float(loss) == pytest.approx(number, rel=1e-6)
    assert sg.GAN(3, 2, (4,), (4,), objective="wasserstein", rng=0).landmarks == {}
