"""Binary cross-entropy on logits, against the textbook formula and at its extremes."""

import math

import numpy as np
import pytest

from scratchgen import losses

RNG = np.random.default_rng(1)
LOGITS, TARGETS = RNG.normal(0, 3, (4, 5)), RNG.random((4, 5))


def entropy_form(logit, t):
    """−t log p − (1 − t) log(1 − p), as a textbook has it."""
    p = 1 / (1 + math.exp(-logit))
    return -t * math.log(p) - (1 - t) * math.log(1 - p)


def test_is_the_textbook_formula(backend):
    loss, dlogits = losses.bce_with_logits(LOGITS, TARGETS)
    wanted = sum(entropy_form(l, t) for l, t in zip(LOGITS.flat, TARGETS.flat, strict=True)) / 4
    assert float(loss) == pytest.approx(wanted, rel=1e-13)
    np.testing.assert_allclose(dlogits, (1 / (1 + np.exp(-LOGITS)) - TARGETS) / 4, rtol=1e-12)


def test_a_coin_toss_costs_log_2_a_feature(backend):
    loss, dlogits = losses.bce_with_logits(np.zeros((3, 784)), RNG.random((3, 784)))
    assert float(loss) == pytest.approx(784 * math.log(2), rel=1e-13)
    assert np.abs(dlogits).max() <= 0.5 / 3


def test_the_gradient_vanishes_where_the_probability_is_the_target(backend):
    loss, dlogits = losses.bce_with_logits(np.log(TARGETS / (1 - TARGETS)), TARGETS)
    entropy = -np.sum(TARGETS * np.log(TARGETS) + (1 - TARGETS) * np.log(1 - TARGETS)) / 4
    assert float(loss) == pytest.approx(entropy, rel=1e-12)
    np.testing.assert_allclose(dlogits, 0, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_stays_exact_where_probabilities_round_to_0_and_1(backend, dtype):
    logits = np.array([[1000, -1000, 1000, -1000]], dtype)
    targets = np.array([[1, 0, 0, 1]], dtype)
    loss, dlogits = losses.bce_with_logits(logits, targets)
    assert float(loss) == 2000
    np.testing.assert_array_equal(dlogits, [[0, 0, 1, -1]])
    np.testing.assert_array_equal(losses.bernoulli_log_likelihood(targets, logits), [-2000])


@pytest.mark.parametrize("logit", [-100.0, -30.0, -10.0])
def test_small_costs_keep_their_digits(backend, logit):
    """softplus(−30) is e⁻³⁰ to all digits; log(1 + e⁻³⁰) evaluated as written is off in the third."""
    loss, dlogits = losses.bce_with_logits(np.array([[logit]]), np.zeros((1, 1)))
    assert float(loss) == pytest.approx(math.log1p(math.exp(logit)), rel=1e-12)
    assert dlogits[0, 0] == pytest.approx(math.exp(logit) / (1 + math.exp(logit)), rel=1e-12)


def test_a_sure_mistake_costs_all_and_a_sure_hit_nothing_beside_its_logit(backend):
    logits = np.array([[-40.0], [40.0], [-17.0], [17.0]])
    for row, (target, cost, slope) in enumerate([(1, 40, -1), (1, 0, 0), (0, 0, 0), (0, 17, 1)]):
        loss, dlogits = losses.bce_with_logits(logits[row : row + 1], np.full((1, 1), float(target)))
        assert float(loss) == pytest.approx(cost, rel=1e-7, abs=1e-7) and dlogits[0, 0] == pytest.approx(slope, rel=1e-7, abs=1e-7)


def test_the_three_names_agree(backend):
    loss, dlogits = losses.bce_with_logits(LOGITS, TARGETS)
    nll, dlogits_nll = losses.bernoulli_nll(TARGETS, LOGITS)
    rows = losses.bernoulli_log_likelihood(TARGETS, LOGITS)
    assert rows.shape == (4,)
    assert float(nll) == float(loss) == pytest.approx(-rows.mean(), rel=1e-13)
    np.testing.assert_array_equal(dlogits, dlogits_nll)
