"""Annealed importance sampling (Neal 2001): log p(x) of a decoder, far more accurately than by importance sampling.

    p(x) = ∫ p(z) p(x|z) dz,                            z ~ N(0, I), p(x|z) computed by a network

is the normalising constant of the posterior. One goes there from the prior in many small steps, through

    f_t(z) = p(z) p(x|z)^β_t,                           0 = β_0 < β_1 < … < β_T = 1

A chain begins with an exact sample z of f_0, the prior. At step t it notes how much more f_t likes z than f_(t−1) did, and then moves z by a
transition that leaves f_t invariant:

    log w += (β_t − β_(t−1)) log p(x|z)                 then  z ~ T_t(· | z)

Then E[w] = p(x), exactly, for any T and any transitions of that kind. So log of the mean of w over chains is, in expectation, a lower bound on
log p(x), the closer the slower one goes.

The transitions are Hamiltonian (Duane et al. 1987). z gets a velocity v ~ N(0, I) and rolls, without friction, on the hill U = −log f_t(z):

    v <- v − ½ ε ∇U           z <- z + ε v           v <- v − ½ ε ∇U           a leapfrog step, L times over
    ∇U = z − β_t ∇_z log p(x|z)                                                 the gradient is one backward pass of the decoder

Exact rolling would keep the energy H = U + ½ ‖v‖². The end is accepted with probability min(1, e^(H before − H after)), which makes up for what
leapfrog steps miss; else z stays where it was. Step sizes are found by a chain of its own beforehand, and then are fixed: chains that adapt
to where they are would not leave f_t invariant.

How far off is it? For data drawn *from the model*, x ~ p(x|z), the z that made it is an exact sample of the posterior. From there a chain can go
backwards, from f_T to f_0, and its weights give a bound from *above* (Grosse et al. 2015). `bidirectional` runs both: the truth lies between.

Source of the protocol, including the β of a sigmoid: Wu et al. 2017, On the quantitative analysis of decoder-based generative models.
"""

from typing import NamedTuple

import numpy as np

from scratchgen.errors import integer
from scratchgen.metrics.log_mean_exp import log_mean_exp
from scratchgen.metrics.parzen import as_points
from scratchgen.models.likelihoods import Bernoulli
from scratchgen.models.model import check_unit_interval
from scratchgen.ops import Stream, array, copy_of, op, scaled, to_host

ROWS = 2000  # chains that run side by side: memory stays bounded, however many there are
WANTED = 0.65  # share of transitions to be accepted (Neal 2011)


class AnnealedLogLikelihood(NamedTuple):
    """What the chains found for each example."""

    log_likelihood: np.ndarray  # (n,) nats
    effective_chains: np.ndarray  # (n,) (Σ w)² / Σ w²: 1 says that one chain decides alone
    acceptance: float  # share of transitions that were accepted


class Bounds(NamedTuple):
    """Of log p(x), in nats, in expectation, for examples drawn from the model."""

    lower: np.ndarray  # (n,)
    upper: np.ndarray  # (n,)


@op
def kick(v, z, slope, beta, step):  # v <- v − step ∇U,   ∇U = z − β ∇log p(x|z)
    v += step * (beta * slope - z)


@op
def drift(z, v, step):  # z <- z + step v
    z += step * v


@op
def energy(z, v, log_px, beta):  # H = U + ½ ‖v‖²,   U = ½ ‖z‖² − β log p(x|z)
    return 0.5 * np.sum(z * z + v * v, axis=1) - beta * log_px


@op
def accept(u, before, after):  # with probability min(1, e^(H before − H after)); never where H is NaN
    return u < np.exp(np.minimum(before - after, 0))


@op
def choose(accepted, new, old):  # of two numbers for each chain
    return np.where(accepted, new, old)


@op
def choose_rows(accepted, new, old):
    return np.where(accepted[:, None], new, old)


