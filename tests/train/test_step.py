"""What a training step says when it goes wrong."""

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.train import Diverged
from scratchgen.train.step import check_losses, train_step


def test_a_lost_player_is_named_with_its_own_learning_rate():
    gan = sg.GAN(2, 2, (3,), (3,), rng=0)
    optimizers = {"discriminator": sg.optim.Adam(gan.discriminator, lr=0.001), "generator": sg.optim.Adam(gan.generator, lr=0.5)}
    gan.generator.params["0.W"][0, 0] = np.nan
    with pytest.raises(Diverged, match=r"generator became nan within 7 steps: parameter 0.W is not finite; try a smaller learning rate than 0.5"):
        check_losses(gan, optimizers, {"discriminator": (1.0, 7), "generator": (np.nan, 7)}, 7)


@pytest.mark.parametrize("simultaneous, who", [(False, "discriminator"), (True, "discriminator and generator")])
def test_nothing_is_updated_by_a_loss_that_is_not_finite(simultaneous, who):
    gan = sg.GAN(2, 2, (3,), (3,), output="identity", simultaneous=simultaneous, rng=0)
    gan.discriminator.params["0.W"][0, 0] = np.nan
    before = gan.flat_params.copy()
    with pytest.raises(Diverged, match=f"the loss of {who} is nan at step 4: parameter 0.W is not finite; try a smaller learning rate than 0.5"):
        train_step(gan, {name: sg.optim.SGD(player, lr=0.5) for name, player in gan.players().items()}, np.zeros((4, 2), np.float32), 4)
    np.testing.assert_array_equal(gan.flat_params, before)


@pytest.mark.parametrize("simultaneous", [False, True])
def test_players_move_in_turn_or_from_the_same_point(simultaneous, backend):
    rng = np.random.default_rng(0)
    x = sg.ops.array(rng.normal(size=(6, 2)))
    make = lambda: sg.GAN(2, 2, (5,), (4,), output="identity", simultaneous=simultaneous, rng=1, dtype=np.float64)
    gan, twin = make(), make()
    train_step(gan, {name: sg.optim.SGD(player, lr=0.5) for name, player in gan.players().items()}, x, 0)

    descend = lambda player: sg.ops.copy_to(
        player.flat_params, sg.ops.array(sg.ops.to_host(player.flat_params) - 0.5 * sg.ops.to_host(player.flat_grads))
    )
    if simultaneous:
        z = twin._noise(6)
        twin.discriminator_loss(x, z)
        twin.generator_loss(z)
        descend(twin.discriminator)
    else:
        twin.discriminator_loss(x)
        descend(twin.discriminator)
        twin.generator_loss(twin._noise(6))
    descend(twin.generator)
    np.testing.assert_allclose(sg.ops.to_host(gan.flat_params), sg.ops.to_host(twin.flat_params), rtol=1e-13)
