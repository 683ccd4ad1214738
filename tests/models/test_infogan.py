"""InfoGAN: the bound on the information, whose gradients each loss fills, codes written and read, what training on clusters finds."""

import math

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.layers import BatchNorm, LeakyReLU, Linear, Sequential
from scratchgen.metrics import best_agreement
from scratchgen.models import InfoGAN
from scratchgen.models.infogan import BALANCE, draw_categories

RNG = np.random.default_rng(0)
X, Z = RNG.random((8, 6)), RNG.normal(size=(5, 2))
CODES = [RNG.integers(3, size=5), RNG.integers(2, size=5), RNG.uniform(-1, 1, (5, 2))]


def make(seed=0, **options):
    sizes = dict(noise_dim=2, categories=(3, 2), continuous=2, generator_hidden=(7,), discriminator_hidden=(4,))
    return InfoGAN(6, **sizes | dict(rng=seed, dtype=np.float64) | options)


class NormalisedInfoGAN(InfoGAN):
    """With batch normalisation in both players."""

    def __init__(self):
        super().__init__(6, 2, (3, 2), 2, (7,), (4,), batch_norm=True, rng=0, dtype=np.float64)
        first, last = Linear(6, 7, rng=1, dtype=np.float64), Linear(7, 10, rng=2, dtype=np.float64)
        self.discriminator = Sequential(first, BatchNorm(7, dtype=np.float64), LeakyReLU(0.1), last)
        self.generator._parent = None
        self.set_parts(generator=self.generator, discriminator=self.discriminator)


def everything(module):
    """All numbers that a module holds, as bytes: parameters, gradients, buffers."""
    values = {"params": module.flat_params, "grads": module.flat_grads, **module.all_buffers()}
    return {key: value.tobytes() for key, value in values.items()}


@pytest.mark.parametrize("make", [make, NormalisedInfoGAN])
@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_a_loss_touches_its_players_gradients_and_nothing_of_the_other(backend, make, player):
    model = make()
    model.flat_grads[...] = RNG.normal(size=model.flat_grads.shape)
    turns = {"discriminator": lambda: model.discriminator_loss(X, Z, CODES), "generator": lambda: model.generator_loss(Z, CODES)}
    for turn in turns.values():
        turn()  # running statistics move away from where they start
    mine, other = (model.players()[name] for name in (player, *({*turns} - {player})))
    before, others = everything(mine), everything(other)
    turns[player]()
    after = everything(mine)
    assert everything(other) == others
    assert {key for key in after if after[key] != before[key]} == set(after) - {"params"}


def test_losses_and_the_bound_are_those_of_the_equations(backend):
    model = make(weight=0.7, continuous_weight=0.3)
    one_hot = lambda c, n: np.eye(n)[c]
    fake = model.generator(np.hstack([Z, one_hot(CODES[0], 3), one_hot(CODES[1], 2), CODES[2]]))
    np.testing.assert_array_equal(model.generate(Z, CODES), fake)
    real, y = model.discriminator(X)[:, 0], model.discriminator(fake)
    logit, q1, q2, mu, logvar = y[:, 0], y[:, 1:4], y[:, 4:6], y[:, 6:8], y[:, 8:]
    log_softmax = lambda q: q - np.log(np.exp(q).sum(axis=1, keepdims=True))
    categories = -sum(log_softmax(q)[range(5), c].mean() for q, c in ((q1, CODES[0]), (q2, CODES[1])))
    numbers = 0.5 * (math.log(2 * math.pi) + logvar + (CODES[2] - mu) ** 2 / np.exp(logvar)).sum() / 5
    weighted, D = 0.7 * categories + 0.3 * numbers, lambda logit: 1 / (1 + np.exp(-logit))
    loss, parts = model.discriminator_loss(X, Z, CODES)
    gan = -np.log(D(real)).mean() - np.log(1 - D(logit)).mean()
    assert float(loss) == pytest.approx(gan + weighted, rel=1e-12) and float(parts["discriminator"]) == pytest.approx(gan, rel=1e-12)
    assert float(parts["information"]) == pytest.approx(math.log(3) + 3 * math.log(2) - categories - numbers, rel=1e-12)
    loss, parts = model.generator_loss(Z, CODES)
    assert float(loss) == pytest.approx(-np.log(D(logit)).mean() + weighted, rel=1e-12)
    assert float(parts["generator"]) == pytest.approx(-np.log(D(logit)).mean(), rel=1e-12)


