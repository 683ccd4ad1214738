"""The variational autoencoder (Kingma & Welling 2013; Rezende et al. 2014).

The model:  a latent z ~ N(0, I), from which a network, the decoder, computes the distribution p(x|z) of the
data. Its likelihood p(x) = ∫ p(x|z) p(z) dz cannot be computed; but for any distribution q(z|x) it has a
lower bound, the evidence lower bound,

    log p(x)  ≥  ELBO = E_q[log p(x|z)] − KL(q(z|x) ‖ p(z))

A second network, the encoder, computes q(z|x) = N(μ, σ²) from x. Both are trained together,
to minimise −ELBO:

    h = [μ | logvar] = encoder(x)
    z                = μ + σ ∘ ε                       ε ~ N(0, I), σ = e^(½ logvar)
    output           = decoder(z)
    loss             = nll(x, output) + β KL(μ, logvar)
                       sum over features and latents, mean over the batch; β = 1

Backward is the same list from bottom to top. μ and logvar reach the loss on two paths, through z and through
the KL, so their gradients are sums of two terms, dh = dh_z + dh_kl:

    dz      = decoder.backward(∂nll/∂output)
    dμ      = dz            + β ∂KL/∂μ                 ∂z/∂μ = 1
    dlogvar = ½ dz ∘ σ ∘ ε  + β ∂KL/∂logvar            ∂z/∂logvar = ½ σ ∘ ε
    encoder.backward([dμ | dlogvar])

With β > 1 the loss is a looser bound, and z is pressed to be more like the prior, its dimensions independent
(Higgins et al. 2017). Other distributions than N(μ, σ²) stand in posteriors.py, those of the data in
likelihoods.py. A conditional VAE (Kingma et al. 2014; Sohn et al. 2015) is told a label y, and is a model of
p(x|y): its encoder gets [x | onehot(y)], its decoder [z | onehot(y)], of whose gradient only the columns of z
are wanted.
"""

import math

import numpy as np

from scratchgen.errors import flag, integer, integers, number, one_of
from scratchgen.layers import mlp
from scratchgen.losses import gaussian_kl_rows
from scratchgen.models.given import Labels
from scratchgen.models.latent_pictures import draw_latent
from scratchgen.models.likelihoods import LIKELIHOODS, split
from scratchgen.models.marginals import start_at_marginals
from scratchgen.models.model import NATS, Model, check_unit_interval, grey_pictures, is_square
from scratchgen.models.posteriors import POSTERIORS
from scratchgen.ops import Stream, add, array, as_generator, op, to_host


@op
def weighted_sum(a, b, weight):  # a + weight b
    return a + weight * b


