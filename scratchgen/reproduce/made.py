"""MADE with 500 hidden units and one mask (Germain et al. 2015), in the setting of karpathy/pytorch-made, whose code states the result.

One layer of 500 ReLU units, Adam at 1e-3, minibatches of 100, digits binarized once; negative log p(x), exact, of the validation digits. The rate
falls along half a cosine.
"""

import scratchgen as sg
from scratchgen.data import Binarize
from scratchgen.optim import Adam, CosineLR
from scratchgen.reproduce.study import Published, Reproduction


def run(study):
    """Train and measure."""
    made = sg.MADE(784, hidden=(500,), rng=study.seed)
    epochs = study.choose(quick=3, default=60)
    x = Binarize("once", rng=1).dataset(study.mnist("valid").x)
    study.fit(
        made, study.mnist("train").x, valid=x, epochs=epochs, batch_size=100, binarize="once", patience=epochs,
        optimizer=lambda player: Adam(player, lr=1e-3), schedule=lambda optimizer: CosineLR(optimizer, epochs),
    )  # fmt: skip
    study.measure("one mask, validation", lambda: -made.log_likelihood(x))
    study.measure("one mask, test", lambda: -made.log_likelihood(Binarize("once", rng=0).dataset(study.mnist("test").x)))


MADE_500 = Reproduction(
    name="made",
    title="MADE with 500 units: −log p(x) of MNIST's digits (Germain et al. 2015; karpathy/pytorch-made, code)",
    run=run,
    published={"one mask, validation": Published(94.5, origin="code")},
    unit="nats",
    differs=("digits are binarized with our random numbers, not with the published file's", "the best epoch on the validation digits is what counts"),
    quick="3 epochs of 60",
)
