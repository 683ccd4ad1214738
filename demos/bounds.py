"""How much a bound on log p(x) misses: in a latent space of two dimensions the integral can be computed.

A VAE has the likelihood p(x) = ∫ p(x|z) p(z) dz. The weights w = p(x|z) p(z) / q(z|x) have p(x) for their
mean over z ~ q(z|x), and so, by Jensen's inequality, with the mean of k independent draws,

    ELBO = E[log w] = L_1  ≤  L_k = E[log (1/k) Σ_s w_s]  ≤  L_(k+1)  ≤  log p(x)          Burda et al. 2016

What the first misses is a divergence: w = p(x) p(z|x) / q(z|x), so ELBO = log p(x) − KL(q(z|x) ‖ p(z|x)).
With more draws the mean of the weights settles at p(x), and L_k misses about Var(w) / (2 k p(x)²),
if that variance is finite. It need not be: where the true posterior has the longer tails, rare draws have
enormous weights; then L_k still rises to log p(x), but slower than 1/k.

A sum over a fine grid of z is exact here: p(x|z) p(z) is smooth, and nothing of it lies outside.
In twenty dimensions such a grid has 10⁴⁶ points.

    python demos/bounds.py [--seed 0] [--out runs/demo-bounds] [--quick]
"""

import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

import scratchgen as sg
from scratchgen.layers.softplus import softplus
from scratchgen.metrics.log_mean_exp import log_mean_exp
from scratchgen.plots.canvas import BLUE, FAINT, ORANGE, RED, finish, legend, new_figure, set_title, tidy
from scratchgen.terminal import tolerate_terminal

tolerate_terminal()
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--seed", type=int, default=0, help="of the weights and of all noise")
parser.add_argument("--out", type=Path, default=Path("runs/demo-bounds"), help="folder for the picture")
parser.add_argument("--quick", action="store_true", help="little training, fewer draws")
options = parser.parse_args()
epochs, ks = (1, (1, 3, 10, 30)) if options.quick else (6, (1, 3, 10, 30, 100, 300))


def small(split):
    """Digits of 14 × 14 pixels, black and white: (n, 196)."""
    pixels = sg.data.load("glyphs", split).x.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4))
    return (pixels > 0.5).astype(np.float32).reshape(-1, 196)


train, x = small("train"), small("test")[:50]  # x: the examples that are evaluated
vae = sg.VAE(196, latent_dim=2, hidden=(200,), rng=options.seed)
adam = sg.optim.Adam(vae, lr=2e-3)
for epoch in range(epochs):
    batches = list(sg.data.minibatches(train, 100, seed=options.seed, epoch=epoch))
    for batch in tqdm(batches, desc=f"epoch {epoch + 1}/{epochs}", leave=False):
        vae.zero_grads()
        vae.loss(batch)
        adam.step()

# log p(x, z) of every example at every point of the grid, and log q(z|x)
line, h = np.linspace(-5, 5, 201, retstep=True)
z = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2).astype(np.float32)  # (201 · 201, 2)
logits = vae.decoder(z)
log_likelihood = logits @ x.T - softplus(logits).sum(axis=1, keepdims=True)  # log p(x|z)
log_joint = log_likelihood - 0.5 * np.sum(z**2, axis=1, keepdims=True) - np.log(2 * np.pi)
mu, logvar = (a.astype(float) for a in vae.encode(x))
log_q = -0.5 * np.sum((z[:, None] - mu) ** 2 / np.exp(logvar) + logvar, axis=2) - np.log(2 * np.pi)
area, coarse_area = (line[-1] - line[0] + h) ** 2, (line[-1] - line[0] + 2 * h) ** 2  # of 201², 101² squares
exact = log_mean_exp(log_joint, axis=0) + np.log(area)  # log p(x), (50,)
coarse = log_mean_exp(log_joint.reshape(201, 201, -1)[::2, ::2], axis=(0, 1)) + np.log(coarse_area)
kl = np.sum(np.exp(log_q) * (log_q - log_joint + exact), axis=0) * h * h  # KL(q(z|x) ‖ p(z|x)), (50,)

bounds, errors = [], []  # L_k, mean of the examples, and its standard error by repetition
for k in tqdm(ks, unit="k", leave=False):
    repeats = min(1000, (1000 if options.quick else 30_000) // k)
    found = vae.log_likelihood(np.tile(x, (repeats, 1)), k, rng=options.seed + k)
    found = found.reshape(repeats, -1).mean(axis=1)
    bounds.append(found.mean())
    errors.append(found.std(ddof=1) / np.sqrt(repeats))
print(
    f"log p(x), mean of {len(x)} examples:  {exact.mean():.4f} by {len(z)} points, "
    f"{coarse.mean():.4f} by a quarter of them"
)
print(f"ELBO by the same points: {(exact - kl).mean():.4f} = log p(x) − {kl.mean():.4f}")
for k, L, error in zip(ks, bounds, errors, strict=True):
    print(f"k = {k:4}:  L_k = {L:.4f} ± {error:.4f}   misses {exact.mean() - L:.4f} of {exact.mean():.4f}")

figure = new_figure(12.5, 4.2)
figure.set_layout_engine("constrained", w_pad=0.12)
left, middle, right = figure.subplots(1, 3)
left.axhline(exact.mean(), color=RED, linewidth=1.4, label="log p(x), by quadrature")
left.axhline((exact - kl).mean(), color=ORANGE, linewidth=1.4, label="ELBO, by quadrature")
two_errors = np.multiply(2, errors)
left.errorbar(ks, bounds, two_errors, fmt="o", color=BLUE, markersize=4, label="L_k, two standard errors")
left.set(xscale="log", xlabel="k", ylabel="nats, mean of 50 examples")
set_title(left, "the bound rises with k")
missing = exact.mean() - np.array(bounds)
middle.plot(ks, missing[0] / np.array(ks), color=FAINT, linestyle="--", label="1/k")
middle.errorbar(ks, missing, two_errors, fmt="o", color=BLUE, markersize=4, label="log p(x) − L_k")
middle.set(xscale="log", yscale="log", xlabel="k", ylim=(missing[0] / ks[-1] / 2, 2 * missing[0]))
set_title(middle, "what it misses")
worst, levels = kl.argmax(), np.exp([-4.5, -2, -0.5])  # levels: relative to the highest density
for log_density, colour, name in ((log_joint - exact, RED, "p(z|x)"), (log_q, BLUE, "q(z|x)")):
    density = np.exp(log_density[:, worst].reshape(201, 201))
    right.contour(line, line, density, density.max() * levels, colors=colour, linewidths=[0.8, 1.2, 1.8])
    right.plot([], [], color=colour, label=name)
reach = 6 * np.exp(0.5 * logvar[worst].max()) * np.array([-1, 1])
right.set(xlim=mu[worst, 0] + reach, ylim=mu[worst, 1] + reach, xlabel="z₁", ylabel="z₂", aspect="equal")
set_title(right, f"the example with the largest KL, {kl[worst]:.2f} nats")
for axes in (left, middle, right):
    tidy(axes)
    legend(axes)
finish(figure, options.out / "bounds.png")
print(f"picture: {options.out / 'bounds.png'}")
