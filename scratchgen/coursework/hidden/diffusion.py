"""Hidden tests: the loss of a diffusion model."""

import numpy as np

from scratchgen.coursework.hidden import SHAPES, THOUGHT
from scratchgen.coursework.testing import close, points
from scratchgen.coursework.visible.diffusion import HUGE, right, right_step, run, setting, x_t


@points(1, why=THOUGHT)
def test_ends(exercise, rng):
    """At time 0 next to nothing is noise, at time 1 next to all."""
    x, eps = rng.normal(size=(2, 3, 2))
    for time in (0.0, 1.0):
        t = np.full((3, 1), time)
        close(f"x_t at time {time:g}", exercise.diffuse(x, eps, t, 0.0, 1.0), x_t(x, eps, t, 0.0, 1.0))


@points(1, why=SHAPES)
def test_other_networks(exercise, rng):
    """Two hidden layers, one feature, a batch of one."""
    model, config, *arrays = setting(rng, batch=1, data_dim=1, hidden=[4, 5], n_steps=7)
    got, (loss, grads) = run(exercise, model, config, *arrays), right(model, *arrays)
    close("the loss", got["loss"], loss)
    close("flat_grads", got["grads"], grads)
    model.flat_params[-1] = -1e12  # the last bias
    close(f"flat_grads {HUGE}", run(exercise, model, config, *arrays)["grads"], right(model, *arrays)[1], rtol=1e-11)


@points(1, why=THOUGHT)
def test_step_without_noise(exercise, rng):
    """A deterministic step, and one that ends at the data."""
    x, eps_hat, noise = rng.normal(size=(3, 4, 2))
    for angle_s in (0.4, 0.0):
        numbers = (np.cos(1.1), np.sin(1.1), np.cos(angle_s), np.sin(angle_s), 0.0)
        close("x_s", exercise.step_back(x, eps_hat, noise, *numbers), right_step(x, eps_hat, noise, *numbers))
