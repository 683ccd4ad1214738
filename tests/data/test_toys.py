import numpy as np
import pytest

from scratchgen.data import GRID_STD, RING_STD, grid_modes, mixture1d_density, ring_modes, toys

ALL = [toys.ring, toys.grid, toys.swiss_roll, toys.moons, toys.pinwheel, toys.mixture1d]


@pytest.mark.parametrize("toy", ALL, ids=lambda toy: toy.__name__)
def test_points_are_float32_labels_are_ints_and_both_follow_the_seed(toy):
    x, y = toy(100, rng=0)
    assert x.shape == (100, 1 if toy is toys.mixture1d else 2) and x.dtype == np.float32 and np.isfinite(x).all()
    assert y is None or (y.shape == (100,) and y.dtype.kind == "i")
    again, _ = toy(100, rng=0)
    other, _ = toy(100, rng=1)
    np.testing.assert_array_equal(x, again)
    assert (x != other).any()
    with pytest.raises(TypeError, match="rng"):
        toy(100, rng="0")


def test_the_ring_has_eight_different_modes_evenly_spaced():
    modes = ring_modes(radius=2.0)
    assert modes.shape == (8, 2)
    np.testing.assert_allclose(np.hypot(*modes.T), 2)
    np.testing.assert_allclose(np.hypot(*(modes - np.roll(modes, 1, axis=0)).T), 4 * np.sin(np.pi / 8))  # the eight sides of an octagon


def test_the_grid_has_twenty_five_modes():
    assert {tuple(mode) for mode in grid_modes()} == {(a, b) for a in (-4, -2, 0, 2, 4) for b in (-4, -2, 0, 2, 4)}
    assert grid_modes().shape == (25, 2)


@pytest.mark.parametrize("toy, modes, std", [(toys.ring, ring_modes(), RING_STD), (toys.grid, grid_modes(), GRID_STD)])
def test_points_lie_around_the_mode_that_their_label_names(toy, modes, std):
    n = 40_000
    x, y = toy(n, rng=0)
    share = np.bincount(y, minlength=len(modes)) / n
    np.testing.assert_allclose(share, 1 / len(modes), atol=5 * np.sqrt(1 / len(modes) / n))
    np.testing.assert_allclose((x - modes[y]).std(axis=0), std, rtol=0.03)
    nearest = ((x[:, None] - modes) ** 2).sum(-1).argmin(1)
    np.testing.assert_array_equal(nearest, y)
    within = (((x - modes[y]) ** 2).sum(1) < (3 * std) ** 2).mean()
    assert abs(within - (1 - np.exp(-4.5))) < 0.003  # what a perfect sampler scores


def test_ring_parameters():
    x, _ = toys.ring(10_000, rng=0, radius=2.0, std=0.02)
    radius = np.hypot(*x.T)
    assert abs(radius.mean() - 2) < 0.002 and abs(radius.std() - 0.02) < 0.002


def test_swiss_roll_without_noise_is_a_spiral():
    x, y = toys.swiss_roll(2000, rng=0, noise=0)
    radius, angle = np.hypot(*x.T), np.arctan2(x[:, 1], x[:, 0])
    np.testing.assert_allclose(np.mod(7.5 * radius - angle + np.pi, 2 * np.pi), np.pi, atol=1e-4)  # r = t/7.5 at the angle t
    assert radius.min() > 0.62 and radius.max() < 1.89 and y is None


def test_moons_without_noise_are_two_half_circles():
    x, y = toys.moons(2000, rng=0, noise=0)
    upper, lower = x[y == 0], x[y == 1]
    np.testing.assert_allclose(np.hypot(*upper.T), 1, atol=1e-6)
    np.testing.assert_allclose(np.hypot(*(lower - [1, 0.5]).T), 1, atol=1e-6)
    assert upper[:, 1].min() >= 0 and lower[:, 1].max() <= 0.5 and 800 < len(upper) < 1200


def test_pinwheel_arms_are_turned_copies_of_each_other():
    x, y = toys.pinwheel(50_000, rng=0)
    angle = 2 * np.pi * y / 5
    unturned = np.stack([np.cos(angle) * x[:, 0] + np.sin(angle) * x[:, 1], np.cos(angle) * x[:, 1] - np.sin(angle) * x[:, 0]], axis=1)
    means = np.stack([unturned[y == arm].mean(axis=0) for arm in range(5)])
    assert np.abs(means - means.mean(axis=0)).max() < 0.02 and np.hypot(*means.mean(axis=0)) > 0.5
    np.testing.assert_allclose((x**2).sum(1).mean(), 1 + 0.3**2 + 0.1**2, rtol=0.02)  # turning keeps lengths: E r² = 1 + σ²


def test_mixture1d_density_is_the_density_of_its_samples():
    edges = np.linspace(-4, 4, 8001)
    middle, step = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
    density = mixture1d_density(middle)
    assert abs(density.sum() * step - 1) < 1e-6
    x, y = toys.mixture1d(50_000, rng=0)
    distance = np.abs(np.searchsorted(np.sort(x[:, 0]), edges[1:]) / 50_000 - np.cumsum(density) * step).max()
    assert distance < 1.63 / np.sqrt(50_000)  # Kolmogorov–Smirnov, 1 %
    assert mixture1d_density(x).shape == x.shape and set(y) == {0, 1}
