"""Training steps of small networks, to be walked through: scratchgen trace xor | vae | gan | made.

Each maker returns steps, functions without arguments that return their loss. A game has a step for each player.
"""

import numpy as np

from scratchgen.layers import Linear, Sequential, Tanh
from scratchgen.losses import bce_with_logits
from scratchgen.models import GAN, MADE, VAE
from scratchgen.optim import SGD, Adam

STROKES = np.array([  # four pictures of 4 × 4: a one, a zero, a seven, a minus
    [0, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0],
    [0, 1, 1, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 1, 1, 0],
    [1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0],
    [0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0],
], np.float64)  # fmt: skip


def xor_steps():
    """A network with two inputs, three hidden units and one output, and the four examples of exclusive or."""
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float64)
    targets = np.array([[0], [1], [1], [0]], np.float64)
    net = Sequential(Linear(2, 3, rng=1, dtype=np.float64), Tanh(), Linear(3, 1, rng=2, dtype=np.float64))
    sgd = SGD(net, lr=0.5)

    def step():
        net.zero_grads()
        logits, caches = net.forward(x)
        loss, dlogits = bce_with_logits(logits, targets)
        net.backward(dlogits, caches, wrt="params")
        sgd.step()
        return loss

    return [step]


def vae_steps():
    """A variational autoencoder of 4 × 4 pictures, with four hidden units and a latent plane; its noise is fixed."""
    x, eps = STROKES, np.random.default_rng(3).normal(size=(4, 2))
    vae = VAE(16, latent_dim=2, hidden=(4,), rng=0, dtype=np.float64)
    adam = Adam(vae, lr=0.01)

    def step():
        vae.zero_grads()
        loss, parts = vae.loss(x, eps)
        adam.step()
        return loss

    return [step]


def gan_steps():
    """A generative adversarial network of points in the plane: a step of the discriminator, then one of the generator."""
    rng = np.random.default_rng(4)
    x, z = rng.normal([1, -1], 0.3, size=(3, 2)), rng.normal(size=(3, 2))
    gan = GAN(2, latent_dim=2, generator_hidden=(3,), discriminator_hidden=(4,), output="identity", rng=1, dtype=np.float64)
    generator, discriminator = gan.generator, gan.discriminator
    generator_adam, discriminator_adam = Adam(generator, lr=0.01), Adam(discriminator, lr=0.01)

    def discriminator_step():
        discriminator.zero_grads()
        loss, parts = gan.discriminator_loss(x, z)
        discriminator_adam.step()
        return loss

    def generator_step():
        generator.zero_grads()
        loss, parts = gan.generator_loss(z)
        generator_adam.step()
        return loss

    return [discriminator_step, generator_step]


def made_steps():
    """An autoregressive model of four binary features, with six masked hidden units."""
    x = np.array([[0, 1, 1, 0], [1, 1, 0, 0], [1, 0, 1, 1]], np.float64)
    made = MADE(4, hidden=(6,), activation="tanh", rng=0, dtype=np.float64)
    sgd = SGD(made, lr=0.1)

    def step():
        made.zero_grads()
        loss, parts = made.loss(x)
        sgd.step()
        return loss

    return [step]


def check_step(forward, backward, inputs, dy):
    """What the gradient check measures: L = Σ dy ∘ y, for a random dy."""
    y, cache = forward(*inputs)
    loss = np.sum(dy * y)
    gradients = backward(dy, cache)
    return loss, gradients


STEPS = {"xor": xor_steps, "vae": vae_steps, "gan": gan_steps, "made": made_steps}
