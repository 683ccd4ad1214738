"""Denoising diffusion (Ho et al. 2020): data drowned in noise step by step,
and a network that learns to take the noise out again.

Forward, nothing is learned. At time t = 1 … T the data x₀ has shrunk, and noise fills the room; ᾱ_t is how
much is left of its variance:

    x_t = √ᾱ_t x₀ + √(1 − ᾱ_t) ε                  ε ~ N(0, I)
    √ᾱ_t = cos φ_t,  √(1 − ᾱ_t) = sin φ_t         tan φ_t = 0.005 · 12000^(t/T)

so that the ratio of noise to data grows by the same factor from one t to the next, until it is 60 (Kingma et
al. 2021: only the ends of a schedule matter for the bound, if its steps are fine everywhere). From t − 1 to
t, x shrinks by √α_t, α_t = ᾱ_t / ᾱ_(t−1), and noise of variance β_t = 1 − α_t is added.
Backward, from t to t − 1, one would have to know x₀: then x_(t−1) is Gaussian, with a mean between x₀ and x_t
and variance β̃_t = β_t (1 − ᾱ_(t−1)) / (1 − ᾱ_t). The network guesses the noise, ε̂ = net(x_t, t), and with
it x₀. The bound on log p(x) that follows is a sum over all steps, one KL each:

    −log p(x₀)  ≤  KL(q(x_T|x₀) ‖ N(0, I))  +  ½ D log(2π β_1)  +  Σ_t w_t E‖ε − ε̂‖²
    w_t = β_t² / (2 σ_t² α_t (1 − ᾱ_t)),  σ_t² = β̃_t,  σ_1² = β_1

because the means of the two Gaussians of a step differ by β_t (ε − ε̂) / √(α_t (1 − ᾱ_t)); at t = 1 there is
−log p(x₀|x₁) instead. Training leaves out the weights, and draws one t for each example (equation 14 of the
paper, with the ½ of a squared error):

    loss     = (1 / batch) Σ_n ½ ‖ε_n − net(x_nt, t_n)‖²
    dnet     = (ε̂ − ε) / batch   the rest is the network's own backward; x_t is no function of the parameters

Sampling starts from x_T ~ N(0, I). Each step guesses x̂₀ and goes part of the way to it, with fresh noise σ;
steps may be skipped (Song et al. 2021):

    x̂₀ = (x_t − √(1 − ᾱ_t) ε̂) / √ᾱ_t
    x_s = √ᾱ_s x̂₀ + √(1 − ᾱ_s − σ²) ε̂ + σ noise          s < t
    σ² = eta² · (1 − ᾱ_s) / (1 − ᾱ_t) · (1 − ᾱ_t / ᾱ_s)
         eta = 1: ancestral, β̃_t;  eta = 0: deterministic (DDIM)

Where the modes of the data are narrow, ε̂ turns around within the width of one, and an MLP learns that late:
it is given waves of x as well (layers/fourier_features.py). Of 25 modes whose standard deviation is a 57th of
the data's, 99 % of the samples are within 3 standard deviations then; without, 62 % in three times the steps.
The sampler itself makes modes narrower than they are, as the last step adds no noise and the others are not
infinitely many: a perfect network's have 0.84 times the variance there with 100 steps, 0.90 with 400. Of a
plane's Gaussian 98.9 % are within 3 standard deviations, of those samples 99.5 %.
"""

import math

import numpy as np

from scratchgen.errors import integer, integers, number
from scratchgen.losses import squared_error
from scratchgen.models.model import Model, grey_pictures
from scratchgen.models.noise_to_data import check_draws, draw_path, network, unscale, with_time
from scratchgen.ops import Stream, array, as_generator, join_columns, op, to_host

LOW, HIGH = math.log(0.005), math.log(60.0)  # of tan φ: noise that no eye sees, noise that hides the data


@op
def draw_times(u, T):  # t / T, t uniform in 1 … T, from u uniform in [0, 1):  (batch, 1) -> (batch, 1)
    return (np.floor(u * T) + 1) / T


@op
def diffuse(x, eps, time, center, scale):
    """x_t of each example:  x, eps (batch, D), time = t / T (batch, 1) -> (batch, D).

    x₀ = (x − center) / scale.
    """
    ratio = np.exp(LOW + (HIGH - LOW) * time)  # tan φ
    cos = 1 / np.sqrt(1 + ratio**2)
    return cos * ((x - center) / scale + ratio * eps)


@op
def step_back(x, eps_hat, noise, cos_t, sin_t, cos_s, sin_s, sigma):
    """x_t -> x_s.  cos = √ᾱ, sin = √(1 − ᾱ);  x, eps_hat, noise (batch, D) -> (batch, D)."""
    x0 = (x - sin_t * eps_hat) / cos_t
    return cos_s * x0 + (sin_s**2 - sigma**2) ** 0.5 * eps_hat + sigma * noise


