"""Schedules: the learning rate, or the momentum, as a function of time."""

import math

import numpy as np
import pytest

from scratchgen.ops import recorded, use_backend
from scratchgen.optim import SGD, Adam, CosineLR, ExponentialLR, RisingMomentum, RMSProp, StepLR


@pytest.fixture
def optimizer(parameters):
    return SGD(parameters(), lr=0.8)


def rates(schedule, times):
    return [schedule(t) for t in times]


def test_step(optimizer):
    assert rates(StepLR(optimizer, every=3, gamma=0.5), range(8)) == pytest.approx([0.8] * 3 + [0.4] * 3 + [0.2] * 2)


def test_exponential(optimizer):
    assert rates(ExponentialLR(optimizer, gamma=0.5), range(4)) == pytest.approx([0.8, 0.4, 0.2, 0.1])


def test_cosine(optimizer):
    schedule = CosineLR(optimizer, total=6, lr_min=0.2)
    assert rates(schedule, [0, 2, 3, 4, 6, 7, 100]) == pytest.approx([0.8, 0.65, 0.5, 0.35, 0.2, 0.2, 0.2])
    assert CosineLR(SGD(optimizer.module, lr=0.8), total=6)(6) == 0


def test_sets_the_rate_of_its_optimizer_which_the_next_step_uses(optimizer):
    schedule = ExponentialLR(optimizer, gamma=0.5)
    schedule(2)
    assert optimizer.lr == pytest.approx(0.2)
    optimizer.module.flat_grads[...] = 1
    before = optimizer.module.flat_params.copy()
    optimizer.step()
    assert before - optimizer.module.flat_params == pytest.approx([0.2] * 4)


def test_momentum_rises_in_a_straight_line(parameters):
    for make in (SGD, RMSProp):
        optimizer = make(parameters(), lr=0.1, momentum=0.5)
        assert rates(RisingMomentum(optimizer, 0.9, total=4), [0, 1, 2, 4, 9]) == pytest.approx([0.5, 0.6, 0.7, 0.9, 0.9])
        assert (optimizer.momentum, optimizer.lr) == (pytest.approx(0.9), 0.1)


@pytest.mark.parametrize("kind", [{}, {"classical": True}, {"nesterov": True}])
def test_the_next_step_uses_the_momentum(parameters, kind):
    """v <- μ v + g, with μ as it is now: 1, 1 + ½, 1 + 0.8 · 1.5."""
    optimizer = SGD(parameters(), lr=0.1, momentum=0.5, **kind)
    optimizer.module.flat_grads[...] = 1
    schedule, velocities = RisingMomentum(optimizer, 0.8, total=2), []
    for t in (0, 0, 2):
        schedule(t)
        optimizer.step()
        velocities.append(abs(float(optimizer.state["v"][0])))
    assert np.array(velocities) / velocities[0] == pytest.approx([1, 1.5, 2.2])


def test_a_recorded_step_follows_the_momentum(parameters):
    found = []
    with use_backend("numba"):
        for wrap in (recorded, lambda step: step):
            optimizer = SGD(parameters(), lr=0.1, momentum=0.5, classical=True)
            optimizer.module.flat_grads[...] = 1
            step, schedule = wrap(lambda optimizer=optimizer: optimizer.step()), RisingMomentum(optimizer, 0.9, total=8)
            for t in range(12):
                schedule(t)
                step()
            found.append(optimizer.module.flat_params.tobytes())
            if wrap is recorded:
                ((recording,),) = step.recordings.values()
                assert recording.program is not None
    assert found[0] == found[1]


def test_has_no_memory(optimizer):
    """Times may be skipped and repeated, as after resuming: the rate depends on t and on the first rate only."""
    schedule = StepLR(optimizer, every=2)
    assert rates(schedule, [5, 0, 5, 2]) == pytest.approx([8e-3, 0.8, 8e-3, 0.08])


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda o: StepLR(o, every=0), "every is 0; it must be at least 1"),
        (lambda o: CosineLR(o, total=0), "total is 0"),
        (lambda o: RisingMomentum(o, 1, total=5), "momentum is 1; it must be at least 0 and below 1"),
        (lambda o: RisingMomentum(o, 0.9, total=0), "total is 0"),
        (lambda o: RisingMomentum(o, 0.9, total=5), "has no momentum that could rise"),
        (lambda o: RisingMomentum(Adam(o.module), 0.9, total=5), "has no momentum that could rise"),
    ],
)
def test_arguments_that_make_no_schedule(optimizer, make, words):
    with pytest.raises(ValueError, match=words):
        make(optimizer)


@pytest.mark.parametrize("make", [lambda o: ExponentialLR(o, 2), lambda o: StepLR(o, 1, gamma=3)])
def test_a_rate_that_grows_beyond_all_numbers_is_refused(optimizer, make):
    """2 to the power of 2⁷⁰ has more digits than any memory holds; as a floating-point number it is none."""
    schedule, before = make(optimizer), optimizer.lr
    for t in (2**70, math.inf):
        with pytest.raises(ValueError, match=r"where lr would be (inf|nan); it must be finite"):
            schedule(t)
    assert optimizer.lr == before and schedule(2) > before
