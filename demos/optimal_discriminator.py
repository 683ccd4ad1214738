"""The best discriminator against a generator that stands still, and what the game is worth then
(Goodfellow et al. 2014, proposition 1, theorem 1).

With data of density p and generated examples of density q, the discriminator maximises

    V(D) = E_p[log D] + E_q[log(1 − D)] = ∫ p log D + q log(1 − D) dx

The integral has its maximum where the integrand has it at each x: 0 = p / D − q / (1 − D),
so D* = p / (p + q). Put in, with m = ½ (p + q),

    V(D*) = ∫ p log p/(2m) + q log q/(2m) dx = −log 4 + KL(p ‖ m) + KL(q ‖ m) = −log 4 + 2 JS(p, q)

JS, the Jensen–Shannon divergence, is 0 for p = q and at most log 2, where p and q do not touch.
What another D misses is a divergence, too:

    V(D*) − V(D) = ∫ (p + q) KL(D* ‖ D) dx  ≥  0                      KL of two coins, D* and D, at each x

A network learns D from samples, against three generators that never move. Both densities are known,
so that V is an integral, not an estimate.

    python demos/optimal_discriminator.py [--seed 0] [--out runs/demo-optimal-discriminator] [--quick]
"""

import argparse
from pathlib import Path

import numpy as np
from tqdm import trange

import scratchgen as sg
from scratchgen.data.toys import mixture1d, mixture1d_density
from scratchgen.layers.sigmoid import sigmoid
from scratchgen.layers.softplus import softplus
from scratchgen.plots.canvas import BLUE, INK, ORANGE, RED, finish, new_figure, set_title, tidy
from scratchgen.terminal import tolerate_terminal

tolerate_terminal()
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--seed", type=int, default=0, help="of the data, the weights and the noise")
parser.add_argument(
    "--out", type=Path, default=Path("runs/demo-optimal-discriminator"), help="folder for the picture"
)
parser.add_argument("--quick", action="store_true", help="fewer steps")
options = parser.parse_args()
steps, batch = (500 if options.quick else 2000), 512
moments = np.unique(np.geomspace(1, steps, 50).round().astype(int))  # at which V is computed

rng = np.random.default_rng(options.seed)
x = np.linspace(-6, 6, 2401)
grid, p, dx = x[:, None].astype(np.float32), mixture1d_density(x), x[1] - x[0]


def gaussian(mean, std):
    """A generator, x = mean + std z -> density on the grid, and a function that draws n examples (n, 1)."""
    q = np.exp(-0.5 * ((x - mean) / std) ** 2) / (std * np.sqrt(2 * np.pi))
    return q, lambda n: (mean + std * rng.standard_normal((n, 1))).astype(np.float32)


def value(logits):
    """V(D) for the logits of D on the grid:  log D = −softplus(−logit), log(1 − D) = −softplus(logit)."""
    return -np.sum(p * softplus(-logits) + q * softplus(logits)) * dx


def kl(p, q):
    """KL(p ‖ q) of two densities on the grid; where p is 0, it adds nothing."""
    return np.sum(np.where(p > 0, p * np.log(np.maximum(p, 1e-300) / np.maximum(q, 1e-300)), 0)) * dx


figure = new_figure(11, 6)
figure.set_layout_engine("constrained", h_pad=0.08)
panels = figure.subplots(2, 3, sharey="row")
perfect = p, lambda n: mixture1d(n, rng)[0]
generators = {"q = p": perfect, "q overlaps p": gaussian(0, 1), "q hardly touches p": gaussian(3, 0.5)}
for (upper, lower), (name, (q, generate)) in zip(panels.T, generators.items(), strict=True):
    m = 0.5 * (p + q)
    bound, best = -np.log(4) + kl(p, m) + kl(q, m), p / (p + q)
    D = sg.layers.mlp((1, 64, 64, 1), lambda: sg.layers.LeakyReLU(0.2), rng=rng)
    adam = sg.optim.Adam(D, lr=2e-3)
    schedule, values = sg.optim.CosineLR(adam, steps), []
    for step in trange(1, steps + 1, unit="step", desc=name, leave=False):
        schedule(step - 1)
        real, real_cache = D.forward(mixture1d(batch, rng)[0])
        fake, fake_cache = D.forward(generate(batch))
        _, dreal, dfake = sg.losses.discriminator_bce(real, fake)
        D.zero_grads()
        D.backward(dreal, real_cache, wrt="params")
        D.backward(dfake, fake_cache, wrt="params")
        adam.step()
        if step in moments:
            logits = D(grid).astype(float)[:, 0]
            values.append(value(logits))
    away = np.abs(sigmoid(logits) - best)[m > 0.02].max()
    print(f"{name:18}  value {values[-1]:.4f}   −log 4 + 2 JS = {bound:.4f}", end="   ")
    print(f"largest |D − D*|, where ½ (p + q) > 0.02: {away:.3f}")

    upper.fill_between(x, p, color=INK, alpha=0.12, linewidth=0, label="p, the data")
    upper.fill_between(x, q, color=ORANGE, alpha=0.3, linewidth=0, label="q, the generator")
    upper.plot(x, best, color=RED, linewidth=1.2, label="D* = p/(p + q)")
    upper.plot(x, sigmoid(logits), color=BLUE, linewidth=2, linestyle=(0, (5, 2)), label="D, trained")
    upper.set(xlim=(-3, 5), xlabel="x")
    lower.axhline(bound, color=RED, linewidth=1.2)
    lower.plot(moments, values, color=BLUE, linewidth=2, linestyle=(0, (5, 2)))
    lower.set(xlabel="step", xscale="log", ylim=(-1.6, 0.1))
    lower.set(yticks=[-np.log(4), -1, -0.5, 0], yticklabels=["−log 4", "−1", "−½", "0"])
    lower.text(1, bound + 0.05, "V(D*) = −log 4 + 2 JS", color=RED, fontsize=9)
    set_title(upper, f"{name}:  JS = {0.5 * (bound + np.log(4)):.3f}")
    tidy(upper)
    tidy(lower)
panels[1, 0].set_ylabel("V(D)")
handles = [*upper.collections, *upper.lines]
figure.legend(handles=handles, loc="outside upper center", ncols=4, frameon=False, labelcolor=INK, fontsize=9)
finish(figure, options.out / "optimal-discriminator.png")
print(f"picture: {options.out / 'optimal-discriminator.png'}")
