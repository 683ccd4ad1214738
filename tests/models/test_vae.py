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
    z, _ = vae.posterior.reparameterize.forward(*vae.encode(np.zeros((20_000, 3))))
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
    [(loss, player)] = vae.turns(0)
    assert player == "model"
    assert float(loss(X)[0]) > 0
    assert vae.optimizer(vae).lr == 1e-3
    assert vae.evaluate(X, rng=0) == {"elbo": pytest.approx(float(vae.elbo(X, rng=0).mean()), rel=1e-6)}
    np.testing.assert_array_equal(VAE(**vae.config, rng=0).flat_params, vae.flat_params)  # config makes an equal model
    assert repr(vae) == (
        "VAE(data_dim=6, latent_dim=2, hidden=(5, 4), activation='tanh', likelihood='bernoulli', "
        "variance=1.0, posterior='gaussian', beta=1.0, n_classes=None, marginals=False)"
    )


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


# Beta, labels, a fixed variance


def test_beta_weighs_the_divergence(backend):
    one, three = make(dtype=np.float64), make(dtype=np.float64, beta=3.0)
    x, eps = X.astype(np.float64), RNG.normal(size=(7, 2))
    (_, parts), (weighted, same) = one.loss(x, eps), three.loss(x, eps)
    assert same["nll"] == parts["nll"] and same["kl"] == parts["kl"]  # what is reported is the divergence itself
    assert weighted == pytest.approx(parts["nll"] + 3 * parts["kl"], rel=1e-14)
    without = make(dtype=np.float64, beta=0.0)
    without.loss(x, eps)  # the likelihood's gradient alone: the whole is linear in beta
    np.testing.assert_allclose(three.flat_grads - without.flat_grads, 3 * (one.flat_grads - without.flat_grads), atol=1e-13)


def test_beta_may_be_annealed_within_a_recorded_step(caplog):
    caplog.set_level("INFO", "scratchgen")

    def train(wrap):
        with sg.use_backend("numba"):
            vae = make()
            step = wrap(lambda x: sg.train.train_step(vae, optimizers, x, 0))
            optimizers, losses = {"model": vae.optimizer(vae)}, []
            for number in range(12):
                vae.beta = number / 12
                losses.append(float(step(X)["loss"]))
        return losses, vae.flat_params

    (losses, params), (as_written, others) = train(sg.recorded), train(lambda step: step)
    assert losses == as_written and "as written" not in caplog.text
    np.testing.assert_array_equal(params, others)


def conditional(**options):
    return make(n_classes=3, dtype=np.float64, **options)


Y = np.arange(7) % 3


def test_labels_are_columns_of_both_networks(backend):
    """A conditional VAE is one whose first layers have a bias of its own for each class."""
    vae, plain = conditional(), make(dtype=np.float64)
    x, eps = X.astype(np.float64), RNG.normal(size=(7, 2))
    for name, n in (("encoder", 6), ("decoder", 2)):
        first, first_plain = (getattr(each, name).layers[0].params for each in (vae, plain))
        assert first["W"].shape == (n + 3, first_plain["W"].shape[1])
    for label in range(3):  # all of one class: the same as a plain VAE with that row added to its biases
        for name, n in (("encoder", 6), ("decoder", 2)):
            for number, layer in enumerate(getattr(vae, name).layers):
                for key in layer.params:
                    value = layer.params[key]
                    if number == 0:
                        value = value[:n] if key == "W" else value + layer.params["W"][n + label]
                    getattr(plain, name).layers[number].params[key][...] = value
        y = np.full(7, label)
        assert vae.loss(x, eps, y)[0] == pytest.approx(float(plain.loss(x, eps)[0]), rel=1e-13)
        np.testing.assert_allclose(vae.reconstruct(x, y), plain.reconstruct(x), rtol=1e-13)
        np.testing.assert_allclose(vae.elbo(x, rng=0, y=y), plain.elbo(x, rng=0), rtol=1e-13)
        np.testing.assert_allclose(vae.log_likelihood(x, 3, rng=0, y=y), plain.log_likelihood(x, 3, rng=0), rtol=1e-13)
        np.testing.assert_allclose(vae.sample(5, np.full(5, label), rng=0), plain.sample(5, rng=0), rtol=1e-13)


def test_a_conditional_vae_wants_labels_wherever_they_matter():
    vae, x = conditional(), X.astype(np.float64)
    for method in (vae.loss, vae.encode, vae.reconstruct, vae.elbo, vae.log_likelihood, vae.evaluate):
        with pytest.raises(ValueError, match="y is missing"):
            method(x)
    with pytest.raises(ValueError, match="y is missing"):
        vae.decode(np.zeros((2, 2)))
    np.testing.assert_array_equal(vae.sample(4, rng=0), vae.sample(4, np.array([0, 1, 2, 0]), rng=0))  # all classes in turn
    with pytest.raises(ValueError, match="without labels"):
        make(dtype=np.float64).loss(x, y=Y)
    assert vae.evaluate(x, Y, rng=0) == {"elbo": pytest.approx(vae.elbo(x, rng=0, y=Y).mean())}
    assert sg.VAE(**vae.config).n_classes == 3


