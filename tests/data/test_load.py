import numpy as np
import pytest

from scratchgen import data
from scratchgen.data import cache, glyphs

TOYS = ["ring", "grid", "swiss_roll", "moons", "pinwheel", "mixture1d"]


@pytest.mark.parametrize("name", TOYS)
def test_toys_have_three_different_splits_that_follow_the_seed(name):
    parts = [data.load(name, split) for split in ("train", "valid", "test")]
    assert [len(part.x) for part in parts] == [50_000, 10_000, 10_000]
    assert len(np.unique(np.concatenate([part.x[:10_000] for part in parts]), axis=0)) > 29_000  # no point twice but by rounding
    for x, y in parts:
        assert x.dtype == np.float32 and x.ndim == 2 and (y is None or (y.dtype == np.int64 and y.shape == (len(x),)))
    np.testing.assert_array_equal(data.load(name, "valid", seed=0).x, parts[1].x)
    assert (data.load(name, "valid", seed=1).x != parts[1].x).any()


def test_glyphs_are_flat_pictures_between_0_and_1(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "folder", lambda: tmp_path)
    monkeypatch.setattr(glyphs, "SIZES", {"train": 200, "valid": 20, "test": 20})
    x, y = data.load("glyphs")
    assert x.shape == (200, 784) and x.dtype == np.float32 and x.min() == 0 and x.max() == 1
    assert np.bincount(y).tolist() == [20] * 10
    pictures, _ = glyphs.load("train")
    np.testing.assert_array_equal(x, pictures.reshape(200, 784) / np.float32(255))


@pytest.mark.parametrize(
    "arguments, error, sentence",
    [
        (("nmist",), ValueError, "unknown data 'nmist'; did you mean 'mnist'"),
        (("MNIST",), ValueError, "unknown data 'MNIST'.*nown: glyphs, mnist, ring"),
        (("",), ValueError, "unknown data ''"),
        (("ring", "tets"), ValueError, "unknown split 'tets'; did you mean 'test'"),
        (("ring", None), ValueError, "unknown split None"),
        ((np.zeros((3, 2)),), TypeError, "name is of type ndarray; it must be one of glyphs, mnist"),
        ((None,), TypeError, "name is of type NoneType"),
    ],
)
def test_unknown_names(arguments, error, sentence):
    with pytest.raises(error, match=sentence):
        data.load(*arguments)


@pytest.mark.parametrize("seed, error", [(-1, ValueError), ("0", TypeError), (1.5, TypeError)])
def test_bad_seed(seed, error):
    with pytest.raises(error, match="seed is"):
        data.load("ring", seed=seed)
