"""Normalizing flows: a density of real data that is exact,
because every step from data to noise can be undone.

Let z = f(x) be a *bijection*: each z comes from one x. If z has the density N(0, I), then x has

    log p(x) = log N(f(x); 0, I) + log |det ∂f/∂x|

The second term, the *log-determinant*, says by how much f stretches the space around x: where a small volume
becomes a large one, much of the noise's probability falls on it. A chain of bijections is one, and by the
chain rule its log-determinant is a sum:

    z = f_K(… f_2(f_1(x)))             logdet = Σ_k logdet_k

    loss = (1 / batch) Σ_n ½ ‖z_n‖² + ½ D log 2π − logdet_n    the negative log-likelihood; nothing is a bound

A bijection has one gradient more to pass on than a layer, for it has one output more: from dz = dLoss/dz and
dlogdet = dLoss/dlogdet it computes

    z, logdet, cache = bijection.forward(x)                 x, z (batch, D), logdet (batch,)
    dx = bijection.backward(dz, dlogdet, cache)             adds to its gradients
    x = bijection.inverse(z)                                how samples are drawn, from z ~ N(0, I)

In a chain each gets the dz that the one after it has returned, and all get the same dlogdet, since their
log-determinants are added:

    dz = z / batch          dlogdet_n = −1 / batch

The determinant of a D × D matrix costs D³. What makes a flow practical are maps with a triangular Jacobian,
whose determinant is the product of the diagonal. Both flows here, maf.py and real_nvp.py, are *affine*: each
feature is shifted and scaled by numbers that a network computes from other features, and the two differ in
who may see whom.

    z_d = (x_d − μ_d) / σ_d            ∂z_d/∂x_d = 1 / σ_d              logdet = −Σ_d log σ_d
    log σ_d = B tanh(a_d / B)          B = 3: no scale is beyond e^±B, however large the network's output a_d

The network's output is h = [μ | a]. With s = log σ, and x on three paths to the loss, of which the third goes
through the network:

    dx = dz / σ                            the direct path, ∂z/∂x = 1 / σ
    dμ = −dz / σ                           ∂z/∂μ = −1 / σ
    ds = −dz ∘ z − dlogdet                 ∂z/∂s = −(x − μ) e^(−s) = −z,   ∂logdet/∂s = −1
    da = ds ∘ (1 − tanh²(a / B))
    dx = dx + network.backward([dμ | da])
"""

import numpy as np

from scratchgen.errors import integer, number
from scratchgen.layers.module import Module
from scratchgen.losses.gaussian import LOG_2PI
from scratchgen.models.model import Model, grey_pictures
from scratchgen.ops import Stream, add, array, op, to_host

BOUND = 3.0  # B
MOST_FLOWS = 1000


def log_scale(a):  # log σ = B tanh(a / B)
    return BOUND * np.tanh(a / BOUND)


@op
def affine(x, h):
    """z = (x − μ) / σ -> z (batch, D), logdet (batch,).  x (batch, D), h = [μ | a] (batch, 2 D)."""
    D = x.shape[1]
    s = log_scale(h[:, D:])
    return (x - h[:, :D]) * np.exp(-s), -np.sum(s, axis=1)


@op
def affine_backward(dz, dlogdet, z, h):
    """-> dx (batch, D), dh = [dμ | da] (batch, 2 D)."""
    D = z.shape[1]
    t = np.tanh(h[:, D:] / BOUND)
    dx = dz * np.exp(-BOUND * t)
    ds = -dz * z - dlogdet[:, None]
    return dx, np.concatenate([-dx, ds * (1 - t * t)], axis=1)


@op
def affine_inverse(z, h):  # x = σ z + μ
    D = z.shape[1]
    return np.exp(log_scale(h[:, D:])) * z + h[:, :D]


@op
def standardize(x, center, scale):  # -> (x − center) / scale, logdet (batch,)
    return (x - center) / scale, -np.sum(np.log(np.zeros_like(x) + scale), axis=1)


@op
def standardize_backward(dz, scale):  # dx = dz / scale
    return dz / scale


@op
def unstandardize(z, center, scale):  # x = center + scale z
    return center + scale * z


@op
def dequantize(x, u, width):  # a number somewhere between one grey level and the next
    return x + width * u


