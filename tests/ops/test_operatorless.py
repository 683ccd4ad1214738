"""Outside the operations nobody computes with arrays: device arrays have no operators, so layers, losses, models and optimizers must do without.

Everything runs here on an array that has only what the library may rely on: shape, ndim, dtype, size, reshape, basic slicing, len and to_host. The
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
from scratchgen.gradcheck import catalogue
from scratchgen.gradcheck.catalogue import example_layers
from scratchgen.gradcheck.examples import Draw, examples
from scratchgen.layers import Layer, Module
from scratchgen.models.made import MADE
from scratchgen.ops import Stream, array, dispatch, to_host, use_backend
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

    def to_host(self):
        return self._a.copy()

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
        with use_backend("numpy"):  # a definition may call another
            return wrap(definition(*map(unwrap, arguments), **{key: unwrap(x) for key, x in named.items()}))

    return call


@pytest.fixture
def bare(monkeypatch):
    """The backend of bare arrays, as a context manager."""

    backend = SimpleNamespace(
        name="bare",
        by_hand={},
        operations={},
        compile=lambda definition, parameters: on_bare(definition),
        assemble=None,
        array=lambda x, dtype=None: Bare(np.array(x, dtype)),
        to_host=unwrap,
        empty=lambda *args: Bare(np.empty(*args)),
        is_async=True,
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
MAKE = {name: make for name, make in example_layers(np.float32, 6).items() if not name.startswith("Linear and")}
LAYERS = [c for c in vars(L).values() if inspect.isclass(c) and issubclass(c, Layer) and c not in (Layer, Module)]


def numbers(*shape, seed=0):
    return array(np.random.default_rng(seed).normal(size=shape), np.float32)


def test_every_layer_has_a_case():
    assert {type(make()) for make in MAKE.values()} == set(LAYERS)


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


def loss(name):
    """What a loss makes of its example, as a function of the loss."""

    def call(function):
        arguments, *_ = examples(getattr(losses, name), Draw(np.float32, 4, 6))
        result = function(*(array(a) if hasattr(a, "dtype") else a for a in arguments))
        return result if isinstance(result, tuple) else [result]

    return call


LOSSES = {name: loss(name) for name in losses.__all__}


@pytest.mark.parametrize("name", losses.__all__)
def test_losses(bare, name):
    same_on_both(bare, lambda: LOSSES[name](getattr(losses, name)))


OPTIMIZERS = {
    name: lambda net, name=name, settings=settings: [getattr(optim, name)(net, **given) for given in settings]
    for name, settings in catalogue.OPTIMIZERS.items()
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
