"""MAF and RealNVP: bijections that invert, log-determinants against numerical Jacobians, densities that integrate to one and find a known entropy."""

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.gradcheck import assert_gradients, check_objective
from scratchgen.gradcheck.catalogue import bijection_cases, example_bijections
from scratchgen.models.flow import affine, affine_backward
from scratchgen.models.maf import MaskedAffine

F = np.float64
CLASSES = {"maf": sg.MAF, "real_nvp": sg.RealNVP}


def bent(bijection, seed=2):
    """With parameters that bend: as they are made, biases are zero and scales near one."""
    bijection.flat_params[...] += np.random.default_rng(seed).normal(0, 0.6, bijection.flat_params.shape)
    return bijection


def flow(name, D=2, **options):
    return bent(CLASSES[name](D, **dict(n_flows=3, hidden=(8,), activation="tanh", center=0.4, scale=1.3, rng=0, dtype=F) | options), seed=5)


@pytest.mark.parametrize("D", [2, 5])
@pytest.mark.parametrize("name", example_bijections())
def test_inverse_and_log_determinant(backend, name, D):
    bijection, x = bent(example_bijections(F, D)[name]()), np.random.default_rng(3).normal(size=(4, D))
    z, logdet, _ = bijection.forward(x)
    assert z.shape == x.shape and logdet.shape == (4,) and np.ptp(z - x) > 0.1
    np.testing.assert_allclose(bijection.inverse(z), x, rtol=0, atol=1e-13)
    np.testing.assert_allclose(bijection.forward(bijection.inverse(x))[0], x, rtol=0, atol=1e-13)
    h = 1e-5
    moved = [(bijection.forward(x + h * e)[0] - bijection.forward(x - h * e)[0]) / (2 * h) for e in np.eye(D)]  # [j][n, i] = ∂z_i/∂x_j
    sign, numeric = np.linalg.slogdet(np.stack(moved, axis=2))
    assert np.all(sign == 1) and np.ptp(numeric) > 0.1 * (name != "Standardize")
    np.testing.assert_allclose(logdet, numeric, atol=1e-8)


@pytest.mark.parametrize("case", bijection_cases(), ids=lambda case: case.name)
def test_backward_of_both_outputs(backend, case):
    case.check()


