"""Gradients on the device: of every layer against difference quotients; of every model's objective against NumPy's, which difference quotients
check (tests/gradcheck), all elements; and, slowly, against difference quotients of the device's own losses.

The checker shifts numbers in NumPy arrays, so it is given a host copy of the parameters, from which they go to the device before each pass, and to
which gradients come back.
"""

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.gradcheck import assert_gradients, catalogue, check_objective
from scratchgen.layers import Layer, Sequential
from scratchgen.layers.module import Module
from scratchgen.ops import array, copy_to, to_host, use_backend

pytestmark = [pytest.mark.cuda, pytest.mark.filterwarnings("ignore::RuntimeWarning")]
L, F, LIMIT = sg.layers, np.float64, 2  # of each array so many elements are measured; all of them are on the other backends
BATCH, FEATURES, OUTPUTS = 3, 4, 2


@pytest.fixture(autouse=True)
def on_cuda():
    with use_backend("cuda"):
        yield


def host(values):
    return {key: np.array(to_host(value)) for key, value in values.items()}


class OnDevice(Layer):
    """A layer of the device with parameters, inputs and outputs on the host."""

    def __init__(self, layer):
        self.layer = layer
        self.params, self.grads = host(layer.params), host(layer.grads)
        if layer.streams():
            (self.stream,) = layer.streams().values()

    def bring_parameters(self):
        for key, value in self.params.items():
            copy_to(self.layer.params[key], array(value))

    def forward(self, *inputs, training=True):
        self.bring_parameters()
        y, cache = self.layer.forward(*map(array, inputs), training=training)
        return to_host(y), cache

    def backward(self, dy, cache, wrt="both"):
        self.bring_parameters()
        self.layer.zero_grads()
        dx = self.layer.backward(array(dy), cache, wrt=wrt)
        for key, value in host(self.layer.grads).items():
            self.grads[key] += value
        return tuple(map(to_host, dx)) if isinstance(dx, tuple) else None if dx is None else to_host(dx)


def linear(n_in=FEATURES, n_out=OUTPUTS, **options):
    return L.Linear(n_in, n_out, rng=n_in + n_out, dtype=F, **options)


ACTIVATIONS = (L.ReLU, lambda: L.LeakyReLU(0.2), lambda: L.ELU(0.7), L.Tanh, L.Sigmoid, L.Softplus)
LAYERS = {
    "Linear": linear,
    "Linear (no bias)": lambda: linear(bias=False),
    "MaskedLinear": lambda: L.MaskedLinear(np.tri(FEATURES, OUTPUTS), rng=0, dtype=F),
    "Dropout": lambda: L.Dropout(0.4, rng=0),
    "BatchNorm": lambda: L.BatchNorm(FEATURES, dtype=F),
    "LayerNorm": lambda: L.LayerNorm(FEATURES, dtype=F),
    "Maxout": lambda: L.Maxout(2),
    "Reparameterize": lambda: L.Reparameterize(rng=0),
    "Softmax": L.Softmax,
    "Sequential": lambda: Sequential(linear(), L.BatchNorm(OUTPUTS, dtype=F), L.Tanh(), linear(OUTPUTS, 3)),
    **{type(make()).__name__: make for make in ACTIVATIONS},
    **{
        f"Linear and {type(make()).__name__} (fused)": lambda make=make: Sequential(linear(), make(), linear(n_in=OUTPUTS, n_out=2), make())
        for make in ACTIVATIONS
    },
}


@pytest.mark.parametrize("name, training", [*((name, True) for name in LAYERS), ("BatchNorm", False), ("Dropout", False)])
def test_layer(name, training):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((BATCH, FEATURES))
    inputs = (x, rng.standard_normal(x.shape)) if name == "Reparameterize" else x
    assert_gradients(OnDevice(LAYERS[name]()), inputs, training=training, limit=LIMIT)


class Shadow(Module):
    """The parameters of a module of the device, on the host."""

    def __init__(self, module):
        self.module = module
        rng = np.random.default_rng(3)
        self.params = {"p": to_host(module.flat_params) + rng.normal(0, 0.2, module.n_params)}  # biases start at zero, where mistakes may hide
        self.grads = {"p": np.zeros(module.n_params)}

    def objective(self, loss):
        """The function that check_objective wants, from one that returns a loss and fills the module's gradients."""

        def evaluate():
            with use_backend("cuda"):
                copy_to(self.module.flat_params, array(self.params["p"]))
                self.module.zero_grads()
                value = float(loss()[0])
                self.grads["p"] += to_host(self.module.flat_grads)
            return value

        return evaluate


def check(module, loss):
    shadow = Shadow(module)
    with use_backend("numpy"):
        shadow.lay_flat()
        assert_gradients(check_objective(shadow, shadow.objective(loss), limit=3))


EXAMPLES = {name: (cls, arguments) for cls in sg.models.MODELS.values() for name, arguments in cls.examples.items()}


def objectives(name):
    """The model of that name on the backend in force, and {player: loss}, whose noise is the same in every call."""
    cls, arguments = EXAMPLES[name]
    model, rng = cls(5, **arguments, rng=1, dtype=F), np.random.default_rng(2)
    x = array(catalogue.suitable_data(model, rng))
    labels = {"y": array(rng.integers(model.n_classes, size=len(x)))} if model.n_classes else {}
    streams = {key: stream.state for key, stream in model.streams().items()}

    def repeatable(loss):
        for key, stream in model.streams().items():
            stream.state = streams[key]
        return loss(x, **labels)

    return model, {player: (lambda loss=loss: repeatable(loss)) for player, loss in catalogue.players(model).items()}


def losses_and_gradients(name, backend):
    """[loss, gradient (n_params,)] of every player."""
    with use_backend(backend):
        model, losses = objectives(name)
        value = to_host(model.flat_params)
        copy_to(model.flat_params, array(value + np.random.default_rng(3).normal(0, 0.2, value.shape)))
        found = []
        for player, loss in losses.items():
            model.players()[player].zero_grads()
            found += [float(loss()[0]), to_host(model.players()[player].flat_grads).copy()]
    return found


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_objective_of_every_model_is_numpy_s(name):
    for ours, numpy_s in zip(losses_and_gradients(name, "cuda"), losses_and_gradients(name, "numpy"), strict=True):
        assert np.allclose(ours, numpy_s, rtol=1e-9, atol=1e-10 * np.abs(numpy_s).max()) and np.abs(numpy_s).max() > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_every_objective_of_every_model(name):
    model, losses = objectives(name)
    for player, loss in losses.items():
        check(model.players()[player], loss)


def test_gan_with_batch_norm():
    gan, rng = sg.GAN(3, 2, (3,), (3,), rng=4, dtype=F, batch_norm=True), np.random.default_rng(2)
    x, z = array(rng.random((4, 3))), array(rng.normal(size=(4, 2)))
    check(gan.discriminator, lambda: gan.discriminator_loss(x, z))
    check(gan.generator, lambda: gan.generator_loss(z))
