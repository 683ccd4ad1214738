"""The Dirac-GAN (Mescheder et al. 2018): the smallest adversarial game,
and what each objective and each penalty makes of it.

The data are one point, x = 0. The generator has one parameter, the point θ that it makes; the discriminator
has one, its slope ψ:  D(x) = b + ψ x. Its bias b stays where real and generated examples pull equally once
they are the same point: ½ for least squares, else 0. With a = ∂L_D/∂fake and c = ∂L_G/∂fake,
taken at fake = D(θ), gradient descent of both players in small steps is the flow

    dθ/dt = −∂L_G/∂θ = −c ψ             dψ/dt = −∂L_D/∂ψ − ∂P/∂ψ = −a θ − ∂P/∂ψ             P: the penalty

At the equilibrium (0, 0) all five objectives have a = f′ and c = −f′; f′ is ½ with cross-entropy and least
squares, 1 with hinge and Wasserstein:

    no penalty              Jacobian [0 f′; −f′ 0]        eigenvalues ± f′ i
                            it turns, and no eigenvalue damps it
    R1,  P = ½ γ ψ²         Jacobian [0 f′; −f′ −γ]       eigenvalues −½ γ ± √(¼ γ² − f′²)
                            it converges, fastest with γ = 2 f′
    WGAN-GP,  λ (|ψ| − 1)²  none: dψ/dt jumps by 4 λ where ψ = 0;
                            the penalty forbids the flat D that the equilibrium demands

Without penalty, d/dt ½ (θ² + ψ²) = −(a + c) θψ: 0 for minimax and Wasserstein, which circle, and for hinge as
long as θψ > −1, below which it goes inward, as θψ; −2 (θψ)² for least squares, −θψ tanh ½ θψ for the
non-saturating loss, which creep inward, the slower the nearer they are.
Simultaneous steps of any size lead away from a circle.

With WGAN-GP each half, ψ > 0 and ψ < 0, turns about a point of its own, θ = ±2 λ / f′. If λ damps the turning
so much that ψ keeps its sign, the game comes to rest there, at the wrong point: near it, from λ = 0.195 on
with least squares, where 16 λ² + 2 λ = 1; from 0.309 on with the non-saturating loss, where 4 λ² + 2 λ = 1;
from 1 on with Wasserstein. So with λ = 0.3 least squares come to rest, and the others end in a cycle. For the
Wasserstein losses, where a = 1 and c = −1 everywhere, each half is a damped oscillation, which shrinks by
e^(−π λ / ω), ω = √(1 − λ²), until ψ changes its sign: so the cycle reaches  θ = 2 λ coth(½ π λ / ω).

    python demos/dirac_gan.py [--seed 0] [--out runs/demo-dirac-gan] [--quick]
"""

import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

from scratchgen.layers import Linear
from scratchgen.models.gan import OBJECTIVES
from scratchgen.models.penalties import PENALTIES
from scratchgen.plots.canvas import BLUE, FAINT, INK, ORANGE, finish, new_figure, set_title, tidy
from scratchgen.terminal import tolerate_terminal

tolerate_terminal()
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--seed", type=int, default=0, help="of the direction in which the trajectories start")
parser.add_argument("--out", type=Path, default=Path("runs/demo-dirac-gan"), help="folder for the picture")
parser.add_argument("--quick", action="store_true", help="longer steps of time, few arrows")
options = parser.parse_args()

time, dt, arrows, lr = (60, 0.3, 5, 0.25) if options.quick else (60, 0.1, 11, 0.25)
angle = np.random.default_rng(options.seed).uniform(0, 2 * np.pi)
start = 1.5 * np.array([np.cos(angle), np.sin(angle)])
SLOPES = {"non_saturating": 0.5, "minimax": 0.5, "least_squares": 0.5, "hinge": 1, "wasserstein": 1}  # f′
CHOICES = [
    ("no penalty", None, 0.0),
    ("R1, γ = 0.6", "r1", 0.6),
    ("R1, γ = 2.5", "r1", 2.5),
    ("WGAN-GP, λ = 0.3", "wgan_gp", 0.3),
]
G, D = Linear(1, 1, bias=False, dtype=np.float64), Linear(1, 1, dtype=np.float64)
x, z, u = np.zeros((1, 1)), np.ones((1, 1)), np.full((1, 1), 0.5)