@op
def flow_nll(z, logdet):
    """-> nll, dz, dlogdet.

    nll of x in nats, mean over the batch, from its noise z (batch, D) and logdet (batch,).
    """
    batch = z.shape[0]
    nll = (np.sum(0.5 * (z * z + LOG_2PI), dtype=np.float64) - np.sum(logdet, dtype=np.float64)) / batch
    return nll, z / batch, (np.zeros_like(logdet) - 1) / batch


@op
def flow_log_likelihood(z, logdet):  # log p(x) of each example, (batch,)
    return logdet - 0.5 * np.sum(z * z + LOG_2PI, axis=1)


class Standardize(Module):
    """The bijection z = (x − center) / scale, with numbers that are not trained.

    center, scale: of each feature, (D,).
    """

    def __init__(self, center, scale, dtype=np.float32):
        self.buffers = {"center": array(center, dtype), "scale": array(scale, dtype)}

    def forward(self, x):
        """x (batch, D) -> z (batch, D), logdet (batch,), cache."""
        return *standardize(x, self.buffers["center"], self.buffers["scale"]), None

    def backward(self, dz, dlogdet, cache):
        """dz (batch, D), dlogdet (batch,) -> dx (batch, D)."""
        return standardize_backward(dz, self.buffers["scale"])

    def inverse(self, z):
        """z (batch, D) -> x (batch, D)."""
        return unstandardize(z, self.buffers["center"], self.buffers["scale"])


def standardize_to(data_dim, center, scale, dtype):
    """Standardize for data of data_dim features.

    center, scale: a number or one for each feature; None is 0, and 1.
    """
    center = np.full(data_dim, 0.0 if center is None else center)
    scale = np.full(data_dim, 1.0 if scale is None else scale)
    return Standardize(center, scale, dtype)


def of_features(name, values, data_dim):
    """A number, or one for each feature, as what JSON can hold; None is kept.

    ValueError for anything else, or a scale that is not positive.
    """
    if values is None:
        return None
    given = np.asarray(values)
    if given.dtype.kind not in "fiu" or given.shape not in ((), (data_dim,)):
        raise ValueError(
            f"{name} has shape {given.shape} of {given.dtype}; "
            f"it must be a number, or one for each of {data_dim} features"
        )
    positive = " and positive" if name == "scale" else ""
    if not np.isfinite(given).all() or positive and not (given > 0).all():
        raise ValueError(f"{name} must be finite{positive}, for every feature")
    return given.astype(float).tolist()


def mean_and_scale(x):
    """{"center", "scale"} of data x (n, data_dim), one for each feature:
    its mean and standard deviation, rounded.
    """
    mean, std = np.mean(x, axis=0, dtype=np.float64), np.std(x, axis=0, dtype=np.float64)
    rounded = lambda values: [float(f"{value:.4g}") for value in values]
    return {"center": rounded(mean), "scale": rounded(np.where(std > 0, std, 1.0))}


class Chain(Module):
    """Bijections one after the other; itself one."""

    def __init__(self, *bijections):
        self.set_parts(**{str(k): bijection for k, bijection in enumerate(bijections)})

    def forward(self, x):
        """x (batch, D) -> z (batch, D), logdet (batch,), caches."""
        caches, logdet = [], None
        for bijection in self.parts.values():
            x, here, cache = bijection.forward(x)
            logdet = here if logdet is None else add(logdet, here)
            caches.append(cache)
        return x, logdet, caches

    def backward(self, dz, dlogdet, caches):
        """dz (batch, D), dlogdet (batch,) -> dx (batch, D)."""
        for bijection, cache in zip(reversed(self.parts.values()), reversed(caches), strict=True):
            dz = bijection.backward(dz, dlogdet, cache)
        return dz

    def inverse(self, z):
        """z (batch, D) -> x (batch, D)."""
        for bijection in reversed(self.parts.values()):
            z = bijection.inverse(z)
        return z


