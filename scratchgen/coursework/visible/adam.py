"""Visible tests: Adam."""

import numpy as np

from scratchgen.coursework.mistakes import adam as mistakes_of
from scratchgen.coursework.testing import close, points, sizes

LR, BETA1, BETA2, EPS = 0.01, 0.9, 0.999, 1e-3


def adam(p, g, m, v, t, weight_decay=0.0, decoupled=False):
    """-> p, m, v after step number t, from the definition."""
    if decoupled:
        p = p - LR * weight_decay * p
    else:
        g = g + weight_decay * p
    m, v = BETA1 * m + (1 - BETA1) * g, BETA2 * v + (1 - BETA2) * g**2
    return p - LR * (m / (1 - BETA1**t)) / (np.sqrt(v / (1 - BETA2**t)) + EPS), m, v


def step(exercise, p, g, m, v, t, weight_decay=0.0, decoupled=False):
    """Run the student's step -> p, m, v as it leaves them."""
    return exercise.in_place("adam_step", (0, 2, 3), p, g, m, v, t, LR, BETA1, BETA2, EPS, weight_decay, decoupled)


def state(rng):
    """p, g, m, v of a few parameters."""
    (n,) = sizes(rng, 1)
    return rng.normal(size=n), rng.normal(size=n), rng.normal(size=n), rng.uniform(0.1, 1, size=n)


def check_step(exercise, p, g, m, v, t, weight_decay=0.0, decoupled=False, only="pmv"):
    """AssertionError unless the student's step leaves p, m and v, or those of them in `only`, right."""
    arguments = (p, g, m, v, t, weight_decay, decoupled)
    mistakes = mistakes_of.moments(p, g, m, v, BETA1, BETA2) | {"p": mistakes_of.parameters(p, g, m, v, t, LR, BETA1, BETA2, EPS)}
    if weight_decay:
        mistakes = {"p": mistakes_of.decay(adam, arguments, LR, weight_decay)}
    for name, got, want, before in zip("pmv", step(exercise, *arguments), adam(*arguments), (p, m, v), strict=True):
        if name in only:
            close(name, got, want, before=before, known={"g": g, "p": p, "m": m, "v": v}, mistakes=mistakes.get(name))


@points(2)
def test_first_moment(exercise, rng):
    """m, in place."""
    check_step(exercise, *state(rng), 3, only="m")


@points(2)
def test_second_moment(exercise, rng):
    """v, in place."""
    check_step(exercise, *state(rng), 3, only="v")


@points(3)
def test_step(exercise, rng):
    """p, in place, with both biases corrected."""
    check_step(exercise, *state(rng), 3, only="p")


@points(1)
def test_first_step_has_the_size_of_lr(exercise, rng):
    """The first step from zero moments is lr, but for eps, against the sign of the gradient."""
    p, zero = np.zeros(4), np.zeros(4)
    g = np.array([3.0, -0.1, 0.02, -50.0]) * rng.uniform(0.5, 2, size=4)
    first = step(exercise, p, g, zero, zero, 1)
    close("p", first[0], -LR * g / (np.abs(g) + EPS), before=p)
    second = rng.normal(size=4)
    p, m, v = adam(p, g, zero, zero, 1)
    close("p after a second step with another gradient", step(exercise, p, second, m, v, 2)[0], adam(p, second, m, v, 2)[0])
