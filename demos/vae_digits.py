"""A variational autoencoder with two latent numbers,
so that everything it knows about digits lies in one plane that can be drawn.

    latent.png        where the encoder puts digits it has never seen: most classes find a region of their own
    manifold.png      what the decoder makes of each point of that plane (Kingma & Welling 2013, figure 4)
    reconstructions.png, samples.png, curves.png

`sg.fit` drives the loop here; vae_step_by_step.py shows every line of it.

    python demos/vae_digits.py [--seed 0] [--data glyphs | mnist] [--out runs/demo-vae-digits] [--quick]
"""

import argparse
from pathlib import Path

import scratchgen as sg
from scratchgen.terminal import tolerate_terminal

tolerate_terminal()
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--seed", type=int, default=0, help="of the weights, the noise and the order of the data")
parser.add_argument("--data", default="glyphs", choices=("glyphs", "mnist"), help="default: glyphs")
parser.add_argument("--out", type=Path, default=Path("runs/demo-vae-digits"), help="folder for the pictures")
parser.add_argument("--quick", action="store_true", help="a little data only")
options = parser.parse_args()

train, test = sg.data.load(options.data), sg.data.load(options.data, "test")
x, epochs = (train.x[:700], 3) if options.quick else (train.x, 30)
vae = sg.VAE(data_dim=784, latent_dim=2, hidden=(256, 128), activation="tanh", rng=options.seed)
print(vae)

metrics = sg.fit(
    vae,
    x,
    epochs=epochs,
    batch_size=100,
    seed=options.seed,
    valid=test.x,
    optimizer=lambda player: sg.optim.Adam(player, lr=3e-3),
    schedule=lambda optimizer: sg.optim.CosineLR(optimizer, epochs),
)
elbo = metrics["valid_elbo"]
print(f"ELBO on unseen digits: {elbo[0]:.1f} nats after the first epoch, {elbo[-1]:.1f} after the last")

mu, _ = vae.encode(test.x)
sg.plots.latent_scatter(mu[:2000], test.y[:2000], options.out / "latent.png")
sg.plots.latent_manifold(vae.decode, options.out / "manifold.png")
sg.plots.reconstructions(test.x[:24], vae.reconstruct(test.x[:24]), options.out / "reconstructions.png")
sg.plots.sample_grid(vae.sample(100, rng=options.seed), options.out / "samples.png")
sg.plots.learning_curves(metrics, options.out / "curves.png", units=vae.units)
print(f"pictures: {options.out}/latent.png, manifold.png, reconstructions.png, samples.png, curves.png")
