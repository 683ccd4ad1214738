"""Sequential and mlp: the chain rule, the fused chains, what they are made of."""

import numpy as np
import pytest

from scratchgen import layers as L
from scratchgen.layers.fusion import Chain

F = np.float64
ACTIVATIONS = [L.ReLU, lambda: L.LeakyReLU(0.2), lambda: L.ELU(0.6), L.Tanh, L.Sigmoid, L.Softplus]


def twin_without_fusion(net):
    twin = net.astype(F)
    twin.stages = list(twin.layers)
    return twin


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda make: repr(make()))
@pytest.mark.parametrize("wrt", ["both", "input", "params"])
def test_fused_is_unfused(activation, bias, wrt, backend, rng):
    fused = L.Sequential(L.Linear(7, 5, bias=bias, rng=0, dtype=F), activation(), L.Linear(5, 3, bias=bias, rng=1, dtype=F), activation())
    if bias:
        fused.params["0.b"][...] = rng.normal(size=5)
    plain = twin_without_fusion(fused)
    assert len(fused.stages) == 1 and len(plain.stages) == 4
    x, dy = rng.normal(size=(11, 7)), rng.normal(size=(11, 3))
    (y, cache), (y_plain, cache_plain) = fused.forward(x), plain.forward(x)
    assert np.allclose(y, y_plain, rtol=1e-13, atol=1e-15)
    dx, dx_plain = fused.backward(dy, cache, wrt=wrt), plain.backward(dy, cache_plain, wrt=wrt)
    assert (dx is None and dx_plain is None) if wrt == "params" else np.allclose(dx, dx_plain, rtol=1e-12, atol=1e-14)
    assert np.allclose(fused.flat_grads, plain.flat_grads, rtol=1e-12, atol=1e-14)
    assert fused.flat_grads.any() == (wrt != "input")


def test_only_the_very_classes_are_fused():
    class MyReLU(L.ReLU):
        def backward(self, dy, y):
            return 0 * dy

    class MyLinear(L.Linear):
        pass

    assert len(L.Sequential(L.Linear(2, 2), MyReLU()).stages) == 2
    assert len(L.Sequential(MyLinear(2, 2), L.ReLU()).stages) == 2
    assert len(L.Sequential(L.Linear(2, 2), L.BatchNorm(2), L.ReLU()).stages) == 3


def test_chains_end_where_another_layer_begins(backend, rng):
    first, second, third, fourth = (L.Linear(n_in, n_out, rng=n_in, dtype=F) for n_in, n_out in [(4, 5), (5, 3), (3, 6), (6, 1)])
    net = L.Sequential(L.Tanh(), first, second, L.ELU(), L.Identity(), third, L.Sigmoid(), fourth)
    plain = twin_without_fusion(net)
    assert [len(stage.links) for stage in net.stages if isinstance(stage, Chain)] == [2, 2] and len(net.stages) == 4
    x, dy = rng.normal(size=(7, 4)), rng.normal(size=(7, 1))
    for wrt in ("both", "params", "input"):
        dx, dx_plain = (model.backward(dy, model.forward(x)[1], wrt=wrt) for model in (net, plain))
        assert (dx is None and dx_plain is None) if wrt == "params" else np.allclose(dx, dx_plain, rtol=1e-12, atol=1e-14)
        assert np.allclose(net.flat_grads, plain.flat_grads, rtol=1e-12, atol=1e-14)


def test_numbers_of_activations_may_change(backend, rng):
    net = L.Sequential(L.Linear(4, 5, rng=0, dtype=F), L.LeakyReLU(0.1), L.Linear(5, 3, rng=1, dtype=F), L.ELU(0.1))
    net.layers[1].slope, net.layers[3].alpha = 0.5, 0.9
    plain, x, dy = twin_without_fusion(net), rng.normal(size=(6, 4)), rng.normal(size=(6, 3))
    (y, cache), (y_plain, cache_plain) = net.forward(x), plain.forward(x)
    assert np.allclose(y, y_plain, rtol=1e-13) and np.allclose(net.backward(dy, cache), plain.backward(dy, cache_plain), rtol=1e-12)


@pytest.mark.parametrize("activation", [[], [L.Tanh()]])
def test_a_gradient_that_does_not_fit_is_refused(activation, backend):
    net = L.Sequential(L.Linear(4, 5), L.ReLU(), L.Linear(5, 3), *activation)
    _, cache = net.forward(np.ones((2, 4), np.float32))
    for shape in [(2, 4), (3, 3), (3,), (2, 1), (1, 3)]:
        with pytest.raises(ValueError, match=r"dy has shape .*; y, whose gradient it is, has \(2, 3\)"):
            net.backward(np.ones(shape, np.float32), cache)
    assert not net.flat_grads.any()


def test_a_chain_keeps_what_backward_needs_and_no_more():
    for activation, kept in (([], 2), ([L.Tanh()], 3)):
        _, (cache,) = L.Sequential(L.Linear(4, 5), L.Tanh(), L.Linear(5, 3), *activation).forward(np.ones((2, 4), np.float32))
        assert len(cache) == kept


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
