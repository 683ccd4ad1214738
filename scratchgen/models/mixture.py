"""What the output of a network means that predicts one feature after the other:
for each a mixture of K Gaussians (losses/gaussian_mixture.py).

    output = [logits | mu | logvar] of the first feature, then of the second, …       (batch, features · 3 K)

so that a row of `output.reshape(-1, 3 K)` is a feature of an example.
"""

import numpy as np

from scratchgen.losses.gaussian_mixture import mixture_log_density, mixture_nll
from scratchgen.ops import op, to_host


@op
def join_three(a, b, c):  # [a | b | c]
    return np.concatenate([a, b, c], axis=1)


@op
def sum_of_features(a):  # (batch, n) -> (batch,)
    return np.sum(a, axis=1)


class GaussianMixture:
    """For each feature a mixture of n_components Gaussians."""

    def __init__(self, n_components):
        self.K, self.outputs_per_feature = n_components, 3 * n_components

    def nll(self, x, output):
        """-> nll, doutput."""
        batch, _ = x.shape
        nll, *gradients = mixture_nll(x.reshape(-1, 1), *self.split(output), batch)
        return nll, join_three(*gradients).reshape(output.shape)

    def log_likelihood(self, x, output):
        """log p(x) of each example -> (batch,)."""
        return sum_of_features(mixture_log_density(x.reshape(-1, 1), *self.split(output)).reshape(x.shape))

    def draw(self, output, d, u, eps):
        """Feature d of each example -> (batch,), on the host:
        a component chosen by u (batch,), a number from it by eps (batch,), standard normal.
        """
        logits, mu, logvar = np.split(to_host(output)[:, 3 * self.K * d : 3 * self.K * (d + 1)], 3, axis=1)
        pi = np.exp(logits - logits.max(axis=1, keepdims=True))
        chosen = (u[:, None] * pi.sum(axis=1, keepdims=True) >= np.cumsum(pi, axis=1)[:, :-1]).sum(axis=1)
        mu, logvar = (np.take_along_axis(a, chosen[:, None], axis=1)[:, 0] for a in (mu, logvar))
        return mu + np.exp(0.5 * logvar) * eps

    def split(self, output):
        """output (batch, n · 3 K) -> logits, mu, logvar (batch · n, K), views:
        one row for each feature of each example.
        """
        rows, K = output.reshape(-1, 3 * self.K), self.K
        return rows[:, :K], rows[:, K : 2 * K], rows[:, 2 * K :]
