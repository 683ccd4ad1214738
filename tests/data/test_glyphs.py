import os

import matplotlib
import numpy as np
import pytest

from scratchgen.data import cache, glyphs

FONTS = glyphs.TRAIN_FONTS + glyphs.TEST_FONTS


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A cache folder of our own, and few pictures."""
    monkeypatch.setattr(cache, "folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(glyphs, "SIZES", {"train": 300, "valid": 50, "test": 50})
    return tmp_path / "cache"


def test_every_named_font_is_there_and_used_on_one_side_only():
    files = os.listdir(os.path.join(matplotlib.get_data_path(), "fonts", "ttf"))
    assert {font + ".ttf" for font in FONTS} <= set(files)
    assert len(FONTS) == len(set(FONTS)) == 21


def test_every_shape_is_one_figure_inside_the_square():
    for font in FONTS:
        shapes = glyphs._shapes(font)
        assert shapes.shape == (10, 56, 56)
        ink = shapes > 0
        assert 0.03 < ink.mean(axis=(1, 2)).min() and ink.mean() < 0.3, font
        assert not (ink[:, [0, -1]].any() or ink[:, :, [0, -1]].any()), font
        rows, columns = ink.any(axis=2).sum(axis=1), ink.any(axis=1).sum(axis=1)
        assert np.abs(np.maximum(rows, columns) - 40).max() <= 2, font  # 20 pixels, 2 points per pixel
        different = (shapes[:, None] - shapes[None]).__abs__().mean(axis=(2, 3)) + np.eye(10)
        assert different.min() > 0.04, f"two digits of {font} look the same"


def test_signed_distance_of_a_half_plane_is_the_distance_to_its_edge():
    target = np.zeros((1, 40, 40), bool)
    target[0, :, 20:] = True
    reach = glyphs.REACH * glyphs.FINE
    expected = np.clip(20 - np.arange(40), 0, None)
    inside = expected <= reach
    np.testing.assert_array_equal(glyphs._distance(target)[0][:, inside], np.tile(expected[inside], (40, 1)))
    assert glyphs._distance(target)[0][:, ~inside].min() > reach


def test_distance_to_scattered_points_is_euclidean():
    rng = np.random.default_rng(0)
    target = rng.random((3, 30, 30)) < 0.005
    reach = glyphs.REACH * glyphs.FINE
    dots = np.stack(np.meshgrid(np.arange(30), np.arange(30), indexing="ij"), -1).reshape(-1, 2)
    for one, found in zip(target, glyphs._distance(target), strict=True):
        exact = np.hypot(*(dots[:, None] - np.argwhere(one)).T).min(axis=0).reshape(30, 30)
        near = exact <= reach
        np.testing.assert_allclose(found[near], exact[near], rtol=1e-6)
        assert found[~near].min() > reach and near.any()


def test_looking_up_is_bilinear_and_counts_pixels_from_the_middle():
    rng = np.random.default_rng(0)
    side = glyphs.SIDE * glyphs.COARSE
    middle = (np.arange(side) - (side - 1) / 2) / glyphs.COARSE  # of the points of a shape, in pixels
    a, b = middle[:, None], middle
    planes = np.stack([2 * a + 3 * b + 1, a - b + a * b / 10])  # both are straight along each axis
    qy, qx = rng.uniform(-13, 13, (2, 3, 28, 28))
    found = glyphs._look_up(planes, np.array([0, 1, 0]), qy, qx)
    np.testing.assert_allclose(found, [2 * qy[0] + 3 * qx[0] + 1, qy[1] - qx[1] + qy[1] * qx[1] / 10, 2 * qy[2] + 3 * qx[2] + 1], atol=1e-9)


def test_pictures_look_like_mnist_in_numbers():
    x, y = glyphs.draw(2000, rng=0)
    assert x.shape == (2000, 28, 28) and x.dtype == np.uint8 and y.dtype == np.uint8
    assert np.bincount(y).tolist() == [200] * 10
    assert 0.10 < x.mean() / 255 < 0.18 and (x == 0).mean() > 0.7  # MNIST: 0.13 and 0.81
    assert x.max(axis=(1, 2)).min() > 127, "a picture is all but empty"
    ink = x.astype(float) / x.sum(axis=(1, 2), keepdims=True)
    middle = np.stack([(ink.sum(axis=2) * np.arange(28)).sum(1), (ink.sum(axis=1) * np.arange(28)).sum(1)])
    assert np.abs(middle - 13.5).max() < 3.5 and np.abs(middle.mean(axis=1) - 13.5).max() < 0.3
    border = np.concatenate([x[:, [0, -1]].reshape(2000, -1), x[:, :, [0, -1]].reshape(2000, -1)], axis=1)
    assert (border.max(axis=1) > 127).mean() < 0.05, "digits are cut off"
    grey = ((x > 0) & (x < 255)).sum() / (x > 0).sum()
    assert 0.3 < grey < 0.9, "edges are antialiased"


def test_no_two_pictures_are_the_same_and_a_seed_gives_the_same_again():
    x, y = glyphs.draw(600, rng=1)
    assert len(np.unique(x.reshape(600, -1), axis=0)) == 600
    again, labels = glyphs.draw(600, rng=1)
    np.testing.assert_array_equal(x, again)
    np.testing.assert_array_equal(y, labels)
    assert (glyphs.draw(600, rng=2)[0] != x).any()


def test_unseen_fonts_are_recognised_by_their_nearest_training_picture():
    x, y = glyphs.draw(4000, rng=0)
    test_x, test_y = glyphs.draw(300, glyphs.TEST_FONTS, rng=1)
    a, b = (pictures.reshape(len(pictures), -1) / np.float32(255) for pictures in (x, test_x))
    nearest = ((a**2).sum(1) - 2 * b @ a.T).argmin(1)
    assert (y[nearest] == test_y).mean() > 0.9


def test_load_makes_once_then_reads(small, monkeypatch):
    x, y = glyphs.load("train")
    assert x.shape == (300, 28, 28) and y.shape == (300,)
    monkeypatch.setattr(glyphs, "draw", None)  # from here on only the cache can answer
    again, labels = glyphs.load("train")
    np.testing.assert_array_equal(x, again)
    np.testing.assert_array_equal(y, labels)


def test_the_test_split_alone_is_drawn_from_the_test_fonts(small, monkeypatch):
    asked = []

    def draw(n, fonts, rng):
        asked.append((n, fonts, rng.random()))
        return np.zeros((n, 28, 28), np.uint8), np.zeros(n, np.uint8)

    monkeypatch.setattr(glyphs, "draw", draw)
    glyphs.load("train")
    assert [call[:2] for call in asked] == [(300, glyphs.TRAIN_FONTS), (50, glyphs.TRAIN_FONTS), (50, glyphs.TEST_FONTS)]
    assert len({call[2] for call in asked}) == 3, "the splits share their random numbers"


@pytest.mark.parametrize("damage", ["empty", "truncated", "one byte", "another file", "folder"])
def test_a_damaged_cache_is_made_again(small, damage):
    x, _ = glyphs.load("train")
    (path,) = small.iterdir()
    whole = path.read_bytes()
    if damage == "folder":
        path.unlink()
        path.mkdir()
    elif damage == "another file":
        with open(path, "wb") as file:
            np.savez(file, x=np.zeros(3))
    else:
        middle = len(whole) // 3
        path.write_bytes({"empty": b"", "truncated": whole[:middle], "one byte": whole[:middle] + b"?" + whole[middle + 1 :]}[damage])
        assert damage != "one byte" or path.read_bytes() != whole
    np.testing.assert_array_equal(glyphs.load("train")[0], x)
    if damage != "folder":
        assert path.read_bytes() == whole


def test_an_unwritable_cache_folder_does_no_harm(small):
    small.write_bytes(b"a file where the folder should be")
    assert glyphs.load("test")[0].shape == (50, 28, 28)


def test_another_version_of_the_recipe_does_not_read_this_cache(small, monkeypatch):
    x, _ = glyphs.load("train")
    monkeypatch.setattr(glyphs, "RECIPE", glyphs.RECIPE + 1)
    assert (glyphs.load("train")[0] != x).any() and len(list(small.iterdir())) == 2
