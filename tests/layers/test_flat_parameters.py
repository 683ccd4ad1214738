"""One flat array for all parameters of a network: views, nesting, copies, and what may not be combined."""

import copy
import gc
import pickle

import numpy as np
import pytest

from scratchgen import layers as L

F = np.float64


def net():
    return L.Sequential(L.Linear(4, 3, rng=0, dtype=F), L.Tanh(), L.Sequential(L.BatchNorm(3, dtype=F), L.Linear(3, 2, rng=1, dtype=F)))


def assert_laid_flat(module):
    """params and grads of the module and of every layer in it are views of its flat arrays, in order and without gaps."""
    start = 0
    for prefix, leaf in module.leaves():
        for key, value in leaf.params.items():
            name = f"{prefix}.{key}".lstrip(".")
            for flat, views in ((module.flat_params, (value, module.params[name])), (module.flat_grads, (leaf.grads[key], module.grads[name]))):
                for view in views:
                    assert view.__array_interface__["data"][0] == flat[start:].__array_interface__["data"][0] and view.flags.c_contiguous
            start += value.size
    assert start == module.flat_params.size == module.flat_grads.size == module.n_params


def test_params_are_views_with_dotted_keys():
    module = net()
    assert list(module.params) == list(module.grads) == ["0.W", "0.b", "2.0.gamma", "2.0.beta", "2.1.W", "2.1.b"]
    assert_laid_flat(module)
    module.flat_params[...] = np.arange(module.n_params)
    assert module.layers[0].params["W"][1, 0] == 3 and module.layers[2].layers[1].params["b"][-1] == module.n_params - 1


def test_wrapping_keeps_the_values_and_inner_networks_are_slices():
    inner = L.Sequential(L.Linear(3, 2, rng=0, dtype=F))
    values = inner.flat_params.copy()
    outer = L.Sequential(L.Linear(4, 3, rng=1, dtype=F), inner)
    assert np.array_equal(inner.flat_params, values)
    outer.flat_params[15:] = 7  # after W (4, 3) and b (3,)
    assert np.array_equal(inner.flat_params, np.full(8, 7.0)) and np.array_equal(inner.layers[0].params["W"], np.full((3, 2), 7.0))
    assert_laid_flat(outer)
    assert_laid_flat(inner)


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))], ids=["deepcopy", "pickle"])
def test_copies_are_laid_flat_and_apart(clone, rng):
    module = net()
    x, twin = rng.normal(size=(5, 4)), clone(module)
    assert_laid_flat(twin)
    assert_laid_flat(module)
    assert np.array_equal(twin.flat_params, module.flat_params) and not np.shares_memory(twin.flat_params, module.flat_params)
    before = module(x)
    twin.flat_params[...] = 0
    assert np.array_equal(module(x), before) and not np.array_equal(twin(x), before)
    y, cache = twin.forward(x)  # the stages of the copy run the copy's layers
    twin.backward(np.ones_like(y), cache)
    assert twin.flat_grads.any() and not module.flat_grads.any()


def test_copy_of_a_single_layer_is_apart():
    layer = L.Linear(3, 2, rng=0)
    twin = copy.deepcopy(layer)
    twin.params["W"][...] = 0
    assert layer.params["W"].all() and not twin.flat_params[:6].any()


def test_a_copy_of_an_inner_network_can_be_used_elsewhere():
    inner = copy.deepcopy(net().layers[2])
    assert_laid_flat(L.Sequential(inner))


def test_astype_makes_a_copy_with_the_same_values(rng):
    module = net()
    module.forward(rng.normal(size=(5, 4)))  # moves the running statistics
    half = module.astype(np.float32)
    assert half.dtype == np.float32 and module.dtype == np.float64
    assert all(value.dtype == np.float32 for value in [*half.params.values(), *half.grads.values(), *half.all_buffers().values()])
    assert_laid_flat(half)
    assert np.allclose(half.flat_params, module.flat_params, rtol=1e-6)
    assert np.allclose(half.all_buffers()["2.0.mean"], module.all_buffers()["2.0.mean"], rtol=1e-6)


def test_sharing_a_layer_is_refused():
    shared = L.Linear(3, 3, rng=0)
    with pytest.raises(ValueError, match=r"Linear\(3, 3\) stands in two places"):
        L.Sequential(shared, L.ReLU(), shared)
    owner = L.Sequential(L.Linear(3, 3, rng=0))
    with pytest.raises(ValueError, match="stands in two places"):
        L.Sequential(owner.layers[0])


def test_a_layer_is_free_again_once_its_network_is_gone():
    layer = L.Linear(3, 3, rng=0)
    L.Sequential(layer)
    gc.collect()
    assert_laid_flat(L.Sequential(layer))


def test_mixed_dtypes_are_refused():
    with pytest.raises(TypeError, match="mixes parameters of float32 and float64; make all layers of one dtype"):
        L.Sequential(L.Linear(3, 3, dtype=np.float32), L.Linear(3, 3, dtype=np.float64))


def test_params_without_matching_grads_are_refused():
    layer = L.Linear(3, 2, rng=0)
    layer.grads["W"] = np.zeros((2, 3), np.float32)
    with pytest.raises(ValueError, match="params have shapes .* but grads"):
        L.Sequential(layer)


def test_a_network_without_parameters(rng):
    module = L.Sequential(L.Tanh(), L.Softmax())
    assert module.n_params == 0 and module.flat_params.shape == (0,) and module.params == {}
    module.zero_grads()
    assert np.allclose(module(rng.normal(size=(2, 3))).sum(axis=1), 1)


def test_print_shows_layers_shapes_and_counts():
    assert str(net()).splitlines() == [
        "Sequential",
        "  0    Linear(4, 3)  W (4, 3)  b (3,)       15",
        "  1    Tanh()",
        "  2.0  BatchNorm(3)  gamma (3,)  beta (3,)   6",
        "  2.1  Linear(3, 2)  W (3, 2)  b (2,)        8",
        "       parameters                           29",
    ]


def test_assigning_to_a_name_writes_into_the_flat_array():
    net = L.Sequential(L.Linear(2, 3, rng=0), L.Linear(3, 1, rng=1))
    linear, flat = net.layers[0], net.flat_params
    linear.params["W"] = np.full((2, 3), 7, np.float32)
    linear.params["b"] -= 1
    net.grads["0.W"] = np.ones((2, 3), np.float32)
    np.testing.assert_array_equal(flat[:9], [7] * 6 + [-1] * 3)
    assert net.flat_grads.sum() == 6 and net.params["0.W"] is linear.params["W"]
    net.params.update({"0.W": np.full((2, 3), 5, np.float32)})
    linear.params |= {"b": np.full(3, 4, np.float32)}
    np.testing.assert_array_equal(net.flat_params[:9], [5] * 6 + [4] * 3)
    with pytest.raises(ValueError, match=r"W has shape \(2, 3\); given is \(3, 2\)"):
        linear.params["W"] = np.zeros((3, 2), np.float32)


def test_a_module_has_parts_or_parameters():
    class Both(L.Module):
        def __init__(self, first):
            if first:
                self.params, self.grads = {"s": np.ones(1)}, {"s": np.zeros(1)}
            self.set_parts(a=L.Linear(2, 2))
            self.params["s"] = np.ones(1)

    for first, words in ((True, "Both has parameters of its own, s; one with parts has none"), (False, "'s' is new, but the parameters")):
        with pytest.raises(TypeError, match=words):
            Both(first)