def test_a_q_that_knows_everything_reaches_the_entropy_and_one_that_knows_nothing_zero(backend):
    model = make(categories=(3,), continuous=0, generator_hidden=(), output="identity", discriminator_hidden=())
    model.flat_params[...] = 0
    c = CODES[:1]
    assert float(model.discriminator_loss(X, Z, c)[1]["information"]) == pytest.approx(0, abs=1e-14)
    model.generator.params["0.W"][2:5, :3] = np.eye(3)  # x̃ begins with onehot(c)
    model.discriminator.params["0.W"][:3, 1:] = 50 * np.eye(3)
    assert float(model.discriminator_loss(X, Z, c)[1]["information"]) == pytest.approx(math.log(3), rel=1e-14)


def test_against_pytorch(backend):
    torch = pytest.importorskip("torch")
    F = torch.nn.functional
    model = make(output="identity", weight=0.7, continuous_weight=0.3)
    p = {key: torch.tensor(value, requires_grad=True) for key, value in model.params.items()}
    c1, c2, u = map(torch.tensor, CODES)
    z = torch.cat([torch.tensor(Z), F.one_hot(c1, 3), F.one_hot(c2, 2), u], dim=1)
    G = lambda z: torch.relu(z @ p["generator.0.W"] + p["generator.0.b"]) @ p["generator.2.W"] + p["generator.2.b"]
    D = lambda x: F.leaky_relu(x @ p["discriminator.0.W"] + p["discriminator.0.b"], 0.1) @ p["discriminator.2.W"] + p["discriminator.2.b"]
    real, fake = D(torch.tensor(X)), D(G(z))
    numbers = F.gaussian_nll_loss(fake[:, 6:8], u, fake[:, 8:].exp(), full=True, reduction="sum", eps=0) / 5
    information = 0.7 * (F.cross_entropy(fake[:, 1:4], c1) + F.cross_entropy(fake[:, 4:6], c2)) + 0.3 * numbers
    losses = {
        "discriminator": F.softplus(-real[:, 0]).mean() + F.softplus(fake[:, 0]).mean() + information,
        "generator": F.softplus(-fake[:, 0]).mean() + information,
    }
    turns = {"discriminator": lambda: model.discriminator_loss(X, Z, CODES), "generator": lambda: model.generator_loss(Z, CODES)}
    for player, loss in losses.items():
        model.zero_grads()
        assert float(turns[player]()[0]) == pytest.approx(loss.item(), rel=1e-12)
        for key, grad in zip(model.grads, torch.autograd.grad(loss, list(p.values()), retain_graph=True), strict=True):
            np.testing.assert_allclose(model.grads[key], grad.numpy() if key.startswith(player) else 0, rtol=1e-9, atol=1e-13)


def test_two_looks_at_real_examples_against_pytorch(backend):
    """The first look is at x, the second, like D's at generated examples, through a random map S; and every gradient is PyTorch's."""
    torch = pytest.importorskip("torch")
    F = torch.nn.functional
    model = make(output="identity", real_weight=0.6, picture=(2, 3))
    plain = make(output="identity", picture=(2, 3))
    warp = model.discriminator.layers[0]
    state = warp.stream.state
    S = torch.tensor(warp.forward(X)[1])
    p = {key: torch.tensor(value, requires_grad=True) for key, value in model.params.items()}
    D = lambda x: F.leaky_relu(x @ p["discriminator.1.0.W"] + p["discriminator.1.0.b"], 0.1) @ p["discriminator.1.2.W"] + p["discriminator.1.2.b"]
    first, second, looks = D(torch.tensor(X)), D(torch.tensor(X) @ S.T), 0
    for q in (slice(1, 4), slice(4, 6)):
        probabilities = first[:, q].softmax(1)
        mean = probabilities.mean(0)
        looks = looks - (probabilities * second[:, q].log_softmax(1)).sum(1).mean() + BALANCE * (mean * mean.log()).sum()
    for each in (model, plain):
        each.discriminator.layers[0].stream.state = state
    (loss, parts), (without, _) = (each.discriminator_loss(X, Z, CODES) for each in (model, plain))
    assert float(parts["two_looks"]) == pytest.approx(looks.item(), rel=1e-12)
    assert float(loss) == pytest.approx(float(without) + 0.6 * looks.item(), rel=1e-12)
    for key, grad in zip(p, torch.autograd.grad(0.6 * looks, list(p.values()), allow_unused=True), strict=True):
        np.testing.assert_allclose(model.grads[key] - plain.grads[key], 0 if grad is None else grad.numpy(), rtol=1e-9, atol=1e-13)


