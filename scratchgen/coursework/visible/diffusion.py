"""Visible tests: the loss of a diffusion model."""

import numpy as np

from scratchgen.coursework.mistakes import diffusion as mistakes_of
from scratchgen.coursework.testing import accumulated, close, points, sizes
from scratchgen.models import Diffusion
from scratchgen.models.diffusion import HIGH, LOW, step_back

CONFIG = {"data_dim": 3, "hidden": [7], "n_steps": 20, "time_features": 4, "activation": "tanh", "center": 0.5, "scale": 2.0}
HUGE = "where the loss is so large that small steps are lost in it"


def x_t(x, eps, time, center, scale):
    """By NumPy, with the angle itself."""
    angle = np.arctan(np.exp(LOW + (HIGH - LOW) * time))
    return np.cos(angle) * (x - center) / scale + np.sin(angle) * eps


def setting(rng, batch=11, **changes):
    """A Diffusion of the library with random parameters, its arguments, a minibatch, times and noise."""
    config = {**CONFIG, **changes}
    model = Diffusion(**config, rng=0, dtype=np.float64)
    model.flat_params[...] = rng.normal(0, 0.5, model.flat_params.shape)
    D = config["data_dim"]
    return model, config, rng.normal(size=(batch, D)), rng.integers(1, config["n_steps"] + 1, size=batch), rng.normal(size=(batch, D))


def run(exercise, model, config, *arrays):
    """What the student's loss returns, and what is in the gradients afterwards."""
    return exercise.run("diffusion_loss", config, model.flat_params, *arrays)


def right(model, x, t, eps):
    """-> loss, gradient; by the library."""
    model.zero_grads()
    loss, _ = model.loss(x, t=t, eps=eps)
    return loss, model.flat_grads.copy()


@points(2)
def test_diffuse(exercise, rng):
    """x_t: the data shrunk, and noise in the room that is left."""
    x, eps = rng.normal(size=(2, *sizes(rng, 2)))
    time = rng.uniform(0, 1, size=(len(x), 1))
    mistakes = mistakes_of.diffused(x, eps, time, 0.5, 2.5)
    close("x_t", exercise.diffuse(x, eps, time, 0.5, 2.5), x_t(x, eps, time, 0.5, 2.5), known={"x": x, "eps": eps}, mistakes=mistakes)


@points(2)
def test_loss(exercise, rng):
    """The loss."""
    model, config, *arrays = setting(rng)
    got, (loss, _) = run(exercise, model, config, *arrays), right(model, *arrays)
    mistakes = mistakes_of.losses(loss, *arrays[0].shape)
    close("the loss", got["loss"], loss, mistakes=mistakes)
    close('the part "loss"', got["part"], loss, mistakes=mistakes)


@points(3)
def test_gradient(exercise, rng):
    """The network's gradient."""
    model, config, *arrays = setting(rng)
    want = right(model, *arrays)[1]
    close("flat_grads", run(exercise, model, config, *arrays)["grads"], want, mistakes=mistakes_of.gradients(want, *arrays[0].shape))
    model.flat_params[-3:] = 1e12  # the last biases
    close(f"flat_grads {HUGE}", run(exercise, model, config, *arrays)["grads"], right(model, *arrays)[1], rtol=1e-11)


@points(1)
def test_gradients_accumulate(exercise, rng):
    """The loss adds to the gradients that are there."""
    model, config, *arrays = setting(rng)
    accumulated("flat_grads", run(exercise, model, config, *arrays, 3.0)["grads"], right(model, *arrays)[1], 3.0)
    model.flat_params[-3:] = 1e12  # the last biases
    close("flat_grads, from 3 on", run(exercise, model, config, *arrays, 3.0)["grads"], right(model, *arrays)[1] + 3, rtol=1e-11)


@points(2)
def test_step(exercise, rng):
    """One step of the sampler."""
    x, eps_hat, noise = np.abs(rng.normal(size=(3, *sizes(rng, 2)))) * np.array([1, -1, 1])[:, None, None]
    numbers = (np.cos(1.1), np.sin(1.1), np.cos(0.4), np.sin(0.4), 0.1)
    mistakes = mistakes_of.steps(x, eps_hat, noise, *numbers)
    close("x_s", exercise.step_back(x, eps_hat, noise, *numbers), right_step(x, eps_hat, noise, *numbers), mistakes=mistakes)


def right_step(*arguments):
    """By the library."""
    return step_back.__wrapped__(*arguments)
