"""Flow matching (Lipman et al. 2023; Liu et al. 2023):
a velocity that carries noise to data along straight paths.

Draw noise z ~ N(0, I) and an example x, and let a point travel from one to the other in a straight line at
constant speed:

    x_t = (1 − t) z + t x                  t from 0 to 1                    its velocity:  dx_t/dt = x − z

The lines of different pairs cross. Where they do, a stream of points can have one velocity only, the mean of
those that pass there, v(x_t, t) = E[x − z | x_t]; and a stream with that velocity takes N(0, I) to the
distribution of the data, at every moment with the same density as the lines together. A mean is what least
squares finds, so a network learns it from single pairs, without ever following a path:

    loss = (1 / batch) Σ_n ½ ‖v(x_nt, t_n) − (x_n − z_n)‖²                 t_n uniform in [0, 1]
    dv   = (v − (x − z)) / batch

The network's output is the velocity, or (`predict="data"`) the example to which the point is on its way. From
x_t and x̂ follows v, as x − x_t = (1 − t)(x − z):

    v = (x̂ − x_t) / (1 − t)       v − (x − z) = w (x̂ − x)       loss = (1 / batch) Σ_n ½ ‖w_n (x̂_n − x_n)‖²
    dx̂ = w² (x̂ − x) / batch       w = 1 / (1 − t)

where w is kept below 20, or a few examples close to their end would be all that counts. For pictures this is
far easier: noise has as many directions as there are pixels, and must pass through the network to be in its
output; digits have few (Li & He 2025). As each t has a mean of its own to find, t may be drawn as one likes:
uniformly for a velocity. What digit it will be is decided early, while there is more noise than picture, and
there x̂ is practised most:

    t = 1 / (1 + e^−s)            s ~ N(−0.8, 0.8²)

A sample is a solution of dx/dt = v(x, t) from t = 0, x = z, to t = 1, in steps of h. Euler's method takes the
velocity where a step begins; Heun's the mean of those at its beginning and at the end where Euler would
arrive, and needs fewer steps. Where x̂ is predicted, there is no v at t = 1: the last step is Euler's, and
ends at x̂.

    Euler    x ← x + h v(x, t)
    Heun     x ← x + ½ h (v(x, t) + v(x + h v(x, t), t + h))
"""

import math

import numpy as np

from scratchgen.errors import integer, integers, number, one_of
from scratchgen.losses import squared_error
from scratchgen.models.model import Model, grey_pictures
from scratchgen.models.noise_to_data import check_draws, draw_path, network, unscale, with_time
from scratchgen.ops import Stream, array, as_generator, join_columns, op, to_host

METHODS, PREDICTED = ("heun", "euler"), ("velocity", "data")
CLOSEST = 0.05  # to the end, 1 − t, where the weight of an error of x̂ stops growing


@op
def straight_path(x, z, t, center, scale):
    """-> x_t and the velocity, (batch, D).

    x, z (batch, D), t (batch, 1);  the data is taken as (x − center) / scale.
    """
    x = (x - center) / scale
    return (1 - t) * z + t * x, x - z


@op
def early_times(n):  # t = 1 / (1 + e^−s),  s = −0.8 + 0.8 n
    return 1 / (1 + np.exp(0.8 - 0.8 * n))


@op
def end_weight(t):  # w = 1 / (1 − t), no greater than 1 / CLOSEST
    return 1 / np.maximum(1 - t, CLOSEST)


@op
def path_to_data(x, z, t, w, center, scale):
    """-> x_t and w x, (batch, D).  t, w (batch, 1), the other arguments as above."""
    x = (x - center) / scale
    return (1 - t) * z + t * x, w * x


@op
def weigh(w, y):  # w_n y_n:  (batch, 1), (batch, D) -> (batch, D)
    return w * y


