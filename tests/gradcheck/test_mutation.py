"""The mutation run: faults are made as described, planted and taken out again, and none gets through."""

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.gradcheck import mutation
from scratchgen.gradcheck.mutation.faults import faults
from scratchgen.gradcheck.mutation.places import places, planted
from scratchgen.layers import Linear
from scratchgen.layers.tanh import tanh_backward

SAME = 1e-12


def example(dy, x, out):
    """Not changed: 1 + 1."""
    out += np.sum(dy * x, axis=0)
    if dy is not None:
        return dy - x.T


def test_faults_of_every_kind_are_made():
    made = {(fault.kind, fault.what) for fault in faults(example)}
    assert {
        ("dropped", "out += np.sum(dy * x, axis=0) -> nothing"),
        ("sign", "out += np.sum(dy * x, axis=0) -> out -= np.sum(dy * x, axis=0)"),
        ("overwritten", "out += np.sum(dy * x, axis=0) -> out[...] = np.sum(dy * x, axis=0)"),
        ("sum", "np.sum(dy * x, axis=0) -> np.mean(dy * x, axis=0)"),
        ("sum", "np.sum(dy * x, axis=0) -> np.sum(dy * x, axis=1)"),
        ("factor", "dy * x -> dy"),
        ("operand", "x -> dy"),
        ("branch", "dy is not None -> dy is None"),
        ("dropped", "dy - x.T -> dy"),
        ("sign", "dy - x.T -> dy + x.T"),
        ("transpose", "x.T -> x"),
        ("zero", "dy - x.T -> 0.0 * (dy - x.T)"),
    } <= made
    assert len({fault.source for fault in faults(example)}) == len(faults(example))
    assert not any("1 + 1" in fault.what for fault in faults(example))


def test_planting_lasts_for_the_block_only():
    place = next(place for place in places() if place.words == "tanh_backward")
    one = np.ones((2, 2))
    with sg.use_backend("numpy"):
        with planted(place, lambda dy, y: 7 * dy):
            assert np.all(tanh_backward(one, one) == 7)
        assert np.all(tanh_backward(one, one) == 0)
    before = vars(Linear)["backward"]
    place = next(place for place in places() if place.words == "Linear.backward")
    with pytest.raises(ZeroDivisionError), planted(place, lambda *args: 1 / 0):
        Linear(2, 2).backward(None, None)
    assert vars(Linear)["backward"] is before


def test_every_backward_of_the_library_is_a_place():
    words = {place.words for place in places()}
    assert {
        "Linear.backward",
        "Sequential.backward",
        "softmax_backward",
        "gaussian_kl",
        "cross_entropy",
        "agreement",
        "VAE.loss",
        "MADE.loss",
    } <= words
    assert sum(len(place.faults) + len(place.stale) for place in places()) >= 200


def test_nothing_gets_through_in_a_few_places():
    outcomes = mutation.run(["tanh_backward", "batch_norm_backward", "Linear.backward", "gaussian_kl", "GAN.discriminator_loss"])
    assert len(outcomes) > 100 and {"stale", "overwritten"} & {outcome.kind for outcome in outcomes}
    assert [outcome for outcome in outcomes if not outcome.found and outcome.difference > SAME] == []


def test_a_blind_check_is_exposed(monkeypatch):
    monkeypatch.setattr(mutation, "fails", lambda case, seed: False)
    outcomes = mutation.run(["softmax_backward"])
    assert all(not outcome.found for outcome in outcomes) and sum(outcome.difference > 1e-3 for outcome in outcomes) >= len(outcomes) - 2


@pytest.mark.slow
def test_nothing_gets_through_anywhere():
    outcomes = mutation.run()
    assert len(outcomes) >= 200
    assert [outcome for outcome in outcomes if not outcome.found and outcome.difference > SAME] == []
