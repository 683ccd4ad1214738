"""What a training step says when it goes wrong."""

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.train import Diverged
from scratchgen.train.step import check_losses


def test_a_lost_player_is_named_with_its_own_learning_rate():
    gan = sg.GAN(2, 2, (3,), (3,), rng=0)
    optimizers = {"discriminator": sg.optim.Adam(gan.discriminator, lr=0.001), "generator": sg.optim.Adam(gan.generator, lr=0.5)}
    gan.generator.params["0.W"][0, 0] = np.nan
    with pytest.raises(Diverged, match=r"generator became nan within 7 steps: parameter 0.W is not finite; try a smaller learning rate than 0.5"):
        check_losses(gan, optimizers, {"discriminator": (1.0, 7), "generator": (np.nan, 7)}, 7)
