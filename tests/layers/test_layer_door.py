"""The door of every layer: what is no array, a dy of another shape, a cache of something else; what is right goes through."""

import copy
import pickle

import numpy as np
import pytest

from scratchgen import layers as L
from scratchgen.gradcheck.catalogue import example_layers, n_inputs
from scratchgen.layers import door

EXAMPLES = {name: make for name, make in example_layers().items() if not name.startswith("Linear and")}
each = pytest.mark.parametrize("make", EXAMPLES.values(), ids=EXAMPLES)


def inputs(layer, batch=6):
    return [np.random.default_rng(0).normal(size=(batch, 4)) for _ in range(n_inputs(layer))]


@each
@pytest.mark.parametrize("wrong", [[[1.0] * 4], None, memoryview(np.ones((6, 4))), "x", 0.5, {"x": 1}], ids=lambda x: type(x).__name__)
def test_what_is_no_array(make, wrong, backend):
    layer = make()
    x = inputs(layer)
    y, cache = layer.forward(*x)
    given = "None" if wrong is None else f"a {type(wrong).__name__}"
    with pytest.raises(TypeError, match=rf"(x|mu) is {given}; .* needs an array: "):
        layer.forward(wrong, *x[1:])
    with pytest.raises(TypeError, match=rf"d[yz] is {given}; .* needs an array: "):
        layer.backward(wrong, cache)


@each
@pytest.mark.parametrize("dtype", [object, complex, np.float16, np.longdouble, ">f8", "M8[s]", "U3"])
def test_numbers_that_are_not_real_or_not_ours(make, dtype, backend):
    layer = make()
    x = [np.zeros(x.shape, dtype) for x in inputs(layer)]
    with pytest.raises(TypeError, match=r"(x|mu) is .*; .* needs float32 or float64"):
        layer.forward(*x)


@each
def test_masked_arrays_are_refused_and_matrices_welcome(make, backend):
    layer = make()
    x = inputs(layer)
    with pytest.raises(TypeError, match="is a masked array"):
        layer.forward(np.ma.masked_array(x[0], x[0] > 0), *x[1:])
    y, cache = layer.forward(*map(np.asmatrix, x))
    assert type(y) is np.ndarray
    layer.backward(np.asmatrix(np.ones_like(y)), cache)


@each
@pytest.mark.parametrize(
    "other", [lambda dy: dy[:, :1], lambda dy: dy[:1], lambda dy: dy[0], lambda dy: dy[:-1], lambda dy: dy[None], lambda dy: dy[:0]]
)
def test_a_dy_of_another_shape(make, other, backend):
    """NumPy would broadcast a column, or a row, and give a gradient of the right shape with wrong numbers."""
    layer = make()
    y, cache = layer.forward(*inputs(layer))
    dy = other(np.ones_like(y))
    if dy.shape == y.shape:
        return
    with pytest.raises(ValueError, match=rf"d[yz] has shape .*; y of .*, whose gradient it is, has \({len(y)}, {y.shape[1]}\)"):
        layer.backward(dy, cache)


@each
@pytest.mark.parametrize("cache", ["cache", 3.0, object(), {}, ()], ids=lambda x: type(x).__name__)
def test_a_cache_of_something_else(make, cache, backend):
    layer = make()
    y, own = layer.forward(*inputs(layer))
    if own is None or isinstance(layer, L.Sequential) and cache == {}:
        return
    with pytest.raises(TypeError, match=rf"cache is .*{type(cache).__name__}; .* needs what its forward returned beside y"):
        layer.backward(np.ones_like(y), cache)


def test_the_number_of_inputs():
    with pytest.raises(
        TypeError, match=r"Tanh.forward\(\) missing 1 required positional argument: 'x'|missing a required argument|forward\(\) missing"
    ):
        L.Tanh().forward()
    with pytest.raises(TypeError, match="takes 2 positional arguments but 3 were given"):
        L.Tanh().forward(np.ones((2, 2)), np.ones((2, 2)))


class Halves(L.Layer):
    """A user's own: y is half as wide as x, and the cache begins with what all caches share."""

    def __init__(self):
        self.weight = np.full(2, 3.0)

    def forward(self, x):
        return self.weight * x[:, :2], (self.weight, x)

    def backward(self, dy, cache):
        weight, x = cache
        dx = np.zeros_like(x)
        dx[:, :2] = weight * dy
        return dx


class Doubled(L.Linear):
    """One that asks the class above."""

    def forward(self, x):
        y, cache = super().forward(x)
        return 2 * y[:, :1], cache

    def backward(self, dy, cache):
        return super().backward(np.concatenate([2 * dy, np.zeros((len(dy), self.n_out - 1), dy.dtype)], axis=1), cache)


