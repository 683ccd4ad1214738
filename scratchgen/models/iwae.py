"""The importance weighted autoencoder (Burda et al. 2016): the same networks as a VAE's, a tighter bound.

Draw S samples z_1 … z_S ~ q(z|x). Each has a weight, w_s = p(x|z_s) p(z_s) / q(z_s|x), whose mean over q is
p(x). So the log of their average is below log p(x) in the mean, by Jensen's inequality, and the closer the
more there are; with S = 1 it is the ELBO:

    loss = −(1 / batch) Σ_n log (1/S) Σ_s w_ns
    ∂loss/∂log w_s = −w̃_s / batch             w̃_s = w_s / Σ_k w_k, the normalised weights: softmax of log w

An example's samples are not equal any more: those that explain x well have the say. Now log w as a function
of what the networks compute, with z = μ + σ ∘ ε (the two ½ log 2π cancel):

    log w = log p(x|z) + Σ [−½ z² + ½ ε² + ½ logvar]

    doutput = −(w̃ / batch) ∂ log p(x|z)/∂output        dz = decoder.backward(doutput)
    dz     += (w̃ / batch) z                            from −½ z²
    dμ      = Σ_s dz_s
    dlogvar = Σ_s ½ dz_s ∘ σ ∘ ε_s  −  ½ / batch       the last from ½ logvar, for Σ_s w̃_s = 1

"dreg", the doubly reparameterized gradient (Tucker et al. 2019). The more samples, the worse is what the
encoder gets above: its mean falls faster than its noise (Rainforth et al. 2018). In terms of log q, where μ
and σ stand in z and beside it,

    d log w = ∂ log w/∂z · dz − ∂ log q(z|x)/∂(μ, σ) · d(μ, σ)        ∂ log w/∂z = ∂ log p(x|z)/∂z − z + ε / σ

The second term is a score function: it does not know how log w depends on z. The reparameterization trick,
used once more, turns its mean into that of a gradient through z, which takes the part w̃ − w̃² from the first
term's w̃. What remains is

    dz      = −(w̃² / batch) ∂ log w/∂z            = w̃ ∘ (the decoder's dz) + (w̃² / batch) (z − ε / σ)
    dμ      = Σ_s dz_s
    dlogvar = Σ_s ½ dz_s ∘ σ ∘ ε_s

Same mean, less noise; none at all where q(z|x) is the true posterior, because there w does not depend on z.
It is the loss's gradient in the mean only, not for given noise. The decoder's gradient is the standard one.
"""

import numpy as np

from scratchgen.errors import integer, one_of
from scratchgen.models.model import NATS
from scratchgen.models.vae import VAE
from scratchgen.ops import add, copy_of, join_columns, op


@op
def importance_weights(log_w):
    """-> log (1/S) Σ_s w_s of each example (batch,), w̃ (S, batch).

    log_w (S, batch): sample s of example n.
    """
    largest = log_w.max(axis=0)  # with it taken out, nothing overflows
    w = np.exp(log_w - largest)
    total = np.sum(w, axis=0)
    return largest + np.log(total / log_w.shape[0]), w / total


@op
def minus_mean(a):  # (batch,) -> a scalar
    return -np.sum(a, dtype=np.float64) / a.shape[0]


@op
def weigh_rows(a, w, scale):  # scale · w_n a_n of each row:  (rows, n), (rows,) -> (rows, n)
    return scale * w[:, None] * a


@op
def standard_backward(dz, w, z, logvar, eps, batch):
    """-> dz, and what reaches logvar past z: both (rows, n).

    dz from the decoder, z, logvar, eps (rows, n); w (rows,) normalised.
    """
    w = w[:, None] / batch
    return dz + w * z, np.zeros_like(z) - 0.5 * w


@op
def doubly_reparameterized(dz, w, z, logvar, eps, batch):
    """The same of "dreg": nothing reaches logvar past z."""
    w = w[:, None]
    return w * dz + w**2 / batch * (z - eps * np.exp(-0.5 * logvar)), np.zeros_like(z)


@op
def repeat(row, n):  # (1, k) -> (n, k)
    return np.full((n, 1), 0, dtype=row.dtype, like=row) + row


@op
def sum_rows(a):  # (n, k) -> (k,)
    return np.sum(a, axis=0)


def copies(a, n):
    """a (batch, k) n times, one above the other -> (n · batch, k)."""
    batch, k = a.shape
    return repeat(copy_of(a).reshape(1, batch * k), n).reshape(n * batch, k)


