"""A variational autoencoder that cannot make up its mind what its encoder's second output is.

    the sampler reads it as a log-standard-deviation      z = μ + e^s ∘ ε
    the KL reads it as a log-variance                     KL = ½ Σ (μ² + e^s − s − 1)

Each is a fair choice; together they are not the bound of any model. No gradient check can see it, and ours
does not: the wrong objective is differentiated correctly, end to end. It is the *forward* that is wrong, and
only a test of what forward means finds it.
"""

import numpy as np

import scratchgen as sg
from exhibits.display import Finding, Piece
from scratchgen.gradcheck import check_layer, check_objective
from scratchgen.layers import Reparameterize
from scratchgen.plots.canvas import BLUE, INK, tidy


class ExpLogvar(Reparameterize):
    """As it shipped: std = e^logvar, with the derivative that belongs to it."""

    def forward(self, mu, logvar, eps=None):
        eps = self.stream.normal(mu.shape, mu.dtype) if eps is None else eps
        return mu + np.exp(logvar) * eps, (logvar, eps)

    def backward(self, dz, cache):
        logvar, eps = cache
        return dz, dz * eps * np.exp(logvar)


def samples_at_zero(sampler):
    """The mean of the samples is mu, and at logvar = 0 their standard deviation is 1."""
    z, _ = sampler(rng=0).forward(np.full((500, 200), 3.0), np.zeros((500, 200)))
    assert abs(z.mean() - 3) < 0.02 and abs(z.std() - 1) < 0.02


TITLE = "A VAE that samples with std = e^logvar, while its KL reads a log-variance"
LESSON = (
    "A gradient check proves the derivative, not the model. "
    "Test what is sampled, away from logvar = 0, where all readings agree."
)
PIECES = [
    Piece(
        "z = μ + e^logvar ∘ ε where e^(½ logvar) belongs; "
        "its backward is right for that, and the KL is the textbook's",
        "every gradient check, and at logvar = 0 the samples have mean μ and standard deviation 1",
        ExpLogvar,
        samples_at_zero,
    )
]
REPAIRED = Reparameterize


def sampled_std(sampler, seed):
    """The standard deviation of 100,000 samples for several log-variances, against e^(½ logvar);
    5 standard errors are allowed."""
    texts = []
    for logvar in (-2.0, 1.0):
        z, _ = sampler(rng=seed).forward(np.zeros((1000, 100)), np.full((1000, 100), logvar))
        expected = np.exp(0.5 * logvar)
        if abs(z.std() / expected - 1) > 5 / np.sqrt(2 * z.size):
            text = f"at logvar = {logvar:g} samples have std {z.std():.3f}, e^(½ logvar) = {expected:.3f}"
            texts.append(text)
    found = "; ".join(texts) or "e^(½ logvar), within the error of 100,000 samples"
    return Finding(not texts, f"sampled std: {found}")


def checks(sampler, seed=0):
    rng = np.random.default_rng(seed)
    vae = sg.VAE(6, latent_dim=2, hidden=(5,), rng=seed, dtype=np.float64)
    vae.posterior.reparameterize = sampler()
    x, eps = rng.uniform(size=(4, 6)), rng.normal(size=(4, 2))
    alone = check_layer(sampler(rng=seed), tuple(rng.normal(size=(2, 4, 3))), seed=seed)
    whole = check_objective(vae, lambda: vae.loss(x, eps), seed=seed, limit=20)
    return [alone, whole, sampled_std(sampler, seed)]


def draw(axes, sampler):
    z, _ = sampler(rng=0).forward(np.zeros((100, 100)), np.full((100, 100), -2.0))
    grid = np.linspace(-1.6, 1.6, 200)
    variance = np.exp(-2.0)
    axes.hist(z.ravel(), bins=60, range=(-1.6, 1.6), density=True, color=BLUE)
    density = np.exp(-(grid**2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
    axes.plot(grid, density, color=INK, linewidth=1)
    tidy(axes, grid=False)
    axes.set(yticks=[], ylim=(0, 3), xlabel="z at μ = 0, logvar = −2; line: N(0, e⁻²)")