def test_each_chunk_has_its_labels():
    vae = sg.VAE(2, latent_dim=1, hidden=(3,), n_classes=3, rng=0, dtype=np.float64)
    x, y = RNG.random((2500, 2)), RNG.integers(3, size=2500)
    exact = vae.labels.given(x, y)
    np.testing.assert_array_equal(vae.elbo(x, rng=0, y=y).shape, (2500,))
    mu = vae.encoder(exact)[:, :1]
    np.testing.assert_allclose(vae.active_units(x, y), mu.var(axis=0) > 0.01)
    order = np.argsort(y, kind="stable")
    np.testing.assert_allclose(vae.kl_per_dimension(x[order], y[order]), vae.kl_per_dimension(x, y), rtol=1e-12)


def test_a_conditional_vae_is_trained_by_fit_and_draws_what_it_is_asked_for(tmp_path):
    y = RNG.integers(3, size=300)
    x = np.eye(3, dtype=np.float32)[y].repeat(2, axis=1)  # each class has two pixels of its own
    vae = make(n_classes=3)
    metrics = sg.fit(vae, sg.data.Dataset(x, y), epochs=40, batch_size=50, seed=0, progress=False, out=tmp_path / "run",
                     optimizer=lambda player: sg.optim.Adam(player, lr=0.02))  # fmt: skip
    assert metrics["loss"][-1] < 0.5 < metrics["loss"][0]
    np.testing.assert_allclose(vae.sample(30, np.full(30, 1), rng=0).mean(axis=0), [0, 0, 1, 1, 0, 0], atol=0.1)
    np.testing.assert_array_equal(sg.load(tmp_path / "run").draw(9, rng=1), vae.draw(9, rng=1))


def test_a_fixed_variance_is_a_gaussian_of_that_variance(backend):
    """The same numbers as a learned variance has that says the same everywhere; the decoder's part of the gradient, too."""
    fixed, learned = (make(name, dtype=np.float64, **options) for name, options in (("gaussian_fixed", dict(variance=0.3)), ("gaussian", {})))
    for network in ("encoder", "decoder"):
        for ours, theirs in zip(getattr(fixed, network).layers, getattr(learned, network).layers, strict=True):
            for key, value in ours.params.items():
                if theirs.params[key].shape != value.shape:
                    theirs.params[key][..., 6:] = 0 if key == "W" else math.log(0.3)
                theirs.params[key][..., : value.shape[-1]] = value
    x, eps = RNG.normal(size=(7, 6)), RNG.normal(size=(7, 2))
    (loss, _), (same, _) = fixed.loss(x, eps), learned.loss(x, eps)
    assert loss == pytest.approx(float(same), rel=1e-13)
    np.testing.assert_allclose(fixed.encoder.flat_grads, learned.encoder.flat_grads, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(fixed.elbo(x, rng=0), learned.elbo(x, rng=0), rtol=1e-12)
    assert fixed.decoder.layers[-1].params["b"].shape == (6,)
    assert make("gaussian_fixed").elbo(X, rng=0).dtype == np.float32


# What latent variables do


def test_kl_per_dimension_sums_to_the_divergence(backend):
    vae, x = make(dtype=np.float64), RNG.random((1300, 6))
    vae.encoder.flat_params[...] *= 3
    each = vae.kl_per_dimension(x)
    mu, logvar = vae.encode(x)
    np.testing.assert_allclose(each, 0.5 * (mu**2 + np.exp(logvar) - logvar - 1).mean(axis=0), rtol=1e-12)
    assert each.sum() == pytest.approx(float(vae.loss(x)[1]["kl"]), rel=1e-12) and each.min() > 0


def test_units_are_active_where_the_mean_depends_on_x():
    vae = VAE(6, latent_dim=3, hidden=(), rng=0, dtype=np.float64)
    W, b = (vae.encoder.layers[-1].params[key] for key in "Wb")
    W[...], b[...] = 0, [1.0, 5.0, -2.0, 0, 1.0, 2.0]
    x = RNG.normal(size=(2000, 6))
    assert not vae.active_units(x).any()  # means far from 0, but the same for all x
    W[0, 0], W[1, 2], W[3, 4] = 0.2, 0.05, 9.0  # variances 0.04 and 0.0025 of the means; the third is a log-variance
    assert vae.active_units(x).tolist() == [True, False, False]
    with pytest.raises(ValueError, match="posterior is 'iaf'; .* need 'gaussian'"):
        VAE(6, 2, (3,), posterior="iaf", dtype=np.float64).active_units(x)


@pytest.mark.parametrize("options", [dict(posterior="iaf"), dict(n_classes=3), dict(likelihood="gaussian_fixed", variance=0.2, beta=4.0)])
def test_every_kind_is_kept(options, tmp_path):
    vae = VAE(6, latent_dim=2, hidden=(5,), rng=0, **options)
    sg.save(vae, tmp_path / "vae.npz")
    same = sg.load(tmp_path / "vae.npz")
    np.testing.assert_array_equal(same.draw(4), vae.draw(4))
    y = Y if vae.n_classes else None
    assert same.config == vae.config and same.loss(X, y=y)[0] == vae.loss(X, y=y)[0]


@pytest.mark.parametrize(
    "options, error, words",
    [
        (dict(beta=-1), ValueError, "beta is -1; it must be at least 0"),
        (dict(beta="1"), TypeError, "beta is '1'"),
        (dict(variance=0), ValueError, "variance is 0; it must be positive"),
        (dict(posterior="iff"), ValueError, "unknown posterior 'iff'; did you mean 'iaf'"),
        (dict(n_classes=1), ValueError, "n_classes is 1; it must be at least 2"),
    ],
)
def test_new_arguments_that_make_no_model(options, error, words):
    with pytest.raises(error, match=words):
        VAE(6, **options)
