"""Random affine maps: maps whose result is known without interpolation, the stream, and what it takes."""

import numpy as np
import pytest

from scratchgen.gradcheck import check_layer
from scratchgen.layers import RandomAffine

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 20))
STILL = dict(rotation=0, shear=0, stretch=1, shift=0)
MOST = np.array([1.0, 0.5, 0.5, 0.5, 0.5, 0.5])  # u = 1: the whole amount; u = ½: none of it


def through(u, shape=(4, 5), x=X, **amounts):
    """x through the map that the uniform numbers u give."""
    return RandomAffine(shape, **STILL | amounts, dtype=np.float64).forward(x, eps=u)[0].reshape(-1, *shape)


def test_no_map_at_all(backend):
    np.testing.assert_allclose(through(RNG.random(6)), X.reshape(3, 4, 5), rtol=1e-14)


@pytest.mark.parametrize("columns, rows", [(1, 0), (0, 2), (-2, 1)])
def test_a_shift_by_whole_pixels_looks_at_other_pixels_and_at_nothing_outside(backend, columns, rows):
    u = 0.5 + np.array([0, 0, 0, 0, columns / 2.5, rows / 2]) / 2  # 2u − 1 = columns / 2.5, rows / 2, in halves of width and height
    around = np.pad(X.reshape(3, 4, 5), ((0, 0), (2, 2), (2, 2)))
    np.testing.assert_allclose(through(u, shift=0.5), around[:, 2 + rows : 6 + rows, 2 + columns : 7 + columns], rtol=1e-12, atol=1e-14)


def test_a_quarter_turn(backend):
    x = RNG.normal(size=(2, 25))
    turned = np.rot90(x.reshape(2, 5, 5), axes=(1, 2))
    np.testing.assert_allclose(through(MOST, (5, 5), x, rotation=90), turned, rtol=1e-12, atol=1e-13)


def test_halfway_between_pixels_is_their_mean(backend):
    x = RNG.normal(size=(2, 6))
    y = through(np.array([0.5, 0.5, 0.5, 0.5, 0.75, 0.5]), (1, 6), x, shift=1 / 6)[:, 0]  # half a column to the right
    np.testing.assert_allclose(y[:, :-1], (x[:, :-1] + x[:, 1:]) / 2, rtol=1e-12)


def test_stretch_and_shear_are_about_the_middle(backend):
    x = np.broadcast_to(np.arange(-3.0, 4), (1, 7, 7))  # the value of a pixel is its column
    x = x.reshape(1, 49).copy()
    stretched = through(np.array([0.5, 0.5, 0.0, 0.5, 0.5, 0.5]), (7, 7), x, stretch=2.0)[0]  # s = p / 2
    np.testing.assert_allclose(stretched, np.broadcast_to(np.arange(-3.0, 4) / 2, (7, 7)), rtol=1e-12, atol=1e-13)
    sheared = through(np.array([0.5, 1.0, 0.5, 0.5, 0.5, 0.5]), (7, 7), x, shear=0.5)[0]  # s = (column + row / 2, row)
    np.testing.assert_allclose(sheared[:, 3], np.arange(-3.0, 4) / 2, rtol=1e-12, atol=1e-13)


def test_one_map_for_a_minibatch_and_a_new_one_for_the_next(backend):
    layer = RandomAffine((4, 5), rng=0, dtype=np.float64)
    state = layer.stream.state
    first, S = layer.forward(X)
    np.testing.assert_allclose(first, X @ S.T, rtol=1e-12, atol=1e-14)
    assert np.abs(layer.forward(X)[0] - first).max() > 0.1
    layer.stream.state = state
    np.testing.assert_array_equal(layer.forward(X)[0], first)


def test_gradients(backend):
    assert check_layer(RandomAffine((4, 5), rng=0, dtype=np.float64), X, limit=None).ok


def test_inference_leaves_pictures_as_they_are(backend):
    layer = RandomAffine((4, 5), rng=0, dtype=np.float64)
    y, cache = layer.forward(X, training=False)
    assert y is X and layer.backward(X, cache) is X


@pytest.mark.parametrize(
    "shape, amounts, words",
    [
        ((4, 0), {}, r"shape\[1\] is 0"),
        ((20,), {}, "height and width"),
        ((4, 5), dict(rotation=-1), "rotation is -1"),
        ((4, 5), dict(stretch=0.5), "stretch is 0.5; it must be at least 1"),
    ],
)
def test_arguments_that_make_no_map(shape, amounts, words):
    with pytest.raises(ValueError, match=words):
        RandomAffine(shape, **amounts)


def test_pictures_of_another_size():
    with pytest.raises(ValueError, match=r"RandomAffine\(4 × 6\) needs \(batch, 24\)"):
        RandomAffine((4, 6), dtype=np.float64).forward(X)
