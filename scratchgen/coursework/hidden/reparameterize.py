"""Hidden tests: the reparameterization trick and the KL divergence."""

import numpy as np

from scratchgen.coursework.testing import close, points, values


@points(1)
def test_standard_deviation_of_samples(exercise, rng):
    """Samples have mean μ and variance e^logvar."""
    eps = rng.normal(size=(20_000, 2))
    eps = (eps - eps.mean(axis=0)) / eps.std(axis=0)
    logvar = np.log([0.25, 9.0])
    z = np.asarray(exercise.reparameterize(np.tile([1.0, -3.0], (20_000, 1)), np.tile(logvar, (20_000, 1)), eps))
    close("the mean of 20,000 samples", z.mean(axis=0), [1.0, -3.0])
    close("the standard deviation of 20,000 samples", z.std(axis=0), [0.5, 3.0])


@points(1)
def test_kl_of_the_prior(exercise, rng):
    """The divergence of N(0, I) from itself, and its gradients, are zero."""
    zero = np.zeros((3, 2))
    kl, dmu, dlogvar = values(exercise.gaussian_kl(zero, zero), 3, "kl, dmu, dlogvar")
    close("kl", kl, 0.0)
    close("dmu", dmu, zero)
    close("dlogvar", dlogvar, zero)


@points(1)
def test_kl_of_a_batch(exercise, rng):
    """Repeating the batch does not change the divergence."""
    mu, logvar = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    once, dmu, dlogvar = values(exercise.gaussian_kl(mu, logvar), 3, "kl, dmu, dlogvar")
    twice, dmu_twice, dlogvar_twice = values(exercise.gaussian_kl(np.tile(mu, (2, 1)), np.tile(logvar, (2, 1))), 3, "kl, dmu, dlogvar")
    assert once > 0, "the divergence must be positive"
    close("kl of the batch repeated", twice, once)
    close("dmu of the batch repeated", dmu_twice, np.tile(np.asarray(dmu) / 2, (2, 1)))
    close("dlogvar of the batch repeated", dlogvar_twice, np.tile(np.asarray(dlogvar) / 2, (2, 1)))
