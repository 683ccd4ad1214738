"""A GAN draws digits: the generator never sees one, it only hears from the discriminator
what would make its pictures more convincing.

Two things keep the game in balance: batch normalisation in the generator (Radford et al. 2016), without which
it soon draws the same digit for every z; and dropout in the discriminator (as in the first GAN), without
which it soon knows every training picture by heart. And the generator need not find out that most of a
picture is black: its last bias starts where its average picture is the data's.

    python demos/gan_digits.py [--seed 0] [--data glyphs | mnist] [--out runs/demo-gan-digits] [--quick]
"""

import argparse
from pathlib import Path

import numpy as np
from tqdm import trange

import scratchgen as sg
from scratchgen.terminal import tolerate_terminal

tolerate_terminal()
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--seed", type=int, default=0, help="of the weights, the noise and the order of the data")
parser.add_argument("--data", default="glyphs", choices=("glyphs", "mnist"), help="default: glyphs")
parser.add_argument("--out", type=Path, default=Path("runs/demo-gan-digits"), help="folder for the pictures")
parser.add_argument("--quick", action="store_true", help="a few steps only")
options = parser.parse_args()
steps, some = (120, 2000) if options.quick else (4000, 20_000)
batch, latent = 128, 32

rng = np.random.default_rng(options.seed)
data, labels = sg.data.load(options.data)  # (n, 784) grey values in [0, 1]; (n,)
gan = sg.GAN(784, latent, generator_hidden=(256, 512), discriminator_hidden=(512, 512),
             batch_norm=True, dropout=0.3, rng=rng)  # fmt: skip
mean = data.mean(axis=0).clip(0.01, 0.99)
gan.generator.layers[-2].params["b"][...] = np.log(mean / (1 - mean))  # σ(b) = mean
train_D = sg.optim.Adam(gan.discriminator, lr=2e-3, betas=(0.5, 0.999))
train_G = sg.optim.Adam(gan.generator, lr=2e-3, betas=(0.5, 0.999))
schedules = [sg.optim.CosineLR(train_D, steps), sg.optim.CosineLR(train_G, steps)]

losses = {"step": [], "discriminator": [], "generator": []}
for step in trange(steps, unit="step"):
    for schedule in schedules:
        schedule(step)
    x = data[rng.integers(len(data), size=batch)]  # (batch, 784)
    gan.zero_grads()
    loss_D, _ = gan.discriminator_loss(x, rng.standard_normal((batch, latent), dtype=np.float32))
    train_D.step()

    gan.zero_grads()
    loss_G, _ = gan.generator_loss(rng.standard_normal((batch, latent), dtype=np.float32))
    train_G.step()
    for name, value in (("step", step), ("discriminator", loss_D), ("generator", loss_G)):
        losses[name].append(float(value))

samples = gan.sample(1000, rng=0)
judge = sg.metrics.train_classifier(data[:some], labels[:some])
classes, confidence = sg.metrics.class_coverage(judge, samples)
print(
    f"a classifier trained on the data finds {classes} of 10 digits among the samples, "
    f"with a mean confidence of {confidence:.2f}"
)

sg.plots.sample_grid(samples[:100], options.out / "samples.png")
sg.plots.learning_curves(losses, options.out / "losses.png", landmarks=gan.landmarks)
print(f"pictures: {options.out}/samples.png, losses.png")
