"""Outside the operations nobody computes with arrays: device arrays have no operators, so layers, losses, models and optimizers must do without.

Everything runs here on an array that has only what the library may rely on: shape, ndim, dtype, size, reshape, basic slicing and len. The
operations of this backend unwrap it, run the definition, and wrap the result; the numbers must be those of the numpy backend.
"""

import functools
import inspect
from types import SimpleNamespace

import numpy as np
import pytest

import scratchgen as sg
from scratchgen import losses, optim
from scratchgen.data.binarize import Binarize
from scratchgen.layers import Layer, Module
from scratchgen.models.made import MADE
from scratchgen.ops import Stream, array, definitions, dispatch, to_host, use_backend
from scratchgen.optim import clip_grad_norm


class Bare:
    """An array without any operator."""

    def __init__(self, a):
        self._a = a
        self.shape, self.ndim, self.dtype, self.size = a.shape, a.ndim, a.dtype, a.size

    def reshape(self, *shape):
        return Bare(self._a.reshape(*shape))

    def __getitem__(self, key):
        assert all(isinstance(k, (slice, int)) or k is Ellipsis for k in (key if isinstance(key, tuple) else (key,))), "basic slicing only"
        return Bare(self._a[key])

    def __len__(self):
        return len(self._a)

    def __iter__(self):
        raise TypeError("a device array cannot be iterated over")

    def __array__(self, *args, **kwargs):
        raise TypeError("a device array is not a NumPy array; to_host makes it one")

    def __eq__(self, other):
        raise TypeError("a device array cannot be compared")

    def __bool__(self):
        raise TypeError("a device array has no truth value")


def wrap(x):
    return tuple(map(wrap, x)) if isinstance(x, tuple) else Bare(x) if isinstance(x, np.ndarray) else x


def unwrap(x):
    return x._a if isinstance(x, Bare) else x


def on_bare(definition):
    """The operation on bare arrays; a NumPy array among its arguments is an error, as one on the host would be for a device."""

    @functools.wraps(definition)
    def call(*arguments, **named):
        for x in (*arguments, *named.values()):
            assert not isinstance(x, np.ndarray), f"{definition.__name__} was given a host array"
        return wrap(definition(*map(unwrap, arguments), **{key: unwrap(x) for key, x in named.items()}))

    return call


@pytest.fixture
def bare(monkeypatch):
    """The backend of bare arrays, as a context manager."""

    class Twins(dict):
        def get(self, name, definition):
            return on_bare(definitions[name])

    backend = SimpleNamespace(
        name="bare",
        twins=Twins(),
        array=lambda x, dtype=None: Bare(np.array(x, dtype)),
        to_host=unwrap,
        empty=lambda *args: Bare(np.empty(*args)),
        reading_waits=True,
    )

    class Using:
        def __enter__(self):
            self.before, dispatch._active = dispatch._active, backend

        def __exit__(self, *exception):
            dispatch._active = self.before

    return Using()


def same_on_both(bare, work):
    """Run `work`, which returns arrays and numbers, on both backends and compare the bits."""
    with use_backend("numpy"):
        wanted = work()
    with bare:
        got = work()
        got = [np.asarray(to_host(x)) for x in got]
    assert len(got) == len(wanted) > 0
    for a, b in zip(got, wanted, strict=True):
        assert a.tobytes() == np.asarray(b).tobytes()


def test_the_wrapper_refuses_arithmetic(bare):
    with bare:
        x = array([1.0, 2.0])
        for use in (lambda: x + x, lambda: 2 * x, lambda: -x, lambda: np.sum(x), lambda: x == x, lambda: float(x), lambda: x.copy(), lambda: x @ x):
            with pytest.raises((TypeError, AttributeError)):
                use()
        with pytest.raises(AssertionError, match="host array"):
            sg.layers.Tanh().forward(np.ones((2, 2)))


L = sg.layers
MAKE = {
    "BatchNorm": lambda: L.BatchNorm(6),
    "Dropout": lambda: L.Dropout(0.3, rng=0),
    "ELU": L.ELU,
    "Identity": L.Identity,
    "LayerNorm": lambda: L.LayerNorm(6),
    "LeakyReLU": L.LeakyReLU,
    "Linear": lambda: L.Linear(6, 4, rng=0),
    "MaskedLinear": lambda: L.MaskedLinear(np.tri(6, 4), rng=0),
    "Maxout": lambda: L.Maxout(3),
    "ReLU": L.ReLU,
    "Reparameterize": lambda: L.Reparameterize(rng=0),
    "Sequential": lambda: L.Sequential(L.Linear(6, 5, rng=0), L.Tanh(), L.BatchNorm(5), L.Linear(5, 3, rng=1), L.Sequential(L.Softplus())),
    "Sigmoid": L.Sigmoid,
    "Softmax": L.Softmax,
    "Softplus": L.Softplus,
    "Tanh": L.Tanh,
}
LAYERS = {name: c for name, c in vars(L).items() if inspect.isclass(c) and issubclass(c, Layer) and c not in (Layer, Module)}


def numbers(*shape, seed=0):
    return array(np.random.default_rng(seed).normal(size=shape), np.float32)


