"""Flow matching (Lipman et al. 2023; Liu et al. 2023): a velocity that carries noise to data along straight paths.

Draw noise z ~ N(0, I) and an example x, and let a point travel from one to the other in a straight line at constant speed:

    x_t = (1 − t) z + t x                  t from 0 to 1                    its velocity:  dx_t/dt = x − z

The lines of different pairs cross. Where they do, a stream of points can have one velocity only, the mean of those that pass there,
v(x_t, t) = E[x − z | x_t]; and a stream with that velocity takes N(0, I) to the distribution of the data, at every moment with the same density
as the lines together. A mean is what least squares finds, so a network learns it from single pairs, without ever following a path:

    loss = (1 / batch) Σ_n ½ ‖net(x_nt, t_n) − (x_n − z_n)‖²               t_n uniform in [0, 1]
    dnet = (v − (x − z)) / batch

A sample is a solution of dx/dt = net(x, t) from t = 0, x = z, to t = 1, in steps of h. Euler's method takes the velocity where a step begins; Heun's
the mean of those at its beginning and at the end where Euler would arrive, and needs fewer steps:

    Euler    x ← x + h v(x, t)
    Heun     x ← x + ½ h (v(x, t) + v(x + h v(x, t), t + h))
"""

import math

import numpy as np

from scratchgen.errors import integer, integers, number, one_of
from scratchgen.layers import Sequential, TimeEmbedding, mlp
from scratchgen.losses import squared_error
from scratchgen.models.model import Model, grey_pictures
from scratchgen.models.noise_to_data import draw_path, unscale, with_time
from scratchgen.ops import Stream, array, as_generator, join_columns, op, to_host

METHODS = ("heun", "euler")


@op
def straight_path(x, z, t, center, scale):
    """-> x_t and the velocity, (batch, D).  x, z (batch, D), t (batch, 1);  the data is taken as (x − center) / scale."""
    x = (x - center) / scale
    return (1 - t) * z + t * x, x - z


@op
def euler_step(x, v, h):  # x + h v
    return x + h * v


@op
def heun_step(x, v, v_end, h):  # x + ½ h (v + v_end)
    return x + 0.5 * h * (v + v_end)


class FlowMatching(Model):
    """Flow matching with an MLP for the velocity.

    data_dim: features of x.
    hidden: sizes of the network's hidden layers.
    sample_steps: steps from noise to data.
    method: by which each is taken, "heun", two passes through the network a step, or "euler", one.
    activation: of the hidden layers.
    time_features: numbers by which the network is told the time.
    center: subtracted from the data.
    scale: the data is divided by it, to be about as large as the noise.
    rng: seed or Generator.
    """

    examples = {"FlowMatching": dict(hidden=(4,), time_features=4, activation="tanh", scale=2.0)}

    def __init__(
        self,
        data_dim,
        hidden=(256, 256, 256),
        sample_steps=50,
        method="heun",
        activation="relu",
        time_features=32,
        center=0.0,
        scale=1.0,
        rng=None,
        dtype=np.float32,
    ):
        data_dim, hidden, sample_steps = integer("data_dim", data_dim, 1), integers("hidden", hidden, 1), integer("sample_steps", sample_steps, 1)
        one_of("method", method, METHODS)
        number("center", center, math.isfinite, "be finite")
        number("scale", scale, lambda scale: 0 < scale < math.inf, "be positive")
        rng = as_generator(rng)
        self.config = dict(
            data_dim=data_dim, hidden=hidden, sample_steps=sample_steps, method=method, activation=activation,
            time_features=time_features, center=float(center), scale=float(scale),
        )  # fmt: skip
        self.data_dim, self.sample_steps, self.method = data_dim, sample_steps, method
        self.center, self.scale = float(center), float(scale)
        embedding = TimeEmbedding(time_features, dtype=dtype)
        self.net = Sequential(embedding, mlp((data_dim + time_features, *hidden, data_dim), activation, rng=rng, dtype=dtype))
        self.stream = Stream(rng)  # of times and noise
        self.set_parts(net=self.net)

    def loss(self, x, t=None, eps=None):
        """½ ‖velocity − net‖², mean over the batch -> loss, {"loss"}; adds to the network's gradients.

        x (batch, data_dim); t (batch,): times from 0 to 1, and eps (batch, data_dim): the noise z, instead of the model's own stream.
        """
        t = self.stream.uniform((x.shape[0], 1), self.dtype) if t is None else array(np.reshape(to_host(t), (-1, 1)), self.dtype)
        eps = self.stream.normal(tuple(x.shape), self.dtype) if eps is None else eps
        x_t, velocity = straight_path(x, eps, t, self.center, self.scale)
        v, cache = self.net.forward(join_columns(x_t, t))
        loss, dv = squared_error(v, velocity)
        self.net.backward(dv, cache, wrt="params")
        return loss, {"loss": loss}

    def velocity(self, x, t):
        """v of x (batch, data_dim), all at the time t, a number -> (batch, data_dim)."""
        return self.net(with_time(x, t))

    def sample(self, n, y=None, rng=None):
        """n draws -> (n, data_dim). rng: seed, Generator, or None for the model's own stream."""
        return self.path(n, rng)[-1]

    def path(self, n, rng=None, keep=1):
        """n draws on their way from noise to data: list of `keep` arrays (n, data_dim), evenly spread over the steps; the last are the samples."""
        stream, h = self.stream if rng is None else Stream(rng), 1 / self.sample_steps
        kept = {round(i) for i in np.linspace(self.sample_steps, 0, keep)}
        x, states = stream.normal((integer("n", n, 0), self.data_dim), self.dtype), []
        for i in range(self.sample_steps):
            if i in kept:
                states.append(unscale(x, self.center, self.scale))
            v = self.velocity(x, i * h)
            ahead = euler_step(x, v, h)
            x = ahead if self.method == "euler" else heun_step(x, v, self.velocity(ahead, (i + 1) * h), h)
        return [*states, unscale(x, self.center, self.scale)]

    def pictures(self, x, plots, folder):
        """path.png: from noise to data."""
        draw_path(self, x, plots, folder)

    @classmethod
    def suited_to(cls, x):
        """Pictures from −1 to 1; points with variance 1. A learning rate that falls to nothing."""
        if grey_pictures(x):
            return {"hidden": (512, 512, 512), "center": 0.5, "scale": 0.5, "sample_steps": 25, "schedule": "cosine", "steps": 15_000}
        sizes = {"hidden": (128, 128, 128), "center": round(float(x.mean()), 3), "scale": round(float(x.std()), 3) or 1.0}
        return sizes | {"batch_size": 256, "schedule": "cosine", "steps": 15_000}
