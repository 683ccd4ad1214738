"""A linear VAE is probabilistic principal component analysis, of which everything is known in closed form:
also when a latent variable collapses.

The model (Tipping & Bishop 1999):  z ~ N(0, I),  x = W z + b + σ ε,
so that x ~ N(b, C) with C = W Wᵀ + σ² I, and

    log p(x) = −½ (D log 2π + log |C| + (x − b)ᵀ C⁻¹ (x − b))
    p(z|x)   = N(M⁻¹ Wᵀ (x − b), σ² M⁻¹),   M = Wᵀ W + σ² I

For data whose covariance S has the eigenvalues λ_j and eigenvectors u_j, and σ² given, the likelihood is
greatest with b their mean and

    W = [w_1 w_2 …] R,   w_j = √(λ_j − σ²) u_j where λ_j > σ², else 0          any rotation R does as well

A VAE with linear encoder and decoder has this model, and a q(z|x) of diagonal covariance. The ELBO can be
log p(x) only where M is diagonal, the columns of W orthogonal: that takes the rotation away
(Lucas et al. 2019). There q(z|x) is the posterior, of variance σ²/λ_j; every importance weight
p(x|z) p(z) / q(z|x) is p(x) itself, so that one sample tells it; and on the average over the data

    KL(q(z_j|x) ‖ p(z_j)) = ½ log(λ_j / σ²)          where λ_j > σ², else 0

A direction in which the data vary by less than σ² is noise to the model: its latent variable tells nothing,
and that is the optimum, no failure of training. With a linear decoder the ELBO is a quadratic function of
the noise; so its mean over the 2 k vectors ±√k e_j, whose mean is 0 and whose covariance is I, is exact,
and so is the gradient.

    python demos/probabilistic_pca.py [--seed 0] [--out runs/demo-probabilistic-pca] [--quick]
"""

import argparse
from pathlib import Path

import numpy as np
from tqdm import trange

import scratchgen as sg
from scratchgen.plots.canvas import BLUE, COLOURS, ORANGE, RED, finish, legend, new_figure, set_title, tidy
from scratchgen.terminal import tolerate_terminal

tolerate_terminal()
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--seed", type=int, default=0, help="of the data and the initial weights")
parser.add_argument(
    "--out", type=Path, default=Path("runs/demo-probabilistic-pca"), help="folder for the picture"
)
parser.add_argument("--quick", action="store_true", help="fewer steps")
options = parser.parse_args()
steps, variances = (2500, (1.0, 2.0)) if options.quick else (3000, (1.0, 0.4, 2.0, 6.0))
lam = np.array([8.0, 4.5, 2.5, 1.5, 0.7, 0.5, 0.3, 0.2])  # eigenvalues of the data's covariance
n, D, k = 100, len(lam), 6
rng = np.random.default_rng(options.seed)
white = rng.standard_normal((n, D))
white = np.sqrt(n) * np.linalg.qr(white - white.mean(axis=0))[0]  # mean 0, covariance I
U = np.linalg.qr(rng.standard_normal((D, D)))[0]  # u_j in its columns
x = white * np.sqrt(lam) @ U.T + 0.3 * rng.standard_normal(D)  # (n, D)
eps = np.tile(np.sqrt(k) * np.concatenate([np.eye(k), -np.eye(k)]), (n, 1))  # every noise
x_repeated = np.repeat(x, 2 * k, axis=0)  # with every example


def log_likelihood(W, b, variance):
    """Mean of log p(x), from the model's marginal distribution.  W (k, D): a direction in each row."""
    C = W.T @ W + variance * np.eye(D)
    squared = np.sum((x - b) @ np.linalg.inv(C) * (x - b), axis=1)
    return -0.5 * (D * np.log(2 * np.pi) + np.linalg.slogdet(C)[1] + squared.mean())