def test_every_layer_has_a_case():
    assert sorted(MAKE) == sorted(LAYERS)


@pytest.mark.parametrize("wrt", ["both", "input", "params"])
@pytest.mark.parametrize("name", MAKE)
def test_layers(bare, name, wrt):
    def work():
        layer, results = MAKE[name](), []
        inputs = (numbers(4, 6), numbers(4, 6, seed=1)) if name == "Reparameterize" else (numbers(4, 6),)
        for training in (True, False):
            y, cache = layer.forward(*inputs, training=training)
            dx = layer.backward(numbers(*y.shape, seed=2), cache, **({} if name == "Reparameterize" else {"wrt": wrt}))
            results += [y, *(dx if isinstance(dx, tuple) else (dx,)), *layer.grads.values()]
        layer.zero_grads()
        return [x for x in results if x is not None] + [layer(*inputs), layer.flat_params, layer.flat_grads]

    same_on_both(bare, work)


def labels():
    return array(np.array([0, 2, 1, 2]))


LOSSES = {
    "bce_with_logits": lambda f: f(numbers(4, 6), numbers(4, 6, seed=1)),
    "bernoulli_log_likelihood": lambda f: [f(numbers(4, 6), numbers(4, 6, seed=1))],
    "bernoulli_nll": lambda f: f(numbers(4, 6), numbers(4, 6, seed=1)),
    "discriminator_bce": lambda f: f(numbers(4, 1), numbers(3, 1, seed=1)),
    "gaussian_kl": lambda f: f(numbers(4, 6), numbers(4, 6, seed=1)),
    "gaussian_kl_rows": lambda f: [f(numbers(4, 6), numbers(4, 6, seed=1))],
    "gaussian_log_likelihood": lambda f: [f(numbers(4, 6), numbers(4, 6, seed=1), numbers(4, 6, seed=2))],
    "gaussian_nll": lambda f: f(numbers(4, 6), numbers(4, 6, seed=1), numbers(4, 6, seed=2)),
    "generator_minimax": lambda f: f(numbers(4, 1)),
    "generator_non_saturating": lambda f: f(numbers(4, 1)),
    "softmax_cross_entropy": lambda f: f(numbers(4, 6), labels()),
    "squared_error": lambda f: f(numbers(4, 6), numbers(4, 6, seed=1)),
}


@pytest.mark.parametrize("name", losses.__all__)
def test_losses(bare, name):
    same_on_both(bare, lambda: LOSSES[name](getattr(losses, name)))


OPTIMIZERS = {
    "SGD": lambda net: [optim.SGD(net), optim.SGD(net, momentum=0.9, nesterov=True), optim.SGD(net, momentum=0.9, classical=True)],
    "Adagrad": lambda net: [optim.Adagrad(net)],
    "Adadelta": lambda net: [optim.Adadelta(net)],
    "RMSProp": lambda net: [optim.RMSProp(net, momentum=0.5, centered=True)],
    "Adam": lambda net: [optim.Adam(net, weight_decay=0.1)],
    "AdamW": lambda net: [optim.AdamW(net)],
}


@pytest.mark.parametrize("name", [name for name, c in vars(optim).items() if inspect.isclass(c) and hasattr(c, "step") and c is not optim.Optimizer])
def test_optimizers(bare, name):
    def work():
        net = L.mlp((6, 5, 3), rng=0)
        for optimizer in OPTIMIZERS[name](net):
            for _ in range(2):
                y, cache = net.forward(numbers(4, 6))
                net.backward(numbers(4, 3, seed=1), cache, wrt="params")
                clip_grad_norm(net, 1.0)
                optimizer.step()
        return [net.flat_params, *optimizer.state.values()]

    same_on_both(bare, work)


def pixels():
    return array(np.random.default_rng(0).random((4, 6)), np.float32)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_vae(bare, likelihood):
    def work():
        vae = sg.VAE(6, latent_dim=2, hidden=(5,), likelihood=likelihood, rng=0)
        loss, parts = vae.loss(Binarize("fresh", rng=1).minibatch(pixels()))
        results = [loss, *parts.values(), vae.flat_grads, vae.reconstruct(pixels()), vae.sample(3)]
        return [*results, vae.elbo(pixels(), rng=2), vae.log_likelihood(pixels(), n_samples=2, rng=2)]

    same_on_both(bare, work)


@pytest.mark.parametrize("objective", ["non_saturating", "minimax"])
def test_gan(bare, objective):
    def work():
        gan = sg.GAN(6, 2, generator_hidden=(5,), discriminator_hidden=(5,), objective=objective, rng=0)
        loss_d, _ = gan.discriminator_loss(pixels(), Stream(1).normal((4, 2)))
        loss_g, _ = gan.generator_loss(Stream(2).normal((4, 2)))
        return [loss_d, loss_g, gan.flat_grads, gan.sample(3)]

    same_on_both(bare, work)


def test_made(bare):
    def work():
        made = MADE(6, hidden=(5,), rng=0)
        loss, _ = made.loss(pixels())
        return [loss, made.flat_grads, made.log_likelihood(pixels())]

    same_on_both(bare, work)