class Chains:
    """Chains of z (n, latent_dim), one for each row of x (n, data_dim), with log p(x|z) (n,) and its gradient at z, the slope."""

    def __init__(self, decoder, likelihood, x, z, n_leapfrog, stream):
        self.decoder, self.likelihood, self.x, self.n_leapfrog, self.stream = decoder, likelihood, x, n_leapfrog, stream
        self.z = z
        self.log_px, self.slope = self.look(z)

    def look(self, z):
        """-> log p(x|z) (n,), ∇_z log p(x|z) (n, latent_dim)."""
        output, cache = self.decoder.forward(z, training=False)
        _, doutput = self.likelihood.nll(self.x, output)  # of the mean over the rows
        slope = scaled(self.decoder.backward(doutput, cache, wrt="input"), -z.shape[0])
        return self.likelihood.log_likelihood(self.x, output), slope

    def move(self, beta, step):
        """One Hamiltonian transition, which leaves p(z) p(x|z)^β invariant -> share of the chains that accepted it."""
        z, v = copy_of(self.z), self.stream.normal(self.z.shape, self.z.dtype)
        before, log_px, slope = energy(z, v, self.log_px, beta), self.log_px, self.slope
        for _ in range(self.n_leapfrog):
            kick(v, z, slope, beta, 0.5 * step)
            drift(z, v, step)
            log_px, slope = self.look(z)
            kick(v, z, slope, beta, 0.5 * step)
        accepted = accept(self.stream.uniform((z.shape[0],), z.dtype), before, energy(z, v, log_px, beta))
        self.z, self.slope = choose_rows(accepted, z, self.z), choose_rows(accepted, slope, self.slope)
        self.log_px = choose(accepted, log_px, self.log_px)
        return float(np.mean(to_host(accepted)))

    def log_weights(self, betas, steps):
        """From the prior to the posterior -> log w (n,) float64, share accepted."""
        log_w, accepted = np.zeros(self.z.shape[0]), []
        for before, beta, step in zip(betas[:-1], betas[1:], steps, strict=True):
            log_w += (beta - before) * to_host(self.log_px)
            accepted.append(self.move(beta, step))
        return log_w, float(np.mean(accepted))

    def log_weights_backwards(self, betas, steps):
        """From the posterior to the prior -> log w (n,) float64, of the same way taken forwards."""
        log_w = np.zeros(self.z.shape[0])
        for before, beta, step in list(zip(betas[:-1], betas[1:], steps, strict=True))[::-1]:
            self.move(beta, step)
            log_w += (beta - before) * to_host(self.log_px)
        return log_w

    def find_steps(self, betas):
        """A step size for each distribution after the first, longer where nearly all is accepted, shorter where little is."""
        step, steps = 0.2, []
        for beta in betas[1:]:
            step *= np.exp(0.2 * (self.move(beta, step) - WANTED))
            steps.append(float(step))
        return steps


def sigmoid_betas(n):
    """β_0 … β_n from 0 to 1: slow at both ends, where the distributions change most."""
    s = 1 / (1 + np.exp(-4 * np.linspace(-1, 1, n + 1)))
    return ((s - s[0]) / (s[-1] - s[0])).tolist()


