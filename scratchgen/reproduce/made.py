"""MADE with 500 hidden units (Germain et al. 2015): one mask, in the setting of karpathy/pytorch-made, whose code states the result; and 32 masks.

Pixels stand in an order drawn at random, as there; row by row they are several nats harder to learn. One layer of 500 ReLU units, Adam at 1e-3 with
weight decay 1e-4, the rate divided by 10 every 45 epochs of 100, minibatches of 100, digits binarized once, PyTorch's first weights; negative
log p(x), exact, of the validation digits. With many masks p(x) is the mean over the masks' own probabilities of x.
"""

import numpy as np

import scratchgen as sg
from scratchgen.data import Binarize
from scratchgen.ops import array
from scratchgen.optim import Adam, StepLR
from scratchgen.reproduce.study import Published, Reproduction, start_as_pytorch


def run(study):
    """Train both and measure."""
    x, test = (Binarize("once", rng=i).dataset(study.mnist(split).x) for i, split in enumerate(("valid", "test")))
    for name, n_masks, epochs in (("one mask", 1, study.choose(quick=3, default=100)), ("32 masks", 32, study.choose(quick=3, default=200))):
        ordering = np.random.default_rng(study.seed).permutation(784).tolist() if n_masks == 1 else None  # many masks draw their own
        made = sg.MADE(784, hidden=(500,), ordering=ordering, n_masks=n_masks, marginals=False, rng=study.seed)
        start_as_pytorch(np.random.default_rng([study.seed, 1]), made.net)
        study.fit(
            made, study.mnist("train").x, name=name.replace(" ", "-"), valid=x, epochs=epochs, batch_size=100, binarize="once", patience=epochs,
            optimizer=lambda player: Adam(player, lr=1e-3, weight_decay=1e-4),
            schedule=lambda optimizer, epochs=epochs: StepLR(optimizer, every=0.45 * epochs),
        )  # fmt: skip
        study.measure(f"{name}, validation", lambda made=made: -made.log_likelihood(array(x)))
        study.measure(f"{name}, test", lambda made=made: -made.log_likelihood(array(test)))


MADE_500 = Reproduction(
    name="made",
    title="MADE with 500 units: −log p(x) of MNIST's digits (Germain et al. 2015; karpathy/pytorch-made, code)",
    run=run,
    published={"one mask, validation": Published(94.5, origin="code")},
    unit="nats",
    differs=(
        "digits are binarized with our random numbers, not with the published file's",
        "the best epoch on the validation digits is what counts",
        "hidden units' degrees are spread evenly, not drawn; minibatches are shuffled",
    ),
    quick="3 epochs of 100 and of 200",
)
