"""Each optimizer against its recursion, written out once more for a single number in plain Python."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from scratchgen import optim
from scratchgen.optim.rmsprop import rmsprop_step

STEPS = 25


def sgd(lr, mu=0.0, wd=0.0, nesterov=False):
    s = SimpleNamespace(v=0.0)

    def rule(p, g, t):
        g = g + wd * p
        s.v = mu * s.v + g
        return p - lr * (g + mu * s.v) if nesterov else p - lr * s.v

    return rule


def classical(lr, mu, wd=0.0, nesterov=False):
    """Sutskever et al. 2013, equations 1 and 2; Nesterov's as equation 7 of Bengio et al. 2013, in the position after the look ahead."""
    s = SimpleNamespace(v=0.0)

    def rule(p, g, t):
        g = g + wd * p
        old, s.v = s.v, mu * s.v - lr * g
        return p - mu * old + (1 + mu) * s.v if nesterov else p + s.v

    return rule


def adagrad(lr, eps, wd=0.0):
    s = SimpleNamespace(total=0.0)

    def rule(p, g, t):
        g = g + wd * p
        s.total += g * g
        return p - lr * g / (math.sqrt(s.total) + eps)

    return rule


def rmsprop(lr, alpha, eps, mu=0.0, centered=False, wd=0.0):
    s = SimpleNamespace(square=0.0, mean=0.0, v=0.0)

    def rule(p, g, t):
        g = g + wd * p
        s.square = alpha * s.square + (1 - alpha) * g * g
        s.mean = alpha * s.mean + (1 - alpha) * g
        variance = s.square - s.mean * s.mean if centered else s.square
        s.v = mu * s.v + g / (math.sqrt(variance) + eps)
        return p - lr * s.v

    return rule


def adadelta(lr, rho, eps, wd=0.0):
    s = SimpleNamespace(g2=0.0, d2=0.0)

    def rule(p, g, t):
        g = g + wd * p
        s.g2 = rho * s.g2 + (1 - rho) * g * g
        d = math.sqrt(s.d2 + eps) / math.sqrt(s.g2 + eps) * g
        s.d2 = rho * s.d2 + (1 - rho) * d * d
        return p - lr * d

    return rule


def adam(lr, b1, b2, eps, wd=0.0, decoupled=False):
    """Kingma & Ba 2015, algorithm 1; decoupled: Loshchilov & Hutter 2019, algorithm 2."""
    s = SimpleNamespace(m=0.0, v=0.0)

    def rule(p, g, t):
        decay = lr * wd * p if decoupled else 0.0
        g = g if decoupled else g + wd * p
        s.m = b1 * s.m + (1 - b1) * g
        s.v = b2 * s.v + (1 - b2) * g * g
        m_hat, v_hat = s.m / (1 - b1**t), s.v / (1 - b2**t)
        return p - decay - lr * m_hat / (math.sqrt(v_hat) + eps)

    return rule


