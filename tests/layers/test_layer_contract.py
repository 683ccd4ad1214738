"""What every layer promises besides its gradients: caches apart, accumulation, wrt, inference, clear errors."""

import numpy as np
import pytest

import scratchgen as sg
from scratchgen import layers as L
from scratchgen.gradcheck.catalogue import example_layers, n_inputs

F = np.float64


def every_layer():
    """The library's layers, each alone, and one network."""
    names = [name for name, make in example_layers().items() if n_inputs(make()) == 1 and not name.startswith("Linear and")]
    return [example_layers()[name]() for name in names]


@pytest.mark.parametrize("layer", every_layer(), ids=repr)
def test_two_forwards_before_a_backward(layer, backend, rng):
    x1, x2 = rng.normal(size=(5, 4)), rng.normal(size=(7, 4))
    state = {name: stream.state for name, stream in layer.streams().items()}
    y1, cache1 = layer.forward(x1)
    dy = rng.normal(size=y1.shape)
    layer.zero_grads()
    expected = layer.backward(dy, cache1), layer.flat_grads.copy()
    for name, stream in layer.streams().items():
        stream.state = state[name]
    _, cache1 = layer.forward(x1)
    layer.forward(x2)
    layer.zero_grads()
    assert np.array_equal(layer.backward(dy, cache1), expected[0])
    assert np.array_equal(layer.flat_grads, expected[1])


@pytest.mark.parametrize("layer", [layer for layer in every_layer() if layer.params], ids=repr)
def test_gradients_accumulate(layer, backend, rng):
    y, cache = layer.forward(rng.normal(size=(5, 4)))
    dy1, dy2 = rng.normal(size=y.shape), rng.normal(size=y.shape)
    separate = []
    for dy in (dy1, dy2):
        layer.zero_grads()
        layer.backward(dy, cache)
        separate.append(layer.flat_grads.copy())
    layer.zero_grads()
    assert not layer.flat_grads.any()
    layer.backward(dy1, cache)
    layer.backward(dy2, cache)
    assert np.allclose(layer.flat_grads, sum(separate), rtol=1e-12, atol=1e-14)
    assert np.abs(layer.flat_grads).max() > 0


@pytest.mark.parametrize("layer", every_layer(), ids=repr)
def test_wrt_input_leaves_grads_alone_and_wrt_params_returns_none(layer, backend, rng):
    y, cache = layer.forward(rng.normal(size=(5, 4)))
    dy = rng.normal(size=y.shape)
    layer.zero_grads()
    dx = layer.backward(dy, cache)
    grads = layer.flat_grads.copy()
    assert np.array_equal(layer.backward(dy, cache, wrt="input"), dx)
    assert np.array_equal(layer.flat_grads, grads)
    layer.zero_grads()
    assert layer.backward(dy, cache, wrt="params") is None
    assert np.array_equal(layer.flat_grads, grads)


@pytest.mark.parametrize("layer", every_layer(), ids=repr)
def test_inputs_dy_and_cache_are_left_alone(layer, backend, rng):
    x = rng.normal(size=(5, 4))
    x.flags.writeable = False
    y, cache = layer.forward(x)
    dy = rng.normal(size=y.shape)
    dy.flags.writeable = False
    layer.backward(dy, cache)


@pytest.mark.parametrize("layer", every_layer(), ids=repr)
def test_calling_a_layer_is_inference_and_repeats_itself(layer, backend, rng):
    x = rng.normal(size=(5, 4))
    before = {name: value.copy() for name, value in layer.all_buffers().items()}
    assert np.array_equal(layer(x), layer(x))
    assert np.array_equal(layer(x), layer.forward(x, training=False)[0])
    assert all(np.array_equal(value, before[name]) for name, value in layer.all_buffers().items())


@pytest.mark.parametrize("layer", every_layer(), ids=repr)
def test_float32_stays_float32(layer, backend, rng):
    layer = layer.astype(np.float32)
    y, cache = layer.forward(rng.normal(size=(5, 4)).astype(np.float32))
    assert y.dtype == np.float32
    assert layer.backward(np.ones_like(y), cache).dtype == np.float32
    assert all(grad.dtype == np.float32 for grad in layer.grads.values())


@pytest.mark.parametrize("layer", every_layer(), ids=repr)
def test_float32_agrees_with_float64(layer, backend, rng):
    x = rng.normal(size=(5, 4))
    y, cache = layer.forward(x, training=False)
    dx = layer.backward(np.ones_like(y), cache)
    half = layer.astype(np.float32)
    y32, cache32 = half.forward(x.astype(np.float32), training=False)
    assert np.allclose(y32, y, atol=1e-5) and np.allclose(half.backward(np.ones_like(y32), cache32), dx, atol=1e-5)


def test_a_layer_of_ones_own_gets_the_keywords(rng):
    class Scale(L.Layer):  # the example of layer.py
        def __init__(self):
            self.params, self.grads = {"s": np.full(1, 2.0)}, {"s": np.zeros(1)}

        def forward(self, x):
            return self.params["s"] * x, x

        def backward(self, dy, x):
            self.grads["s"] += (dy * x).sum()
            return self.params["s"] * dy

    layer, x = Scale(), rng.normal(size=(3, 2))
    y, cache = layer.forward(x, training=False)
    assert np.array_equal(layer.backward(np.ones((3, 2)), cache, wrt="input"), np.full((3, 2), 2.0)) and layer.grads["s"] == 0
    assert layer.backward(np.ones((3, 2)), cache, wrt="params") is None and np.isclose(layer.grads["s"], x.sum())
    sg.gradcheck.assert_gradients(layer, x)
    with pytest.raises(ValueError, match="unknown wrt 'inputs'; did you mean 'input'"):
        layer.backward(y, cache, wrt="inputs")


