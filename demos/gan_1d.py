"""The first figure of the GAN paper (Goodfellow et al. 2014), in one dimension,
where one can see the discriminator's optimum.

The data are two Gaussians of known density p(x). For a generator of density q,
the best discriminator there is says

    D*(x) = p(x) / (p(x) + q(x))

Training begins with a q that is far from p. D is given k steps for each of the generator's (algorithm 1 of
the paper), and so stays near D*. Where D rises, there the generator moves its samples; in the end q is p,
D is ½ where there are data, and the discriminator's loss is log 4: it can do no better than toss a coin.
Where neither has points, D is never asked, and says what it likes.

    python demos/gan_1d.py [--seed 0] [--out runs/demo-gan-1d] [--quick]
"""

import argparse
from pathlib import Path

import numpy as np
from tqdm import trange

import scratchgen as sg
from scratchgen.layers import Sigmoid
from scratchgen.terminal import tolerate_terminal

tolerate_terminal()
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--seed", type=int, default=0, help="of the data, the weights and the noise")
parser.add_argument("--out", type=Path, default=Path("runs/demo-gan-1d"), help="folder for the pictures")
parser.add_argument("--quick", action="store_true", help="a few steps only")
options = parser.parse_args()
steps, batch, k = (100 if options.quick else 3000), 256, 4
moments = [steps // 100, steps // 20, steps]  # at which the figure is drawn

rng = np.random.default_rng(options.seed)
data = sg.data.load("mixture1d", seed=options.seed).x  # (50000, 1)
gan = sg.GAN(
    1, latent_dim=1, generator_hidden=(64, 64), discriminator_hidden=(64, 64), output="identity", rng=rng
)
train_D = sg.optim.Adam(gan.discriminator, lr=2e-3, betas=(0.5, 0.999))
train_G = sg.optim.Adam(gan.generator, lr=5e-4, betas=(0.5, 0.999))
schedules = [sg.optim.CosineLR(train_D, steps), sg.optim.CosineLR(train_G, steps)]
grid = np.linspace(-3, 3, 301)
p = sg.data.mixture1d_density(grid)


def draw(step, loss):
    """Draw the figure; print the share of probability that q puts in the wrong place,
    and the largest |D − ½|: where there are data, and anywhere."""
    z = np.random.default_rng(0).standard_normal((100_000, 1), dtype=np.float32)
    generated = gan.generator(z)
    D = Sigmoid()(gan.discriminator(grid[:, None].astype(np.float32)))
    sg.plots.density_figure(grid, p, D, z, generated, options.out / f"step-{step}.png", title=f"step {step}")
    q, _ = np.histogram(generated, bins=60, range=(-3, 3), density=True)
    wrong = 0.5 * np.sum(np.abs(q - p[:-1].reshape(60, 5).mean(axis=1))) * 0.1  # total variation of p and q
    certain = np.abs(D[:, 0] - 0.5)
    worst = np.argmax(certain)
    print(
        f"step {step:5}:  loss of D {loss:.3f} (log 4 = {np.log(4):.3f})   "
        f"misplaced probability {wrong:.2f}   "
        f"largest |D − ½| {certain[p > 0.05].max():.2f} where p > 0.05, "
        f"anywhere {certain[worst]:.2f}, at x = {grid[worst]:.1f}"
    )


for step in trange(1, steps + 1, unit="step"):
    for schedule in schedules:
        schedule(step - 1)
    for _ in range(k):
        x = data[rng.integers(len(data), size=batch)]  # (batch, 1)
        gan.zero_grads()
        loss, _ = gan.discriminator_loss(x, rng.standard_normal((batch, 1), dtype=np.float32))
        train_D.step()

    gan.zero_grads()
    gan.generator_loss(rng.standard_normal((batch, 1), dtype=np.float32))
    train_G.step()
    if step in moments:
        draw(step, float(loss))

print(f"pictures: {options.out}/" + ", ".join(f"step-{step}.png" for step in moments))
