"""Every layer, in both modes, on both backends: every element of every gradient, and the contract of forward and backward."""

import numpy as np
import pytest

from scratchgen import layers as L
from scratchgen.gradcheck import assert_gradients, check_layer

F = np.float64


def no_fusion(*layers):
    """A Sequential that runs every layer by itself."""
    net = L.Sequential(*layers)
    net.stages = list(layers)
    return net


def trained_batch_norm(n):
    """A BatchNorm whose parameters and running statistics are no longer those of a new one."""
    rng = np.random.default_rng(5)
    layer = L.BatchNorm(n, dtype=F)
    layer.params["gamma"][...], layer.params["beta"][...] = rng.normal(size=n), rng.normal(size=n)
    layer.buffers["mean"][...], layer.buffers["var"][...] = rng.normal(size=n), rng.uniform(0.5, 2, n)
    return layer


def scaled_layer_norm(n):
    layer = L.LayerNorm(n, dtype=F)
    layer.params["gamma"][...], layer.params["beta"][...] = np.linspace(-1, 2, n), np.linspace(0.5, 1, n)
    return layer


def linear(n_in, n_out, seed=0, **options):
    """A Linear whose bias is not zero."""
    layer = L.Linear(n_in, n_out, rng=seed, dtype=F, **options)
    if "b" in layer.params:
        layer.params["b"][...] = np.random.default_rng(seed + 1).normal(size=n_out)
    return layer


MASK = np.array([[1, 0, 1], [0, 0, 1], [1, 1, 0], [1, 0, 0]])

LAYERS = {
    "linear": lambda: linear(4, 3),
    "linear without bias": lambda: linear(4, 3, bias=False),
    "linear square": lambda: linear(4, 4),
    "masked linear": lambda: L.MaskedLinear(MASK, rng=0, dtype=F),
    "identity": L.Identity,
    "relu": L.ReLU,
    "leaky relu": lambda: L.LeakyReLU(0.2),
    "elu": lambda: L.ELU(0.7),
    "tanh": L.Tanh,
    "sigmoid": L.Sigmoid,
    "softplus": L.Softplus,
    "softmax": L.Softmax,
    "dropout": lambda: L.Dropout(0.4, rng=0),
    "batch norm": lambda: trained_batch_norm(4),
    "layer norm": lambda: scaled_layer_norm(4),
    "maxout": lambda: L.Maxout(2),
    "maxout behind linear": lambda: L.Sequential(linear(4, 6), L.Maxout(3)),
    "fused relu": lambda: L.Sequential(linear(4, 3), L.ReLU(), linear(3, 2, seed=4), L.ReLU()),
    "fused leaky relu": lambda: L.Sequential(linear(4, 3), L.LeakyReLU(0.2), linear(3, 2, seed=4), L.LeakyReLU(0.2)),
    "fused elu": lambda: L.Sequential(linear(4, 3), L.ELU(0.7), linear(3, 2, seed=4), L.ELU(0.7)),
    "fused tanh": lambda: L.Sequential(linear(4, 3), L.Tanh(), linear(3, 2, seed=4), L.Tanh()),
    "fused sigmoid": lambda: L.Sequential(linear(4, 3), L.Sigmoid(), linear(3, 2, seed=4), L.Sigmoid()),
    "fused softplus without bias": lambda: L.Sequential(linear(4, 3, bias=False), L.Softplus(), linear(3, 2, bias=False)),
    "linear layers in a row": lambda: L.Sequential(linear(4, 3), linear(3, 5, seed=4), linear(5, 1, seed=6)),
    "deep, unfused": lambda: no_fusion(linear(4, 6), L.Tanh(), linear(6, 3, seed=2), L.Sigmoid()),
    "deep": lambda: L.Sequential(linear(4, 6), trained_batch_norm(6), L.ReLU(), L.Dropout(0.3, rng=1), linear(6, 3, seed=2), L.Softmax()),
    "nested": lambda: L.Sequential(L.Sequential(linear(4, 5), L.Tanh()), L.Sequential(scaled_layer_norm(5), linear(5, 2, seed=3))),
    "activation first": lambda: L.Sequential(L.Tanh(), linear(4, 2), L.ELU()),
    "no parameters": lambda: L.Sequential(L.Tanh(), L.Softmax()),
    "mlp": lambda: L.mlp((4, 5, 5, 2), "softplus", output="sigmoid", rng=0, dtype=F),
}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", LAYERS)
def test_every_element_of_every_gradient(name, training, backend, rng):
    report = assert_gradients(LAYERS[name](), rng.normal(size=(5, 4)), training=training, limit=None)
    assert all(check.n_checked == check.analytic.size for check in report.arrays.values())
    assert report.worst is not None and report.worst.badness <= 1


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_other_batch_sizes(batch, backend, rng):
    for name in ("linear", "fused tanh", "softmax", "layer norm", "maxout"):
        assert_gradients(LAYERS[name](), rng.normal(size=(batch, 4)), limit=None)


@pytest.mark.parametrize("training", [True, False])
def test_reparameterize(training, backend, rng):
    mu, logvar = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    report = assert_gradients(L.Reparameterize(rng=0), (mu, logvar), training=training, limit=None)
    assert list(report.arrays) == ["mu", "logvar"]


def test_every_layer_of_the_library_is_here(backend, rng):
    built = {type(leaf) for make in LAYERS.values() for _, leaf in make().leaves()} | {L.Reparameterize, L.Sequential, L.Layer, L.Module}
    assert built == {thing for thing in vars(L).values() if isinstance(thing, type)}


def test_large_network_is_sampled_and_checked_along_directions(backend, rng):
    net = L.mlp((30, 40, 20), "tanh", rng=0, dtype=F)
    report = assert_gradients(net, rng.normal(size=(8, 30)), limit=20)
    assert report.arrays["0.W"].n_checked == 20 and len(report.arrays["0.W"].directions) == 2


def test_the_check_leaves_no_trace(backend, rng):
    net = LAYERS["deep"]()
    net.backward(rng.normal(size=(5, 3)), net.forward(rng.normal(size=(5, 4)))[1])
    x = rng.normal(size=(5, 4))
    before = [x.copy(), net.flat_params.copy(), net.flat_grads.copy(), *(b.copy() for b in net.all_buffers().values())]
    states = [stream.state for stream in net.streams().values()]
    check_layer(net, x)
    after = [x, net.flat_params, net.flat_grads, *net.all_buffers().values()]
    assert all(np.array_equal(a, b) for a, b in zip(after, before, strict=True))
    assert [stream.state for stream in net.streams().values()] == states