def flow(at, objective, penalty, weight):
    """dθ/dt, dψ/dt at (θ, ψ): the gradients that the library computes, with the other sign.  (2,) -> (2,)"""
    G.params["W"], D.params["W"] = np.reshape(at[0], (1, 1)), np.reshape(at[1], (1, 1))
    D.params["b"] = np.array([0.5 if objective == "least_squares" else 0.0])
    G.zero_grads(), D.zero_grads()
    generated, generator_cache = G.forward(z)  # θ
    (real, real_cache), (fake, fake_cache) = D.forward(x), D.forward(generated)
    _, dreal, dfake = OBJECTIVES[objective][0](real, fake)
    D.backward(dreal, real_cache, wrt="params")
    D.backward(dfake, fake_cache, wrt="params")
    if penalty:
        PENALTIES[penalty](weight)(D, x, generated, u)
    _, dfake = OBJECTIVES[objective][1](fake)
    G.backward(D.backward(dfake, fake_cache, wrt="input"), generator_cache, wrt="params")
    return -np.array([G.grads["W"].item(), D.grads["W"].item()])


def runge_kutta(v, at):
    """The point that the flow reaches from there after the time dt, by the method of order 4."""
    k1 = v(at)
    k2 = v(at + 0.5 * dt * k1)
    k3 = v(at + 0.5 * dt * k2)
    k4 = v(at + dt * k3)
    return at + dt * (k1 + 2 * k2 + 2 * k3 + k4) / 6


def text(pair):
    return "  ".join(f"{x.real:7.4f}{x.imag:+.4f}i" for x in np.sort_complex(pair + 0j).round(4) + 0)


figure = new_figure(11, 9.3)
figure.set_layout_engine("constrained")
panels = figure.subplots(len(CHOICES), len(SLOPES), sharex=True, sharey=True)
grid = np.stack(np.meshgrid(*2 * [np.linspace(-2, 2, arrows)]), axis=-1).reshape(-1, 2)
table = [f"{'objective':14}  {'penalty':11}  eigenvalues, of the library's gradients      in closed form"]
for i, j in tqdm(list(np.ndindex(panels.shape)), unit="game", leave=False):
    axes, (objective, slope), (name, penalty, weight) = panels[i, j], list(SLOPES.items())[j], CHOICES[i]
    v = lambda at, game=(objective, penalty, weight): flow(at, *game)
    path, steps = [start], [start]
    for _ in range(round(time / dt)):
        path.append(runge_kutta(v, path[-1]))
    for _ in range(24):
        steps.append(steps[-1] + lr * v(steps[-1]))
    if penalty != "wgan_gp":
        J = np.stack([(v(e) - v(-e)) / 2e-5 for e in 1e-5 * np.eye(2)], axis=1)  # by central differences
        closed = -0.5 * weight + np.sqrt(0.25 * weight**2 - slope**2 + 0j) * np.array([-1, 1])
        table.append(f"{objective:14}  {name:11}  {text(np.linalg.eigvals(J))}    {text(closed)}")
    elif objective in ("least_squares", "wasserstein"):
        rests, reached = objective == "least_squares", np.abs(path[len(path) // 2 :]).max(axis=0)[0]
        closed = 2 * weight / (slope if rests else np.tanh(0.5 * np.pi * weight / np.sqrt(1 - weight**2)))
        what = "comes to rest at" if rests else "a cycle up to"
        table.append(f"{objective:14}  {name}: {what} θ = {reached:.3f}, in closed form {closed:.3f}")
    V = np.array([v(at) for at in grid]).T  # (2, arrows²)
    axes.quiver(*grid.T, *(V / np.linalg.norm(V, axis=0).clip(1e-9)), color=FAINT, scale=20, width=0.006)
    axes.plot(*np.transpose(path), color=BLUE, linewidth=1.4)
    axes.scatter(*np.transpose(steps), color=ORANGE, s=8, linewidths=0, zorder=3)
    axes.plot(0, 0, "+", color=INK, markersize=7)
    axes.set(xlim=(-2.2, 2.2), ylim=(-2.2, 2.2), aspect="equal")
    axes.set(xlabel="θ" * (i == len(CHOICES) - 1), ylabel=f"{name}\nψ" if j == 0 else "")
    set_title(axes, objective * (i == 0))
    tidy(axes, grid=False)
title = "The flow of both players (line), simultaneous steps of size ¼ (dots), from the same start"
figure.suptitle(title, color=INK, fontsize=11)
finish(figure, options.out / "dirac-gan.png")
print("\n".join(table), f"picture: {options.out / 'dirac-gan.png'}", sep="\n")