class VAE(Model):
    """Variational autoencoder with MLP encoder and decoder.

    data_dim: features of x.
    latent_dim: features of the latent variable z.
    hidden: sizes of the encoder's hidden layers; the decoder has them in reverse.
    activation: of the hidden layers.
    likelihood: of the data, given z: "bernoulli", for x in [0, 1], "gaussian", or "gaussian_fixed",
        of the variance below.
    variance: of the data around the decoder's output, with "gaussian_fixed"; "gaussian" learns it.
    posterior: q(z|x): "gaussian", or "iaf", bent by an inverse autoregressive flow.
    beta: what the KL weighs in the loss.
    n_classes: number of classes, for a conditional VAE, which is given labels; none: no labels.
    marginals: whether fit starts the output biases of a Bernoulli decoder at the data's marginals,
        and not at 0 (marginals.py).
    rng: seed or Generator.
    """

    units = Model.units | {"loss": NATS}
    followed = ("beta",)  # it may be annealed: ops/recording.py

    examples = {
        name: dict(latent_dim=2, hidden=(4,)) | options
        for name, options in {
            "VAE (Bernoulli)": {},
            "VAE (Gaussian)": dict(likelihood="gaussian"),
            "VAE (fixed variance)": dict(likelihood="gaussian_fixed", variance=0.3),
            "VAE (beta)": dict(beta=3.0),
            "VAE (conditional)": dict(n_classes=3),
            "VAE (IAF)": dict(posterior="iaf", beta=0.5),
        }.items()
    }

    def __init__(
        self,
        data_dim,
        latent_dim=20,
        hidden=(500,),
        activation="tanh",
        likelihood="bernoulli",
        variance=1.0,
        posterior="gaussian",
        beta=1.0,
        n_classes=None,
        marginals=False,
        rng=None,
        dtype=np.float32,
    ):
        data_dim, latent_dim = integer("data_dim", data_dim, 1), integer("latent_dim", latent_dim, 1)
        hidden = integers("hidden", hidden, 1)
        one_of("likelihood", likelihood, LIKELIHOODS)
        number("variance", variance, lambda variance: 0 < variance < math.inf, "be positive")
        one_of("posterior", posterior, POSTERIORS)
        number("beta", beta, lambda beta: 0 <= beta < math.inf, "be at least 0")
        rng = as_generator(rng)
        self.labels = Labels(n_classes)
        self.n_classes, columns = self.labels.n_classes, self.labels.columns
        self.config = dict(
            data_dim=data_dim, latent_dim=latent_dim, hidden=hidden, activation=activation,
            likelihood=likelihood, variance=float(variance), posterior=posterior, beta=float(beta),
            n_classes=self.n_classes, marginals=flag("marginals", marginals),
        )  # fmt: skip
        self.data_dim, self.latent_dim, self.beta = data_dim, latent_dim, float(beta)
        make_likelihood, make_posterior = LIKELIHOODS[likelihood], POSTERIORS[posterior]
        self.likelihood = make_likelihood(variance) if likelihood == "gaussian_fixed" else make_likelihood()
        n_h = make_posterior.outputs_per_latent * latent_dim
        n_out = self.likelihood.outputs_per_feature * data_dim
        self.encoder = mlp((data_dim + columns, *hidden, n_h), activation, rng=rng, dtype=dtype)
        self.decoder = mlp((latent_dim + columns, *hidden[::-1], n_out), activation, rng=rng, dtype=dtype)
        self.posterior = make_posterior(latent_dim, rng=rng, dtype=dtype)
        self.set_parts(encoder=self.encoder, decoder=self.decoder, **self.posterior.parts)

    def start_from(self, x):
        """Output biases at the marginals of the data x (n, data_dim), for a Bernoulli decoder."""
        if self.config["marginals"] and self.config["likelihood"] == "bernoulli":
            start_at_marginals(self.decoder.layers[-1].params["b"], x)

    def loss(self, x, eps=None, y=None):
        """−ELBO of a minibatch, in nats per example -> loss, {"loss", "nll", "kl"}; adds to all gradients.

        The loss is nll + beta · kl.

        x (batch, data_dim); eps (batch, latent_dim): the noise, instead of the model's own stream;
        y (batch,): labels, with n_classes.
        """
        h, encoder_cache = self.encoder.forward(self.labels.given(x, y))
        z, sample_cache = self.posterior.forward(h, eps)  # z ~ q(z|x)  (batch, latent_dim)
        output, decoder_cache = self.decoder.forward(self.labels.given(z, y))
        nll, doutput = self.likelihood.nll(x, output)
        kl, dh_kl = self.posterior.kl(sample_cache, self.beta)

        dz = self.decoder.backward(doutput, decoder_cache)[:, : self.latent_dim]  # not the labels' columns
        dh_z = self.posterior.backward(dz, sample_cache)
        self.encoder.backward(add(dh_z, dh_kl), encoder_cache, wrt="params")
        loss = weighted_sum(nll, kl, self.beta)
        return loss, {"loss": loss, "nll": nll, "kl": kl}

    def encode(self, x, y=None):
        """x (batch, data_dim) -> mu, logvar (batch, latent_dim) of q(z|x);
        with a flow, of the Gaussian that it bends.
        """
        return split(self.encoder(self.labels.given(x, y))[:, : 2 * self.latent_dim])

    def decode(self, z, y=None):
        """z (batch, latent_dim) -> E[x|z] (batch, data_dim)."""
        return self.likelihood.mean(self.decoder(self.labels.given(z, y)))

    def reconstruct(self, x, y=None):
        """E[x|z] at z = mu(x):  (batch, data_dim) -> (batch, data_dim)."""
        return self.decode(self.posterior.middle(self.encoder(self.labels.given(x, y))), y)

    def sample(self, n, y=None, rng=None):
        """E[x|z] for n draws of z from the prior -> (n, data_dim).

        rng: seed, Generator, or None for the model's own stream.
        y: labels (n,), with n_classes; None is all classes in turn.
        """
        z = self._stream(rng).normal((integer("n", n, 0), self.latent_dim), self.dtype)
        return self.decode(z, self._classes_in_turn(n) if y is None and self.n_classes else y)

    def elbo(self, x, rng=None, y=None):
        """The lower bound on log p(x), or log p(x|y), of each example, in nats: x (n, data_dim) -> (n,).

        One noise sample; β is 1 here.
        """
        stream, elbo = self._stream(rng), []
        for rows, labels in _chunks(x, y):
            output, sample_cache = self._draw(self.encoder(self.labels.given(rows, labels)), labels, stream)
            log_px = self.likelihood.log_likelihood(rows, output)
            elbo.append(to_host(log_px) - to_host(self.posterior.kl_rows(sample_cache)))
        return np.concatenate(elbo)

    def log_likelihood(self, x, n_samples=100, rng=None, y=None):
        """log p(x) of each example, estimated by importance sampling (Burda et al. 2016):
        x (n, data_dim) -> (n,), in nats.

        log (1/S) Σ_s p(x|z_s) p(z_s) / q(z_s|x),  z_s ~ q(z|x).
        A lower bound in expectation; tight as n_samples grows.
        """
        integer("n_samples", n_samples, 1)
        stream, result = self._stream(rng), []
        for rows, labels in _chunks(x, y):
            h = self.encoder(self.labels.given(rows, labels))
            total = np.full(rows.shape[0], -np.inf)  # log Σ_s w_s so far
            for _ in range(n_samples):
                output, sample_cache = self._draw(h, labels, stream)
                log_px = self.likelihood.log_likelihood(rows, output)
                total = np.logaddexp(total, to_host(self.posterior.log_weight(log_px, sample_cache)))
            result.append(total - np.log(n_samples))
        return np.concatenate(result)

    def kl_per_dimension(self, x, y=None):
        """KL(q(z_j|x) ‖ p(z_j)) of each latent variable j, mean over examples x (n, data_dim), in nats
        -> (latent_dim,).

        Raises ValueError where q(z|x) is not Gaussian, so that its dimensions are not independent.
        """
        mu, logvar = self._encoded(x, y)
        # examples take the place of features
        return to_host(gaussian_kl_rows(array(mu.T), array(logvar.T))) / len(mu)

    def active_units(self, x, y=None):
        """Whether a latent variable tells examples x (n, data_dim) apart: Var_x(E_q[z_j]) > 0.01
        -> (latent_dim,) of bool.

        Burda et al. 2016.  Raises ValueError as kl_per_dimension does.
        """
        mu, _ = self._encoded(x, y)
        return np.var(mu, axis=0) > 0.01

    def facts(self, x, y=None):
        """{"active_units", "of_latents", "kl_per_dimension"}, the greatest first;
        nothing where q(z|x) is not Gaussian.
        """
        if not self.posterior.is_gaussian:
            return {}
        kl = np.sort(self.kl_per_dimension(x, y))[::-1]
        return {
            "active_units": int(self.active_units(x, y).sum()),
            "of_latents": self.latent_dim,
            "kl_per_dimension": kl.round(4).tolist(),
        }

    def latent_model(self):
        """(decoder, likelihood, latent_dim); None with labels, which the decoder would have to be told."""
        return None if self.n_classes else (self.decoder, self.likelihood, self.latent_dim)

    def check_range(self, name, x):
        """A Bernoulli likelihood needs data in [0, 1]."""
        if self.config["likelihood"] == "bernoulli":
            check_unit_interval(
                name, x, "a Bernoulli likelihood (for real numbers use likelihood='gaussian')"
            )

    def likelihoods(self, x, y=None, rng=None, n_samples=0):
        """{"elbo", and with n_samples "log_likelihood"} of each example of x (n, data_dim), in nats: (n,)."""
        found = {"elbo": self.elbo(x, rng, y)}
        return found | {"log_likelihood": self.log_likelihood(x, n_samples, rng, y)} if n_samples else found

    def pictures(self, x, plots, folder):
        """reconstructions.png; with a latent space of two dimensions manifold.png;
        with labels classes.png in their place: for pictures.
        """
        if not is_square(self.data_dim):
            return
        if self.n_classes:
            # each row of the picture is one z, each column a class
            z = self._stream(0).normal((12, self.latent_dim), self.dtype)
            columns = [
                to_host(self.decode(z, array(np.full(12, label), np.int64))).clip(0, 1)
                for label in range(self.n_classes)
            ]
            grid = np.stack(columns, axis=1).reshape(-1, self.data_dim)
            plots.sample_grid(grid, folder / "classes.png", columns=self.n_classes)
            return
        draw_latent(self, x, plots, folder)

    @classmethod
    def suited_to(cls, x, y=None):
        """The paper's network for pictures; two latent variables and a Gaussian for points.

        With labels y: few latent variables, and a β that keeps out of z what the label says already.
        """
        if grey_pictures(x) and y is not None:
            networks = {"hidden": (500, 500), "activation": "relu", "latent_dim": 8, "beta": 2.0}
            return networks | {"binarize": "fresh", "lr": 2e-3, "schedule": "cosine", "steps": 8_000}
        if grey_pictures(x):
            return {"hidden": (500,), "latent_dim": 20, "binarize": "fresh", "steps": 8_000}
        return {"hidden": (128, 128), "latent_dim": 2, "likelihood": "gaussian", "steps": 4_000}

    def _stream(self, rng):
        return self.posterior.reparameterize.stream if rng is None else Stream(rng)

    def _draw(self, h, y, stream):
        """One z for each row of h, the encoder's output -> the decoder's output, the posterior's cache."""
        z, sample_cache = self.posterior.forward(h, stream.normal((h.shape[0], self.latent_dim), self.dtype))
        return self.decoder(self.labels.given(z, y)), sample_cache

    def _encoded(self, x, y):
        """mu, logvar (n, latent_dim) of q(z|x), float64, on the host.

        ValueError for a posterior whose dimensions are not independent.
        """
        if not self.posterior.is_gaussian:
            raise ValueError(
                f"posterior is {self.config['posterior']!r}; "
                "statistics of single latent variables need 'gaussian'"
            )
        pieces = [
            [to_host(part).astype(np.float64) for part in self.encode(rows, labels)]
            for rows, labels in _chunks(x, y)
        ]
        return [np.concatenate(parts) for parts in zip(*pieces, strict=True)]


def _chunks(x, y, rows=1000):
    """x and its labels, if there are any, in pieces of at most that many rows:
    memory stays bounded however many examples are evaluated.
    """
    for start in range(0, max(1, x.shape[0]), rows):
        yield x[start : start + rows], None if y is None else y[start : start + rows]
