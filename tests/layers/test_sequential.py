"""Sequential and mlp: the chain rule, every layer's own forward and backward, what they are made of."""

import numpy as np
import pytest

from scratchgen import layers as L
from scratchgen.gradcheck.catalogue import example_layers, n_inputs

F = np.float64
SQUARE = [name for name, make in example_layers().items() if n_inputs(make()) == 1 and make()(np.ones((5, 4))).shape == (5, 4)]


def counting(layer, calls):
    """The layer, noting each call of its forward and backward."""
    forward, backward = layer.forward, layer.backward

    def noted_forward(*args, **kwargs):
        calls.append(("forward", layer))
        return forward(*args, **kwargs)

    def noted_backward(*args, **kwargs):
        calls.append(("backward", layer))
        return backward(*args, **kwargs)

    layer.forward, layer.backward = noted_forward, noted_backward
    return layer


def test_every_layers_own_forward_and_backward_is_called_once(backend, rng):
    """Methods changed on one layer object are honoured: a hook sees every step."""
    calls = []
    layers = [counting(example_layers()[name](), calls) for name in SQUARE]
    assert len(layers) > 10
    net = L.Sequential(*layers)
    y, cache = net.forward(rng.normal(size=(5, 4)))
    assert calls == [("forward", layer) for layer in layers]
    calls.clear()
    net.backward(np.ones_like(y), cache)
    assert calls == [("backward", layer) for layer in reversed(layers)]


def test_a_method_changed_on_a_layer_object_is_what_runs(backend, rng):
    net = L.Sequential(L.Linear(4, 3, rng=0, dtype=F), L.Tanh(), L.Linear(3, 2, rng=1, dtype=F))
    seen, tanh = [], net.layers[1]
    own_forward, own_backward = tanh.forward, tanh.backward
    tanh.forward = lambda x, training=True: own_forward(0.5 * x, training=training)
    tanh.backward = lambda dy, y, wrt="both": seen.append(dy) or 0.5 * own_backward(dy, y, wrt=wrt)
    x, dy = rng.normal(size=(5, 4)), rng.normal(size=(5, 2))
    y, cache = net.forward(x)
    first, _, last = net.layers
    assert np.allclose(y, last(np.tanh(0.5 * first(x))), rtol=1e-12)
    dx = net.backward(dy, cache)
    h = np.tanh(0.5 * first(x))
    assert np.allclose(seen[0], dy @ last.params["W"].T, rtol=1e-12)
    assert np.allclose(dx, 0.5 * (seen[0] * (1 - h * h)) @ first.params["W"].T, rtol=1e-12)


def test_a_subclass_with_its_own_backward_is_what_runs(backend, rng):
    class Blocked(L.ReLU):
        def backward(self, dy, y):
            return 0 * dy

    net = L.Sequential(L.Linear(4, 3, rng=0, dtype=F), Blocked(), L.Linear(3, 2, rng=1, dtype=F))
    y, cache = net.forward(rng.normal(size=(5, 4)))
    assert not net.backward(np.ones_like(y), cache).any() and not net.grads["0.W"].any() and net.grads["2.W"].any()


def test_numbers_of_activations_may_change(backend, rng):
    net = L.Sequential(L.Linear(4, 5, rng=0, dtype=F), L.LeakyReLU(0.1), L.Linear(5, 3, rng=1, dtype=F), L.ELU(0.1))
    x = rng.normal(size=(6, 4))
    net(x)
    net.layers[1].slope, net.layers[3].alpha = 0.5, 0.9
    h = net.layers[0](x)
    z = net.layers[2](np.where(h > 0, h, 0.5 * h))
    assert np.allclose(net(x), np.where(z > 0, z, 0.9 * np.expm1(z)), rtol=1e-12)


