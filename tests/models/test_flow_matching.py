"""Flow matching: the objective, and paths whose velocity is known."""

import math

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.gradcheck import assert_gradients, check_objective

RNG = np.random.default_rng(4)
MEAN, STD = np.array([0.7, -1.2]), np.array([0.8, 1.5])


class Knowing(sg.FlowMatching):
    """E[x − z | x_t] for data from N(MEAN, STD²)."""

    def velocity(self, x, t):
        var = (1 - t) ** 2 + (t * STD) ** 2
        return MEAN + (t * STD**2 - (1 - t)) / var * (x - t * MEAN)


def knowing(**options):
    return Knowing(2, hidden=(3,), rng=0, dtype=np.float64, **options)


def test_paths_end_where_the_exact_flow_takes_the_noise():
    """The flow from N(0, I) to N(MEAN, STD²) along one axis each is z -> MEAN + STD z."""
    z = knowing(sample_steps=1).path(500, rng=1, keep=2)[0]
    exact = MEAN + STD * z
    errors = {n: np.abs(knowing(sample_steps=n).sample(500, rng=1) - exact).max() for n in (25, 50, 100)}
    assert errors[100] < 1e-3 and 3 < errors[25] / errors[50] < 5 and 3 < errors[50] / errors[100] < 5  # second order
    euler = {n: np.abs(knowing(sample_steps=n, method="euler").sample(500, rng=1) - exact).max() for n in (100, 200)}
    assert 1.7 < euler[100] / euler[200] < 2.3  # first order


def test_loss_is_that_of_the_equation():
    model = sg.FlowMatching(3, hidden=(5,), center=0.5, scale=2, rng=0, dtype=np.float64)
    x, z, t = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3)), RNG.random(4)
    u, s = (x - 0.5) / 2, t[:, None]
    v = model.net(np.hstack([(1 - s) * z + s * u, s]))
    loss, parts = model.loss(x, t, z)
    assert np.isclose(loss, 0.5 * np.square(v - (u - z)).sum() / 4, rtol=1e-12) and parts == {"loss": loss}
    assert_gradients(check_objective(model, lambda: model.loss(x, t, z)))


def test_predicting_the_data_is_the_same_loss_where_no_example_is_close_to_its_end():
    model = sg.FlowMatching(3, hidden=(5,), predict="data", center=0.5, scale=2, rng=0, dtype=np.float64)
    x, z, t = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3)), np.array([0.0, 0.3, 0.9, 0.99])
    u, s = (x - 0.5) / 2, t[:, None]
    x_t = (1 - s) * z + s * u
    x_hat = model.net(np.hstack([x_t, s]))
    loss = lambda rows: model.loss(x[rows], t[rows], z[rows])[0]
    v = (x_hat - x_t) / (1 - s)
    assert np.isclose(loss(slice(3)), 0.5 * np.square(v - (u - z))[:3].sum() / 3, rtol=1e-12)
    assert np.isclose(loss(slice(3, 4)), 0.5 * np.square(20 * (x_hat - u))[3].sum(), rtol=1e-12)
    assert_gradients(check_objective(model, lambda: model.loss(x, t, z)))
    assert np.allclose(model.velocity(x_t[:1], 0.25), (model.net(np.hstack([x_t[:1], [[0.25]]])) - x_t[:1]) / 0.75)


def test_times_are_uniform_for_a_velocity_and_early_for_the_data():
    t = sg.FlowMatching(2, hidden=(3,), rng=0, dtype=np.float64)._times(20_000)
    assert np.allclose(np.quantile(t, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.02)
    t = sg.FlowMatching(2, hidden=(3,), predict="data", rng=0, dtype=np.float64)._times(20_000)
    s = np.log(t / (1 - t))
    assert abs(s.mean() + 0.8) < 0.02 and abs(s.std() - 0.8) < 0.02


def test_predicting_the_data_ends_at_the_data():
    class Sure(sg.FlowMatching):
        """Believes that everything becomes MEAN: straight paths, which both methods follow exactly."""

        def velocity(self, x, t):
            return (MEAN - x) / (1 - t)

    for method in ("heun", "euler"):
        model = Sure(2, hidden=(3,), predict="data", sample_steps=7, method=method, rng=0, dtype=np.float64)
        path = model.path(50, rng=1, keep=8)
        assert np.allclose(path[-1], MEAN) and np.allclose(path[3], path[0] + 3 / 7 * (MEAN - path[0]))


def test_resumed_run_equals_one_that_never_stopped(tmp_path):
    x = RNG.normal(size=(60, 2)).astype(np.float32)
    runs = [sg.FlowMatching(2, hidden=(8,), sample_steps=2, rng=0) for _ in range(2)]
    sg.fit(runs[0], x, epochs=6, batch_size=10, progress=False)
    sg.fit(runs[1], x, epochs=3, batch_size=10, out=tmp_path, progress=False)
    again = sg.FlowMatching(2, hidden=(8,), sample_steps=2, rng=5)
    sg.fit(again, x, epochs=6, batch_size=10, out=tmp_path, resume=True, progress=False)
    assert np.array_equal(again.flat_params, runs[0].flat_params) and (tmp_path / "path.png").exists()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (dict(method="hoyn"), "heun"),
        (dict(predict="noise"), "velocity"),
        (dict(waves=-1), "waves is -1"),
        (dict(scale=-1), "scale is -1"),
        (dict(sample_steps=0), "sample_steps"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        sg.FlowMatching(2, **arguments)


@pytest.mark.parametrize("predict, t", [("data", 1), ("velocity", 1.1), ("velocity", -0.1), ("data", math.nan)])
def test_there_is_no_velocity_outside_the_path(predict, t):
    model = sg.FlowMatching(2, hidden=(3,), predict=predict, rng=0)
    with pytest.raises(ValueError, match="t is"):
        model.velocity(np.zeros((1, 2), np.float32), t)