CASES = {
    "SGD, defaults": (optim.SGD, {}, lambda: sgd(1e-3)),
    "SGD, decay": (optim.SGD, dict(lr=0.1, weight_decay=0.2), lambda: sgd(0.1, wd=0.2)),
    "SGD, momentum": (optim.SGD, dict(lr=0.1, momentum=0.8, weight_decay=0.2), lambda: sgd(0.1, 0.8, 0.2)),
    "SGD, Nesterov": (optim.SGD, dict(lr=0.1, momentum=0.8, nesterov=True, weight_decay=0.2), lambda: sgd(0.1, 0.8, 0.2, True)),
    "SGD, classical": (optim.SGD, dict(lr=0.1, momentum=0.8, classical=True, weight_decay=0.2), lambda: classical(0.1, 0.8, 0.2)),
    "SGD, classical Nesterov": (optim.SGD, dict(lr=0.1, momentum=0.8, classical=True, nesterov=True), lambda: classical(0.1, 0.8, nesterov=True)),
    "Adagrad, defaults": (optim.Adagrad, {}, lambda: adagrad(1e-2, 1e-10)),
    "Adagrad, all": (optim.Adagrad, dict(lr=0.1, eps=1e-2, weight_decay=0.2), lambda: adagrad(0.1, 1e-2, 0.2)),
    "RMSProp, defaults": (optim.RMSProp, {}, lambda: rmsprop(1e-2, 0.99, 1e-8)),
    "RMSProp, decay": (optim.RMSProp, dict(lr=0.1, alpha=0.9, eps=1e-2, weight_decay=0.2), lambda: rmsprop(0.1, 0.9, 1e-2, wd=0.2)),
    "RMSProp, momentum": (optim.RMSProp, dict(momentum=0.8), lambda: rmsprop(1e-2, 0.99, 1e-8, 0.8)),
    "RMSProp, centred": (optim.RMSProp, dict(centered=True), lambda: rmsprop(1e-2, 0.99, 1e-8, centered=True)),
    "RMSProp, all": (
        optim.RMSProp, dict(lr=0.02, alpha=0.9, momentum=0.8, centered=True, weight_decay=0.2), lambda: rmsprop(0.02, 0.9, 1e-8, 0.8, True, 0.2),
    ),
    "Adadelta, defaults": (optim.Adadelta, {}, lambda: adadelta(1.0, 0.9, 1e-6)),
    "Adadelta, all": (optim.Adadelta, dict(lr=0.5, rho=0.95, eps=1e-3, weight_decay=0.2), lambda: adadelta(0.5, 0.95, 1e-3, 0.2)),
    "Adam, defaults": (optim.Adam, {}, lambda: adam(1e-3, 0.9, 0.999, 1e-8)),
    "Adam, all": (optim.Adam, dict(lr=0.1, betas=(0.5, 0.9), eps=1e-2, weight_decay=0.2), lambda: adam(0.1, 0.5, 0.9, 1e-2, 0.2)),
    "AdamW, defaults": (optim.AdamW, {}, lambda: adam(1e-3, 0.9, 0.999, 1e-8, 1e-2, True)),
    "AdamW, all": (optim.AdamW, dict(lr=0.1, betas=(0.5, 0.9), eps=1e-2, weight_decay=0.2), lambda: adam(0.1, 0.5, 0.9, 1e-2, 0.2, True)),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_optimizer_follows_its_recursion(backend, dtype, parameters, by_hand, case):
    optimizer, options, make_rule = CASES[case]
    module = parameters(dtype)
    end = module.follow(optimizer(module, **options), STEPS)
    assert end.dtype == dtype
    tolerance = dict(rtol=1e-12) if dtype == np.float64 else dict(rtol=5e-5, atol=1e-5)
    np.testing.assert_allclose(end, by_hand(make_rule, STEPS), **tolerance)


@pytest.mark.parametrize("case", CASES)
def test_every_option_changes_the_trajectory(parameters, case):
    """Or the comparison above would not notice if it were ignored. (`classical` changes it only when lr changes: see below.)"""
    optimizer, options, _ = CASES[case]
    module = parameters()
    end = module.follow(optimizer(module, **options), STEPS).copy()
    for name in set(options) - {"classical"} - ({"momentum"} if {"classical", "nesterov"} & set(options) else set()):
        module = parameters()
        other = module.follow(optimizer(module, **{key: value for key, value in options.items() if key != name}), STEPS)
        assert np.abs(other - end).min() > 1e-5, name


def test_the_two_forms_of_momentum_agree_until_the_rate_changes(backend, parameters):
    modules = parameters(), parameters()
    pytorch, classical = (optim.SGD(m, lr=0.05, momentum=0.9, classical=c) for m, c in zip(modules, (False, True), strict=True))
    np.testing.assert_allclose(modules[0].follow(pytorch, 10), modules[1].follow(classical, 10), rtol=1e-13)
    pytorch.lr = classical.lr = 0.005
    p, c = (m.flat_params.copy() for m in modules)
    steps = [m.follow(o, 1, start=10) - before for m, o, before in zip(modules, (pytorch, classical), (p, c), strict=True)]
    assert (np.abs(steps[0]) < 0.5 * np.abs(steps[1])).all()  # PyTorch's form rescales the whole velocity at once


def test_bias_correction_makes_adams_first_step_lr_long(backend, parameters):
    """m̂ = g and v̂ = g² whatever the betas, so every parameter moves by lr against the sign of its gradient (section 2.1 of the paper)."""
    module = parameters()
    before = module.flat_params.copy()
    step = module.follow(optim.Adam(module, lr=0.01, betas=(0.7, 0.99)), 1) - before
    np.testing.assert_allclose(step, -0.01 * np.sign(module.flat_grads), rtol=1e-6)


def test_weight_decay_alone_shrinks_every_parameter(backend, parameters):
    for optimizer in (optim.SGD, optim.Adagrad, optim.RMSProp, optim.Adadelta, optim.Adam, optim.AdamW):
        module = parameters()
        before = module.flat_params.copy()
        optimizer(module, weight_decay=0.1).step()  # gradients are zero
        assert (np.abs(module.flat_params) < np.abs(before)).all(), optimizer.__name__
    np.testing.assert_allclose(module.flat_params, before * (1 - 1e-3 * 0.1), rtol=1e-15)  # AdamW: by exactly lr · weight_decay


def test_centred_rmsprop_stays_finite_where_the_gradient_never_changes():
    """s − a² is then 0, and by rounding less in some elements."""
    g = np.random.default_rng(0).normal(size=(40, 25)).astype(np.float32)
    p, s, a, v = (np.zeros_like(g) for _ in range(4))
    for _ in range(1500):
        rmsprop_step(p, g, s, a, v, 1e-3, 0.99, 1e-8, 0.0, True, 0.0)
    assert np.isfinite(p).all()
