"""One training step of a variational autoencoder, line by line:
no model class, no `fit`, two networks and the chain rule.

forward    x -> encoder -> mu, logvar -> z = mu + e^(½ logvar) ∘ eps -> decoder -> logits
loss       −log p(x|z) + KL(N(mu, e^logvar) ‖ N(0, I))                            = −ELBO
backward   the same names from right to left;
           mu and logvar get two gradients each, one through z and one from the KL

python demos/vae_step_by_step.py [--seed 0] [--out runs/demo-vae-step-by-step] [--quick]
"""

import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

import scratchgen as sg
from scratchgen.terminal import tolerate_terminal

tolerate_terminal()
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--seed", type=int, default=0, help="of the weights, the noise and the order of the data")
parser.add_argument(
    "--out", type=Path, default=Path("runs/demo-vae-step-by-step"), help="folder for the pictures"
)
parser.add_argument("--quick", action="store_true", help="a little data only")
options = parser.parse_args()

data = sg.data.load("glyphs").x  # (20000, 784), grey values in [0, 1]
data, epochs = (data[:700], 3) if options.quick else (data, 15)
batch, latent = 100, 10

rng = np.random.default_rng(options.seed)
encoder = sg.layers.mlp((784, 500, 2 * latent), rng=rng)
decoder = sg.layers.mlp((latent, 500, 784), rng=rng)
optimizers = [sg.optim.Adam(encoder, lr=1e-3), sg.optim.Adam(decoder, lr=1e-3)]

curve = {"epoch": [], "nll": [], "kl": []}
for epoch in range(epochs):
    sums = np.zeros(2)
    batches = list(sg.data.minibatches(data, batch, seed=options.seed, epoch=epoch))
    for x in tqdm(batches, desc=f"epoch {epoch + 1}/{epochs}", leave=False):
        # forward
        h, encoder_cache = encoder.forward(x)  # (batch, 2 · latent)
        mu, logvar = h[:, :latent], h[:, latent:]
        eps = rng.standard_normal(mu.shape, dtype=np.float32)
        sigma = np.exp(0.5 * logvar)
        z = mu + sigma * eps  # (batch, latent)
        logits, decoder_cache = decoder.forward(z)  # (batch, 784)
        nll, dlogits = sg.losses.bernoulli_nll(x, logits)
        kl, dmu_kl, dlogvar_kl = sg.losses.gaussian_kl(mu, logvar)

        # backward
        encoder.zero_grads()
        decoder.zero_grads()
        dz = decoder.backward(dlogits, decoder_cache)  # also adds to the decoder's gradients
        dmu = dz + dmu_kl  # ∂z/∂mu = 1
        dlogvar = dz * eps * 0.5 * sigma + dlogvar_kl  # ∂z/∂logvar = ½ σ ∘ eps
        encoder.backward(np.concatenate([dmu, dlogvar], axis=1), encoder_cache, wrt="params")

        # update
        for optimizer in optimizers:
            optimizer.step()
        sums += float(nll), float(kl)
    for name, value in zip(curve, (epoch + 1, *(sums * batch / len(data))), strict=True):
        curve[name].append(value)
    nll, kl = curve["nll"][-1], curve["kl"][-1]
    print(f"epoch {epoch + 1:2}:  loss {nll + kl:.1f} nats = nll {nll:.1f} + KL {kl:.1f}")

sigmoid = sg.layers.Sigmoid()
samples = sigmoid(decoder(rng.standard_normal((100, latent), dtype=np.float32)))
test = sg.data.load("glyphs", "test").x[:24]
sg.plots.sample_grid(samples, options.out / "samples.png")
reconstructed = sigmoid(decoder(encoder(test)[:, :latent]))
sg.plots.reconstructions(test, reconstructed, options.out / "reconstructions.png")
units = dict.fromkeys(("nll", "kl"), "nats per example")
sg.plots.learning_curves(curve, options.out / "curves.png", units=units)
print(f"pictures: {options.out}/samples.png, reconstructions.png, curves.png")