def test_missing_methods_say_which(rng):
    class Nothing(L.Layer):
        pass

    with pytest.raises(NotImplementedError, match="Nothing has no forward"):
        Nothing().forward(rng.normal(size=(2, 2)))
    with pytest.raises(NotImplementedError, match="Nothing has no backward"):
        Nothing().backward(rng.normal(size=(2, 2)), None)


WRONG = [
    (lambda: L.Linear(2, 5, rng=0).forward([[1.0, 2.0]]), TypeError, r"x is a list; Linear\(2, 5\) needs an array: x \(batch, n_in\)"),
    (lambda: L.Linear(8, 5, rng=0).forward(np.zeros((3, 7), np.float32)), ValueError, r"x has shape \(3, 7\); Linear\(8, 5\) needs \(batch, 8\)"),
    (lambda: L.Linear(4, 3, rng=0).forward(np.zeros(4, np.float32)), ValueError, r"x has shape \(4,\); Linear\(4, 3\) needs \(batch, 4\)"),
    (lambda: L.Linear(4, 3, rng=0).forward(np.zeros((2, 4))), TypeError, r"x is float64 but Linear\(4, 3\) is float32; use x.astype\(float32\)"),
    (lambda: L.BatchNorm(4).forward(np.zeros((2, 3), np.float32)), ValueError, r"BatchNorm\(4\) needs \(batch, 4\)"),
    (lambda: L.BatchNorm(4).forward(np.zeros((1, 4), np.float32)), ValueError, "at least 2 examples in training"),
    (lambda: L.LayerNorm(4).forward(np.zeros((2, 5), np.float32)), ValueError, r"LayerNorm\(4\) needs \(batch, 4\)"),
    (lambda: L.Maxout(3).forward(np.zeros((2, 4))), ValueError, r"Maxout\(3\) needs \(batch, n\) with n a positive multiple of 3"),
    (lambda: L.Maxout(10**12).forward(np.zeros((2, 0))), ValueError, r"n a positive multiple of 1000000000000"),
    (lambda: L.Maxout(0), ValueError, "pieces is 0"),
    (lambda: L.Softmax().forward(np.zeros(4)), ValueError, r"Softmax needs \(batch, n\)"),
    (lambda: L.Dropout(1.0), ValueError, "rate is 1.0; it must be at least 0 and below 1"),
    (lambda: L.LeakyReLU(0), ValueError, "slope is 0"),
    (lambda: L.ELU(-1), ValueError, "alpha is -1"),
    (lambda: L.MaskedLinear(np.full((2, 2), 0.5)), ValueError, "matrix .* of zeros and ones"),
    (lambda: L.Reparameterize().forward(np.zeros((2, 3)), np.zeros((2, 4))), ValueError, r"mu has shape \(2, 3\) but logvar \(2, 4\)"),
    (lambda: L.Reparameterize().forward(np.zeros((2, 3)), np.zeros((2, 3)), eps=np.zeros((2, 1))), ValueError, r"eps has shape \(2, 1\)"),
    (lambda: L.Linear(0, 3), ValueError, "n_in is 0; it must be at least 1"),
    (lambda: L.Linear(3, 2.5), TypeError, "n_out is 2.5; it must be an int"),
    (lambda: L.BatchNorm(0), ValueError, "n is 0; it must be at least 1"),
    (lambda: L.LayerNorm("3"), TypeError, "n is '3'; it must be an int"),
    (lambda: L.Maxout(2.5), TypeError, "pieces is 2.5; it must be an int"),
    (lambda: L.mlp(5), TypeError, "sizes is 5; it must be a tuple of ints"),
    (lambda: L.mlp((4, 2), dtype=np.float16), TypeError, "dtype float16; they must be float32 or float64"),
    (lambda: L.Linear(4, 3).astype(int), TypeError, "dtype int64; they must be float32 or float64"),
    (lambda: L.Linear(4, 3, init=lambda shape, rng: np.zeros(3)), ValueError, r"init gave weights of shape \(3,\); wanted \(4, 3\)"),
    (lambda: L.Linear(4, 3, init="glorot_unifrom"), ValueError, "did you mean 'glorot_uniform'"),
    (lambda: L.Linear(4, 3, rng="seed"), TypeError, "rng is 'seed'"),
    (lambda: L.mlp((4,)), ValueError, "at least an input and an output size"),
    (lambda: L.mlp((4, 3, 2), activation="rulu"), ValueError, "unknown activation 'rulu'; did you mean 'relu'"),
    (lambda: L.Sequential(L.Linear(4, 3), L.ReLU), TypeError, "an instance, not a class"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "sentence"), WRONG, ids=[sentence[:30] for _, _, sentence in WRONG])
def test_bad_input_gets_one_clear_sentence(call, error, sentence):
    with pytest.raises(error, match=sentence) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "layer", [L.Linear(3, 3), L.MaskedLinear(np.eye(3)), L.BatchNorm(3), L.LayerNorm(3), L.Tanh(), L.Sequential(L.Linear(3, 3))], ids=repr
)
def test_a_misspelt_wrt_is_refused_and_adds_nothing(layer):
    y, cache = layer.forward(np.ones((2, 3), np.float32))
    layer.zero_grads()
    with pytest.raises(ValueError, match="unknown wrt 'inputs'; did you mean 'input'"):
        layer.backward(y, cache, wrt="inputs")
    assert not layer.flat_grads.any()


def test_frozen_buffers_are_put_back_after_an_error():
    layer = L.BatchNorm(3)
    with pytest.raises(KeyError), layer.frozen_buffers():
        layer.forward(np.random.default_rng(0).random((4, 3), dtype=np.float32))
        raise KeyError
    assert not layer.buffers["mean"].any()
