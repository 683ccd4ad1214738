"""Schedules: the learning rate as a function of time."""

import pytest

from scratchgen.optim import SGD, CosineLR, ExponentialLR, StepLR


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


def test_has_no_memory(optimizer):
    """Times may be skipped and repeated, as after resuming: the rate depends on t and on the first rate only."""
    schedule = StepLR(optimizer, every=2)
    assert rates(schedule, [5, 0, 5, 2]) == pytest.approx([8e-3, 0.8, 8e-3, 0.08])


@pytest.mark.parametrize(
    "make, words", [(lambda o: StepLR(o, every=0), "every is 0; it must be at least 1"), (lambda o: CosineLR(o, total=0), "total is 0")]
)
def test_arguments_that_make_no_schedule(optimizer, make, words):
    with pytest.raises(ValueError, match=words):
        make(optimizer)
