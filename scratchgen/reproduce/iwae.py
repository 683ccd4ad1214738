"""The importance weighted autoencoder's table for one stochastic layer, k = 1 and 5: VAE and IWAE on MNIST (Burda et al. 2016).

200–200 tanh units each way, 50 latent variables, minibatches of 20, Adam with ε = 1e-4, digits binarized afresh for each minibatch,
output biases that start at the pixels' means. The rate is 1e-4 · round(10^(1 − i/7), 1) for 3^i epochs, i = 0 … 7, 3,280 in all. A VAE with
k samples is trained on the mean of k ELBOs: here by k copies of each example in a minibatch, which is the same. −log p(x) of the test digits by
5,000 importance samples.
"""

import numpy as np

import scratchgen as sg
from scratchgen.data import Binarize
from scratchgen.models.iwae import copies
from scratchgen.ops import array
from scratchgen.optim import Adam
from scratchgen.reproduce.study import Published, Reproduction


class Stages:
    """The falling rates of the paper's authors, each for a stage of some epochs."""

    def __init__(self, optimizer, lengths):
        self.optimizer, self.ends = optimizer, np.cumsum(lengths)

    def __call__(self, epoch):
        stage = int(np.sum(epoch >= self.ends))
        self.optimizer.lr = 1e-4 * round(10 ** (1 - stage / 7), 1)


class ManyELBOs(sg.VAE):
    """A VAE that is trained on k samples of z for each example."""

    k = 5

    def loss(self, x, eps=None):
        """The mean of k ELBOs."""
        return super().loss(copies(x, self.k), eps)


def run(study):
    """Train all and measure."""
    settings = dict(latent_dim=50, hidden=(200, 200), activation="tanh", marginals=True, rng=study.seed)
    x = np.concatenate([study.mnist("train").x, study.mnist("valid").x])
    test = Binarize("once", rng=0).dataset(study.mnist("test").x)[:: study.choose(quick=100, default=1)]
    lengths = study.choose(quick=(1,), default=8 * (41,), full=[3**i for i in range(8)])
    for name, model in (
        ("VAE, k = 1", sg.VAE(784, **settings)),
        ("VAE, k = 5", ManyELBOs(784, **settings)),
        ("IWAE, k = 5", sg.IWAE(784, n_samples=5, **settings)),
    ):
        study.fit(
            model, x[: study.choose(quick=5000, default=60_000)], name=name.replace(", ", "-").replace(" = ", ""), epochs=sum(lengths), batch_size=20,
            binarize="fresh", optimizer=lambda player: Adam(player, eps=1e-4), schedule=lambda optimizer: Stages(optimizer, lengths),
        )  # fmt: skip
        study.measure(name, lambda model=model: -model.log_likelihood(array(test), n_samples=study.choose(quick=50, default=5000), rng=0))


IWAE = Reproduction(
    name="iwae",
    title="VAE and IWAE, one stochastic layer: −log p(x) of MNIST's test digits (Burda et al. 2016)",
    run=run,
    published={"VAE, k = 1": Published(86.76), "VAE, k = 5": Published(86.47), "IWAE, k = 5": Published(85.54)},
    unit="nats",
    differs=(
        "the test digits are binarized once, with our random numbers",
        "as the paper's text has it, Adam's β₁ is 0.9 and all 60,000 digits are trained on; in the authors' code it is 0.99, and 400 are kept aside",
        "σ = exp(½ h), theirs exp(h); their Adam begins its second moment at 1, and adds ε to a root that is not corrected",
        "gradients are means over shuffled minibatches, with the KL in closed form; there sums, in one order, with the KL of samples",
    ),
    quick="one epoch of 5,000 digits, not 60,000; 100 test digits and 50 importance samples",
    default="a tenth of the epochs: each rate for 41, not for 1, 3, 9, … 2,187; --full has those",
)