def train(variance):
    """-> the trained VAE, and a curve of (step, ELBO, mean log p(x))."""
    vae = sg.VAE(D, latent_dim=k, hidden=(), likelihood="gaussian_fixed", variance=variance,
                 rng=options.seed, dtype=np.float64)  # fmt: skip
    adam, curve = sg.optim.Adam(vae, lr=0.05), []
    schedule = sg.optim.CosineLR(adam, steps)
    for step in trange(steps, unit="step", desc=f"σ² = {variance}", leave=False):
        schedule(step)
        vae.zero_grads()
        loss, _ = vae.loss(x_repeated, eps)
        W, b = vae.decoder.params["0.W"], vae.decoder.params["0.b"]
        curve.append((step + 1, -float(loss), log_likelihood(W, b, variance)))
        adam.step()
    return vae, np.array(curve)


figure = new_figure(12.5, 4.2)
figure.set_layout_engine("constrained", w_pad=0.12)
left, middle, right = figure.subplots(1, 3)
shown = np.linspace(0.2, 9, 400)
for j in range(k):
    middle.plot(shown, 0.5 * np.log(np.maximum(lam[j] / shown, 1)), color=COLOURS[j], label=f"λ = {lam[j]}")
for variance in variances:
    vae, curve = train(variance)
    W, kl = vae.decoder.params["0.W"], vae.kl_per_dimension(x).clip(0)
    order = np.argsort(-np.linalg.norm(W, axis=1))  # which latent variable took which direction is chance
    W, kl, lengths = W[order], kl[order], np.sqrt(np.maximum(lam[:k] - variance, 0))
    best = lengths[:, None] * U[:, :k].T  # w_j in rows
    exact = log_likelihood(best, x.mean(axis=0), variance)
    if variance == variances[0]:  # the first is looked at closely
        print("  λ    length of w: ours, closed form     variance of q(z|x): ours, closed form", end="     ")
        print("KL, in nats: ours, closed form")
        ratio, q_variance = np.maximum(lam[:k] / variance, 1), np.exp(vae.encode(x)[1]).mean(axis=0)[order]
        columns = np.linalg.norm(W, axis=1), lengths, q_variance, 1 / ratio, kl, 0.5 * np.log(ratio)
        for row in zip(lam[:k], *columns, strict=True):
            print("{:4}{:19.4f}  {:.4f}{:32.4f}  {:.4f}{:35.4f}  {:.4f}".format(*row))
        left.plot(*curve[:, [0, 2]].T, color=ORANGE, linewidth=2, label="log p(x) of the decoder")
        left.plot(*curve[:, [0, 1]].T, color=BLUE, linewidth=2, label="ELBO")
        left.axhline(exact, color=RED, linewidth=1.2, label="greatest log p(x), closed form")
        left.set(xlabel="step", xscale="log", ylabel="nats", ylim=(curve[-1, 1] - 4, curve[-1, 1] + 0.5))
        W = W * np.sign(np.sum(W * best, axis=1, keepdims=True))  # w_j and −w_j are the same model
        right.imshow(np.concatenate([W, np.full((1, D), np.nan), best]), cmap="RdBu", vmin=-2.5, vmax=2.5)
    middle.scatter([variance] * k, kl, color=COLOURS[:k], s=22, zorder=3)
    sampled = vae.log_likelihood(x, 1).mean()
    print(
        f"σ² = {variance}:  ELBO {curve[-1, 1]:.4f}   log p(x) by one importance sample {sampled:.4f}   "
        f"greatest, in closed form {exact:.4f}"
    )
set_title(left, f"the bound meets what it bounds, σ² = {variances[0]}")
middle.set(xlabel="σ²", ylabel="nats", xscale="log")
middle.set(xticks=[0.25, 0.5, 1, 2, 4, 8], xticklabels=["¼", "½", "1", "2", "4", "8"])
middle.minorticks_off()
set_title(middle, "KL of each z: trained (dots), ½ log λ/σ²")
right.set(xticks=[], yticks=[2.5, 9.5], yticklabels=["W, trained,\nby rows", "√(λ − σ²) u"])
set_title(right, "the decoder")
for axes in (left, middle, right):
    tidy(axes, grid=axes is not right)
legend(left)
legend(middle)
finish(figure, options.out / "probabilistic-pca.png")
print(f"picture: {options.out / 'probabilistic-pca.png'}")
