"""A Wasserstein generator that never trains.

The critic C gives scores; the generator's loss is −mean C(G(z)).
(The gradient penalty belongs to the critic's loss alone.)

    right       dscores = −1/n   -> back through the critic -> dgenerated -> back through the generator
    shipped     the caches of forward lie in a list, the list is emptied before backward, and the loop over it
                runs zero times; besides, −1/n is handed to the generator as if its output were the scores:
                the critic is not in the path
"""

import numpy as np

import scratchgen as sg
from exhibits.display import Piece, heat_map
from scratchgen.gradcheck import check_objective
from scratchgen.layers import mlp
from scratchgen.layers.module import Module


class WassersteinGAN(Module):
    """Generator (batch, 2) -> (batch, 3), critic (batch, 3) -> scores (batch, 1)."""

    def __init__(self):
        self.generator = mlp((2, 4, 3), "tanh", rng=0, dtype=np.float64)
        self.critic = mlp((3, 5, 1), "tanh", rng=1, dtype=np.float64)
        self.set_parts(generator=self.generator, critic=self.critic)

    def critic_loss(self, x, z):
        """mean C(G(z)) − mean C(x); adds to the critic's gradients."""
        real, real_cache = self.critic.forward(x)
        fake, fake_cache = self.critic.forward(self.generator(z))
        self.critic.backward(np.full_like(real, -1 / len(real)), real_cache, wrt="params")
        self.critic.backward(np.full_like(fake, 1 / len(fake)), fake_cache, wrt="params")
        return fake.mean() - real.mean()


class Flushed(WassersteinGAN):
    """As it shipped: both mistakes."""

    flush = True

    def generator_loss(self, z):
        caches, y = [], z
        for layer in self.generator.layers:
            y, cache = layer.forward(y)
            caches.append(cache)
        loss = -self.critic(y).mean()
        if self.flush:
            caches.clear()
        dy = np.full_like(y, -1 / len(z))
        # strict=True would have raised
        for layer, cache in zip(reversed(self.generator.layers), reversed(caches), strict=False):
            dy = layer.backward(dy, cache)
        return loss


class AroundTheCritic(Flushed):
    """Half repaired: the caches are kept."""

    flush = False


class ThroughTheCritic(WassersteinGAN):
    """Right."""

    def generator_loss(self, z):
        generated, generator_cache = self.generator.forward(z)
        scores, critic_cache = self.critic.forward(generated)
        dgenerated = self.critic.backward(np.full_like(scores, -1 / len(z)), critic_cache, wrt="input")
        self.generator.backward(dgenerated, generator_cache, wrt="params")
        return -scores.mean()


def trains(model_class):
    """The critic's loss falls while both are trained, and all numbers are finite."""
    model, rng, losses = model_class(), np.random.default_rng(0), []
    optimizers = [sg.optim.SGD(player, lr=0.05) for player in (model.critic, model.generator)]
    for _ in range(30):
        model.zero_grads()
        losses.append(model.critic_loss(rng.normal(2, 1, (16, 3)), rng.normal(size=(16, 2))))
        loss = model.generator_loss(rng.normal(size=(16, 2)))
        assert np.isfinite(loss)
        for optimizer in optimizers:
            optimizer.step()
    assert losses[-1] < losses[0]
    assert model.generator(np.zeros((7, 2))).shape == (7, 3)
    return model


def trains_and_has_gradients(model_class):
    """The same, and no gradient of the generator is zero."""
    assert np.all(trains(model_class).generator.flat_grads != 0)


TITLE = "A Wasserstein generator that never trains"
LESSON = (
    "Every generator parameter gets a nonzero gradient, and the right one: "
    "difference the loss itself, through the critic."
)
PIECES = [
    Piece(
        "the list of cached inputs is emptied before backward, whose loop then runs zero times",
        "the critic's loss falls in training (it would: its opponent stands still), "
        "losses are finite, samples have their shape",
        Flushed,
        trains,
    ),
    Piece(
        "half repaired: the caches are kept, but −1/n goes straight into the generator, around the critic",
        "the same, and every parameter of the generator gets a gradient that is not zero",
        AroundTheCritic,
        trains_and_has_gradients,
    ),
]
REPAIRED = ThroughTheCritic


def checks(model_class, seed=0):
    model, z = model_class(), np.random.default_rng(seed).normal(size=(6, 2))
    loss = lambda: model.generator_loss(z)
    return [check_objective(model.generator, loss, context=(model.critic,), seed=seed)]


def draw(axes, model_class):
    model = model_class()
    model.zero_grads()
    model.generator_loss(np.random.default_rng(0).normal(size=(6, 2)))
    heat_map(axes, model.generator.grads["2.W"], 0.08)
    axes.set_xlabel("dW of the generator's last layer")