def annealed_log_likelihood(decoder, likelihood, latent_dim, x, n_distributions=1000, n_chains=16, n_leapfrog=10, rng=None):
    """log p(x) of each example of x (n, data_dim) under a decoder with prior N(0, I) -> AnnealedLogLikelihood, log_likelihood (n,) in nats.

    decoder: a network from z (batch, latent_dim) to what `likelihood` takes, one of models/likelihoods.py: of a VAE, model.decoder and
    model.likelihood; of a GAN, its generator with a Gaussian around what it draws. Running statistics are used, and no dropout.
    n_distributions: T, steps from prior to posterior.  n_chains: for each example.  n_leapfrog: L, leapfrog steps of a transition.
    rng: seed, or Generator.  Time is that of n · n_chains · T · L passes through the decoder, forward and backward.
    Raises ValueError for data or settings that are none.
    """
    betas, n_chains, x = settings(decoder, likelihood, latent_dim, n_distributions, n_chains, n_leapfrog, x)
    stream, found, effective, accepted = Stream(rng), [], [], []
    start = lambda rows: Chains(decoder, likelihood, array(rows), stream.normal((len(rows), latent_dim), rows.dtype), n_leapfrog, stream)
    for block in blocks(x, n_chains):
        steps = start(block).find_steps(betas)
        log_w, share = start(np.repeat(block, n_chains, axis=0)).log_weights(betas, steps)
        log_w = log_w.reshape(len(block), n_chains)
        found.append(log_mean_exp(log_w, axis=1))
        effective.append(n_chains * np.exp(2 * found[-1] - log_mean_exp(2 * log_w, axis=1)))
        accepted.append(share)
    return AnnealedLogLikelihood(np.concatenate(found), np.concatenate(effective), float(np.mean(accepted)))


def bidirectional(decoder, likelihood, latent_dim, z, x, n_distributions=1000, n_chains=16, n_leapfrog=10, rng=None):
    """Bounds on log p(x) of examples x (n, data_dim) drawn from p(x|z), z (n, latent_dim) drawn from N(0, I) -> Bounds, lower and upper (n,).

    The gap between their means says how far off `annealed_log_likelihood` with these settings is, on such data. Arguments as there.
    """
    betas, n_chains, x = settings(decoder, likelihood, latent_dim, n_distributions, n_chains, n_leapfrog, x)
    z = as_points(z, "z").astype(decoder.dtype)
    if z.shape != (len(x), latent_dim):
        raise ValueError(f"z has shape {z.shape}; for x {x.shape} it must be ({len(x)}, {latent_dim}), what x was drawn from")
    lower = annealed_log_likelihood(decoder, likelihood, latent_dim, x, n_distributions, n_chains, n_leapfrog, rng).log_likelihood
    stream, upper = Stream(rng), []
    for block, origin in zip(blocks(x, n_chains), blocks(z, n_chains), strict=True):
        pilot = Chains(decoder, likelihood, array(block), stream.normal(origin.shape, origin.dtype), n_leapfrog, stream)
        steps = pilot.find_steps(betas)
        repeated = [array(np.repeat(rows, n_chains, axis=0)) for rows in (block, origin)]
        log_w = Chains(decoder, likelihood, *repeated, n_leapfrog, stream).log_weights_backwards(betas, steps)
        upper.append(-log_mean_exp(-log_w.reshape(len(block), n_chains), axis=1))
    return Bounds(lower, np.concatenate(upper))


def settings(decoder, likelihood, latent_dim, n_distributions, n_chains, n_leapfrog, x):
    """-> betas, n_chains, x in the decoder's dtype. Raises ValueError or TypeError for what is none."""
    integer("n_leapfrog", n_leapfrog, 1)
    betas, n_chains = sigmoid_betas(integer("n_distributions", n_distributions, 1)), integer("n_chains", n_chains, 1)
    x = as_points(x, "x").astype(decoder.dtype)
    drawn, _ = decoder.forward(array(np.zeros((1, latent_dim)), decoder.dtype), training=False)
    if x.shape[1] * likelihood.outputs_per_feature != drawn.shape[1]:
        raise ValueError(f"x has {x.shape[1]} features; the decoder draws {drawn.shape[1] // likelihood.outputs_per_feature}")
    if isinstance(likelihood, Bernoulli):
        check_unit_interval("x", x, "a Bernoulli likelihood")
    return betas, n_chains, x


def blocks(rows, n_chains):
    """The rows, as many at a time as may have their chains side by side."""
    n = max(1, ROWS // n_chains)
    return [rows[start : start + n] for start in range(0, len(rows), n)]