def test_a_layer_of_ones_own_has_the_same_door():
    layer, x = Halves(), np.ones((5, 4))
    y, cache = layer.forward(x)
    with pytest.raises(TypeError, match=r"x is a list; Halves\(\) needs an array"):
        layer.forward([1.0])
    with pytest.raises(ValueError, match=r"dy has shape \(5, 4\); y of Halves\(\), whose gradient it is, has \(5, 2\)"):
        layer.backward(x, cache)
    with pytest.raises(TypeError, match=r"cache is an array \(5, 4\) of float64; Halves\(\) needs what its forward returned beside y"):
        layer.backward(y, np.ones((5, 4)))


def test_what_is_right_is_let_in():
    layer = Halves()
    caches = [layer.forward(np.ones((batch, 4))) for batch in (5, 7)]
    for y, cache in caches:
        assert layer.backward(y, cache).shape == (len(y), 4)
    layer = Doubled(4, 3, rng=0)
    y, cache = layer.forward(np.ones((5, 4), np.float32))
    assert layer.backward(y, cache).shape == (5, 4)
    with pytest.raises(ValueError, match=r"dy has shape \(5, 3\); y of .*, has \(5, 1\)"):
        layer.backward(np.ones((5, 3), np.float32), cache)
    y = L.Tanh().forward(np.ones((2, 2)))[0]
    assert L.Tanh().backward(np.ones((2, 2)), y).shape == (2, 2)  # a cache that another has made, or the user by hand


def test_an_error_in_a_users_backward_stays_what_it_is():
    class Broken(L.Layer):
        def forward(self, x):
            return x, x

        def backward(self, dy, cache):
            return cache.missing

    layer, x = Broken(), np.ones((2, 2))
    with pytest.raises(AttributeError, match="missing"):
        layer.backward(*layer.forward(x))


def test_the_door_keeps_little_and_no_array():
    layer = L.Tanh()
    for _ in range(3 * door.KEPT):
        layer.forward(np.ones((2, 2)))
    held = [layer.forward(np.ones((2, 2))) for _ in range(3 * door.KEPT)]
    assert len(layer.y_shapes) <= door.KEPT + 2
    assert all(layer.backward(*pair).shape == (2, 2) for pair in held)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert twin.backward(*twin.forward(np.ones((3, 2)))).shape == (3, 2)
        assert "y_shapes" not in vars(twin)


def test_noise_of_another_shape():
    x, shape = np.ones((6, 4)), r"\(6, 4\)"
    for layer, inputs, wanted in ((L.Dropout(0.5), [x], shape), (L.Reparameterize(), [x] * 2, shape), (L.RandomAffine((2, 2)), [x], r"\(6,\)")):
        with pytest.raises(TypeError, match="eps is a list; .* needs an array"):
            layer.forward(*inputs, eps=[0.5])
        with pytest.raises(ValueError, match=rf"eps has shape \(1, 4\); .* needs {wanted}"):
            layer.forward(*inputs, eps=np.ones((1, 4)))
        with pytest.raises(TypeError, match=r"eps is float32; .* needs that of its input, float64"):
            layer.forward(*inputs, eps=np.ones((6,) if wanted == r"\(6,\)" else (6, 4), np.float32))


def test_a_subclass_that_only_wraps_forward_has_a_door_for_its_backward():
    class Mine(L.Tanh):
        def forward(self, x):
            return super().forward(x)

    layer, x = Mine(), np.ones((4, 3))
    y, cache = layer.forward(x)
    np.testing.assert_array_equal(layer.backward(y, cache), L.Tanh().backward(*L.Tanh().forward(x)))
    with pytest.raises(ValueError, match=r"dy has shape \(1, 3\); y of Mine\(\), whose gradient it is, has \(4, 3\)"):
        layer.backward(y[:1], cache)


@pytest.mark.parametrize(
    ("make", "words"),
    [(lambda: L.Dropout("a"), "rate is 'a'; it must be at least 0 and below 1"), (lambda: L.LeakyReLU(None), "slope is None; it must be positive"),
     (lambda: L.ELU([1]), r"alpha is \[1\]; it must be positive"), (lambda: L.BatchNorm(3, eps="a"), "eps is 'a'; it must be positive"),
     (lambda: L.BatchNorm(3, momentum=2), "momentum is 2; it must be a number from 0 to 1"), (lambda: L.LayerNorm(3, eps=-1), "eps is -1"),
     (lambda: L.Linear(3, 2, dtype=b"x"), "dtype is b'x'; it must be one of NumPy's"),
     (lambda: L.mlp((2, 2**70)), r"sizes\[1\] is .*; it must be at most")],
)  # fmt: skip
def test_settings(make, words):
    with pytest.raises((TypeError, ValueError), match=words):
        make()


def test_parameters_are_arrays():
    layer = L.Linear(3, 2)
    layer.lay_flat()
    with pytest.raises(TypeError, match="W is a list; the network needs an array"):
        layer.params["W"] = [[1.0]]
    layer = Halves()
    layer.params, layer.grads = {"s": [1.0]}, {"s": np.zeros(1)}
    with pytest.raises(TypeError, match=r"s is a list; Halves\(\) needs an array"):
        layer.flat_params  # noqa: B018