@pytest.mark.parametrize("wrt", ["both", "input", "params"])
def test_what_wrt_leaves_out_is_not_computed(backend, rng, wrt):
    net = L.Sequential(L.Tanh(), L.Linear(4, 3, rng=0, dtype=F), L.ReLU(), L.Linear(3, 2, rng=1, dtype=F), L.Sigmoid())
    y, cache = net.forward(rng.normal(size=(5, 4)))
    calls = []
    for layer in net.layers:
        counting(layer, calls)
    dx = net.backward(np.ones_like(y), cache, wrt=wrt)
    assert (dx is None) == (wrt == "params") and len(calls) == (4 if wrt == "params" else 5)
    assert net.flat_grads.any() == (wrt != "input")


@pytest.mark.parametrize("activations", [[], [L.Tanh]])
def test_a_gradient_that_does_not_fit_is_refused(activations, backend):
    net = L.Sequential(L.Linear(4, 5), L.ReLU(), L.Linear(5, 3), *[activation() for activation in activations])
    _, cache = net.forward(np.ones((2, 4), np.float32))
    for shape in [(2, 4), (3, 3), (3,), (2, 1), (1, 3)]:
        with pytest.raises(ValueError, match=r"dy has shape .*; y of Sequential\(.*\), whose gradient it is, has \(2, 3\)"):
            net.backward(np.ones(shape, np.float32), cache)
    assert not net.flat_grads.any()


def test_backward_is_the_layers_one_by_one(backend, rng):
    a, b = L.Linear(4, 3, rng=0, dtype=F), L.Linear(3, 2, rng=1, dtype=F)
    x, dy = rng.normal(size=(5, 4)), rng.normal(size=(5, 2))
    h, cache_a = a.forward(x)
    y, cache_b = b.forward(h)
    dx = a.backward(b.backward(dy, cache_b), cache_a)
    grads = [a.grads["W"].copy(), b.grads["b"].copy()]
    net = L.Sequential(a, b)
    net.zero_grads()
    y_net, caches = net.forward(x)
    assert np.array_equal(y_net, y) and np.array_equal(net.backward(dy, caches), dx)
    assert np.array_equal(net.grads["0.W"], grads[0]) and np.array_equal(net.grads["1.b"], grads[1])


def test_a_parameter_is_missed_by_no_gradient(backend, rng):
    """Every parameter of the network receives some gradient, also those of the first layer with wrt="params"."""
    net = L.Sequential(L.Tanh(), L.Linear(4, 6, rng=0, dtype=F), L.LayerNorm(6, dtype=F), L.Tanh(), L.Linear(6, 2, rng=1, dtype=F))
    y, caches = net.forward(rng.normal(size=(5, 4)))
    assert net.backward(rng.normal(size=y.shape), caches, wrt="params") is None
    assert all(np.any(grad != 0) for grad in net.grads.values())


def test_empty_sequential_is_the_identity(rng):
    net, x = L.Sequential(), rng.normal(size=(3, 2))
    y, caches = net.forward(x)
    assert y is x and net.backward(x, caches) is x and net.backward(x, caches, wrt="params") is None


def test_a_sequential_without_parameters_still_answers_wrt(rng):
    net = L.Sequential(L.Tanh(), L.Sequential(L.ReLU()))
    y, caches = net.forward(rng.normal(size=(3, 2)))
    assert net.backward(y, caches, wrt="params") is None
    assert net.backward(y, caches, wrt="input").shape == (3, 2)
    with pytest.raises(ValueError, match="unknown wrt"):
        net.backward(y, caches, wrt="nothing")


