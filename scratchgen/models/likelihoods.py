"""What a decoder's output means: the distribution p(x|z) of the data, given the latent variable.

Bernoulli    output = logits (batch, data_dim)                        for pixels that are black or white, or grey as a mixture
Gaussian     output = [mu | logvar] (batch, 2 · data_dim)             for real numbers
"""

from scratchgen.layers.sigmoid import sigmoid
from scratchgen.losses import bernoulli_log_likelihood, bernoulli_nll, gaussian_log_likelihood, gaussian_nll
from scratchgen.ops import join_columns


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


LIKELIHOODS = {"bernoulli": Bernoulli, "gaussian": Gaussian}