@op
def missed_noise(eps, eps_hat):  # ‖ε − ε̂‖² of each example:  (batch, D), (batch, D) -> (batch,)
    return np.sum((eps - eps_hat) ** 2, axis=1)


class Diffusion(Model):
    """Denoising diffusion model of real numbers: an MLP that predicts the noise.

    data_dim: features of x.
    hidden: sizes of the network's hidden layers.
    n_steps: T, the steps from data to noise.
    sample_steps: how many of them are taken from noise to data, the others skipped; None is all.
    eta: noise in sampling: 1 is ancestral, 0 deterministic (DDIM).
    activation: of the hidden layers.
    time_features: numbers by which the network is told the time.
    waves: sines, and as many cosines, by which it is told each number of x,
        for detail much finer than the data's spread.
    center: subtracted from the data.
    scale: the data is divided by it, to be about as large as the noise.
    rng: seed or Generator.
    """

    examples = {
        "Diffusion": dict(hidden=(4,), n_steps=10, time_features=4, waves=2, activation="tanh", scale=2.0)
    }

    def __init__(
        self,
        data_dim,
        hidden=(256, 256, 256),
        n_steps=1000,
        sample_steps=None,
        eta=1.0,
        activation="relu",
        time_features=32,
        waves=0,
        center=0.0,
        scale=1.0,
        rng=None,
        dtype=np.float32,
    ):
        data_dim, hidden = integer("data_dim", data_dim, 1), integers("hidden", hidden, 1)
        n_steps = integer("n_steps", n_steps, 2)
        sample_steps = None if sample_steps is None else integer("sample_steps", sample_steps, 1, n_steps)
        valid = lambda eta: 0 <= eta <= 1
        number("eta", eta, valid, "lie between 0, no noise, and 1, the noise of every step")
        waves, time_features = integer("waves", waves, 0), integer("time_features", time_features, 2)
        number("center", center, math.isfinite, "be finite")
        number("scale", scale, lambda scale: 0 < scale < math.inf, "be positive")
        rng = as_generator(rng)
        self.config = dict(
            data_dim=data_dim, hidden=hidden, n_steps=n_steps, sample_steps=sample_steps, eta=float(eta),
            activation=activation, time_features=time_features, waves=waves,
            center=float(center), scale=float(scale),
        )  # fmt: skip
        self.data_dim, self.n_steps = data_dim, n_steps
        self.sample_steps, self.eta = sample_steps or n_steps, float(eta)
        self.center, self.scale = float(center), float(scale)
        self.net = network(data_dim, hidden, activation, time_features, waves, rng, dtype)
        self.stream = Stream(rng)  # of times and noise
        self.set_parts(net=self.net)

    def loss(self, x, t=None, eps=None):
        """½ ‖ε − ε̂‖², mean over the batch -> loss, {"loss"}; adds to the network's gradients.

        x (batch, data_dim); t (batch,): times from 1 to n_steps, and eps (batch, data_dim): the noise,
        instead of the model's own stream.
        """
        check_draws("Diffusion.loss", x, t, eps, 1, self.n_steps)
        time = self._times(x.shape[0]) if t is None else self._time(t)
        eps = self.stream.normal(tuple(x.shape), self.dtype) if eps is None else eps
        eps_hat, cache = self.net.forward(join_columns(diffuse(x, eps, time, self.center, self.scale), time))
        loss, deps_hat = squared_error(eps_hat, eps)
        self.net.backward(deps_hat, cache, wrt="params")
        return loss, {"loss": loss}

    def predict_noise(self, x_t, t):
        """ε̂ for x_t (batch, data_dim) -> (batch, data_dim).

        t: the time of all, a number, or one for each, (batch,).
        """
        if np.ndim(t):
            check_draws("Diffusion.predict_noise", x_t, t, None, 1, self.n_steps)
            return self.net(join_columns(x_t, self._time(t)))
        number("t", t, lambda t: 1 <= t <= self.n_steps, f"be from 1 to {self.n_steps}")
        return self.net(with_time(x_t, t / self.n_steps))

    def sample(self, n, rng=None):
        """n draws -> (n, data_dim). rng: seed, Generator, or None for the model's own stream."""
        return self.path(n, rng)[-1]

    def path(self, n, rng=None, keep=1):
        """n draws on their way from noise to data: list of arrays (n, data_dim),
        the last of which are the samples.

        keep: how many, evenly spread over the steps; of fewer steps, all.
        """
        stream, shape = self.stream if rng is None else Stream(rng), (integer("n", n, 0), self.data_dim)
        times = np.linspace(self.n_steps, 0, self.sample_steps + 1).round().astype(int).tolist()
        kept = {round(i) for i in np.linspace(self.sample_steps, 0, integer("keep", keep, 1))}
        x, states = stream.normal(shape, self.dtype), []
        for i, (t, s) in enumerate(zip(times[:-1], times[1:], strict=True)):
            if i in kept:
                states.append(unscale(x, self.center, self.scale))
            sigma = self.eta * self._sigma(t, s)
            noise = stream.normal(shape, self.dtype) if sigma else x  # times 0
            x = step_back(x, self.predict_noise(x, t), noise, *self._cos_sin(t), *self._cos_sin(s), sigma)
        return [*states, unscale(x, self.center, self.scale)]

    def elbo(self, x, n_times=None, rng=None):
        """The lower bound on log p(x) of each example, in nats: x (n, data_dim) -> (n,).

        n_times: how many of the T terms of the sum are computed, one drawn for each example from each of so
        many equal stretches of time; None: all. It is the bound for p with the variances β̃_t, those of
        eta = 1 and every step.
        """
        T, stream, n = self.n_steps, self.stream if rng is None else Stream(rng), x.shape[0]
        n_times = T if n_times is None else min(integer("n_times", n_times, 1), T)
        cos_T, sin_T = self._cos_sin(T)
        x0 = (to_host(x).astype(np.float64) - self.center) / self.scale
        kl = 0.5 * np.sum((cos_T * x0) ** 2 + sin_T**2 - 2 * math.log(sin_T) - 1, axis=1)
        at_1 = 0.5 * self.data_dim * math.log(2 * math.pi * self._cos_sin(1)[1] ** 2)  # ½ D log(2π β_1)
        elbo = -kl - at_1 - self.data_dim * math.log(self.scale)
        w = np.array([self._weight(t) for t in range(1, T + 1)])
        edges = np.linspace(0, T, n_times + 1).round().astype(int).tolist()
        for low, high in zip(edges[:-1], edges[1:], strict=True):
            t = low + 1 + (to_host(stream.uniform((n,), np.float64)) * (high - low)).astype(int)  # (n,)
            eps = stream.normal((n, self.data_dim), self.dtype)
            x_t = diffuse(x, eps, self._time(t), self.center, self.scale)
            error = to_host(missed_noise(eps, self.predict_noise(x_t, t)))
            elbo -= (high - low) * w[t - 1] * error  # one term stands for high − low of them
        return elbo

    def likelihoods(self, x, y=None, rng=None, n_samples=0):
        """{"elbo"} of each example of x (n, data_dim), in nats: (n,), from n_samples of the steps, or 10.

        Empty for pictures: where many pixels are exactly 0, a density has no upper bound, and says nothing.
        """
        return {} if grey_pictures(x) else {"elbo": self.elbo(x, n_samples or 10, rng)}

    def pictures(self, x, plots, folder):
        """path.png: from noise to data."""
        draw_path(self, x, plots, folder)

    @classmethod
    def suited_to(cls, x):
        """Pictures from −1 to 1, drawn in 50 of the 1000 steps;
        points with variance 1 over all features together, in 100 steps, and as waves.

        A learning rate that falls to nothing.
        On each of ten seeds, all modes of ring and grid: docs/numbers.md.
        """
        if grey_pictures(x):
            network = {"hidden": (512, 512, 512), "center": 0.5, "scale": 0.5}
            return network | {"sample_steps": 50, "schedule": "cosine", "steps": 15_000}
        size = {"center": round(float(x.mean()), 3), "scale": round(float(x.std()), 3) or 1.0}
        network = {"hidden": (128, 128, 128), "waves": 6 if x.shape[1] <= 16 else 0, "n_steps": 100}
        return network | size | {"batch_size": 256, "lr": 3e-3, "schedule": "cosine", "steps": 8_000}

    def _time(self, t):
        """t / T as the network's column:  (batch,) -> (batch, 1)."""
        return array(np.reshape(to_host(t), (-1, 1)) / self.n_steps, self.dtype)

    def _times(self, n):
        return draw_times(self.stream.uniform((n, 1), self.dtype), self.n_steps)

    def _cos_sin(self, t):
        """√ᾱ_t, √(1 − ᾱ_t); at t = 0 there is no noise."""
        phi = math.atan(math.exp(LOW + (HIGH - LOW) * t / self.n_steps)) if t else 0.0
        return math.cos(phi), math.sin(phi)

    def _sigma(self, t, s):
        """√β̃ of the step from t to s."""
        (cos_t, sin_t), (cos_s, sin_s) = self._cos_sin(t), self._cos_sin(s)
        return sin_s / sin_t * math.sqrt(1 - (cos_t / cos_s) ** 2)

    def _weight(self, t):
        """w_t of the bound."""
        (cos_t, sin_t), (cos_s, _) = self._cos_sin(t), self._cos_sin(t - 1)
        alpha = (cos_t / cos_s) ** 2
        beta = 1 - alpha
        variance = beta if t == 1 else self._sigma(t, t - 1) ** 2
        return beta**2 / (2 * variance * alpha * sin_t**2)
