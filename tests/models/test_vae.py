"""The variational autoencoder: shapes, seeds, noise, and what its constructor refuses. Gradients and likelihoods have files of their own."""

import math

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.models import VAE

RNG = np.random.default_rng(0)
X = RNG.random((7, 6), dtype=np.float32)


def make(likelihood="bernoulli", seed=0, **options):
    return VAE(6, latent_dim=2, hidden=(5, 4), likelihood=likelihood, rng=seed, **options)


each_likelihood = pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])


def test_networks_are_the_ones_asked_for(likelihood="gaussian"):
    vae = make(likelihood)
    assert [layer.params["W"].shape for layer in vae.encoder.layers if layer.params] == [(6, 5), (5, 4), (4, 2 * 2)]
    assert [layer.params["W"].shape for layer in vae.decoder.layers if layer.params] == [(2, 4), (4, 5), (5, 2 * 6)]
    assert [layer.params["W"].shape for layer in make().decoder.layers if layer.params][-1] == (5, 6)


def test_one_flat_array_holds_encoder_then_decoder():
    vae = make()
    assert vae.n_params == vae.encoder.n_params + vae.decoder.n_params == vae.flat_params.size
    vae.flat_params[...] = np.arange(vae.n_params)
    np.testing.assert_array_equal(vae.encoder.flat_params, np.arange(vae.encoder.n_params))
    assert vae.decoder.layers[0].params["W"][0, 0] == vae.encoder.n_params


@each_likelihood
def test_shapes_and_dtypes(backend, likelihood):
    vae = make(likelihood)
    mu, logvar = vae.encode(X)
    results = {(7, 2): [mu, logvar], (7, 6): [vae.reconstruct(X), vae.decode(mu)], (3, 6): [vae.sample(3)], (7,): [vae.elbo(X)]}
    for shape, arrays in results.items():
        for a in arrays:
            assert a.shape == shape
            assert a.dtype == np.float32
    assert vae.log_likelihood(X, n_samples=2).shape == (7,)
    loss, parts = vae.loss(X)
    assert float(loss) == pytest.approx(float(parts["nll"]) + float(parts["kl"]))


def test_bernoulli_draws_probabilities_and_gaussian_means(backend):
    vae = make()
    vae.decoder.flat_params[...] *= 30
    assert 0 <= vae.sample(100, rng=0).min() < 0.1 < 0.9 < vae.sample(100, rng=0).max() <= 1
    vae = make("gaussian")
    z = RNG.normal(size=(4, 2)).astype(np.float32)
    np.testing.assert_array_equal(vae.decode(z), vae.decoder(z)[:, :6])  # the other half is the log-variance


def test_reconstruction_goes_through_the_mean_of_q(backend):
    vae = make()
    np.testing.assert_array_equal(vae.reconstruct(X), vae.decode(vae.encode(X)[0]))
    np.testing.assert_array_equal(vae.reconstruct(X), vae.reconstruct(X))  # no noise in it


@each_likelihood
def test_same_seed_same_model_same_noise(likelihood):
    one, same, other = make(likelihood, seed=5), make(likelihood, seed=5), make(likelihood, seed=6)
    np.testing.assert_array_equal(one.flat_params, same.flat_params)
    assert (one.flat_params != other.flat_params).any()
    first, second = one.loss(X)[0], one.loss(X)[0]
    assert first != second  # fresh noise
    assert (first, second) == (same.loss(X)[0], same.loss(X)[0])
    np.testing.assert_array_equal(one.sample(4), same.sample(4))
    assert (one.sample(4) != one.sample(4)).any()
    np.testing.assert_array_equal(one.sample(4, rng=1), one.sample(4, rng=1))
    np.testing.assert_array_equal(one.elbo(X, rng=1), other_like(one).elbo(X, rng=1))
    assert (one.elbo(X, rng=1) != one.elbo(X, rng=2)).any()


def other_like(vae):
    """A model of other origin with the same parameters."""
    other = make(vae.config["likelihood"], seed=99)
    other.flat_params[...] = vae.flat_params
    return other


def test_a_given_seed_leaves_the_models_own_stream_alone():
    vae, same = make(), make()
    vae.sample(3, rng=0), vae.elbo(X, rng=0), vae.log_likelihood(X, n_samples=2, rng=0)
    np.testing.assert_array_equal(vae.sample(3), same.sample(3))


def test_z_has_the_standard_deviation_that_logvar_says(backend):
    """Museum: exp(logvar) taken for the standard deviation. An encoder that says σ = 0.2 for everything must sample with σ = 0.2."""
    vae = VAE(3, latent_dim=2, hidden=(), rng=0, dtype=np.float64)
    last = vae.encoder.layers[-1].params
    last["W"][...] = 0
    last["b"][...] = [1.0, -2.0, 2 * math.log(0.2), 2 * math.log(3.0)]  # mu, mu, logvar, logvar
    z, _ = vae.reparameterize.forward(*vae.encode(np.zeros((20_000, 3))))
    np.testing.assert_allclose(z.mean(axis=0), [1, -2], atol=4 * 3 / math.sqrt(20_000))
    np.testing.assert_allclose(z.std(axis=0), [0.2, 3], rtol=0.03)


