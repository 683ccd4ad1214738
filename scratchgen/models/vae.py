"""The variational autoencoder (Kingma & Welling 2013; Rezende et al. 2014).

The model:  a latent z ~ N(0, I), from which a network, the decoder, computes the distribution p(x|z) of the data. Its likelihood
p(x) = ∫ p(x|z) p(z) dz cannot be computed; but for any distribution q(z|x) it has a lower bound, the evidence lower bound,

    log p(x)  ≥  ELBO = E_q[log p(x|z)] − KL(q(z|x) ‖ p(z))

A second network, the encoder, computes q(z|x) = N(μ, σ²) from x. Both are trained together, to minimise −ELBO:

    [μ | logvar] = encoder(x)
    z            = μ + σ ∘ ε                       ε ~ N(0, I), σ = e^(½ logvar)
    output       = decoder(z)
    loss         = nll(x, output) + KL(μ, logvar)  sum over features and latents, mean over the batch

Backward is the same list from bottom to top. μ and logvar reach the loss on two paths, through z and through the KL, so their
gradients are sums of two terms:

    dz      = decoder.backward(∂nll/∂output)
    dμ      = dz            + ∂KL/∂μ                       ∂z/∂μ = 1
    dlogvar = ½ dz ∘ σ ∘ ε  + ∂KL/∂logvar                  ∂z/∂logvar = ½ σ ∘ ε
    encoder.backward([dμ | dlogvar])
"""

import numpy as np

from scratchgen.errors import integer, integers, one_of
from scratchgen.layers import Reparameterize, mlp
from scratchgen.losses import gaussian_kl, gaussian_kl_rows
from scratchgen.models.likelihoods import LIKELIHOODS, split
from scratchgen.models.model import Model, check_unit_interval, grey_pictures, is_square
from scratchgen.ops import Stream, add, array, as_generator, join_sums, op, to_host


@op
def log_weight(log_px, z, eps, logvar):
    """log p(x|z) p(z) / q(z|x) of each example: (batch,), (batch, n) × 3 -> (batch,).  With z = μ + σ ε,

    log p(z) − log q(z|x) = Σ −½ z² + ½ ε² + ½ logvar        (the two ½ log 2π cancel)
    """
    return log_px + 0.5 * np.sum(eps**2 - z**2 + logvar, axis=1)


