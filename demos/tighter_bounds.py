"""A tighter bound can teach the encoder less: signal and noise of gradients, against the exact ones
(Rainforth et al. 2018; Tucker et al. 2019).

An importance weighted autoencoder maximises L_S = E[log (1/S) Σ_s w_s] by a gradient estimated from S draws.
As S grows, L_S nears log p(x),

    decoder     ∂L_S → ∂ log p(x): its bias falls like 1/S, its noise like 1/√S
    encoder     ∂L_S → 0, like 1/S, for log p(x) knows of no encoder;
                the noise falls like 1/√S only: signal/noise falls like 1/√S

The doubly reparameterized gradient has the same mean and a noise that falls faster, like S^(−3/2):
signal/noise rises like √S.

Here all of it can be compared with the truth. With log m = ∫₀^∞ (e^(−t) − e^(−tm)) dt/t (Frullani),
and independent draws,

    L_S = ∫₀^∞ (e^(−t) − φ(t/S)^S) dt/t,                φ(t) = E_q[e^(−t w)]

one integral over t and one over z, whatever S is. The model is as small as can be: x = W z + b + noise of
variance σ², z and x one number each, where p(x) = N(b, W² + σ²); and a q(z|x) = N(μ, e^logvar) that is not
the posterior. Difference quotients of L_S are the exact gradients.

    python demos/tighter_bounds.py [--seed 0] [--out runs/demo-tighter-bounds] [--quick]
"""

import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

import scratchgen as sg
from scratchgen.plots.canvas import BLUE, FAINT, ORANGE, RED, finish, legend, new_figure, set_title, tidy
from scratchgen.terminal import tolerate_terminal

tolerate_terminal()
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--seed", type=int, default=0, help="of the noise")
parser.add_argument(
    "--out", type=Path, default=Path("runs/demo-tighter-bounds"), help="folder for the picture"
)
parser.add_argument("--quick", action="store_true", help="fewer draws")
options = parser.parse_args()

samples, repeats = ((1, 4, 16), 50) if options.quick else ((1, 2, 4, 8, 16, 32, 64, 128), 400)
batch, rng = 100, np.random.default_rng(options.seed)
x, variance, point = 1.5, 0.5, np.array([0.7, np.log(0.5), 1.0, 0.2])  # of mu, logvar; W, b
exact_z = np.linspace(-10, 10, 401)  # in standard deviations of q
t, dlog_t = np.exp(np.arange(-40, 120, 0.1)), 0.1


def log_normal(x, mean, variance):
    return -0.5 * (np.log(2 * np.pi * variance) + (x - mean) ** 2 / variance)


def bound(mu, logvar, W, b, S):
    """L_S at (mu, logvar, W, b), exactly."""
    z = mu + np.exp(0.5 * logvar) * exact_z
    log_w = log_normal(x, W * z + b, variance) + log_normal(z, 0, 1) - log_normal(z, mu, np.exp(logvar))
    log_p = log_normal(x, b, W**2 + variance)  # taken out of the weights, so that their mean is 1
    q = np.exp(log_normal(exact_z, 0, 1)) * (exact_z[1] - exact_z[0])
    phi = np.exp(-t[:, None] / S * np.exp(log_w - log_p)) @ q
    return log_p + np.sum(np.exp(-t) - phi**S) * dlog_t


def exact_gradient(S, i):
    """∂L_S/∂(the i-th number of `point`), by a difference quotient."""
    e = 1e-4 * np.eye(4)[i]
    return (bound(*(point + e), S) - bound(*(point - e), S)) / 2e-4


def estimated_gradients(S, estimator):
    """By the library -> (repeats, 2): ∂L_S/∂μ and ∂L_S/∂W, each the mean over a batch."""
    iwae = sg.IWAE(1, 1, (), likelihood="gaussian_fixed", variance=variance,
                   n_samples=S, estimator=estimator, rng=rng, dtype=np.float64)  # fmt: skip
    iwae.encoder.params["0.W"], iwae.encoder.params["0.b"] = np.zeros((1, 2)), point[:2]
    iwae.decoder.params["0.W"], iwae.decoder.params["0.b"] = point[2].reshape(1, 1), point[3:]
    found = []
    for _ in range(repeats):
        iwae.zero_grads()
        iwae.loss(np.full((batch, 1), x))  # copies of x, with noise of their own
        found.append([-iwae.encoder.grads["0.b"][0], -iwae.decoder.grads["0.W"][0, 0]])
    return np.array(found)


mean, noise = np.empty((2, 2, 2, len(samples)))  # by [estimator][∂μ, ∂W][S]; noise: std of one estimate
for j, S in enumerate(tqdm(samples, unit="S", leave=False)):
    for i, estimator in enumerate(("standard", "dreg")):
        found = estimated_gradients(S, estimator)
        mean[i, :, j], noise[i, :, j] = found.mean(axis=0), found.std(axis=0, ddof=1) * np.sqrt(batch)
error = noise / np.sqrt(batch * repeats)
exact = np.array([[exact_gradient(S, i) for S in samples] for i in (0, 2)])  # [∂μ, ∂W][S]
W, b = point[2:]
truth = ((x - b) ** 2 / (W**2 + variance) - 1) * W / (W**2 + variance)  # ∂ log p(x)/∂W
print("  S   ∂L_S/∂μ:  exact, standard, doubly reparameterized      signal/noise of both", end="    ")
print(f"∂L_S/∂W:  exact, standard; of log p(x): {truth:.5f}")
ratio, powers = exact[0] / noise[:, 0], np.power.outer(samples, [-0.5, 0.5])  # powers: 1/√S, √S
for j, S in enumerate(samples):
    print(f"{S:3}{exact[0, j]:15.5f}  {mean[0, 0, j]:.5f} ± {error[0, 0, j]:.5f}", end="  ")
    print(f"{mean[1, 0, j]:.6f} ± {error[1, 0, j]:.6f}     {ratio[0, j]:6.3f}  {ratio[1, j]:6.3f}", end="")
    print(f"{exact[1, j]:17.5f}  {mean[0, 1, j]:.5f} ± {error[0, 1, j]:.5f}")

figure = new_figure(12.5, 4.2)
figure.set_layout_engine("constrained", w_pad=0.12)
left, middle, right = figure.subplots(1, 3)
left.plot(samples, exact[0], color=RED, linewidth=1.2, label="exact")
for i, (colour, name) in enumerate(((ORANGE, "standard"), (BLUE, "doubly reparameterized"))):
    dots = {"color": colour, "markersize": 4}
    left.errorbar(samples, mean[i, 0], 2 * error[i, 0], fmt="o", label=f"{name}, ± 2 SE", **dots)
    middle.plot(samples, ratio[i], "o-", label=name, **dots)
middle.plot(samples, ratio[:, 0] * powers, color=FAINT, linestyle="--", zorder=1, label=["1/√S", "√S"])
right.plot(samples, np.abs(exact[1] - truth), color=RED, linewidth=1.2, label="bias, exact")
right.plot(samples, noise[0, 1], "o-", color=ORANGE, markersize=4, label="noise of one estimate")
titles = "encoder: ∂L_S/∂μ", "encoder: signal/noise of one estimate", "decoder: ∂L_S/∂W for ∂ log p(x)/∂W"
for axes, title in zip((left, middle, right), titles, strict=True):
    axes.set(xscale="log", yscale="log", xlabel="S", xticks=samples, xticklabels=samples)
    axes.minorticks_off()
    set_title(axes, title)
    tidy(axes)
    legend(axes)
finish(figure, options.out / "tighter-bounds.png")
print(f"picture: {options.out / 'tighter-bounds.png'}")