@each_likelihood
def test_float32_and_float64_agree(backend, likelihood):
    single = make(likelihood)
    double = single.astype(np.float64)
    eps = RNG.normal(size=(7, 2))
    loss, parts = single.loss(X, eps.astype(np.float32))
    exact, exact_parts = double.loss(X.astype(np.float64), eps)
    assert float(loss) == pytest.approx(float(exact), rel=1e-5)
    assert {key: float(value) for key, value in parts.items()} == pytest.approx({key: float(value) for key, value in exact_parts.items()}, rel=1e-4)
    np.testing.assert_allclose(single.flat_grads, double.flat_grads, rtol=1e-3, atol=1e-5)


def test_gradients_accumulate_until_cleared(backend):
    vae, eps = make(), RNG.normal(size=(7, 2)).astype(np.float32)
    vae.zero_grads()
    vae.loss(X, eps)
    once = vae.flat_grads.copy()
    vae.loss(X, eps)
    np.testing.assert_allclose(vae.flat_grads, 2 * once, rtol=1e-6)
    vae.zero_grads()
    assert not vae.flat_grads.any()


def test_an_untrained_latent_costs_what_a_coin_toss_costs():
    """With all weights zero, q is the prior and p(x|z) is a fair coin for each pixel: the loss is D log 2, the gradient of q's weights zero."""
    vae = make(dtype=np.float64)
    vae.flat_params[...] = 0
    loss, parts = vae.loss(X.astype(np.float64))
    assert float(loss) == pytest.approx(6 * math.log(2), rel=1e-14)
    assert float(parts["kl"]) == 0
    assert not vae.encoder.flat_grads.any()


def test_what_a_training_loop_asks_for():
    vae = make()
    assert vae.players() == {"model": vae}
    [(player, loss)] = vae.turns(0)
    assert player == "model"
    assert float(loss(X)[0]) > 0
    assert vae.optimizer(vae).lr == 1e-3
    assert vae.evaluate(X, rng=0) == {"elbo": pytest.approx(float(vae.elbo(X, rng=0).mean()), rel=1e-6)}
    np.testing.assert_array_equal(VAE(**vae.config, rng=0).flat_params, vae.flat_params)  # config makes an equal model
    assert repr(vae) == "VAE(data_dim=6, latent_dim=2, hidden=(5, 4), activation='tanh', likelihood='bernoulli')"


@pytest.mark.parametrize(
    "options, error, words",
    [
        (dict(data_dim=0), ValueError, "data_dim is 0; it must be at least 1"),
        (dict(data_dim=2.5), TypeError, "data_dim is 2.5; it must be an int"),
        (dict(latent_dim=-1), ValueError, "latent_dim is -1"),
        (dict(latent_dim="2"), TypeError, "latent_dim is '2'"),
        (dict(hidden=500), TypeError, r"hidden is 500; it must be a tuple of ints, such as \(500,\)"),
        (dict(hidden=(5, 0)), ValueError, r"hidden\[1\] is 0; it must be at least 1"),
        (dict(hidden=("5",)), TypeError, r"hidden\[0\] is '5'; it must be an int"),
        (dict(activation="tahn"), ValueError, "unknown activation 'tahn'; did you mean 'tanh'"),
        (dict(likelihood="Bernouli"), ValueError, "unknown likelihood 'Bernouli'; did you mean 'bernoulli'"),
        (dict(rng="0"), TypeError, "rng is '0'"),
    ],
)
def test_arguments_that_make_no_model(options, error, words):
    with pytest.raises(error, match=words):
        VAE(**{"data_dim": 6, "latent_dim": 2, "hidden": (5,)} | options)


def test_data_of_the_wrong_shape_or_type():
    vae = make()
    with pytest.raises(ValueError, match=r"x has shape \(7, 5\); VAE.loss needs \(batch, 6\)"):
        vae.loss(X[:, :5])
    with pytest.raises(TypeError, match="x is float64 but .* float32"):
        vae.loss(X.astype(np.float64))
    with pytest.raises(ValueError, match=r"eps has shape \(6, 2\)"):
        vae.loss(X, np.zeros((6, 2), np.float32))
    with pytest.raises(ValueError, match="n_samples is 0; it must be at least 1"):
        vae.log_likelihood(X, n_samples=0)
    with pytest.raises(ValueError, match=r"data has values from -1 to 2; a Bernoulli likelihood .* needs them in \[0, 1\]"):
        vae.check_range("data", np.array([[-1.0, 2.0, 0, 0, 0, 0]]))
    make("gaussian").check_range("data", np.array([[-1.0, 2.0, 0, 0, 0, 0]]))


def test_sizes_may_be_numpy_integers(tmp_path):
    """They come out of arithmetic on shapes; a checkpoint must be able to write them down."""
    vae = VAE(np.int64(6), np.int32(2), hidden=np.array([5, 4]), rng=0)
    sg.save(vae, tmp_path / "vae.npz")
    np.testing.assert_array_equal(sg.load(tmp_path / "vae.npz").flat_params, vae.flat_params)


@pytest.mark.parametrize(
    "model", [sg.VAE(4, 2, (3,), rng=0), sg.GAN(4, 2, (3,), (3,), rng=0), sg.MADE(4, (3,), rng=0)], ids=lambda model: type(model).__name__
)
def test_how_many_to_sample(model):
    assert model.sample(0).shape == (0, 4)
    with pytest.raises(ValueError, match="n is -1; it must be at least 0"):
        model.sample(-1)
    with pytest.raises(TypeError, match="n is 2.5; it must be an int"):
        model.sample(2.5)


def test_no_examples_have_no_likelihoods():
    vae, x = sg.VAE(4, 2, (3,), rng=0), np.zeros((0, 4), np.float32)
    assert vae.elbo(x).shape == vae.log_likelihood(x, n_samples=2).shape == (0,)
