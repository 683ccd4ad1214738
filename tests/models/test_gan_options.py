"""What has been added to the game: labels, packs, features to match, examples that see each other, smoothed labels, the paper's own players."""

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.gradcheck import assert_gradients, check_objective
from scratchgen.layers import Linear, Maxout, MinibatchDiscrimination, Sequential
from scratchgen.models import GAN
from scratchgen.ops import recorded
from scratchgen.train.step import train_step

RNG = np.random.default_rng(0)
X, Z, Y, U = RNG.random((7, 5)), RNG.normal(size=(7, 2)), np.array([2, 0, 1, 1, 0, 2, 2]), RNG.random((7, 1))
EXAMPLES = GAN.examples


def make(dtype=np.float64, **options):
    gan = GAN(5, **dict(latent_dim=2, generator_hidden=(4,), discriminator_hidden=(3,), rng=1, dtype=dtype) | options)
    gan.flat_params[...] += np.random.default_rng(3).normal(0, 0.3, gan.n_params)  # biases too
    return gan


def labels(gan):
    return {"y": Y} if gan.n_classes else {}


def losses(gan):
    """{player: its loss on X, Z, Y}."""
    return {
        "discriminator": lambda: gan.discriminator_loss(X, Z, U[: 7 // gan.pack], **labels(gan)),
        "generator": lambda: gan.generator_loss(Z, x=X, **labels(gan)),
    }


def everything(module):
    """The bits of all numbers that a module holds."""
    return [a.tobytes() for a in (module.flat_params, module.flat_grads, *module.all_buffers().values())]


@pytest.mark.parametrize("name", EXAMPLES)
def test_gradients_of_both_players_with_rows_that_fill_no_pack(backend, name):
    gan = make(**EXAMPLES[name])
    for player, loss in losses(gan).items():
        assert_gradients(check_objective(gan.players()[player], loss, context=(gan,), limit=None))


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_other_player_stays_as_it_is_to_the_bit(backend, name):
    gan = make(**EXAMPLES[name], batch_norm=True)
    gan.flat_grads[...] = RNG.normal(size=gan.n_params)
    for player, loss in losses(gan).items():
        mine, other = gan.players()[player], gan.players()[{"generator": "discriminator", "discriminator": "generator"}[player]]
        before, others = mine.flat_grads.copy(), everything(other)
        loss()
        assert everything(other) == others
        assert (mine.flat_grads != before).any()


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_step_is_recorded_and_does_what_is_written(name):
    """Eight steps, of which four are replayed, and eight as written."""
    results = []
    with sg.use_backend("numba"):
        for wrap in (recorded, lambda step: step):
            gan = make(np.float32, **EXAMPLES[name])
            optimizers = {player: gan.optimizer(network) for player, network in gan.players().items()}
            step = wrap(lambda x, y, gan=gan, optimizers=optimizers: train_step(gan, optimizers, x, 0, y=y if gan.n_classes else None))
            for i in range(8):
                step(np.roll(X, i, axis=0).astype(np.float32), np.roll(Y, i))
            results.append(gan.flat_params.tobytes())
            if wrap is recorded:
                ((recording,),) = step.recordings.values()
                assert recording.program is not None
    assert results[0] == results[1]


# Against PyTorch's autograd


def torch_network(torch, network, x, params, prefix=""):
    """A network's output by PyTorch; params: {name: tensor}."""
    for i, layer in enumerate(network.layers):
        name = f"{prefix}{i}"
        if isinstance(layer, Sequential):
            x = torch_network(torch, layer, x, params, f"{name}.")
        elif isinstance(layer, Linear):
            x = x @ params[f"{name}.W"] + params[f"{name}.b"]
        elif isinstance(layer, Maxout):
            x = x.reshape(len(x), -1, layer.pieces).max(-1).values
        elif isinstance(layer, MinibatchDiscrimination):
            M = (x @ params[f"{name}.T"].T).reshape(len(x), layer.n_kernels, layer.kernel_dim)
            x = torch.cat([x, torch.exp(-(M[:, None] - M[None]).abs().sum(3)).sum(1) - 1], dim=1)
        else:
            x = {"ReLU": torch.relu, "Sigmoid": torch.sigmoid, "LeakyReLU": lambda x: torch.nn.functional.leaky_relu(x, 0.2)}[type(layer).__name__](x)
    return x


def torch_losses(torch, gan):
    """{player: loss}, and {player: {name: parameter}}, of PyTorch, from the papers' equations."""
    params = {
        player: {key: torch.tensor(value, requires_grad=True) for key, value in network.params.items()} for player, network in gan.players().items()
    }
    G = lambda z: torch_network(torch, gan.generator, z, params["generator"])
    D = lambda x: torch_network(torch, gan.discriminator, x, params["discriminator"])
    m, softplus = gan.pack, torch.nn.functional.softplus
    onehot = torch.tensor(np.eye(3)[Y]) if gan.n_classes else torch.zeros((7, 0))
    packed = lambda a: a[: 7 // m * m].reshape(7 // m, -1)
    shown = lambda x: torch.cat([x, packed(onehot)], dim=1)
    x = packed(torch.tensor(X))
    generated = packed(G(torch.cat([torch.tensor(Z), onehot], dim=1)))
    real, fake = D(shown(x)), D(shown(generated.detach()))
    if gan.config["objective"] == "wasserstein":
        of_discriminator, of_generator = fake.mean() - real.mean(), -D(shown(generated)).mean()
    else:
        of_discriminator = (softplus(real) - gan.config["real_label"] * real).mean() + softplus(fake).mean()
        of_generator = softplus(-D(shown(generated))).mean()
    if gan.penalty:
        u = torch.tensor(U[: 7 // m])
        at = (x if gan.config["penalty"] == "r1" else u * x + (1 - u) * generated.detach()).clone().requires_grad_()
        (slope,) = torch.autograd.grad(D(shown(at)).sum(), at, create_graph=True)
        weight = gan.config["penalty_weight"]
        norm = slope.norm(dim=1)
        of_discriminator = of_discriminator + (weight / 2 * (norm**2).mean() if gan.config["penalty"] == "r1" else weight * ((norm - 1) ** 2).mean())
    if gan.features is not None:
        f = lambda a: torch_network(torch, gan.features, shown(a), params["discriminator"], "0.").mean(0)
        of_generator = ((f(generated) - f(x)) ** 2).sum()
    return {"discriminator": of_discriminator, "generator": of_generator}, params


OPTIONS = {
    "conditional": dict(n_classes=3),
    "packed": dict(pack=3, discriminator_hidden=(4, 3)),
    "conditional, packed, R1": dict(n_classes=3, pack=2, penalty="r1", penalty_weight=3.0),
    "conditional, R1": dict(n_classes=3, penalty="r1", penalty_weight=3.0),
    "packed, WGAN-GP": dict(pack=2, objective="wasserstein", penalty="wgan_gp"),
    "conditional, packed, WGAN-GP": dict(n_classes=3, pack=2, objective="wasserstein", penalty="wgan_gp"),
    "feature matching": dict(feature_matching=True, discriminator_hidden=(4, 3)),
    "feature matching, conditional, packed": dict(feature_matching=True, n_classes=3, pack=2),
    "feature matching, minibatch discrimination": dict(feature_matching=True, minibatch_features=2),
    "minibatch discrimination": dict(minibatch_features=3, discriminator_hidden=(4, 3)),
    "minibatch discrimination of packs": dict(minibatch_features=2, pack=2, n_classes=3),
    "smoothed labels": dict(real_label=0.8),
    "maxout": dict(maxout_pieces=3, discriminator_hidden=(4, 3)),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_against_pytorch(backend, name):
    torch = pytest.importorskip("torch")
    gan = make(**OPTIONS[name])
    wanted, params = torch_losses(torch, gan)
    for player, loss in losses(gan).items():
        gan.zero_grads()
        assert float(loss()[0]) == pytest.approx(wanted[player].item(), rel=1e-12)
        gradients = torch.autograd.grad(wanted[player], list(params[player].values()), retain_graph=True, allow_unused=True)
        for key, gradient in zip(params[player], gradients, strict=True):
            mine = gan.players()[player].grads[key]
            np.testing.assert_allclose(mine, 0 if gradient is None else gradient.numpy(), rtol=1e-9, atol=1e-12, err_msg=key)


# Identities


@pytest.mark.parametrize("pack", [1, 2])
@pytest.mark.parametrize("n_classes", [None, 3])
@pytest.mark.parametrize(("penalty", "center"), [("wgan_gp", 1), ("r1", 0)])
def test_penalty_of_a_linear_critic_in_closed_form(backend, penalty, center, n_classes, pack):
    """D([x₁ … | labels]) = x₁ w₁ + …: the slope is w = [w₁ | …] everywhere, whatever the labels. P = λ (‖w‖ − center)², and for R1 λ = γ / 2."""
    gan = make(n_classes=n_classes, pack=pack, penalty=penalty, penalty_weight=10.0, discriminator_hidden=(), objective="wasserstein")
    plain = make(n_classes=n_classes, pack=pack, discriminator_hidden=(), objective="wasserstein")
    w, scale = gan.discriminator.params["0.W"][: pack * 5, 0], 10 if penalty == "wgan_gp" else 5
    norm = np.linalg.norm(w)
    loss, without = losses(gan)["discriminator"]()[0], losses(plain)["discriminator"]()[0]
    assert float(loss) - float(without) == pytest.approx(scale * (norm - center) ** 2, rel=1e-12)
    added = gan.discriminator.grads["0.W"][:, 0] - plain.discriminator.grads["0.W"][:, 0]
    np.testing.assert_allclose(added[: pack * 5], 2 * scale * (norm - center) * w / norm, rtol=1e-11)
    np.testing.assert_allclose(added[pack * 5 :], 0, atol=1e-14)  # no slope along a label


def test_examples_that_fill_no_pack_are_left_out(backend):
    gan = make(pack=2)
    whole, _ = gan.discriminator_loss(X[:6], Z[:6])
    grads = gan.flat_grads.copy()
    gan.zero_grads()
    assert float(gan.discriminator_loss(X, Z)[0]) == pytest.approx(float(whole), rel=1e-13)
    np.testing.assert_allclose(gan.flat_grads, grads, rtol=1e-11, atol=1e-14)
    with pytest.raises(ValueError, match=r"Pack\(2\) needs .* a batch of at least 2"):
        gan.discriminator_loss(X[:1], Z[:1])


def test_packs_of_real_and_of_generated_examples_do_not_mix(backend):
    """An odd number of each: a pack with one of either kind would be one too many."""
    gan, seen = make(pack=2), []
    gan.discriminator.forward, forward = lambda x: seen.append(x) or forward(x), gan.discriminator.forward
    gan.discriminator_loss(X, Z[:5])
    (shown,) = seen  # in one pass: no layer of the discriminator couples the packs
    assert shown.shape == (3 + 2, 10)
    np.testing.assert_array_equal(shown[:3], X[:6].reshape(3, 10))


@pytest.mark.parametrize("pack", [1, 2])
def test_equal_batches_have_nothing_to_match(backend, pack):
    gan = make(feature_matching=True, pack=pack, n_classes=3)
    generated = gan.sample(7, Y, rng=5)
    stream = sg.ops.Stream(5)
    loss, _ = gan.generator_loss(stream.normal((7, 2), np.float64), Y, generated)
    assert float(loss) == pytest.approx(0, abs=1e-28)
    np.testing.assert_allclose(gan.generator.flat_grads, 0, atol=1e-14)


def test_features_are_those_before_the_last_layer(backend):
    gan = make(feature_matching=True)
    logit = gan.features(X) @ gan.discriminator.params["1.W"] + gan.discriminator.params["1.b"]
    np.testing.assert_allclose(gan.discriminator(X), logit, rtol=1e-12)
    with pytest.raises(ValueError, match="x is missing: with feature_matching"):
        gan.generator_loss(Z)


def test_the_label_decides_what_is_generated(backend):
    gan = make(n_classes=3)
    z = np.repeat(Z[:1], 3, axis=0)
    one_of_each = gan.generator(gan.labels.given(z, np.arange(3)))
    assert np.abs(one_of_each - one_of_each[[1, 2, 0]]).min() > 1e-6
    np.testing.assert_array_equal(gan.sample(7, rng=2), gan.sample(7, np.arange(7) % 3, rng=2))  # all classes in turn
    assert (gan.sample(7, Y, rng=2) != gan.sample(7, rng=2)).any()
    assert gan.sample(0).shape == (0, 5)


def test_a_generator_learns_from_the_labels_of_its_minibatch(backend):
    """A discriminator that looks at the labels only: in the generator's gradient, z's own label counts."""
    gan = make(n_classes=3)
    first = gan.generator.layers[0].grads["W"]
    gan.generator_loss(Z, np.zeros(7, np.int64))
    assert first[2].any() and not first[3:].any()  # rows of z, then of the classes


@pytest.mark.parametrize(
    ("options", "arguments", "error", "why"),
    [
        (dict(n_classes=3), {}, ValueError, "y is missing"),
        ({}, dict(y=Y), ValueError, "y was given to a model without labels"),
        (dict(n_classes=3), dict(y=Y[:6]), ValueError, r"y has shape \(6,\)"),
        (dict(n_classes=2), dict(y=Y), ValueError, "0 … 1"),
        (dict(n_classes=3), dict(y=Y * 1.0), TypeError, "labels are integers"),
    ],
)
def test_labels_that_do_not_suit(options, arguments, error, why):
    gan = make(**options)
    with pytest.raises(error, match=why):
        gan.discriminator_loss(X, Z, **arguments)
    with pytest.raises(error, match=why):
        gan.generator_loss(Z, **arguments)
    with pytest.raises(error, match=why):
        gan.sample(7, **arguments) if arguments else gan.generator_loss(Z)


def test_noise_of_either_kind_has_mean_0_and_variance_1(backend):
    normal, uniform = make(), make(noise="uniform")
    uniform = uniform._noise(50_000, rng=0)
    assert -(3**0.5) <= uniform.min() < -1.73 and 1.73 < uniform.max() < 3**0.5
    assert uniform.mean() == pytest.approx(0, abs=0.02) and uniform.var() == pytest.approx(1, abs=0.02)
    assert (np.abs(normal._noise(1000, rng=0)) > 2).any()


def test_the_papers_own_discriminator():
    gan = GAN(784, maxout_pieces=5, discriminator_hidden=(240, 240), dropout=0.5, noise="uniform", rng=0)
    assert [str(layer) for layer in map(repr, gan.discriminator.layers)] == [
        "Linear(784, 1200)", "Maxout(5)", "Dropout(0.5)", "Linear(240, 1200)", "Maxout(5)", "Dropout(0.5)", "Linear(240, 1)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        (dict(pack=0), ValueError, "pack is 0; it must be at least 1"),
        (dict(n_classes=1), ValueError, "n_classes is 1; it must be at least 2"),
        (dict(minibatch_features=-1), ValueError, "minibatch_features is -1"),
        (dict(maxout_pieces=2.5), TypeError, "maxout_pieces is 2.5"),
        (dict(noise="gaussian"), ValueError, "unknown noise 'gaussian'"),
        (dict(feature_matching=1), TypeError, "feature_matching is 1; it must be True or False"),
        (dict(feature_matching=True, discriminator_hidden=()), ValueError, "there are no features to match"),
        (dict(real_label=1.5), ValueError, "real_label is 1.5"),
        (dict(real_label=0.9, objective="hinge"), ValueError, "objective 'hinge' has no label to smooth"),
        (dict(penalty="r1", minibatch_features=2), ValueError, "no example has a slope of its own"),
    ],
)
def test_arguments_that_make_no_model(options, error, words):
    with pytest.raises(error, match=words):
        make(**options)


@pytest.mark.parametrize("name", ["GAN (feature matching)", "GAN (minibatch discrimination)", "GAN (maxout)", "GAN (label smoothing)"])
def test_is_saved_and_trained(tmp_path, name):
    gan = make(np.float32, **EXAMPLES[name])
    data = sg.data.Dataset(np.tile(X, (3, 1)).astype(np.float32), np.tile(Y, 3))
    sg.fit(gan, data, epochs=2, batch_size=8, out=tmp_path / "run", progress=False)  # minibatches of 8, 8 and 5
    again = sg.load(tmp_path / "run")
    np.testing.assert_array_equal(again.sample(4, rng=1), gan.sample(4, rng=1))
    assert again.config == gan.config


def test_labels_change_nothing_of_what_suits_the_data():
    assert GAN.suited_to(X, Y) == GAN.suited_to(X)


def test_a_last_minibatch_that_fills_no_pack_is_refused_at_the_door():
    gan = make(np.float32, pack=3)
    with pytest.raises(ValueError, match="leaves a minibatch of 2 of 20 examples; GAN needs at least 3 in each"):
        sg.fit(gan, np.ones((20, 5), np.float32), epochs=1, batch_size=6, progress=False)
