"""The generator trained by the maximum mean discrepancy: its objective, its noise, what it refuses."""

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.gradcheck import assert_gradients, check_objective
from scratchgen.losses import mmd
from scratchgen.models import GMMN

RNG = np.random.default_rng(0)
X, Z = RNG.random((7, 5)), RNG.uniform(-1, 1, (4, 3))


def make(**options):
    return GMMN(5, **dict(latent_dim=3, hidden=(6,), bandwidths=(0.5, 2.0), rng=1, dtype=np.float64) | options)


def test_the_loss_is_the_root_of_the_squared_discrepancy(backend):
    model = make()
    loss, parts = model.loss(X, Z)
    assert float(loss) == pytest.approx(np.sqrt(float(mmd(model.generator(Z), X, (0.5, 2.0))[0])), rel=1e-14)
    assert parts == {"loss": loss}
    assert_gradients(check_objective(model, lambda: model.loss(X, Z), limit=None))  # as many generated as one likes


def test_data_that_the_generator_makes_itself_costs_nothing(backend):
    """There the root has no derivative, and the gradient is 0."""
    model = make()
    model.zero_grads()
    assert float(model.loss(model.generator(Z), Z)[0]) < 1e-7 and np.isfinite(model.flat_grads).all()
    model.generator.flat_params[...] = 0
    model.zero_grads()
    assert float(model.loss(model.generator(Z), Z)[0]) == 0 and not model.flat_grads.any()


def test_against_pytorch(backend):
    torch = pytest.importorskip("torch")
    model = make(output="identity")
    params = {key: torch.tensor(value, requires_grad=True) for key, value in model.generator.params.items()}
    h = torch.relu(torch.tensor(Z) @ params["0.W"] + params["0.b"])
    fake, x = h @ params["2.W"] + params["2.b"], torch.tensor(X)

    def mean(a, b):
        d2 = ((a[:, None] - b) ** 2).sum(2)
        return sum(torch.exp(-d2 / (2 * sigma**2)) for sigma in (0.5, 2.0)).mean()

    torch.sqrt(mean(fake, fake) + mean(x, x) - 2 * mean(fake, x)).backward()
    model.zero_grads()
    model.loss(X, Z)
    for key, value in params.items():
        np.testing.assert_allclose(model.generator.grads[key], value.grad.numpy(), rtol=1e-9, atol=1e-14)


def test_noise_is_uniform_between_minus_one_and_one(backend):
    z = make(latent_dim=2)._noise(20_000, rng=0)
    assert -1 <= z.min() < -0.999 and 0.999 < z.max() < 1
    assert np.abs(z.mean(axis=0)).max() < 0.02 and np.abs(z.var(axis=0) - 1 / 3).max() < 0.01


def test_learns_a_gaussian():
    x = (RNG.normal(size=(1000, 2)) * [1.0, 0.3] + [2.0, -1.0]).astype(np.float32)
    model = GMMN(2, latent_dim=2, hidden=(32, 32), bandwidths=(0.2, 0.5, 1.0, 2.0), output="identity", rng=0)
    sg.fit(model, x, epochs=60, batch_size=200, optimizer=lambda player: sg.optim.Adam(player, lr=3e-3), progress=False)
    samples = model.sample(4000, rng=1)
    np.testing.assert_allclose(samples.mean(axis=0), [2, -1], atol=0.1)
    np.testing.assert_allclose(samples.std(axis=0), [1, 0.3], rtol=0.25)


def test_saved_and_loaded(tmp_path):
    model = make(dtype=np.float32)
    sg.save(model, tmp_path / "gmmn.npz")
    again = sg.load(tmp_path / "gmmn.npz")
    assert again.config == model.config
    np.testing.assert_array_equal(again.sample(3), model.sample(3))


@pytest.mark.parametrize(
    "options, error, words",
    [
        (dict(bandwidths=()), ValueError, "bandwidths is empty"),
        (dict(bandwidths=(1, -1)), ValueError, r"bandwidths\[1\] is -1; it must be positive"),
        (dict(output="sigmoyd"), ValueError, "did you mean 'sigmoid'"),
        (dict(latent_dim=0), ValueError, "latent_dim is 0"),
    ],
)
def test_arguments_that_make_no_model(options, error, words):
    with pytest.raises(error, match=words):
        make(**options)


def test_a_sigmoid_needs_data_in_its_range():
    with pytest.raises(ValueError, match="in \\[0, 1\\]"):
        make().check_range("data", 3 * X)
    make(output="identity").check_range("data", 3 * X)