class VAE(Model):
    """Variational autoencoder with MLP encoder and decoder.

    data_dim: features of x.
    latent_dim: features of the latent variable z.
    hidden: sizes of the encoder's hidden layers; the decoder has them in reverse.
    activation: of the hidden layers.
    likelihood: of the data, given z: "bernoulli", for x in [0, 1], or "gaussian".
    rng: seed or Generator.
    """

    examples = {
        "VAE (Bernoulli)": dict(latent_dim=2, hidden=(4,)),
        "VAE (Gaussian)": dict(latent_dim=2, hidden=(4,), likelihood="gaussian"),
    }

    def __init__(self, data_dim, latent_dim=20, hidden=(500,), activation="tanh", likelihood="bernoulli", rng=None, dtype=np.float32):
        data_dim, latent_dim, hidden = integer("data_dim", data_dim, 1), integer("latent_dim", latent_dim, 1), integers("hidden", hidden, 1)
        one_of("likelihood", likelihood, LIKELIHOODS)
        rng = as_generator(rng)
        self.config = dict(data_dim=data_dim, latent_dim=latent_dim, hidden=hidden, activation=activation, likelihood=likelihood)
        self.data_dim, self.latent_dim = data_dim, latent_dim
        self.likelihood = LIKELIHOODS[likelihood]()
        self.encoder = mlp((data_dim, *hidden, 2 * latent_dim), activation, rng=rng, dtype=dtype)
        self.decoder = mlp((latent_dim, *hidden[::-1], self.likelihood.outputs_per_feature * data_dim), activation, rng=rng, dtype=dtype)
        self.reparameterize = Reparameterize(rng=rng)
        self.set_parts(encoder=self.encoder, decoder=self.decoder, reparameterize=self.reparameterize)

    def loss(self, x, eps=None):
        """-ELBO of a minibatch, in nats per example -> loss, {"loss", "nll", "kl"}; adds to the gradients of encoder and decoder.

        x (batch, data_dim); eps (batch, latent_dim): the noise, instead of the model's own stream.
        """
        h, encoder_cache = self.encoder.forward(x)
        mu, logvar = split(h)
        z, sample_cache = self.reparameterize.forward(mu, logvar, eps=eps)  # (batch, latent_dim)
        output, decoder_cache = self.decoder.forward(z)
        nll, doutput = self.likelihood.nll(x, output)
        kl, dmu_kl, dlogvar_kl = gaussian_kl(mu, logvar)

        dz = self.decoder.backward(doutput, decoder_cache)
        dmu_z, dlogvar_z = self.reparameterize.backward(dz, sample_cache)
        dh = join_sums(dmu_z, dmu_kl, dlogvar_z, dlogvar_kl)  # [dmu_z + dmu_kl | dlogvar_z + dlogvar_kl]
        self.encoder.backward(dh, encoder_cache, wrt="params")
        loss = add(nll, kl)
        return loss, {"loss": loss, "nll": nll, "kl": kl}

    def encode(self, x):
        """x (batch, data_dim) -> mu, logvar (batch, latent_dim) of q(z|x)."""
        return split(self.encoder(x))

    def decode(self, z):
        """z (batch, latent_dim) -> E[x|z] (batch, data_dim)."""
        return self.likelihood.mean(self.decoder(z))

    def reconstruct(self, x):
        """E[x|z] at z = mu(x):  (batch, data_dim) -> (batch, data_dim)."""
        return self.decode(self.encode(x)[0])

    def sample(self, n, y=None, rng=None):
        """E[x|z] for n draws of z from the prior -> (n, data_dim). rng: seed, Generator, or None for the model's own stream."""
        return self.decode(self._stream(rng).normal((integer("n", n, 0), self.latent_dim), self.dtype))

    def elbo(self, x, rng=None):
        """The lower bound on log p(x) of each example, in nats: x (n, data_dim) -> (n,). One noise sample, closed-form KL."""
        stream, elbo = self._stream(rng), []
        for rows in _chunks(x):
            mu, logvar = self.encode(rows)
            z, _ = self.reparameterize.forward(mu, logvar, eps=stream.normal(mu.shape, mu.dtype))
            elbo.append(to_host(self.likelihood.log_likelihood(rows, self.decoder(z))) - to_host(gaussian_kl_rows(mu, logvar)))
        return np.concatenate(elbo)

    def log_likelihood(self, x, n_samples=100, rng=None):
        """log p(x) of each example, estimated by importance sampling (Burda et al. 2015): x (n, data_dim) -> (n,), in nats.

        log (1/S) Σ_s p(x|z_s) p(z_s) / q(z_s|x),  z_s ~ q(z|x). A lower bound in expectation; tight as n_samples grows.
        """
        integer("n_samples", n_samples, 1)
        stream, result = self._stream(rng), []
        for rows in _chunks(x):
            mu, logvar = self.encode(rows)
            total = np.full(rows.shape[0], -np.inf)  # log Σ_s w_s so far
            for _ in range(n_samples):
                eps = stream.normal(mu.shape, mu.dtype)
                z, _ = self.reparameterize.forward(mu, logvar, eps=eps)
                log_px = self.likelihood.log_likelihood(rows, self.decoder(z))
                total = np.logaddexp(total, to_host(log_weight(log_px, z, eps, logvar)))
            result.append(total - np.log(n_samples))
        return np.concatenate(result)

    def check_range(self, name, x):
        """A Bernoulli likelihood needs data in [0, 1]."""
        if self.config["likelihood"] == "bernoulli":
            check_unit_interval(name, x, "a Bernoulli likelihood (for real numbers use likelihood='gaussian')")

    def likelihoods(self, x, y=None, rng=None, n_samples=0):
        """{"elbo", and with n_samples "log_likelihood"} of each example of x (n, data_dim), in nats: (n,)."""
        found = {"elbo": self.elbo(x, rng)}
        return found | {"log_likelihood": self.log_likelihood(x, n_samples, rng)} if n_samples else found

    def pictures(self, x, plots, folder):
        """reconstructions.png; with a latent space of two dimensions manifold.png, for pictures."""
        if not is_square(self.data_dim):
            return
        shown = x[:: max(1, len(x) // 24)][:24]
        plots.reconstructions(shown, to_host(self.reconstruct(array(shown))).clip(0, 1), folder / "reconstructions.png")
        if self.latent_dim == 2:
            plots.latent_manifold(lambda z: to_host(self.decode(array(np.asarray(z, self.dtype)))).clip(0, 1), folder / "manifold.png")

    @classmethod
    def suited_to(cls, x):
        """The paper's network for pictures; two latent variables and a Gaussian for points."""
        if grey_pictures(x):
            return {"hidden": (500,), "latent_dim": 20, "binarize": "fresh", "steps": 8_000}
        return {"hidden": (128, 128), "latent_dim": 2, "likelihood": "gaussian", "steps": 4_000}

    def _stream(self, rng):
        return self.reparameterize.stream if rng is None else Stream(rng)


def _chunks(x, rows=1000):
    """x in pieces of at most that many rows: memory stays bounded however many examples are evaluated."""
    return (x[start : start + rows] for start in range(0, max(1, x.shape[0]), rows))
