"""A step of every model, of each of its examples, is recorded and replayed, and trains as the step as written does, to the bit."""

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.gradcheck.catalogue import suitable_data
from scratchgen.train import train_step

EXAMPLES = {name: (cls, arguments) for cls in sg.models.MODELS.values() for name, arguments in cls.examples.items()}


def trained(name, wrap, steps=16):
    """(the model's parameters after each step, its optimizers', what `wrap` made of the step)."""
    cls, arguments = EXAMPLES[name]
    model, rng, states = cls(5, **arguments, rng=1), np.random.default_rng(0), []
    optimizers = {key: model.optimizer(player) for key, player in model.players().items()}
    x = suitable_data(model, rng).astype(np.float32)
    y = (rng.integers(model.n_classes, size=len(x)),) if model.n_classes else ()
    step = wrap(lambda x, y=None: train_step(model, optimizers, x, 0, y=y))
    for _ in range(steps):
        order = rng.permutation(len(x))
        step(x[order], *(each[order] for each in y))
        states.append(model.flat_params.tobytes())
    return states, step


@pytest.mark.parametrize("name", EXAMPLES)
def test_replayed_steps_train_as_written_ones(name):
    with sg.use_backend("numba"):
        replayed, step = trained(name, sg.recorded)
        assert replayed == trained(name, lambda step: step)[0] and len(set(replayed)) == len(replayed)
        ((recording,),) = step.recordings.values()
        assert recording.program is not None and recording.replays > 10, "the step stayed as written"