def test_affine_against_pytorch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(5)
    x, h, dz, dlogdet = rng.normal(size=(4, 3)), 3 * rng.normal(size=(4, 6)), rng.normal(size=(4, 3)), rng.normal(size=4)
    tx, th = torch.tensor(x, requires_grad=True), torch.tensor(h, requires_grad=True)
    s = 3 * torch.tanh(th[:, 3:] / 3)
    z, logdet = (tx - th[:, :3]) * torch.exp(-s), -s.sum(1)
    ((torch.tensor(dz) * z).sum() + (torch.tensor(dlogdet) * logdet).sum()).backward()
    ours, log_determinant = affine(x, h)
    dx, dh = affine_backward(dz, dlogdet, ours, h)
    for got, wanted in ((ours, z), (log_determinant, logdet), (dx, tx.grad), (dh, th.grad)):
        np.testing.assert_allclose(got, wanted.detach().numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("D", [1, 3])
def test_masked_affine_respects_its_ordering(D):
    """And no scale leaves its bounds, however large the parameters."""
    ordering = [2, 0, 1][:D] if D == 3 else [0]
    bijection, x = MaskedAffine(D, (6,), ordering, rng=1, dtype=F), np.random.default_rng(6).normal(size=(1, D))
    bijection.flat_params[...] *= 300
    assert abs(bijection.forward(x)[1][0]) <= 3 * D
    z = bent(bijection).forward(x)[0]
    for place, feature in enumerate(ordering):
        changed = x.copy()
        changed[:, feature] += 1
        assert set(np.flatnonzero(bijection.forward(changed)[0] != z)) <= set(ordering[place:])


@pytest.mark.parametrize("name", CLASSES)
def test_density_integrates_to_one(name):
    model, side = flow(name, center=[0.5, -1.0], scale=[0.7, 1.4]), np.linspace(-30, 30, 801)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    assert abs(np.exp(model.log_likelihood(grid)).sum() * (side[1] - side[0]) ** 2 - 1) < 1e-3


@pytest.mark.parametrize("name", CLASSES)
def test_to_noise_and_back_and_the_density_of_samples(name):
    model = flow(name, D=4)
    x = model.sample(50, rng=1)
    z = model.to_noise(x)
    np.testing.assert_allclose(model.from_noise(z), x, rtol=0, atol=1e-12)
    np.testing.assert_allclose(z, sg.ops.Stream(1).normal((50, 4), F), rtol=0, atol=1e-12)  # the noise they were made from
    loss, parts = model.loss(x)
    assert np.isclose(loss, -model.log_likelihood(x).mean(), rtol=1e-12) and parts == {"nll": loss}
    assert model.evaluate(x) == {"log_likelihood": pytest.approx(-loss, rel=1e-12)}


@pytest.mark.parametrize("name", CLASSES)
def test_without_bijections_it_is_a_gaussian(name):
    """Parameters zero: z = (x − center) / scale, and p is N(center, scale²)."""
    model = CLASSES[name](3, n_flows=2, hidden=(4,), center=0.3, scale=[0.5, 1.0, 2.0], rng=0, dtype=F)
    model.flat_params[...] = 0
    x = np.random.default_rng(7).normal(size=(5, 3))
    scale = np.array([0.5, 1.0, 2.0])
    exact = np.sum(-0.5 * np.log(2 * np.pi * scale**2) - 0.5 * ((x - 0.3) / scale) ** 2, axis=1)
    np.testing.assert_allclose(model.log_likelihood(x), exact, rtol=1e-12)


@pytest.mark.parametrize("name", CLASSES)
def test_noise_between_grey_levels(name):
    model, rng = flow(name, D=4, dequantize=0.25), np.random.default_rng(8)
    x, u = rng.integers(0, 4, (6, 4)) / 4, rng.random((6, 4))
    assert np.isclose(model.loss(x, u)[0], -model.log_likelihood(x + 0.25 * u).mean(), rtol=1e-12)
    first, second = (float(model.loss(x)[0]) for _ in range(2))
    assert first != second  # its own noise, each time new
    assert_gradients(check_objective(model, lambda: model.loss(x)))
    pictures = np.zeros((2, 16))
    assert flow(name, D=16).likelihoods(pictures) == {} != flow(name, D=16, dequantize=0.1).likelihoods(pictures)


def test_resumed_run_equals_one_that_never_stopped(tmp_path):
    x = np.random.default_rng(4).normal(size=(60, 2)).astype(np.float32)
    runs = [sg.RealNVP(2, n_flows=2, hidden=(8,), dequantize=0.01, rng=0) for _ in range(2)]
    sg.fit(runs[0], x, epochs=6, batch_size=10, progress=False)
    sg.fit(runs[1], x, epochs=3, batch_size=10, out=tmp_path, progress=False)
    again = sg.RealNVP(2, n_flows=2, hidden=(8,), dequantize=0.01, rng=5)
    sg.fit(again, x, epochs=6, batch_size=10, out=tmp_path, resume=True, progress=False)
    assert np.array_equal(again.flat_params, runs[0].flat_params) and (tmp_path / "flow.png").exists()
    twin = sg.load(tmp_path)
    assert np.array_equal(twin.log_likelihood(x), again.log_likelihood(x)) and repr(twin) == repr(again)


@pytest.mark.parametrize("name", CLASSES)
def test_settings_for_data_whose_features_differ(name):
    x = np.random.default_rng(10).normal(size=(500, 3)) * [1, 1e3, 0] + [5, -1e4, 7]
    settings = CLASSES[name].suited_to(x)
    model = CLASSES[name](3, hidden=(4,), center=settings["center"], scale=settings["scale"], rng=0)
    z = model.chain.parts["0"].forward(x.astype(np.float32))[0]
    np.testing.assert_allclose(z.std(axis=0), [1, 1, 0], atol=1e-2)


class Banana:
    """x₁ ~ N(0, 2²),  x₂ | x₁ ~ N(x₁² / 4 − 1, ½²): bent, and its entropy is that of two Gaussians."""

    entropy = 2 * 0.5 * np.log(2 * np.pi * np.e) + np.log(2) + np.log(0.5)

    @staticmethod
    def draw(n, seed):
        a, b = np.random.default_rng(seed).normal(size=(2, n))
        return np.stack([2 * a, a**2 - 1 + 0.5 * b], axis=1).astype(np.float32)


class TwoGaussians:
    """½ N(m, 0.4²) + ½ N(−m, 0.4²), m = (1.2, 0.6): two islands, which a bijection must tear the plane apart for."""

    m, std = np.array([1.2, 0.6]), 0.4

    @classmethod
    def draw(cls, n, seed):
        rng = np.random.default_rng(seed)
        return (cls.std * rng.normal(size=(n, 2)) + cls.m * rng.choice([-1, 1], (n, 1))).astype(np.float32)

    @classmethod
    def log_density(cls, x):
        parts = [-0.5 * np.sum((x - m) ** 2, axis=1) / cls.std**2 for m in (cls.m, -cls.m)]
        return np.logaddexp(*parts) - np.log(2 * 2 * np.pi * cls.std**2)


@pytest.mark.slow
@pytest.mark.parametrize("density", [Banana, TwoGaussians])
@pytest.mark.parametrize("name", CLASSES)
def test_finds_the_entropy_of_a_known_density(name, density):
    """On examples that it has not seen, the mean log-likelihood is the exact one within 0.05 nats, and never above it by more than chance."""
    x, test = density.draw(20_000, 0), density.draw(20_000, 1)
    model = CLASSES[name](2, hidden=(64, 64), center=x.mean(axis=0), scale=x.std(axis=0), rng=0)
    sg.fit(model, x, epochs=30, batch_size=200, schedule=lambda optimizer: sg.optim.CosineLR(optimizer, total=30), progress=False)
    exact = density.log_density(test.astype(F)).mean() if density is TwoGaussians else -density.entropy
    assert -0.02 < exact - model.log_likelihood(test).mean() < 0.05


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(n_flows=0), "n_flows is 0"),
        (dict(scale=0.0), "scale must be finite and positive"),
        (dict(scale=[1.0, 2.0]), r"scale has shape \(2,\)"),
        (dict(center="x"), "center has shape"),
        (dict(center=np.nan), "center must be finite"),
        (dict(dequantize=-1), "dequantize is -1"),
        (dict(activation="rellu"), "did you mean 'relu'"),
    ],
)
@pytest.mark.parametrize("name", CLASSES)
def test_bad_arguments(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        CLASSES[name](3, **arguments)


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("z", [np.zeros((3, 2)), np.zeros(4), np.zeros((3, 0))])
def test_noise_of_another_shape(name, z):
    with pytest.raises(ValueError, match=r"z has shape .*from_noise needs \(n, 4\)"):
        flow(name, D=4).from_noise(z)


def test_too_few_features_and_no_layers():
    with pytest.raises(ValueError, match="data_dim is 1; it must be at least 2"):
        sg.RealNVP(1)
    with pytest.raises(ValueError, match="Softmax, which mixes features"):
        sg.MAF(2, activation=sg.layers.Softmax)
    with pytest.raises(ValueError, match="MAF needs at least one hidden layer"):
        sg.MAF(3, hidden=())
