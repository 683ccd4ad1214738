"""Three pictures of a VAE, those of Jan Hendrik Metzen's tutorial "Variational Autoencoder in TensorFlow" (2015).

500–500 softplus units each way, Adam at 1e-3 with minibatches of 100 for 75 epochs on grey digits: with 20 latent variables reconstructions of test
digits; with 2, where the test digits lie in the latent plane, and what is drawn from each place of it. The ELBO of a grey digit is the mean over
black-and-white ones that are drawn with it.
"""

import scratchgen as sg
from scratchgen import plots
from scratchgen.ops import array, to_host
from scratchgen.optim import Adam
from scratchgen.reproduce.study import Reproduction


def run(study):
    """Train both and draw."""
    train, test = study.mnist("train"), study.mnist("test")
    for latent_dim in (20, 2):
        vae = sg.VAE(784, latent_dim=latent_dim, hidden=(500, 500), activation="softplus", rng=study.seed)
        study.fit(
            vae, train.x, name=f"z-{latent_dim}", epochs=study.choose(quick=3, default=75), batch_size=100,
            optimizer=lambda player: Adam(player, lr=1e-3),
        )  # fmt: skip
        study.measure(f"ELBO, {latent_dim} latent variables", lambda vae=vae: vae.elbo(array(test.x), rng=0))
        if latent_dim == 20:
            plots.reconstructions(test.x[:24], to_host(vae.reconstruct(array(test.x[:24]))), study.folder / "reconstructions.png")
        else:
            plots.latent_scatter(to_host(vae.encode(array(test.x[:5000]))[0]), test.y[:5000], study.folder / "latent.png")
            plots.latent_manifold(lambda z, vae=vae: to_host(vae.decode(array(z))), study.folder / "manifold.png")


JMETZEN = Reproduction(
    name="jmetzen",
    title="Three pictures of a VAE: reconstructions, latent plane, manifold (Metzen 2015)",
    run=run,
    published={},
    unit="nats",
    differs=("50,000 training digits, not 55,000", "one encoder's output layer where theirs has two, so that its first weights are smaller"),
    quick="3 epochs of 75",
)
