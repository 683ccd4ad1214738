"""WGAN-GP in the plane: the toys of Gulrajani et al. 2017 (code): a ring of 8 Gaussians, a grid of 25, a Swiss roll.

Generator and critic of three hidden layers of 512 units, two latent variables, λ = 0.1, five steps of the critic for one of the generator,
minibatches of 256, Adam at 1e-4 with β (0.5, 0.9) for 100,000 iterations. The paper shows pictures; the shares of good samples are ours.
"""

import numpy as np

import scratchgen as sg
from scratchgen import plots
from scratchgen.data import toys
from scratchgen.metrics import mode_coverage
from scratchgen.optim import Adam
from scratchgen.reproduce.study import Reproduction

SCALE = {"ring": 2**0.5, "grid": 2 * 2**0.5, "roll": 1.0}  # by which the points are divided
DRAW = {
    "ring": lambda n, rng: toys.ring(n, rng, radius=2.0, std=0.02)[0],
    "grid": lambda n, rng: toys.grid(n, rng)[0],
    "roll": lambda n, rng: toys.swiss_roll(n, rng)[0],
}
MODES = {"ring": (2 * toys.ring_modes(), 0.02), "grid": (toys.grid_modes(), 0.05)}
N = 102_400  # points, 400 minibatches


def run(study):
    """Train on each, measure, draw."""
    for name, draw in DRAW.items():
        x = (draw(N, np.random.default_rng(study.seed)) / SCALE[name]).astype(np.float32)
        gan = sg.GAN(
            2, latent_dim=2, generator_hidden=(512,) * 3, discriminator_hidden=(512,) * 3, output="identity", objective="wasserstein",
            penalty="wgan_gp", penalty_weight=0.1, discriminator_steps=5, rng=study.seed,
        )  # fmt: skip
        epochs = study.choose(quick=1, default=62, full=1250)  # of 400 steps, or 80 iterations
        study.fit(gan, x, name=name, epochs=epochs, batch_size=256, optimizer=lambda player: Adam(player, lr=1e-4, betas=(0.5, 0.9)))
        samples = SCALE[name] * sg.ops.to_host(gan.sample(2500, rng=0))
        plots.points(samples, study.folder / f"{name}.png", real=SCALE[name] * x[:1000])
        if name in MODES:
            coverage = mode_coverage(samples, *MODES[name])
            study.measure(f"{name}, modes", lambda coverage=coverage: coverage.captured)
            study.measure(f"{name}, high quality", lambda coverage=coverage: coverage.high_quality)


WGAN = Reproduction(
    name="wgan",
    title="WGAN-GP in the plane: ring, grid, Swiss roll (Gulrajani et al. 2017, code)",
    run=run,
    published={},
    unit="modes, or a share of samples",
    differs=(
        "the critic's activation is LeakyReLU(0.2), not ReLU; weights from our initialiser",
        "102,400 points, drawn once; there ring and roll are drawn anew for each minibatch, and the grid has 100,000",
    ),
    quick="80 iterations",
    default="4,960 iterations, not 100,000; --full has all",
)