def test_codes_are_read_from_pictures_as_they_are(backend):
    model = make(picture=(2, 3), real_weight=1)
    np.testing.assert_array_equal(model.codes(X)[2], model.discriminator.layers[1](X)[:, 6:8])


@pytest.mark.parametrize("n", [2, 3, 10])
def test_categories_are_uniform(backend, n):
    c = make(categories=(n,)).draw_codes(30_000, sg.ops.Stream(0))[0]
    assert c.dtype == np.int64
    np.testing.assert_allclose(np.bincount(c, minlength=n) / 30_000, 1 / n, atol=0.012)
    assert draw_categories(np.array([0, 1 - 2**-24], np.float32), n).tolist() == [0, n - 1]


def test_codes_are_read_as_probabilities_and_means(backend):
    model = make()
    first, second, means = model.codes(X)
    assert [a.shape for a in (first, second, means)] == [(8, 3), (8, 2), (8, 2)]
    np.testing.assert_allclose(first.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_array_equal(means, model.discriminator(X)[:, 6:8])
    np.testing.assert_array_equal(model.clusters(X), first.argmax(axis=1))
    (means,) = make(categories=()).codes(X)
    assert means.shape == (8, 2) and make(categories=()).clusters(X) is None


def test_clusters_in_the_plane_are_found_without_labels():
    """Three clusters: the code of three categories says which an example is of, and each category draws from its own."""
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=2000)
    x = (np.array([[2, 0], [-1, 1.7], [-1, -1.7]])[y] + 0.15 * rng.normal(size=(2000, 2))).astype(np.float32)
    model = InfoGAN(2, 2, (3,), 0, (32, 32), (32, 32), output="identity", rng=0)
    sg.fit(model, x, epochs=40, batch_size=100, progress=False, optimizer=lambda player: sg.optim.Adam(player, lr=1e-3, betas=(0.5, 0.999)))
    assert best_agreement(model.clusters(x), y).fraction > 0.95
    c = model.draw_codes(1000, sg.ops.Stream(1))
    drawn = model.generate(model._noise(1000, sg.ops.Stream(2)), c)
    assert (model.clusters(drawn) == c[0]).mean() > 0.9


def test_pictures(tmp_path):
    from PIL import Image

    from scratchgen import plots

    shapes = []
    for i, options in enumerate([{}, dict(continuous=0), dict(categories=())]):
        model = InfoGAN(16, 2, **dict(categories=(3, 2), continuous=2, generator_hidden=(4,), discriminator_hidden=(4,)) | options, rng=0)
        model.pictures(RNG.random((4, 16)), plots, tmp_path / str(i))
        shapes.append(Image.open(tmp_path / str(i) / "traversals.png").size)
    assert shapes[0][0] > 5 * shapes[0][1] and shapes[1][0] > 2 * shapes[1][1]  # 20 columns for two numbers; 10 draws of z where there are none
    make().pictures(X, plots, tmp_path / "no pictures")
    assert not (tmp_path / "no pictures").exists()


def test_saved_and_loaded(tmp_path):
    model = make(dtype=np.float32)
    sg.save(model, tmp_path / "infogan.npz")
    again = sg.load(tmp_path / "infogan.npz")
    assert again.config == model.config
    np.testing.assert_array_equal(again.sample(3), model.sample(3))  # the stream as well


@pytest.mark.parametrize(
    "options, words",
    [
        (dict(categories=(1,)), r"categories\[0\] is 1; it must be at least 2"),
        (dict(categories=(), continuous=0), "an InfoGAN needs a code"),
        (dict(weight=0), "weight is 0; it must be positive"),
        (dict(continuous_weight=np.inf), "continuous_weight is inf"),
        (dict(dropout=1), "dropout is 1"),
        (dict(picture=(2, 4)), r"picture is \(2, 4\); it must be a height and a width whose product is data_dim, 6"),
        (dict(real_weight=-1, dropout=0.1), "real_weight is -1"),
        (dict(real_weight=1), "two looks at an example are the same"),
    ],
)
def test_arguments_that_make_no_model(options, words):
    with pytest.raises(ValueError, match=words):
        make(**options)


def test_codes_that_are_none():
    with pytest.raises(ValueError, match="0 … 2"):
        make().generate(Z, [CODES[0] + 3, *CODES[1:]])
    with pytest.raises(TypeError, match="integers"):
        make().generate(Z, [CODES[0] / 2, *CODES[1:]])


def test_data_out_of_range():
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        make().check_range("data", 3 * X)