def test_mlp_is_what_it_says():
    net = L.mlp((784, 500, 40), activation="tanh", rng=0)
    assert [repr(layer) for layer in net.layers] == ["Linear(784, 500)", "Tanh()", "Linear(500, 40)"]
    assert net.n_params == 784 * 500 + 500 + 500 * 40 + 40 and net.dtype == np.float32
    assert str(net).splitlines()[-1].split() == ["parameters", "412,540"]
    with_output = L.mlp((3, 4, 5, 2), activation=lambda: L.LeakyReLU(0.2), output="sigmoid", rng=0)
    assert [repr(layer) for layer in with_output.layers][1::2] == ["LeakyReLU(0.2)", "LeakyReLU(0.2)", "Sigmoid()"]
    assert np.array_equal(L.mlp((3, 2), rng=5).flat_params, L.mlp((3, 2), rng=5).flat_params)
    assert not np.array_equal(net.params["0.W"][:40, :40], net.params["2.W"][:40, :40])


def test_linear_values(backend):
    layer = L.Linear(2, 2, rng=0, dtype=F)
    layer.params["W"][...], layer.params["b"][...] = [[1, 2], [3, 4]], [10, 20]
    assert np.array_equal(layer(np.array([[1.0, 1.0], [2.0, 0.0]])), [[14, 26], [12, 24]])


def test_masked_connections_stay_cut_and_get_no_gradient(backend, rng):
    mask = np.array([[1, 0], [0, 1], [1, 1]])
    layer = L.MaskedLinear(mask, rng=0, dtype=F)
    x = rng.normal(size=(5, 3))
    y, cache = layer.forward(x)
    layer.backward(rng.normal(size=y.shape), cache)
    assert np.array_equal(layer.grads["W"] != 0, mask == 1)
    moved = x.copy()
    moved[:, 0] += 1
    assert np.array_equal(layer(moved)[:, 1], y[:, 1]) and not np.any(layer(moved)[:, 0] == y[:, 0])


def test_maxout_values_and_winner(backend):
    layer, x = L.Maxout(2), np.array([[1.0, 3.0, -2.0, -5.0]])
    y, cache = layer.forward(x)
    assert np.array_equal(y, [[3, -2]])
    assert np.array_equal(layer.backward(np.array([[10.0, 20.0]]), cache), [[0, 10, 20, 0]])


@pytest.mark.parametrize("backend_dtype", [np.float32, np.float64])
def test_activations_at_the_extremes(backend, backend_dtype):
    x = np.array([[-1e4, -50.0, 0.0, 50.0, 1e4]], backend_dtype)
    expected = {
        L.ReLU: [0, 0, 0, 50, 1e4],
        L.Tanh: [-1, -1, 0, 1, 1],
        L.Sigmoid: [0, 0, 0.5, 1, 1],
        L.Softplus: [0, 0, np.log(2), 50, 1e4],
        L.ELU: [-1, -1, 0, 50, 1e4],
        L.Softmax: [0, 0, 0, 0, 1],
    }
    for make, values in expected.items():
        layer = make()
        y, cache = layer.forward(x)
        assert np.allclose(y, [values], rtol=1e-6, atol=1e-20 if make in (L.ReLU, L.Softmax) else 1e-6)
        assert np.all(np.isfinite(layer.backward(np.ones_like(y), cache)))


def test_an_mlp_that_ends_in_maxout_has_as_many_outputs_as_asked_for():
    net = L.mlp((4, 3, 10), activation=lambda: L.Maxout(2), output=lambda: L.Maxout(5), rng=0)
    assert net(np.ones((2, 4), np.float32)).shape == (2, 10)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        (dict(activation=L.Tanh()), TypeError, r"activation is Tanh\(\); it must be a name, or a function that makes a new layer"),
        (dict(activation=np.tanh), TypeError, "activation is <ufunc 'tanh'>; it must be a name"),
        (dict(output=lambda: None), TypeError, "output is .*; it must be a name"),
        (dict(activation="tnah"), ValueError, "did you mean 'tanh'"),
        (dict(dropout=7), ValueError, "rate is 7"),
    ],
)
@pytest.mark.parametrize("sizes", [(2, 1), (2, 3, 1)])
def test_an_mlp_is_told_what_is_no_activation(sizes, options, error, words):
    with pytest.raises(error, match=words):
        L.mlp(sizes, **options)