@op
def velocity_to(x, x_hat, t):  # (x̂ − x) / (1 − t);  t a number
    return (x_hat - x) / (1 - t)


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
    predict: what the network's output is: "velocity", or "data", the x at which the path ends;
        better for pictures.
    method: by which each step is taken, "heun", two passes through the network, or "euler", one.
    activation: of the hidden layers.
    time_features: numbers by which the network is told the time.
    waves: sines, and as many cosines, by which it is told each number of x,
        for detail much finer than the data's spread.
    center: subtracted from the data.
    scale: the data is divided by it, to be about as large as the noise.
    rng: seed or Generator.
    """

    examples = {
        name: dict(hidden=(4,), time_features=4, activation="tanh", scale=2.0) | options
        for name, options in {
            "FlowMatching": dict(waves=2),
            "FlowMatching (data)": dict(predict="data"),
        }.items()
    }

    def __init__(
        self,
        data_dim,
        hidden=(256, 256, 256),
        predict="velocity",
        sample_steps=50,
        method="heun",
        activation="relu",
        time_features=32,
        waves=0,
        center=0.0,
        scale=1.0,
        rng=None,
        dtype=np.float32,
    ):
        data_dim, hidden = integer("data_dim", data_dim, 1), integers("hidden", hidden, 1)
        sample_steps = integer("sample_steps", sample_steps, 1)
        one_of("predict", predict, PREDICTED)
        one_of("method", method, METHODS)
        waves, time_features = integer("waves", waves, 0), integer("time_features", time_features, 2)
        number("center", center, math.isfinite, "be finite")
        number("scale", scale, lambda scale: 0 < scale < math.inf, "be positive")
        rng = as_generator(rng)
        self.config = dict(
            data_dim=data_dim, hidden=hidden, predict=predict, sample_steps=sample_steps, method=method,
            activation=activation, time_features=time_features, waves=waves,
            center=float(center), scale=float(scale),
        )  # fmt: skip
        self.data_dim, self.predict, self.sample_steps, self.method = data_dim, predict, sample_steps, method
        self.center, self.scale = float(center), float(scale)
        self.net = network(data_dim, hidden, activation, time_features, waves, rng, dtype)
        self.stream = Stream(rng)  # of times and noise
        self.set_parts(net=self.net)

    def loss(self, x, t=None, eps=None):
        """½ ‖velocity − net‖², or ½ w² ‖x̂ − net‖² where data is predicted, mean over the batch
        -> loss, {"loss"}; adds to the net's gradients.

        x (batch, data_dim); t (batch,): times from 0 to 1, and eps (batch, data_dim): the noise z,
        instead of the model's own stream.
        """
        check_draws("FlowMatching.loss", x, t, eps, 0, 1)
        t = self._times(x.shape[0]) if t is None else array(np.reshape(to_host(t), (-1, 1)), self.dtype)
        eps = self.stream.normal(tuple(x.shape), self.dtype) if eps is None else eps
        if self.predict == "velocity":
            x_t, velocity = straight_path(x, eps, t, self.center, self.scale)
            v, cache = self.net.forward(join_columns(x_t, t))
            loss, dv = squared_error(v, velocity)
            self.net.backward(dv, cache, wrt="params")
        else:
            w = end_weight(t)
            x_t, weighted = path_to_data(x, eps, t, w, self.center, self.scale)
            x_hat, cache = self.net.forward(join_columns(x_t, t))
            loss, dweighted = squared_error(weigh(w, x_hat), weighted)
            self.net.backward(weigh(w, dweighted), cache, wrt="params")
        return loss, {"loss": loss}

    def velocity(self, x, t):
        """v of x (batch, data_dim), all at the time t, a number -> (batch, data_dim).

        Raises ValueError at a time outside [0, 1], and at 1 if the network predicts the data:
        there it has arrived.
        """
        valid = lambda t: 0 <= t <= 1 and (t < 1 or self.predict == "velocity")
        number("t", t, valid, "be from 0 to 1, and less than 1 where data is predicted")
        y = self.net(with_time(x, t))
        return y if self.predict == "velocity" else velocity_to(x, y, t)

    def sample(self, n, rng=None):
        """n draws -> (n, data_dim). rng: seed, Generator, or None for the model's own stream."""
        return self.path(n, rng)[-1]

    def path(self, n, rng=None, keep=1):
        """n draws on their way from noise to data: list of arrays (n, data_dim),
        the last of which are the samples.

        keep: how many, evenly spread over the steps; of fewer steps, all.
        """
        stream, h = self.stream if rng is None else Stream(rng), 1 / self.sample_steps
        kept = {round(i) for i in np.linspace(self.sample_steps, 0, integer("keep", keep, 1))}
        x, states = stream.normal((integer("n", n, 0), self.data_dim), self.dtype), []
        for i in range(self.sample_steps):
            if i in kept:
                states.append(unscale(x, self.center, self.scale))
            v = self.velocity(x, i * h)
            ahead = euler_step(x, v, h)
            last = i == self.sample_steps - 1 and self.predict == "data"
            euler = self.method == "euler" or last
            x = ahead if euler else heun_step(x, v, self.velocity(ahead, (i + 1) * h), h)
        return [*states, unscale(x, self.center, self.scale)]

    def pictures(self, x, plots, folder):
        """path.png: from noise to data."""
        draw_path(self, x, plots, folder)

    @classmethod
    def suited_to(cls, x):
        """Pictures from −1 to 1; points with variance 1 over all features together.
        A learning rate that falls to nothing.
        """
        if grey_pictures(x):
            network = {"hidden": (512, 512, 512), "predict": "data", "center": 0.5, "scale": 0.5}
            return network | {"sample_steps": 25, "schedule": "cosine", "steps": 10_000}
        size = {"center": round(float(x.mean()), 3), "scale": round(float(x.std()), 3) or 1.0}
        network = {"hidden": (128, 128, 128), "waves": 6 if x.shape[1] <= 16 else 0}
        return network | size | {"batch_size": 256, "lr": 3e-3, "schedule": "cosine", "steps": 8_000}

    def _times(self, n):
        if self.predict == "velocity":
            return self.stream.uniform((n, 1), self.dtype)
        return early_times(self.stream.normal((n, 1), self.dtype))
