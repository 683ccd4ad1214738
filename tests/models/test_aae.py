"""Three players, two of whom share the encoder: what each loss touches, what training, saving and resuming make of it; the game on codes."""

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.layers import BatchNorm, Linear, Sequential, Tanh
from scratchgen.losses import bernoulli_nll
from scratchgen.models import AAE

RNG = np.random.default_rng(0)
X, Z = RNG.random((8, 6)), RNG.normal(size=(5, 2))
PLAYERS = ("autoencoder", "discriminator", "generator")
OWN = {"autoencoder": ("encoder", "decoder"), "discriminator": ("discriminator",), "generator": ("encoder",)}


def make(seed=0, **options):
    return AAE(6, **dict(latent_dim=2, hidden=(7, 5), discriminator_hidden=(4,), rng=seed, dtype=np.float64) | options)


class NormalisedAAE(AAE):
    """With batch normalisation in all three networks."""

    def __init__(self):
        super().__init__(6, 2, (7,), (4,), rng=0, dtype=np.float64)
        linear = lambda n_in, n_out: Linear(n_in, n_out, rng=n_in, dtype=np.float64)
        net = lambda n_in, n_out: Sequential(linear(n_in, 7), BatchNorm(7, dtype=np.float64), Tanh(), linear(7, n_out))
        self.encoder, self.decoder, self.discriminator = net(6, 2), net(2, 6), net(2, 1)
        self.autoencoder = Sequential(self.encoder, self.decoder)
        self.set_parts(autoencoder=self.autoencoder, discriminator=self.discriminator)


def everything(module):
    """All numbers that a module holds, as bytes: parameters, gradients, buffers."""
    values = {"params": module.flat_params, "grads": module.flat_grads, **module.all_buffers()}
    return {key: value.tobytes() for key, value in values.items()}


def turn(model, player):
    return {"autoencoder": model.autoencoder_loss, "discriminator": lambda x: model.discriminator_loss(x, Z), "generator": model.generator_loss}[
        player
    ]


@pytest.mark.parametrize("make", [make, NormalisedAAE])
@pytest.mark.parametrize("player", PLAYERS)
def test_a_loss_touches_its_players_gradients_and_nothing_of_the_others(backend, make, player):
    model = make()
    model.flat_grads[...] = RNG.normal(size=model.flat_grads.shape)  # what stands there must stay, or be added to
    for other in PLAYERS:  # running statistics move away from where they start
        turn(model, other)(X)
    networks = {name: getattr(model, name) for name in ("encoder", "decoder", "discriminator")}
    before = {name: everything(net) for name, net in networks.items()}
    loss, parts = turn(model, player)(X)
    for name, net in networks.items():
        after = everything(net)
        changed = {key for key in after if after[key] != before[name][key]}
        assert changed == (set(after) - {"params"} if name in OWN[player] else set()), name
    assert float(parts[player]) == float(loss)


def test_the_generator_trains_a_slice_of_what_the_autoencoder_trains():
    model = make()
    players = model.players()
    encoder, autoencoder = players["generator"].flat_params, players["autoencoder"].flat_params
    assert np.shares_memory(encoder, autoencoder) and encoder.tobytes() == autoencoder[: encoder.size].tobytes()
    assert model.n_params == players["autoencoder"].n_params + players["discriminator"].n_params  # each stands there once
    assert list(players) == [name for _, name in model.turns(0)] == list(PLAYERS)


@pytest.mark.parametrize("player", PLAYERS)
def test_a_step_of_one_player_moves_its_own_networks(backend, player):
    model = make(hidden=(7,), activation="tanh")
    before = {name: getattr(model, name).flat_params.copy() for name in ("encoder", "decoder", "discriminator")}
    model.players()[player].zero_grads()
    turn(model, player)(X)
    model.optimizer(model.players()[player]).step()
    for name, params in before.items():
        moved = getattr(model, name).flat_params != params
        assert moved.any() == (name in OWN[player])


def test_losses_are_the_papers(backend):
    model = make()
    D = lambda z: 1 / (1 + np.exp(-model.discriminator(z)))
    codes = model.encode(X)
    assert codes.shape == (8, 2)
    wanted = float(bernoulli_nll(X, model.decoder(codes))[0])
    assert float(model.autoencoder_loss(X)[0]) == pytest.approx(wanted, rel=1e-13)
    wanted = -np.log(D(Z)).mean() - np.log(1 - D(codes)).mean()
    assert float(model.discriminator_loss(X, Z)[0]) == pytest.approx(wanted, rel=1e-12)
    assert float(model.generator_loss(X)[0]) == pytest.approx(-np.log(D(codes)).mean(), rel=1e-12)


