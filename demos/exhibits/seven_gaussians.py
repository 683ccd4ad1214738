"""A ring of "eight" Gaussians that has seven.

    shipped     angles linspace(0, 2π, 8): both ends are included, and 0 and 2π are the same place
    right       angles 2πk/8, k = 0 … 7

Seven modes, 2π/7 apart, one of them twice as likely as the others. A GAN that learns this ring perfectly
reaches "8 of 8" of these centres, for rounding tells the two equal ones apart, and 1 of 8 of the true ring's:
either number says nearly nothing.
"""

import numpy as np

from exhibits.display import Finding, Piece
from scratchgen.data import RING_STD, ring_modes
from scratchgen.metrics import mode_coverage
from scratchgen.plots.canvas import BLUE, tidy


def with_endpoint():
    """Centres (8, 2), as they shipped."""
    angle = np.linspace(0, 2 * np.pi, 8)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def sample(centres, n, rng):
    """n points of the mixture -> (n, 2), and the number of each one's Gaussian."""
    k = rng.integers(len(centres), size=n)
    return centres[k] + RING_STD * rng.standard_normal((n, 2)), k


def eight_rows(modes):
    """Eight centres on the unit circle, about an eighth of the points from each."""
    centres = modes()
    assert centres.shape == (8, 2) and np.allclose(np.sum(centres**2, axis=1), 1)
    x, k = sample(centres, 8000, np.random.default_rng(0))
    assert x.shape == (8000, 2) and np.all(np.abs(np.bincount(k, minlength=8) - 1000) < 150)


TITLE = 'A ring of "8" Gaussians with its endpoint counted twice'
LESSON = "Data has bugs too, and no gradient shows them. Count what you claim: distinct places, not rows."
PIECES = [
    Piece(
        "angles np.linspace(0, 2π, 8), whose last is its first",
        "8 centres, all on the unit circle, an eighth of the points each",
        with_endpoint,
        eight_rows,
    )
]
REPAIRED = ring_modes


def distinct_centres(centres):
    different, times = np.unique(centres.round(9) + 0.0, axis=0, return_counts=True)
    again = "".join(
        f"; ({x:g}, {y:g}) stands there {n} times"
        for (x, y), n in zip(different, times, strict=True)
        if n > 1
    )
    text = f"centres: {len(different)} of {len(centres)} are distinct{again}"
    return Finding(len(different) == len(centres), text)


def coverage(centres, seed):
    """Samples of the data itself must do well at the measure by which generators are judged."""
    x, _ = sample(centres, 2500, np.random.default_rng(seed))
    captured, good, reverse_kl = mode_coverage(x, ring_modes(), RING_STD)
    own = mode_coverage(x, centres, RING_STD).captured
    text = f"mode coverage of the data itself: {captured} of 8 modes, {good:.1%} of the samples near one, "
    text += f"reverse KL {reverse_kl:.3f}; of its own centres {own} of {len(centres)}"
    return Finding(captured == 8 and good > 0.97 and reverse_kl < 0.02, text)


def checks(modes, seed=0):
    centres = modes()
    return [distinct_centres(centres), coverage(centres, seed)]


def draw(axes, modes):
    x, _ = sample(modes(), 400, np.random.default_rng(0))
    axes.scatter(*x.T, s=30, color=BLUE, alpha=0.08, linewidths=0)
    axes.set(aspect="equal", xticks=[], yticks=[], xlim=(-1.3, 1.3), ylim=(-1.3, 1.3))
    tidy(axes, grid=False)
    axes.set_xlabel(f"{len(np.unique(modes().round(9) + 0.0, axis=0))} places")
