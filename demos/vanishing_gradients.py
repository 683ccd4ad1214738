"""Why the generator does not play minimax: its gradient vanishes just when it is far from the data
(Goodfellow et al. 2014; Arjovsky & Bottou 2017).

The data are p = N(0, 1), the generator makes x = θ + z, so q = N(θ, 1): distributions on a line, θ apart.
The best discriminator is a linear layer,

    logit*(x) = log p(x)/q(x) = ½ θ² − θ x             D* = σ(logit*)

and with it held fixed, each objective gives the generator a gradient by θ,
here the mean of its gradients by x:

    minimax          L_G = E_q[log(1 − D)]      ∂L_G/∂θ = θ E_q[D*]         =  ∂/∂θ 2 JS(p, q)
    non-saturating   L_G = −E_q[log D]          ∂L_G/∂θ = θ E_q[1 − D*]     =  ∂/∂θ (KL(q ‖ p) − 2 JS(p, q))
    Wasserstein      L_G = −E_q[D],  D = −x     ∂L_G/∂θ = 1 (θ > 0)         =  ∂/∂θ W(p, q)

The first two add up to θ, the gradient of KL(q ‖ p) = ½ θ². Since q D* = √(pq) / (2 cosh ½ logit*),
and √(pq) is e^(−θ²/8) times the density of N(½ θ, 1), what each of them gets is an integral over a
standard normal z, which tells how the first vanishes:

    θ E_q[D*] = ½ θ e^(−θ²/8) E[1 / cosh ½ θ z]   →   √(½ π) e^(−θ²/8)      for large θ

The same D that tells the generator nothing through log(1 − D), which is flat where q lives,
tells it the way through log D, which is steep there.

    python demos/vanishing_gradients.py [--seed 0] [--out runs/demo-vanishing-gradients] [--quick]
"""

import argparse
from pathlib import Path
from statistics import NormalDist

import numpy as np
from tqdm import tqdm

from scratchgen.layers import Linear
from scratchgen.losses import generator_minimax, generator_non_saturating, generator_wasserstein
from scratchgen.plots.canvas import BLUE, FAINT, INK, ORANGE, RED, finish, legend, new_figure, set_title, tidy
from scratchgen.terminal import tolerate_terminal

tolerate_terminal()
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--seed", type=int, default=0, help="of the noise")
parser.add_argument(
    "--out", type=Path, default=Path("runs/demo-vanishing-gradients"), help="folder for the picture"
)
parser.add_argument("--quick", action="store_true", help="fewer steps")
options = parser.parse_args()
steps, lr, n, far = (100 if options.quick else 900), 0.1, 20_000, 6.0

OBJECTIVES = {
    "minimax": (generator_minimax, RED),
    "non-saturating": (generator_non_saturating, BLUE),
    "Wasserstein": (generator_wasserstein, ORANGE),
}
D = Linear(1, 1, dtype=np.float64)
# u: one number in each n-th part of [0, 1];  z: (n, 1), standard normal, with evenly filled tails
u = (np.arange(n) + np.random.default_rng(options.seed).uniform(size=n)) / n
z = np.array([NormalDist().inv_cdf(value) for value in u])[:, None]


def gradient(objective, theta):
    """∂L_G/∂θ, from the library's loss and its backward through the best discriminator against this θ."""
    slope, bias = (-np.sign(theta), 0.0) if objective == "Wasserstein" else (-theta, 0.5 * theta**2)
    D.params["W"], D.params["b"] = np.array([[slope]]), np.array([bias])
    logits, cache = D.forward(theta + z)
    _, dlogits = OBJECTIVES[objective][0](logits)
    return float(np.sum(D.backward(dlogits, cache, wrt="input")))  # ∂x/∂θ = 1 for every example


def closed_form(objective, theta):
    """The same by the equations above; E over a standard normal by the trapezoidal rule."""
    t = np.linspace(-12, 12, 4001)  # the trapezoidal rule is exact to rounding here
    sech = np.sum(np.exp(-0.5 * t**2) / np.cosh(0.5 * theta * t)) * (t[1] - t[0]) / np.sqrt(2 * np.pi)
    minimax = 0.5 * theta * np.exp(-(theta**2) / 8) * sech
    return {"minimax": minimax, "non-saturating": theta - minimax, "Wasserstein": 1.0}[objective]


print("distance θ    " + "".join(f"{objective + ', closed form':>30}" for objective in OBJECTIVES))
for theta in (0.5, 1.0, 2.0, 4.0, 6.0):
    pairs = [(gradient(objective, theta), closed_form(objective, theta)) for objective in OBJECTIVES]
    print(f"{theta:10}    " + "".join(f"{found:21.5f}  {closed:.5f}" for found, closed in pairs))

figure = new_figure(12.5, 4.2)
figure.set_layout_engine("constrained", w_pad=0.12)
left, middle, right = figure.subplots(1, 3)
x = np.linspace(-3, 9, 400)
logit = 0.5 * far**2 - far * x
for mean, colour, name in ((0, INK, "p"), (far, ORANGE, "q")):
    left.fill_between(x, 25 * np.exp(-0.5 * (x - mean) ** 2), color=colour, alpha=0.18, linewidth=0)
    left.text(mean, 26, name, color=colour, ha="center")
left.plot(x, -np.logaddexp(0, logit), color=RED, linewidth=2, label="minimax: log(1 − D*)")
left.plot(x, np.logaddexp(0, -logit), color=BLUE, linewidth=2, label="non-saturating: −log D*")
left.set(xlabel="x", ylabel="loss of an example at x", ylim=(-25, 42))
set_title(left, f"what the generator minimises, θ = {far:.0f}")

distances = np.linspace(0.1, 8, 100)
limit = np.sqrt(0.5 * np.pi) * np.exp(-(distances[30:] ** 2) / 8)
middle.plot(distances[30:], limit, color=FAINT, linestyle="--", label="√(½ π) e^(−θ²/8)")
for objective, (_, colour) in tqdm(OBJECTIVES.items(), unit="objective", leave=False):
    closed = [closed_form(objective, theta) for theta in distances]
    found = [gradient(objective, theta) for theta in distances[4:75:7]]
    middle.plot(distances, closed, color=colour, linewidth=2, label=objective)
    middle.plot(distances[4:75:7], found, "o", color=colour, markersize=4)
    theta = [far]
    while len(theta) <= steps:
        theta.append(theta[-1] - lr * gradient(objective, theta[-1]))
    width = 2 if objective != "Wasserstein" else 0.8  # thin where it swings
    right.plot(theta, color=colour, linewidth=width, label=objective)
middle.set(xlabel="distance θ", yscale="log", ylim=(1e-4, 20), ylabel="∂L_G/∂θ")
set_title(middle, "its gradient: the library (dots), closed form")
right.set(xlabel="step", ylabel="θ")
set_title(right, f"gradient descent, rate {lr}, D* at every step")
for axes in (left, middle, right):
    tidy(axes)
    legend(axes)
finish(figure, options.out / "vanishing-gradients.png")
print(f"picture: {options.out / 'vanishing-gradients.png'}")
