"""Hidden tests: the game of generator and discriminator."""

from scratchgen.coursework.hidden import SHAPES, THOUGHT
from scratchgen.coursework.testing import close, points
from scratchgen.coursework.visible.gan import HUGE, right, setting, turn, with_a_huge_loss


@points(1, why=THOUGHT)
def test_minimax(exercise, rng):
    """The generator's objective is the one that was asked for."""
    gan, config, x, z = setting(rng, objective="minimax")
    got = turn(exercise, gan, config, "generator", x, z)
    loss, grads = right(gan, "generator", x, z)
    close("the loss", got["loss"], loss)
    close("the generator's flat_grads", got["generator"], grads)
    gan = with_a_huge_loss(gan, 1e12)
    got = turn(exercise, gan, config, "generator", x, z)
    close(f"the generator's flat_grads {HUGE}", got["generator"], right(gan, "generator", x, z)[1], rtol=1e-11)


@points(1, why=SHAPES)
def test_deeper_networks(exercise, rng):
    """Two hidden layers, and a batch of one."""
    gan, config, x, z = setting(rng, batch=1, generator_hidden=[4, 5], discriminator_hidden=[5, 3], output="sigmoid")
    for player in ("discriminator", "generator"):
        got = turn(exercise, gan, config, player, x, z)
        loss, grads = right(gan, player, x, z)
        close(f"the {player}'s loss", got["loss"], loss)
        close(f"the {player}'s flat_grads", got[player], grads)
    gan = with_a_huge_loss(gan, -1e12)
    for player in ("discriminator", "generator"):
        got = turn(exercise, gan, config, player, x, z)
        close(f"the {player}'s flat_grads {HUGE}", got[player], right(gan, player, x, z)[1], rtol=1e-11)
