"""What all optimizers keep to: one operation a step, gradients only read, parameters only changed by step; and bad arguments."""

import inspect

import numpy as np
import pytest

import scratchgen as sg
from scratchgen import optim
from scratchgen.gradcheck import catalogue
from scratchgen.layers import BatchNorm, Linear, Sequential, Tanh, mlp
from scratchgen.losses import squared_error

OPTIMIZERS = [getattr(optim, name) for name in catalogue.OPTIMIZERS]
each = pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: optimizer.__name__)


def network_with_gradients(seed=0):
    """A network of several layers, and gradients in it."""
    rng = np.random.default_rng(seed)
    net = mlp((3, 7, 5, 2), "tanh", rng=seed)
    y, cache = net.forward(rng.normal(size=(4, 3)).astype(np.float32))
    net.backward(squared_error(y, np.zeros_like(y))[1], cache)
    return net


def test_every_optimizer_is_here():
    assert set(OPTIMIZERS) == {c for c in vars(optim).values() if inspect.isclass(c) and issubclass(c, optim.Optimizer) and c is not optim.Optimizer}


@each
def test_a_step_is_one_operation_over_all_parameters(monkeypatch, optimizer):
    net = network_with_gradients()
    optimizer = optimizer(net)
    calls = []
    module = inspect.getmodule(type(optimizer).update)
    for name in [name for name in vars(module) if name.endswith(("_step", "_update"))]:
        monkeypatch.setattr(module, name, lambda p, g, *rest: calls.append((p, g)))
    optimizer.step()
    assert len(calls) == 1
    assert calls[0][0] is net.flat_params
    assert calls[0][1] is net.flat_grads


@each
def test_gradients_are_only_read(backend, optimizer):
    net = network_with_gradients()
    before, params = net.flat_grads.copy(), net.flat_params.copy()
    assert before.any()
    optimizer(net, weight_decay=0.1).step()
    np.testing.assert_array_equal(net.flat_grads, before)
    assert (net.flat_params != params).any()


@each
def test_step_changes_the_layers_own_arrays(backend, optimizer):
    net = network_with_gradients()
    W, before = net.layers[0].params["W"], net.layers[0].params["W"].copy()
    optimizer(net).step()
    assert W is net.layers[0].params["W"]
    assert (W != before).all()


@each
def test_layers_are_trained_alike_alone_and_in_a_network(backend, optimizer):
    """Every parameter has its own recursion: one flat array or one for each layer, the numbers are the same."""
    together, apart = network_with_gradients(), network_with_gradients()
    one, several = optimizer(together), [optimizer(layer) for layer in apart.layers]
    for _ in range(3):
        one.step()
        for each in several:
            each.step()
    np.testing.assert_array_equal(together.flat_params, apart.flat_params)


@each
def test_the_state_is_the_optimizers_own(optimizer):
    """Two optimizers of one network do not share what they remember, and a step is counted by the one that took it."""
    net = network_with_gradients()
    first, second = optimizer(net), optimizer(net)
    first.step()
    assert (first.steps, second.steps) == (1, 0)
    for name, value in first.state.items():
        assert value.shape == net.flat_params.shape
        assert value.dtype == net.dtype
        assert not second.state[name].any()
        assert not np.shares_memory(value, net.flat_params)
        assert not np.shares_memory(value, net.flat_grads)


@each
def test_state_and_steps_are_all_that_is_remembered(backend, parameters, optimizer):
    """A new optimizer with the state and the step count of an old one goes on as it would have: what a checkpoint relies on."""
    whole, halves = parameters(), parameters()
    whole.follow(optimizer(whole, weight_decay=0.1), 10)
    first = optimizer(halves, weight_decay=0.1)
    halves.follow(first, 5)
    second = optimizer(halves, weight_decay=0.1)
    second.state, second.steps = {name: value.copy() for name, value in first.state.items()}, first.steps
    halves.follow(second, 5, start=5)
    np.testing.assert_array_equal(whole.flat_params, halves.flat_params)


def test_backward_never_updates_a_parameter(backend):
    net = Sequential(Linear(3, 4, rng=0), BatchNorm(4), Tanh(), Linear(4, 2, rng=1))
    before = net.flat_params.copy()
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    for _ in range(3):
        y, cache = net.forward(x)
        net.backward(y, cache)
    assert net.flat_grads.any()
    np.testing.assert_array_equal(net.flat_params, before)


@pytest.mark.parametrize("objective", ["vae", "discriminator", "generator"])
def test_a_models_loss_never_updates_a_parameter(backend, objective):
    rng = np.random.default_rng(0)
    vae, gan = sg.VAE(4, 2, (5,), rng=0), sg.GAN(4, 2, (5,), (5,), rng=0)
    model = vae if objective == "vae" else gan
    x, z = rng.random((6, 4), dtype=np.float32), rng.normal(size=(6, 2)).astype(np.float32)
    before = model.flat_params.copy()
    {"vae": lambda: vae.loss(x, z), "discriminator": lambda: gan.discriminator_loss(x, z), "generator": lambda: gan.generator_loss(z)}[objective]()
    assert model.flat_grads.any()
    np.testing.assert_array_equal(model.flat_params, before)


