import numpy as np
import pytest

import scratchgen.ops as ops
from scratchgen.data import Binarize
from scratchgen.data.binarize import binarize


@pytest.fixture
def grey():
    return np.random.default_rng(0).random((2500, 8)).astype(np.float32)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_comparison_is_strict_so_that_0_and_1_are_certain(backend):
    p, below = np.array([[0, 0.5, 0.5, 1]], np.float32), np.nextafter(np.float32(0.5), np.float32(0))
    u = np.array([[0, 0.5, below, 1 - 2**-24]], np.float32)
    with ops.use_backend(backend):
        x, wide = binarize(p, u), binarize(p.astype(float), u.astype(float))
    np.testing.assert_array_equal(x, [[0, 0, 1, 1]])
    np.testing.assert_array_equal(wide, x)
    assert x.dtype == np.float32 and wide.dtype == np.float64


def test_none_changes_nothing(grey):
    bits = Binarize("none")
    assert bits.dataset(grey) is grey and bits.minibatch(grey) is grey


def test_threshold_is_one_half_and_counts_as_white():
    x = np.array([[0, 0.49, 0.5, 1]], np.float32)
    bits = Binarize("threshold")
    once = bits.dataset(x)
    np.testing.assert_array_equal(once, [[0, 0, 1, 1]])
    assert once.dtype == np.float32 and bits.minibatch(once) is once


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_once_follows_its_seed_and_leaves_minibatches_alone(grey, dtype):
    grey = grey.astype(dtype)
    x = Binarize("once", rng=0).dataset(grey)
    assert x.dtype == dtype and set(np.unique(x)) == {0, 1}
    np.testing.assert_array_equal(x, Binarize("once", rng=0).dataset(grey))
    assert (x != Binarize("once", rng=1).dataset(grey)).any()
    assert Binarize("once", rng=0).minibatch(grey) is grey


@pytest.mark.parametrize("kind", ["once", "fresh"])
def test_pixels_are_white_with_the_probability_they_name(kind):
    p = np.array([0, 0.1, 0.5, 0.9, 1], np.float32)
    bits = Binarize(kind, rng=0)
    x = bits.minibatch(bits.dataset(np.tile(p, (20_000, 1))))
    np.testing.assert_allclose(x.mean(axis=0), p, atol=4 * np.sqrt(0.25 / 20_000))
    assert (x[:, 0] == 0).all() and (x[:, 4] == 1).all()
    correlation = np.corrcoef(x[:, 1:4].T) - np.eye(3)
    assert np.abs(correlation).max() < 0.04  # pixels are drawn independently
    lag = np.corrcoef(x[:-1000, 2], x[1000:, 2])[0, 1]
    assert abs(lag) < 0.04  # and so are rows that were drawn in different pieces


@pytest.mark.parametrize("kind", ["threshold", "once", "fresh"])
def test_pixels_that_are_bits_already_stay_in_their_places(grey, kind):
    x = np.round(grey)
    bits = Binarize(kind, rng=0)
    np.testing.assert_array_equal(bits.minibatch(bits.dataset(x)), x)


def test_fresh_draws_anew_each_time_and_leaves_the_data_set_grey(grey):
    bits = Binarize("fresh", rng=0)
    assert bits.dataset(grey) is grey
    first, second = bits.minibatch(grey), bits.minibatch(grey)
    assert (first != second).any() and set(np.unique(first)) == {0, 1}


def test_a_saved_state_repeats_what_followed(grey):
    bits = Binarize("fresh", rng=0)
    bits.minibatch(grey[:7])
    state = bits.state
    following = [bits.minibatch(grey[:100]) for _ in range(3)]
    resumed = Binarize("fresh", rng=99)
    resumed.state = np.array(state, np.uint64)  # as a checkpoint brings it back
    for x in following:
        np.testing.assert_array_equal(resumed.minibatch(grey[:100]), x)


@pytest.mark.parametrize("kind", ["once", "fresh"])
def test_same_bits_on_numpy_and_numba(grey, kind):
    drawn = []
    for backend in ("numpy", "numba"):
        with ops.use_backend(backend):
            bits = Binarize(kind, rng=4)
            drawn.append(bits.minibatch(bits.dataset(grey)))
    np.testing.assert_array_equal(*drawn)


@pytest.mark.parametrize("kind", ["threshold", "once", "fresh"])
@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan])
def test_values_that_are_no_probabilities_are_refused(grey, kind, value):
    grey[3, 2] = value
    with pytest.raises(ValueError, match=rf"binarization '{kind}' needs them in \[0, 1\]"):
        Binarize(kind).dataset(grey)
    assert Binarize("none").dataset(grey) is grey


def test_unknown_kind_and_bad_rng():
    with pytest.raises(ValueError, match="unknown binarization 'frsh'; did you mean 'fresh'"):
        Binarize("frsh")
    with pytest.raises(TypeError, match="rng"):
        Binarize("fresh", rng="0")
