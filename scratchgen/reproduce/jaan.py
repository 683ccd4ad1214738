"""A VAE with two hidden layers: the setting of the tutorial code that goes with jaan.io's "What is a variational autoencoder?" (Altosaar 2016).

256–256 ReLU units each way, 128 latent variables, RMSProp at 1e-3 with minibatches of 128 for 64,906 steps, digits binarized once, PyTorch's first
weights, the parameters of the best epoch on the validation digits; log p(x) of the test digits by 1,000 importance samples.
"""

import scratchgen as sg
from scratchgen.data import Binarize
from scratchgen.ops import array
from scratchgen.optim import RMSProp
from scratchgen.reproduce.study import Published, Reproduction, start_as_pytorch


def run(study):
    """Train and measure."""
    vae = sg.VAE(784, latent_dim=128, hidden=(256, 256), activation="relu", rng=study.seed)
    start_as_pytorch(study.seed, vae.encoder, vae.decoder)
    epochs = study.choose(quick=6, default=166)  # of 391 steps
    study.fit(
        vae, study.mnist("train").x, valid=study.mnist("valid").x, epochs=epochs, patience=epochs, batch_size=128, binarize="once",
        optimizer=lambda player: RMSProp(player, lr=1e-3),
    )  # fmt: skip
    x = Binarize("once", rng=0).dataset(study.mnist("test").x)
    study.measure("ELBO", lambda: vae.elbo(array(x), rng=0))
    shown = x[:: study.choose(quick=20, default=5, full=1)]
    study.measure("log p", lambda: vae.log_likelihood(array(shown), n_samples=study.choose(quick=100, default=1000), rng=0))


JAAN = Reproduction(
    name="jaan",
    title="VAE of the jaan.io tutorial: log p(x) of MNIST's test digits (Altosaar 2016, code)",
    run=run,
    published={"log p": Published(-97.10, origin="code")},
    unit="nats",
    differs=(
        "digits are binarized with our random numbers, not with the published file's",
        "RMSProp is not centred; σ = exp(½ h), not softplus(h); the KL is in closed form, theirs of samples; losses are means, theirs sums",
        "the best epoch of 166 is kept, by an ELBO of one sample; theirs the best of every 10,000 of 65,000 steps, by one of many",
    ),
    quick="2,346 steps of 64,906, 500 test digits and 100 importance samples",
    default="2,000 test digits, not 10,000; --full has all",
)
