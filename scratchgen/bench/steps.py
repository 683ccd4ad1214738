"""Whole training steps: draw the noise, forward, loss, backward, update, as `scratchgen.fit` does them for each minibatch.

How fast could a step be? Its matrix products need so many additions and multiplications, and its optimizer must read and write so many bytes:

    FLOP     2 · batch · (numbers of weights, once for each product with them)
    bytes    28 for each parameter: Adam reads p, g, m, v and writes p, m, v, in float32
    floor    FLOP / peak + bytes / bandwidth                     a step's fraction of the roofline is floor / measured time

A linear layer takes part in up to three products: forward, the gradient of its weights, the gradient of its input. Which of them are needed:

    VAE                     all three, but not the input gradient of the encoder's first layer
    GAN, discriminator's    generator forward; discriminator (on real and generated) forward, weights, inputs but the first
    GAN, generator's        generator forward, weights, inputs but the first; discriminator forward and inputs, no weights
"""

import itertools
from statistics import median
from typing import NamedTuple

import numpy as np

import scratchgen as sg
from scratchgen.bench.timing import backend_clock, timed
from scratchgen.bench.turns import Side, in_turn, ratio
from scratchgen.train.step import train_step

BYTES_PER_PARAMETER = 28


class Workload(NamedTuple):
    """A model and a batch size. hidden: of the encoder, or of both players; output: activation of a generator's output."""

    name: str
    title: str
    model: str
    data_dim: int
    latent_dim: int
    hidden: tuple
    batch: int
    output: str = "sigmoid"


WORKLOADS = (
    Workload("vae", "VAE 784-500-20-500-784, batch 100", "vae", 784, 20, (500,), 100),
    Workload("gan", "GAN 100-1200-1200-784 / 784-1200-1200-1, batch 100", "gan", 784, 100, (1200, 1200), 100),
    Workload("gan-2d", "2-D GAN, width 128, batch 256", "gan", 2, 2, (128, 128), 256, "identity"),
)


def build(work, seed=0):
    """The model of a workload, and a minibatch: binarized pixels for a VAE, numbers in [0, 1] for a sigmoid, else points of the plane."""
    rng = np.random.default_rng(seed)
    shape = (work.batch, work.data_dim)
    if work.model == "vae":
        return sg.VAE(work.data_dim, work.latent_dim, work.hidden, rng=rng), rng.integers(0, 2, shape).astype(np.float32)
    model = sg.GAN(work.data_dim, work.latent_dim, work.hidden, work.hidden, output=work.output, rng=rng)
    return model, (rng.random(shape) if work.output == "sigmoid" else rng.standard_normal(shape)).astype(np.float32)


def prepare(replay=True, **workload):
    """A function that does one training step, recorded and replayed, as in training, unless replay is False."""
    model, x = build(Workload(**workload))
    x = sg.ops.array(x)
    optimizers = {name: model.optimizer(player) for name, player in model.players().items()}

    def step(x):
        train_step(model, optimizers, x, 0)

    if replay:
        step = sg.ops.recorded(step)
    return timed(lambda: step(x), backend_clock())


def weights(*sizes):
    """Numbers of weights of the linear layers of an MLP."""
    return [n_in * n_out for n_in, n_out in itertools.pairwise(sizes)]


def flop(work):
    """Additions and multiplications that the matrix products of a step need; see the module's docstring."""
    if work.model == "vae":
        encoder, decoder = weights(work.data_dim, *work.hidden, 2 * work.latent_dim), weights(work.latent_dim, *work.hidden[::-1], work.data_dim)
        return 2 * work.batch * (3 * sum(encoder) - encoder[0] + 3 * sum(decoder))
    g, d = weights(work.latent_dim, *work.hidden, work.data_dim), weights(work.data_dim, *work.hidden, 1)
    discriminator = sum(g) + 2 * (3 * sum(d) - d[0])
    generator = 3 * sum(g) - g[0] + 2 * sum(d)
    return 2 * work.batch * (discriminator + generator)


def parameters(work):
    """Number of parameters of a workload's model."""
    vae = work.model == "vae"
    upward = (work.latent_dim, *(work.hidden[::-1] if vae else work.hidden), work.data_dim)  # decoder, generator
    downward = (work.data_dim, *work.hidden, 2 * work.latent_dim if vae else 1)  # encoder, discriminator
    return sum(sum(weights(*sizes)) + sum(sizes[1:]) for sizes in (upward, downward))


def floor(work, peak, bandwidth):
    """Seconds that the step takes at least: peak in GFLOP/s; bandwidth [[bytes, GB/s]], of which the amount nearest to p, g, m, v counts."""
    n = parameters(work)
    _, rate = min(bandwidth, key=lambda amount_rate: abs(np.log(amount_rate[0] / (16 * n))))
    return {
        "flop": flop(work), "bytes": BYTES_PER_PARAMETER * n, "peak_gflops": peak, "bandwidth_gbs": rate,
        "seconds": flop(work) / peak / 1e9 + BYTES_PER_PARAMETER * n / rate / 1e9,
    }  # fmt: skip


class Entrant(NamedTuple):
    """Who takes part: a Side, what it prepares ("module:function") with which arguments beside the workload, and for which models."""

    side: Side
    function: str = "scratchgen.bench.steps:prepare"
    given: dict = {}
    models: tuple = ("vae", "gan")


def measure(entrants, workloads, ceilings, rounds, budget, progress=iter):
    """Steps of every workload by every entrant: {name: Entrant}, "scratchgen" among them -> list of dicts."""
    peak = max(ceilings["float32"]["all cores"].values())
    results = []
    for work in progress(workloads):
        sides = {name: entrant.side for name, entrant in entrants.items() if work.model in entrant.models}
        for name, side in sides.items():
            side.prepare(entrants[name].function, **work._asdict(), **entrants[name].given)
        seconds = in_turn(sides, rounds, budget)
        ours, least = seconds["scratchgen"], floor(work, peak, ceilings["bandwidth"])
        results.append(work._asdict() | {
            "milliseconds": {name: 1e3 * median(times) for name, times in seconds.items()},
            "ratio": {name: ratio(times, ours) for name, times in seconds.items() if name != "scratchgen"},
            "floor": least,
            "roofline_fraction": least["seconds"] / median(ours),
        })  # fmt: skip
    return results
