"""Diffusion: the bound against the exact density of a Gaussian, the forward process, sampling with a network that knows the answer."""

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.gradcheck import assert_gradients, check_objective

RNG = np.random.default_rng(4)
MEAN, STD = np.array([0.7, -1.2]), np.array([0.8, 1.5])


class Knowing(sg.Diffusion):
    """The best prediction of the noise there is for data from N(MEAN, STD²): E[ε | x_t]."""

    def predict_noise(self, x_t, t):
        phi = np.arctan(0.005 * 12000 ** (np.reshape(t, (-1, 1)) / self.n_steps))
        cos, sin = np.cos(phi), np.sin(phi)
        m, s = (MEAN - self.center) / self.scale, STD / self.scale
        return sin * (x_t - cos * m) / ((cos * s) ** 2 + sin**2)


def knowing(n_steps, **options):
    return Knowing(2, hidden=(3,), n_steps=n_steps, center=0.3, scale=1.7, rng=0, dtype=np.float64, **options)


def gaussian_log_density(x, mean=MEAN, var=STD**2):
    return -0.5 * np.sum(np.log(2 * np.pi * var) + (x - mean) ** 2 / var, axis=1)


def marginal(model):
    """Mean and variance of the samples: every step is linear in x_t, with Gaussian noise."""
    mean, var = np.zeros(2), np.ones(2)
    for t in range(model.n_steps, 0, -1):
        (cos_t, sin_t), (cos_s, sin_s), sigma = model._cos_sin(t), model._cos_sin(t - 1), model._sigma(t, t - 1)

        def back(x, t=t, cos_t=cos_t, sin_t=sin_t, cos_s=cos_s, sin_s=sin_s, sigma=sigma):
            eps = model.predict_noise(x, t)
            return cos_s * (x - sin_t * eps) / cos_t + np.sqrt(sin_s**2 - sigma**2) * eps

        slope = back(np.ones((1, 2)))[0] - back(np.zeros((1, 2)))[0]
        noise = 1 - (cos_t / cos_s) ** 2 if t == 1 else sigma**2  # p(x₀|x₁) has the variance β_1
        mean, var = back(mean[None])[0], slope**2 * var + noise
    return model.center + model.scale * mean, model.scale**2 * var


def test_bound_on_a_gaussian_is_below_the_exact_value_and_tight_for_many_steps():
    x = MEAN + STD * RNG.normal(size=(4000, 2))
    gaps = []
    for T in (20, 100, 500):
        model = knowing(T)
        gaps.append(gaussian_log_density(x, *marginal(model)).mean() - model.elbo(x, rng=1).mean())
    assert gaps[0] > gaps[1] > 0 < gaps[2] < 0.2 and abs(5 * gaps[2] - gaps[1]) < 0.25
    exact = gaussian_log_density(x).mean()
    assert exact - 0.3 < knowing(500).elbo(x, rng=2).mean() < exact + 0.02


def test_bound_from_some_of_the_steps_has_the_mean_of_all():
    x, model = MEAN + STD * RNG.normal(size=(500, 2)), knowing(40)
    some = [model.elbo(x, 8, rng=k).mean() for k in range(200)]
    assert np.std(some) < 0.5  # with one time for all examples it is 1, and more of them do not help
    assert abs(np.mean(some) - np.mean([model.elbo(x, rng=k).mean() for k in range(20)])) < 0.25
    assert np.array_equal(model.elbo(x, 40, rng=3), model.elbo(x, rng=3))


@pytest.mark.parametrize("eta", [1.0, 0.0])
def test_samples_of_a_network_that_knows_have_the_moments_of_the_data(eta):
    x = knowing(200, eta=eta).sample(20_000, rng=1)
    assert np.allclose(x.mean(axis=0), MEAN, atol=0.05) and np.allclose(x.std(axis=0), STD, rtol=0.03)
    x = knowing(200, eta=eta, sample_steps=50).sample(20_000, rng=1)
    assert np.allclose(x.mean(axis=0), MEAN, atol=0.06) and np.allclose(x.std(axis=0), STD, rtol=0.1)


def test_loss_is_that_of_the_equation():
    model, x, eps = sg.Diffusion(3, hidden=(5,), n_steps=8, rng=0, dtype=np.float64), RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3))
    t = np.array([1, 8, 3, 5])
    phi = np.arctan(0.005 * 12000 ** (t / 8))[:, None]
    eps_hat = model.net(np.hstack([np.cos(phi) * x + np.sin(phi) * eps, t[:, None] / 8]))
    loss, parts = model.loss(x, t, eps)
    assert np.isclose(loss, 0.5 * np.square(eps_hat - eps).sum() / 4, rtol=1e-12) and parts == {"loss": loss}
    assert_gradients(check_objective(model, lambda: model.loss(x, t, eps)))


def test_times_are_uniform_from_1_to_T():
    times = np.round(5 * sg.Diffusion(2, hidden=(3,), n_steps=5, rng=0)._times(5000))
    values, counts = np.unique(times, return_counts=True)
    assert values.tolist() == [1, 2, 3, 4, 5] and counts.min() > 850


def test_deterministic_samples_depend_on_the_first_noise_only():
    model = sg.Diffusion(2, hidden=(8,), n_steps=10, eta=0, rng=0)
    before = model.stream.block
    path = model.path(100, keep=3)
    assert len(path) == 3 and model.stream.block - before == 50  # 200 numbers, four a block
    assert np.array_equal(model.sample(7, rng=2), model.sample(7, rng=2)) and not np.array_equal(model.sample(7), model.sample(7))


@pytest.mark.parametrize("arguments, message", [(dict(n_steps=1), "n_steps is 1"),
                                                (dict(eta=2), "eta is 2"), (dict(sample_steps=2000), "sample_steps"),
                                                (dict(scale=0), "scale is 0"), (dict(time_features=3), "must be even")])  # fmt: skip
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        sg.Diffusion(2, **arguments)
