"""Three ways to estimate the gradient of an expectation, d/dθ E_q[f(z)], z ~ q = N(μ, σ²),
and how noisy each of them is.

The distribution depends on θ = (μ, logvar), so the derivative does not simply move inside the mean.
Two ways around that, from samples:

    score function       E[f(z) ∂ log q(z)/∂θ]       ∂q/∂θ = q ∂ log q/∂θ;
                                                     with z = μ + σ ε it is  ε / σ  and  ½ (ε² − 1)
    reparameterization   E[f′(z) ∂z/∂θ]              z = μ + σ ε has noise that knows nothing of θ;
                                                     ∂z/∂θ is  1  and  ½ σ ε

The score function needs no f′: f may be a game's reward, or a step. Its mean does not change when a number
that does not depend on z is taken from f, because E[∂ log q/∂θ] = 0; but its noise does. Such a baseline,
here the mean of f over all *other* samples, takes out what they share. It need not be the best, and where f
is all ups and downs it costs more noise than it saves.

    f(z) = (z − 1)²      E f = (μ − 1)² + σ²                  smooth: f′ says more than f
    f(z) = cos ωz        E f = cos ωμ e^(−½ ω²σ²)             for large ω, f′ is ω times larger than f,
                                                              and almost all of it is noise
    f(z) = 1 if z > 0    E f = Φ(μ / σ)                       f′ = 0 almost everywhere:
                                                              reparameterization says 0, and is wrong

    python demos/estimators.py [--seed 0] [--out runs/demo-estimators] [--quick]
"""

import argparse
import math
from pathlib import Path

import numpy as np
from tqdm import tqdm

from scratchgen.plots.canvas import BLUE, ORANGE, RED, finish, legend, new_figure, set_title, tidy
from scratchgen.terminal import tolerate_terminal

tolerate_terminal()
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--seed", type=int, default=0, help="of the noise")
parser.add_argument("--out", type=Path, default=Path("runs/demo-estimators"), help="folder for the picture")
parser.add_argument("--quick", action="store_true", help="fewer draws")
options = parser.parse_args()
repeats, rng = 2_000 if options.quick else 40_000, np.random.default_rng(options.seed)


def reparameterization(f, df, mu, sigma, eps):
    """-> d/dmu, d/dlogvar (2, …): means over the batch.  eps (…, batch) standard normal."""
    dz = df(mu + sigma * eps)
    return np.array([dz.mean(axis=-1), (0.5 * dz * sigma * eps).mean(axis=-1)])


def score_function(f, df, mu, sigma, eps, baseline=lambda values: 0.0):
    """The same, by f alone.  baseline: from the values of f (…, batch), what is taken from each."""
    values = f(mu + sigma * eps)
    values = values - baseline(values)
    return np.array([(values * eps / sigma).mean(axis=-1), (0.5 * values * (eps**2 - 1)).mean(axis=-1)])


def with_a_baseline(f, df, mu, sigma, eps):
    """score_function, the baseline of each sample being the mean of the others."""
    others = lambda values: (values.sum(axis=-1, keepdims=True) - values) / (values.shape[-1] - 1)
    return score_function(f, df, mu, sigma, eps, others)


def cosine(w):
    """f, f′, and the gradient in closed form."""
    fade = lambda sigma: math.exp(-0.5 * w**2 * sigma**2)
    exact = lambda mu, sigma: (-w * math.sin(w * mu) * fade(sigma),
                               -0.5 * (w * sigma) ** 2 * math.cos(w * mu) * fade(sigma))  # fmt: skip
    return lambda z: np.cos(w * z), lambda z: -w * np.sin(w * z), exact


density = lambda x: math.exp(-0.5 * x**2) / math.sqrt(2 * math.pi)
square = lambda z: (z - 1) ** 2, lambda z: 2 * (z - 1), lambda mu, sigma: (2 * (mu - 1), sigma**2)
step_gradient = lambda mu, sigma: (density(mu / sigma) / sigma, -0.5 * mu / sigma * density(mu / sigma))
step = lambda z: (z > 0) * 1.0, np.zeros_like, step_gradient
objectives = {"(z − 1)²": square, "cos 3z": cosine(3), "z > 0": step}
estimators = {
    "reparameterization": (reparameterization, BLUE),
    "score function": (score_function, RED),
    "with a baseline": (with_a_baseline, ORANGE),
}
mu, sigma = 0.4, 0.6

print(
    "d/dμ, exact, and by reparameterization, by the score function, with a baseline: "
    "mean ± its standard error"
)
for name, (f, df, exact) in objectives.items():
    eps, texts = rng.standard_normal((repeats, 10)), []
    for estimate, _ in estimators.values():
        found = estimate(f, df, mu, sigma, eps)[0]
        texts.append(f"{found.mean():8.4f} ± {found.std() / math.sqrt(repeats):.4f}")
    print(f"{name:9}{exact(mu, sigma)[0]:8.4f}  {'  '.join(texts)}")

figure = new_figure(9.6, 4.2)
figure.set_layout_engine("constrained")
left, right = figure.subplots(1, 2)
batches, frequencies = (2, 4, 8, 16, 32, 64), (0.5, 1, 2, 4, 8)
noise = lambda n: rng.standard_normal((repeats, n))
variance = lambda estimate, f, df, exact, n: estimate(f, df, mu, sigma, noise(n))[0].var()
for name, (estimate, colour) in tqdm(estimators.items(), unit="estimator"):
    left.loglog(batches, [variance(estimate, *square, n) for n in batches], "o-", color=colour, label=name)
    right.loglog(frequencies, [variance(estimate, *cosine(w), 8) for w in frequencies], "o-", color=colour)
for axes, ticks, label, title in (
    (left, batches, "samples in a batch", "f(z) = (z − 1)²"),
    (right, frequencies, "ω", "f(z) = cos ωz, 8 samples in a batch"),
):
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlabel(label)
    set_title(axes, title)
    tidy(axes)
left.set_ylabel("variance of the estimate of d/dμ")
legend(left)
finish(figure, options.out / "estimators.png")
print(f"picture: {options.out / 'estimators.png'}")
