"""Every layer, in both modes, on both backends: every element of every gradient, and the contract of forward and backward."""

import numpy as np
import pytest

from scratchgen import layers as L
from scratchgen.gradcheck import assert_gradients, check_layer
from scratchgen.gradcheck.catalogue import example_layers, n_inputs

F = np.float64


def linear(n_in, n_out, seed=0, **options):
    """A Linear whose bias is not zero."""
    layer = L.Linear(n_in, n_out, rng=seed, dtype=F, **options)
    if "b" in layer.params:
        layer.params["b"][...] = np.random.default_rng(seed + 1).normal(size=n_out)
    return layer


EXAMPLES = example_layers()
LAYERS = {name: make for name, make in EXAMPLES.items() if n_inputs(make()) == 1} | {
    "maxout after linear": lambda: L.Sequential(linear(4, 6), L.Maxout(3)),
    "linear layers in a row": lambda: L.Sequential(linear(4, 3), linear(3, 5, seed=4), linear(5, 1, seed=6)),
    "deep": lambda: L.Sequential(linear(4, 6), L.BatchNorm(6, dtype=F), L.ReLU(), L.Dropout(0.3, rng=1), linear(6, 3, seed=2), L.Softmax()),
    "activation first": lambda: L.Sequential(L.Tanh(), linear(4, 2), L.ELU()),
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
    for name in ("Linear", "Linear and Tanh", "Softmax", "LayerNorm", "Maxout"):
        assert_gradients(LAYERS[name](), rng.normal(size=(batch, 4)), limit=None)


@pytest.mark.parametrize("training", [True, False])
def test_reparameterize(training, backend, rng):
    mu, logvar = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    report = assert_gradients(L.Reparameterize(rng=0), (mu, logvar), training=training, limit=None)
    assert list(report.arrays) == ["mu", "logvar"]


def test_every_layer_of_the_library_is_here():
    built = {type(make()) for make in EXAMPLES.values()}
    assert built | {L.Layer, L.Module} == {thing for thing in vars(L).values() if isinstance(thing, type)}


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