class Flow(Model):
    """Base class of flows. A subclass calls `set_flow` with its bijections, from data to noise."""

    def set_flow(self, bijections, center, scale, dequantize, rng, dtype):
        """center, scale: of the data, a number or one for each feature; None is 0, and 1.
        dequantize: width of the noise added to x.
        """
        center = of_features("center", center, self.data_dim)
        scale = of_features("scale", scale, self.data_dim)
        valid = lambda width: 0 <= width < np.inf
        self.width = float(number("dequantize", dequantize, valid, "be 0 or the distance of two values of x"))
        self.config |= {"center": center, "scale": scale, "dequantize": self.width}
        self.chain = Chain(standardize_to(self.data_dim, center, scale, dtype), *bijections)
        self.stream = Stream(rng)  # of samples, and of the noise that is added to x
        self.set_parts(chain=self.chain)

    def loss(self, x, u=None):
        """Negative log-likelihood of a minibatch, in nats per example -> loss, {"nll"};
        adds to the gradients.

        x (batch, data_dim); u (batch, data_dim): uniform noise for dequantizing,
        instead of the model's own stream.
        """
        x = self._dequantized(x, self.stream, u)
        z, logdet, caches = self.chain.forward(x)
        nll, dz, dlogdet = flow_nll(z, logdet)
        self.chain.backward(dz, dlogdet, caches)
        return nll, {"nll": nll}

    def log_likelihood(self, x):
        """log p(x) of each example, in nats, exact, at x as it is:  x (n, data_dim) -> (n,)."""
        z, logdet, _ = self.chain.forward(x)
        return to_host(flow_log_likelihood(z, logdet))

    def to_noise(self, x):
        """x (n, data_dim) -> z (n, data_dim), which is N(0, I) if the model is right."""
        return self.chain.forward(x)[0]

    def from_noise(self, z):
        """z (n, data_dim) -> the x with to_noise(x) = z. ValueError for another shape."""
        if z.ndim != 2 or z.shape[1] != self.data_dim:
            raise ValueError(
                f"z has shape {tuple(z.shape)}; {type(self).__name__}.from_noise needs (n, {self.data_dim})"
            )
        return self.chain.inverse(z)

    def sample(self, n, rng=None):
        """n draws -> (n, data_dim). rng: seed, Generator, or None for the model's own stream."""
        stream = self.stream if rng is None else Stream(rng)
        return self.from_noise(stream.normal((integer("n", n, 0), self.data_dim), self.dtype))

    def likelihoods(self, x, y=None, rng=None, n_samples=0):
        """{"log_likelihood"} of each example of x (n, data_dim), in nats: (n,);
        with noise added as in training.

        Empty for pictures without that noise: where many pixels are exactly 0, a density has no upper bound,
        and says nothing.
        """
        if grey_pictures(x) and not self.width:
            return {}
        stream = self.stream if rng is None else Stream(rng)
        return {"log_likelihood": self.log_likelihood(self._dequantized(x, stream))}

    def pictures(self, x, plots, folder):
        """flow.png, of points of the plane: the noise's lines bent, and the density."""
        if self.data_dim == 2:
            move = lambda a: array(np.asarray(a, self.dtype))
            from_noise = lambda z: to_host(self.from_noise(move(z)))
            log_density = lambda x: self.log_likelihood(move(x))
            plots.bent_plane(from_noise, log_density, folder / "flow.png", real=x[:2000])

    @classmethod
    def suited_to(cls, x):
        """Data with mean 0 and variance 1, each feature for itself;
        pixels from −1 to 1, with noise between their grey levels.
        """
        if grey_pictures(x):
            sizes = {"n_flows": 4, "hidden": (200,), "center": 0.5, "scale": 0.5, "dequantize": 1 / 256}
            return sizes | {"lr": 1e-3, "clip_norm": 100.0, "schedule": "cosine", "steps": 4_000}
        training = {"batch_size": 256, "lr": 5e-3, "clip_norm": 1.0, "schedule": "cosine", "steps": 8_000}
        return {"hidden": (100, 100)} | mean_and_scale(x) | training

    def _dequantized(self, x, stream, u=None):
        if not self.width:
            return x
        u = stream.uniform(tuple(x.shape), self.dtype) if u is None else u
        if tuple(u.shape) != tuple(x.shape):
            raise ValueError(
                f"u has shape {tuple(u.shape)}; {type(self).__name__}.loss needs that of x, {tuple(x.shape)}"
            )
        return dequantize(x, u, self.width)
