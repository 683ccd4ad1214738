"""Hidden tests: the reparameterization trick and the KL divergence."""

import numpy as np

from scratchgen.coursework.hidden import THOUGHT
from scratchgen.coursework.testing import close, exactly, points, values
from scratchgen.coursework.visible.reparameterize import far_apart
from scratchgen.coursework.visible.reparameterize import kl as divergence


@points(1, why=THOUGHT)
def test_standard_deviation_of_samples(exercise, rng):
    """Samples have mean μ and variance e^logvar."""
    eps = rng.normal(size=(20_000, 2))
    eps = (eps - eps.mean(axis=0)) / eps.std(axis=0)
    mu, sigma = rng.normal(size=2), rng.uniform(0.5, 3, size=2)
    z = exercise.reparameterize(np.tile(mu, (20_000, 1)), np.tile(2 * np.log(sigma), (20_000, 1)), eps)
    close("the mean of 20,000 samples", np.mean(z, axis=0), mu)
    close("the standard deviation of 20,000 samples", np.std(z, axis=0), sigma)
    close("z", z, mu + sigma * eps)


@points(1, why=THOUGHT)
def test_kl_of_the_prior(exercise, rng):
    """The divergence of N(0, I) from itself, and its gradients, are zero; that of N(μ, I) is ½ μ²."""
    zero = np.zeros((3, 2))
    for mu in (zero, rng.normal(size=(3, 2)) * [1, 1e12]):
        kl, dmu, dlogvar = values(exercise.gaussian_kl(mu, zero), 3, "kl, dmu, dlogvar")
        close("kl", kl, 0.5 * np.sum(mu**2) / 3)
        exactly("dmu", dmu, mu / 3)
        close("dlogvar", dlogvar, zero)


@points(1, why=THOUGHT)
def test_kl_of_a_batch(exercise, rng):
    """Repeating the batch does not change the divergence."""
    mu, logvar, _ = far_apart(rng)
    twice, dmu_twice, dlogvar_twice = values(exercise.gaussian_kl(np.tile(mu, (2, 1)), np.tile(logvar, (2, 1))), 3, "kl, dmu, dlogvar")
    close("kl of the batch repeated", twice, divergence(mu, logvar))
    exactly("dmu of the batch repeated", dmu_twice, np.tile(mu / 8, (2, 1)))
    exactly("dlogvar of the batch repeated", dlogvar_twice, np.tile((np.exp(logvar) - 1) / 16, (2, 1)))