def test_against_pytorch(backend):
    """The encoder's two gradients, through the decoder and through D."""
    torch = pytest.importorskip("torch")
    model = make(hidden=(4,), activation="tanh")
    p = {key: torch.tensor(value, requires_grad=True) for key, value in model.params.items()}
    two = lambda x, name, activation: activation(x @ p[f"{name}.0.W"] + p[f"{name}.0.b"]) @ p[f"{name}.2.W"] + p[f"{name}.2.b"]
    leaky = lambda x: torch.nn.functional.leaky_relu(x, 0.2)
    codes = two(torch.tensor(X), "autoencoder.0", torch.tanh)
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    reconstruction = bce(two(codes, "autoencoder.1", torch.tanh), torch.tensor(X), reduction="sum") / len(X)
    fooled = torch.nn.functional.softplus(-two(codes, "discriminator", leaky)).mean()
    for player, loss in (("autoencoder", reconstruction), ("generator", fooled)):
        model.zero_grads()
        assert float(turn(model, player)(X)[0]) == pytest.approx(loss.item(), rel=1e-12)
        wanted = torch.autograd.grad(loss, [p[key] for key in model.params], retain_graph=True, allow_unused=True)
        for (key, grad), want in zip(model.grads.items(), wanted, strict=True):
            if player == "autoencoder" or key.startswith("autoencoder.0"):
                np.testing.assert_allclose(grad, want.numpy() if want is not None else 0, rtol=1e-9, atol=1e-13)
            else:
                assert not grad.any()


def test_codes_of_a_trained_model_look_like_the_prior_and_samples_like_the_data():
    x = (np.random.default_rng(0).normal(size=(2000, 2)) @ [[2.0, 1.0], [0.0, 0.5]] + 3).astype(np.float32)
    model = AAE(2, 2, (32, 32), (32, 32), likelihood="gaussian", rng=0)
    sg.fit(model, x, epochs=100, batch_size=100, progress=False, optimizer=lambda player: sg.optim.Adam(player, lr=1e-3, betas=(0.5, 0.999)))
    codes, samples = model.encode(x), model.sample(2000, rng=1)
    assert np.abs(codes.mean(axis=0)).max() < 0.5 and np.abs(codes.std(axis=0) - 1).max() < 0.4
    assert np.abs(samples.mean(axis=0) - 3).max() < 0.5
    np.testing.assert_allclose(np.cov(samples.T), np.cov(x.T), rtol=0.5)


def test_resumed_run_equals_one_that_never_stopped(tmp_path):
    x, make = X.astype(np.float32), lambda seed: AAE(6, 2, (5,), (4,), rng=seed)
    whole, half, again = make(0), make(0), make(5)
    sg.fit(whole, x, epochs=6, batch_size=4, progress=False)
    sg.fit(half, x, epochs=3, batch_size=4, out=tmp_path, progress=False)
    sg.fit(again, x, epochs=6, batch_size=4, out=tmp_path, resume=True, progress=False)
    assert again.flat_params.tobytes() == whole.flat_params.tobytes()
    np.testing.assert_array_equal(sg.load(tmp_path).sample(3), whole.sample(3))


def test_pictures(tmp_path):
    from scratchgen import plots

    x = RNG.random((30, 16)).astype(np.float32)
    AAE(16, 2, (4,), (4,), rng=0).pictures(x, plots, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"reconstructions.png", "manifold.png"}
    AAE(16, 3, (4,), (4,), rng=0).pictures(x, plots, tmp_path / "three")
    assert not (tmp_path / "three" / "manifold.png").exists()
    AAE(2, 2, (4,), (4,), rng=0).pictures(x[:, :2], plots, tmp_path / "plane")
    assert not (tmp_path / "plane").exists()


@pytest.mark.parametrize(
    "options, words",
    [
        (dict(latent_dim=0), "latent_dim is 0"),
        (dict(likelihood="bernouli"), "did you mean 'bernoulli'"),
        (dict(discriminator_hidden=(0,)), r"discriminator_hidden\[0\] is 0"),
    ],
)
def test_arguments_that_make_no_model(options, words):
    with pytest.raises(ValueError, match=words):
        make(**options)


def test_arrays_that_do_not_fit():
    with pytest.raises(ValueError, match=r"x has shape \(8, 5\); AAE.generator_loss needs \(batch, 6\)"):
        make().generator_loss(X[:, :5])
    with pytest.raises(TypeError, match="z is a float; AAE.discriminator_loss needs an array"):
        make().discriminator_loss(X, 0.5)
