"""What a decoder's output means: the distribution p(x|z) of the data, given the latent variable.

Bernoulli      output = logits (batch, data_dim)               for pixels that are black or white
Gaussian       output = [mu | logvar] (batch, 2 · data_dim)    for real numbers: the variance is learned
FixedGaussian  output = mu (batch, data_dim)                   the same with one variance, σ², that is given

Grey pixels are taken for probabilities of white: what a Bernoulli then gives is the mean over black-and-white
pictures that are drawn with them, which is no density of the grey one.

With σ² fixed, −log p(x|z) = ‖x − mu‖² / 2σ² + ½ D log 2πσ²: a squared error,
and σ² decides what it weighs beside a KL.
"""

import math

import numpy as np

from scratchgen.layers.sigmoid import sigmoid
from scratchgen.losses import bernoulli_log_likelihood, bernoulli_nll, gaussian_log_likelihood, gaussian_nll
from scratchgen.losses.gaussian import LOG_2PI
from scratchgen.ops import join_columns, op, to_host


@op
def fixed_gaussian_nll(x, mu, variance, log_variance):
    """-> nll, dmu.  x, mu (batch, features); variance and its logarithm: numbers."""
    batch = x.shape[0]
    nll = 0.5 * np.sum(LOG_2PI + log_variance + (x - mu) ** 2 / variance, dtype=np.float64) / batch
    return nll, (mu - x) / variance / batch


@op
def fixed_gaussian_log_likelihood(x, mu, variance, log_variance):
    """log N(x; mu, variance) of each example, in nats:  (batch, features) -> (batch,)."""
    return -0.5 * np.sum(LOG_2PI + log_variance + (x - mu) ** 2 / variance, axis=1)


def split(h):
    """[mu | logvar] (batch, 2 n) -> mu, logvar (batch, n), views."""
    n = h.shape[1] // 2
    return h[:, :n], h[:, n:]


class Bernoulli:
    """Independent coin flips with probabilities σ(output)."""

    outputs_per_feature = 1

    def nll(self, x, output):
        """-> nll, doutput."""
        return bernoulli_nll(x, output)

    def log_likelihood(self, x, output):
        """log p(x|z) of each example -> (batch,)."""
        return bernoulli_log_likelihood(x, output)

    def mean(self, output):
        """E[x|z] -> (batch, data_dim)."""
        return sigmoid(output)

    def draw(self, output, d, u, eps):
        """Feature d of each example, drawn with u (batch,) uniform in [0, 1) -> (batch,), on the host."""
        return u < to_host(sigmoid(output))[:, d]


class Gaussian:
    """Independent Gaussians whose means and log-variances are the two halves of output."""

    outputs_per_feature = 2

    def nll(self, x, output):
        """-> nll, doutput."""
        nll, dmu, dlogvar = gaussian_nll(x, *split(output))
        return nll, join_columns(dmu, dlogvar)

    def log_likelihood(self, x, output):
        """log p(x|z) of each example -> (batch,)."""
        return gaussian_log_likelihood(x, *split(output))

    def mean(self, output):
        """E[x|z] -> (batch, data_dim)."""
        return split(output)[0]


class FixedGaussian:
    """Independent Gaussians around output, all of them with one variance."""

    outputs_per_feature = 1

    def __init__(self, variance=1.0):
        self.variance, self.log_variance = float(variance), math.log(variance)

    def nll(self, x, output):
        """-> nll, doutput."""
        return fixed_gaussian_nll(x, output, self.variance, self.log_variance)

    def log_likelihood(self, x, output):
        """log p(x|z) of each example -> (batch,)."""
        return fixed_gaussian_log_likelihood(x, output, self.variance, self.log_variance)

    def mean(self, output):
        """E[x|z] -> (batch, data_dim)."""
        return output


LIKELIHOODS = {"bernoulli": Bernoulli, "gaussian": Gaussian, "gaussian_fixed": FixedGaussian}
