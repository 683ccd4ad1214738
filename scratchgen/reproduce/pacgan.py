"""Mode coverage of a GAN and of packed GANs (Lin et al. 2018): a ring of 8 Gaussians, a grid of 25.

Two noise variables; generator of four layers of 400 ReLU units with batch normalisation; discriminator of three layers of 200 maxout units of 5
pieces; weights N(0, 0.02²); Adam at 1e-4 with β₁ = 0.8, minibatches of 100 packs, 400 epochs of 100,000 packs. 2,500 samples: a mode counts if it
is nearest to one within 3 standard deviations; published are means and standard errors over 10 trainings, and so is ours with --seeds 10.
"""

import functools

import numpy as np

import scratchgen as sg
from scratchgen import plots
from scratchgen.data import toys
from scratchgen.layers.initializers import normal
from scratchgen.metrics import mode_coverage
from scratchgen.optim import Adam
from scratchgen.reproduce.study import Published, Reproduction, start

DATA = {"ring": (toys.ring, toys.ring_modes(), toys.RING_STD), "grid": (toys.grid, toys.grid_modes(), toys.GRID_STD)}
PACKS = {"GAN": 1, "PacGAN2": 2, "PacGAN4": 4}
EPOCHS = {  # by default: modes of the ring are found sooner; of the grid packs of 4 find the last of 25 late
    "ring": {"GAN": 10, "PacGAN2": 10, "PacGAN4": 10},
    "grid": {"GAN": 50, "PacGAN2": 50, "PacGAN4": 75},
}


def run(study, name):
    """Train a GAN with each size of pack, measure, draw."""
    draw, modes, std = DATA[name]
    x, _ = draw(study.choose(quick=20_000, default=100_000), np.random.default_rng([study.seed, 7]))
    for who, pack in PACKS.items():
        gan = sg.GAN(
            2, latent_dim=2, generator_hidden=(400,) * 4, discriminator_hidden=(200,) * 3, maxout_pieces=5, batch_norm=True, output="identity",
            pack=pack, simultaneous=True, rng=study.seed,
        )  # fmt: skip
        rng = np.random.default_rng([study.seed, 8])
        for player in gan.generator, gan.discriminator:
            start(player, normal(0.02), rng)
        epochs = study.choose(quick=1, default=EPOCHS[name][who], full=400)
        study.fit(
            gan, np.tile(x, (pack, 1)), name=who.lower(), epochs=epochs, batch_size=100 * pack,
            optimizer=lambda player: Adam(player, lr=1e-4, betas=(0.8, 0.999)),
        )  # fmt: skip
        samples = sg.ops.to_host(gan.sample(2500, rng=0))
        coverage = mode_coverage(samples, modes, std)
        plots.points(samples, study.folder / f"{who.lower()}.png", real=x[:1000])
        for what, found in zip(("modes", "high quality", "reverse KL"), coverage, strict=True):
            study.measure(f"{who}, {what}", lambda found=found: found)


def described(name, title, table):
    """The Reproduction of one data set.  table: {who: (modes, error, high quality, error, reverse KL)}."""
    published = {}
    for who, (captured, captured_error, quality, quality_error, kl) in table.items():
        published |= {
            f"{who}, modes": Published(captured, captured_error), f"{who}, high quality": Published(quality, quality_error),
            f"{who}, reverse KL": Published(kl),
        }  # fmt: skip
    return Reproduction(
        name=name,
        title=title,
        run=functools.partial(run, name=name),
        published=published,
        unit="modes, share of samples, nats",
        differs=(
            "batch normalisation sees all of a minibatch's examples together, not those of each place in a pack by themselves",
            "samples are drawn with running statistics of training; theirs are settled by 50 minibatches more before each measurement",
            "packs are drawn anew in every epoch, theirs once",
            "reverse KL counts all samples, as do the definitions of metrics/modes.py; theirs counts those of high quality",
        ),
        quick="one epoch of 20,000 points",
        default=f"{', '.join(f'{who} {epochs}' for who, epochs in EPOCHS[name].items())} epochs, not 400; --full has all",
    )


RING = described(
    "ring", "Ring of 8 Gaussians: modes that a GAN finds, and with packing (Lin et al. 2018)",
    {"GAN": (6.3, 0.5, 0.982, 0.002, 0.45), "PacGAN2": (7.9, 0.1, 0.956, 0.02, 0.07), "PacGAN4": (7.8, 0.1, 0.959, 0.014, 0.07)},
)  # fmt: skip
GRID = described(
    "grid", "Grid of 25 Gaussians: modes that a GAN finds, and with packing (Lin et al. 2018)",
    {"GAN": (17.3, 0.8, 0.948, 0.007, 0.70), "PacGAN2": (23.8, 0.7, 0.913, 0.008, 0.13), "PacGAN4": (24.8, 0.2, 0.936, 0.006, 0.04)},
)  # fmt: skip