def sum_of_copies(a, n):
    """(n · batch, k) -> (batch, k), the way back through `copies`."""
    batch, k = a.shape[0] // n, a.shape[1]
    return sum_rows(a.reshape(n, batch * k)).reshape(batch, k)


ESTIMATORS = {"standard": standard_backward, "dreg": doubly_reparameterized}


class IWAE(VAE):
    """Importance weighted autoencoder: a VAE trained on a tighter bound.

    data_dim: features of x.
    latent_dim: features of the latent variable z.
    hidden: sizes of the encoder's hidden layers; the decoder has them in reverse.
    activation: of the hidden layers.
    likelihood: of the data, given z: "bernoulli", for x in [0, 1], "gaussian", or "gaussian_fixed",
        of the variance below.
    variance: of the data around the decoder's output, with "gaussian_fixed"; "gaussian" learns it.
    n_samples: of z for each example, S.
    estimator: of the encoder's gradient, "standard" or "dreg", doubly reparameterized.
    marginals: whether fit starts the output biases of a Bernoulli decoder at the data's marginals,
        and not at 0 (marginals.py).
    rng: seed or Generator.
    """

    units = VAE.units | {"iwae": NATS}
    examples = {  # "dreg" is no gradient of the loss for given noise
        "IWAE (Bernoulli)": dict(latent_dim=2, hidden=(4,), n_samples=3),
        "IWAE (Gaussian)": dict(latent_dim=2, hidden=(4,), n_samples=2, likelihood="gaussian"),
    }

    def __init__(
        self,
        data_dim,
        latent_dim=20,
        hidden=(500,),
        activation="tanh",
        likelihood="bernoulli",
        variance=1.0,
        n_samples=5,
        estimator="standard",
        marginals=False,
        rng=None,
        dtype=np.float32,
    ):
        self.n_samples = integer("n_samples", n_samples, 1)
        self.estimator = ESTIMATORS[one_of("estimator", estimator, ESTIMATORS)]
        super().__init__(
            data_dim, latent_dim, hidden, activation, likelihood, variance,
            marginals=marginals, rng=rng, dtype=dtype,
        )  # fmt: skip
        names = ("data_dim", "latent_dim", "hidden", "activation", "likelihood", "variance", "marginals")
        own = {name: self.config[name] for name in names}
        self.config = own | dict(n_samples=self.n_samples, estimator=estimator)

    def loss(self, x, eps=None):
        """−log (1/S) Σ_s w_s of a minibatch, in nats per example -> loss, {"loss"};
        adds to the gradients of encoder and decoder.

        x (batch, data_dim); eps (n_samples, batch, latent_dim): the noise, instead of the model's own stream.
        """
        S, batch = self.n_samples, x.shape[0]
        if eps is not None:
            if tuple(eps.shape) != (S, batch, self.latent_dim):
                raise ValueError(
                    f"eps has shape {tuple(eps.shape)}; "
                    f"IWAE.loss needs ({S}, {batch}, {self.latent_dim}), noise for each sample"
                )
            eps = eps.reshape(S * batch, self.latent_dim)
        h, encoder_cache = self.encoder.forward(x)
        xs = copies(x, S)  # (S · batch, data_dim), and so is all that follows
        z, drawn = self.posterior.forward(copies(h, S), eps)
        output, decoder_cache = self.decoder.forward(z)
        log_w = self.posterior.log_weight(self.likelihood.log_likelihood(xs, output), drawn)
        bound, w = importance_weights(log_w.reshape(S, batch))
        loss = minus_mean(bound)

        w = w.reshape(S * batch)
        _, doutput = self.likelihood.nll(xs, output)  # −∂ log p(x|z)/∂output / (S · batch)
        dz = self.decoder.backward(weigh_rows(doutput, w, S), decoder_cache)
        dz, dlogvar = self.estimator(dz, w, z, drawn.logvar, drawn.cache.eps, batch)
        dmu, dlogvar_z = self.posterior.reparameterize.backward(dz, drawn.cache)
        dh = sum_of_copies(join_columns(dmu, add(dlogvar_z, dlogvar)), S)  # (batch, 2 · latent_dim)
        self.encoder.backward(dh, encoder_cache, wrt="params")
        return loss, {"loss": loss}

    def likelihoods(self, x, y=None, rng=None, n_samples=0):
        """{"iwae", the bound that is trained; and with n_samples "log_likelihood"}
        of each example of x (n, data_dim), in nats: (n,).
        """
        found = {"iwae": self.log_likelihood(x, self.n_samples, rng)}
        return found | {"log_likelihood": self.log_likelihood(x, n_samples, rng)} if n_samples else found
