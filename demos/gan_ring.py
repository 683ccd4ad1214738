"""A GAN learns a ring of eight Gaussians, and one can watch it:
the classic test of whether a generator finds every mode.

Each Gaussian is small (standard deviation 0.01 at radius 1), so the generator has to learn eight points and
nothing between them. Three things make it reliable: a discriminator that learns twice as fast as the
generator (Heusel et al. 2017), little momentum (Radford et al. 2016), and learning rates that fall to zero,
so that the two stop circling each other.

    python demos/gan_ring.py [--seed 0] [--out runs/demo-gan-ring] [--quick]
"""

import argparse
from pathlib import Path

import numpy as np
from tqdm import trange

import scratchgen as sg
from scratchgen.terminal import tolerate_terminal

tolerate_terminal()
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--seed", type=int, default=0, help="of the data, the weights and the noise")
parser.add_argument("--out", type=Path, default=Path("runs/demo-gan-ring"), help="folder for the pictures")
parser.add_argument("--quick", action="store_true", help="a few steps only")
options = parser.parse_args()
steps, batch, every = (300, 256, 60) if options.quick else (4000, 256, 50)

rng = np.random.default_rng(options.seed)
data = sg.data.load("ring", seed=options.seed).x  # (50000, 2)
gan = sg.GAN(
    2, latent_dim=2, generator_hidden=(128,) * 3, discriminator_hidden=(128,) * 3, output="identity", rng=rng
)
train_D = sg.optim.Adam(gan.discriminator, lr=2e-3, betas=(0.5, 0.999))
train_G = sg.optim.Adam(gan.generator, lr=1e-3, betas=(0.5, 0.999))
schedules = [sg.optim.CosineLR(train_D, steps), sg.optim.CosineLR(train_G, steps)]
print(gan)

losses = {"step": [], "discriminator": [], "generator": []}
frames, captions = [], []
for step in trange(steps, unit="step"):
    if step % every == 0:
        frames.append(gan.sample(500, rng=1))  # the same noise every time
        captions.append(f"step {step}")
    for schedule in schedules:
        schedule(step)

    x = data[rng.integers(len(data), size=batch)]  # (batch, 2)
    gan.zero_grads()
    loss_D, _ = gan.discriminator_loss(x, rng.standard_normal((batch, 2), dtype=np.float32))
    train_D.step()

    gan.zero_grads()
    loss_G, _ = gan.generator_loss(rng.standard_normal((batch, 2), dtype=np.float32))
    train_G.step()
    for name, value in (("step", step), ("discriminator", loss_D), ("generator", loss_G)):
        losses[name].append(float(value))

samples = gan.sample(2500, rng=2)
modes, high_quality, reverse_kl = sg.metrics.mode_coverage(samples, sg.data.ring_modes(), sg.data.RING_STD)
print(
    f"modes reached: {modes} of 8;  "
    f"samples within 3 standard deviations of one: {high_quality:.1%};  reverse KL {reverse_kl:.3f}"
)

frames.append(gan.sample(500, rng=1))
captions.append(f"step {steps}")
sg.plots.animate_points(frames, data[:1000], options.out / "ring.gif", captions=captions)
sg.plots.points(gan.sample(2500, rng=2), options.out / "samples.png", real=data[:1000])
sg.plots.learning_curves(losses, options.out / "losses.png", landmarks=gan.landmarks)
print(f"pictures: {options.out}/ring.gif, samples.png, losses.png")