@each
def test_learns(backend, optimizer):
    """Fit a line: the loss falls by half in a hundred steps."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 3)).astype(np.float32)
    targets = x @ np.array([[1.0], [-2.0], [0.5]], np.float32) + 1
    net = Linear(3, 1, rng=0)
    optimizer = optimizer(net, lr=0.05 if optimizer is not optim.Adadelta else 5.0)
    losses = []
    for _ in range(100):
        y, cache = net.forward(x)
        loss, dy = squared_error(y, targets)
        net.zero_grads()
        net.backward(dy, cache)
        optimizer.step()
        losses.append(float(loss))
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda net: optim.Adam([net]), TypeError, "must be a network, layer or model"),
        (lambda net: optim.Adam(net.flat_params), TypeError, "must be a network, layer or model"),
        (lambda net: optim.SGD(net, lr=0), ValueError, "lr is 0; it must be a positive number"),
        (lambda net: optim.Adam(net, lr=np.inf), ValueError, "lr is inf; it must be a positive number, and finite"),
        (lambda net: optim.SGD(net, weight_decay=np.inf), ValueError, "weight_decay is inf; it must not be negative, and finite"),
        (lambda net: optim.SGD(net, lr=-0.1), ValueError, "lr is -0.1"),
        (lambda net: optim.SGD(net, lr=float("nan")), ValueError, "lr is nan"),
        (lambda net: optim.SGD(net, momentum=1.0), ValueError, "momentum is 1.0; it must be at least 0 and below 1"),
        (lambda net: optim.SGD(net, nesterov=True), ValueError, "give momentum as well"),
        (lambda net: optim.SGD(net, momentum=0.5, nesterov=np.ones(2)), TypeError, "nesterov"),
        (lambda net: optim.SGD(net, classical=True), ValueError, "give momentum as well"),
        (lambda net: optim.SGD(net, weight_decay=-1), ValueError, "weight_decay is -1; it must not be negative"),
        (lambda net: optim.Adagrad(net, eps=-1e-8), ValueError, "eps is -1e-08; it must be positive"),
        (lambda net: optim.Adam(net, eps=0), ValueError, "eps is 0; it must be positive"),
        (lambda net: optim.RMSProp(net, centered="no"), TypeError, "centered is 'no'"),
        (lambda net: optim.RMSProp(net, alpha=1.5), ValueError, "alpha is 1.5; it must be at least 0 and below 1"),
        (lambda net: optim.Adadelta(net, rho=-0.1), ValueError, "rho is -0.1"),
        (lambda net: optim.Adam(net, betas=(0.9, 1.0)), ValueError, "beta2 is 1.0"),
        (lambda net: optim.Adam(net, betas=(float("nan"), 0.9)), ValueError, "beta1 is nan"),
        (lambda net: optim.AdamW(net, weight_decay=float("nan")), ValueError, "weight_decay is nan"),
    ],
)
def test_arguments_that_make_no_optimizer(make, error, words):
    with pytest.raises(error, match=words):
        make(mlp((2, 2), rng=0))


def test_print_says_what_it_trains():
    assert repr(optim.Adam(mlp((2, 2), rng=0), lr=3e-4)) == "Adam(Sequential, lr=0.0003, betas=(0.9, 0.999), eps=1e-08, weight_decay=0.0)"


@pytest.mark.parametrize(
    ("make", "words"),
    [(lambda net: optim.SGD(net, lr="a"), "lr is 'a'; it must be a positive number"), (lambda net: optim.SGD(net, momentum=None), "momentum is None"),
     (lambda net: optim.Adam(net, betas=0.9), r"betas is 0.9; it must be a pair"), (lambda net: optim.Adam(net, eps=1j), "eps is 1j"),
     (lambda net: optim.StepLR(net, 3), "the first argument is Linear.*; it must be an optimizer"),
     (lambda net: optim.StepLR(optim.SGD(net), "a"), "every is 'a'; it must be at least 1"),
     (lambda net: optim.ExponentialLR(optim.SGD(net), None), "gamma is None; it must be a positive number"),
     (lambda net: optim.CosineLR(optim.SGD(net), 10, lr_min="a"), "lr_min is 'a'; it must not be negative"),
     (lambda net: optim.ExponentialLR(optim.SGD(net), 0.9)("a"), "t is 'a'; it must not be negative"),
     (lambda net: optim.clip_grad_norm(3, 1.0), "the first argument is 3; it must be a network"),
     (lambda net: optim.clip_grad_norm(net, "a"), "max_norm is 'a'; it must be positive")],
)  # fmt: skip
def test_settings_that_are_no_numbers(make, words):
    with pytest.raises(TypeError, match=words):
        make(Linear(2, 2))
