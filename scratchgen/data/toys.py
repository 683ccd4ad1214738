"""Small distributions in one and two dimensions, where one can see what a generative network gets wrong.

    ring, grid       Gaussians of known centres: does the network find every mode, and does it stay on them?
    swiss_roll       a curve wound up: does it follow a thin manifold?
    moons, pinwheel  bent clusters
    mixture1d        two Gaussians on a line whose density p(x) is known, so that the optimal discriminator
                     p(x) / (p(x) + q(x)) can be drawn (Goodfellow et al. 2014, equation 2 and figure 1)

Each function draws n points: (x, y) with x float32 (n, features) and y int (n,), the number of the mode, moon or arm; None for the roll.
rng: a seed, a numpy.random.Generator or None.
"""

import numpy as np

from scratchgen.ops import as_generator

RING_STD, GRID_STD = 0.01, 0.05  # as published: Srivastava et al. 2017 (VEEGAN), Lin et al. 2018 (PacGAN)
MIXTURE1D = ((0.4, -1.0, 0.4), (0.6, 1.0, 0.3))  # weight, mean and standard deviation of each part


def ring_modes(radius=1.0):
    """Centres of the ring's 8 Gaussians, (8, 2): the k-th at the angle 2πk/8."""
    angle = 2 * np.pi * np.arange(8) / 8
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def grid_modes():
    """Centres of the grid's 25 Gaussians, (25, 2): both coordinates in {−4, −2, 0, 2, 4}."""
    side = np.arange(-4.0, 5.0, 2.0)
    return np.stack(np.meshgrid(side, side), axis=-1).reshape(25, 2)


def ring(n, rng=None, radius=1.0, std=RING_STD):
    """8 Gaussians of standard deviation std, evenly spaced on a circle."""
    return _gaussians(ring_modes(radius), n, rng, std)


def grid(n, rng=None, std=GRID_STD):
    """25 Gaussians of standard deviation std on a 5 × 5 grid."""
    return _gaussians(grid_modes(), n, rng, std)


def _gaussians(modes, n, rng, std):
    rng = as_generator(rng)
    y = rng.integers(len(modes), size=n)
    return (modes[y] + std * rng.standard_normal((n, 2))).astype(np.float32), y


def swiss_roll(n, rng=None, noise=0.25):
    """A spiral of one and a half turns, radius about 0.6 to 1.9:  (t cos t, t sin t) / 7.5,  t uniform in [1.5π, 4.5π], noise before scaling."""
    rng = as_generator(rng)
    t = rng.uniform(1.5 * np.pi, 4.5 * np.pi, n)
    x = np.stack([t * np.cos(t), t * np.sin(t)], axis=1) + noise * rng.standard_normal((n, 2))
    return (x / 7.5).astype(np.float32), None


def moons(n, rng=None, noise=0.1):
    """Two half circles of radius 1, one upside down, each with an end inside the other."""
    rng = as_generator(rng)
    y = rng.integers(2, size=n)
    t = rng.uniform(0, np.pi, n)
    upper = np.stack([np.cos(t), np.sin(t)], axis=1)
    lower = np.array([1.0, 0.5]) - upper
    x = np.where(y[:, None] == 0, upper, lower) + noise * rng.standard_normal((n, 2))
    return x.astype(np.float32), y


def pinwheel(n, rng=None, arms=5, radial_std=0.3, tangential_std=0.1, twist=0.25):
    """`arms` flat Gaussians around the origin, each point turned by an angle that grows exponentially with its radius."""
    rng = as_generator(rng)
    y = rng.integers(arms, size=n)
    along = 1 + radial_std * rng.standard_normal(n)
    across = tangential_std * rng.standard_normal(n)
    angle = 2 * np.pi * y / arms + twist * np.exp(along)
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([c * along - s * across, s * along + c * across], axis=1).astype(np.float32), y


def mixture1d(n, rng=None):
    """Two Gaussians on a line, x (n, 1):  p(x) = Σ_k w_k N(x; m_k, s_k²), the parts in MIXTURE1D."""
    rng = as_generator(rng)
    weight, mean, std = np.array(MIXTURE1D).T
    y = rng.choice(len(weight), size=n, p=weight)
    return (mean[y] + std[y] * rng.standard_normal(n)).astype(np.float32)[:, None], y


def mixture1d_density(x):
    """p(x) of `mixture1d`, same shape as x."""
    x = np.asarray(x, float)
    return sum(w * np.exp(-0.5 * ((x - m) / s) ** 2) / (s * np.sqrt(2 * np.pi)) for w, m, s in MIXTURE1D)
