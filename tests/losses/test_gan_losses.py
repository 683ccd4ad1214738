"""The two players' objectives: their values, the optimum of the game, and why the generator does not minimise the minimax loss."""

import math

import numpy as np
import pytest

from scratchgen import losses

RNG = np.random.default_rng(3)
REAL, FAKE = RNG.normal(0, 2, (5, 1)), RNG.normal(0, 2, (3, 1))


def D(logit):
    return 1 / (1 + math.exp(-logit))


def test_values_are_the_papers_expressions(backend):
    """Equation 1 of Goodfellow et al. 2014, with D written out."""
    log_d_real = sum(math.log(D(l)) for l in REAL.flat) / 5
    log_not_d_fake = sum(math.log(1 - D(l)) for l in FAKE.flat) / 3
    log_d_fake = sum(math.log(D(l)) for l in FAKE.flat) / 3
    assert float(losses.discriminator_bce(REAL, FAKE)[0]) == pytest.approx(-log_d_real - log_not_d_fake, rel=1e-13)
    assert float(losses.generator_minimax(FAKE)[0]) == pytest.approx(log_not_d_fake, rel=1e-13)
    assert float(losses.generator_non_saturating(FAKE)[0]) == pytest.approx(-log_d_fake, rel=1e-13)


def test_the_discriminators_loss_is_two_cross_entropies(backend):
    loss, dreal, dfake = losses.discriminator_bce(REAL, FAKE)
    real_loss, dreal_bce = losses.bce_with_logits(REAL, np.ones_like(REAL))
    fake_loss, dfake_bce = losses.bce_with_logits(FAKE, np.zeros_like(FAKE))
    assert float(loss) == pytest.approx(float(real_loss) + float(fake_loss), rel=1e-14)
    np.testing.assert_allclose(dreal, dreal_bce, rtol=1e-13)
    np.testing.assert_allclose(dfake, dfake_bce, rtol=1e-13)


def test_a_discriminator_that_cannot_tell_pays_log_4(backend):
    loss, dreal, dfake = losses.discriminator_bce(np.zeros((4, 1)), np.zeros((6, 1)))
    assert float(loss) == pytest.approx(math.log(4), rel=1e-15)
    np.testing.assert_allclose(dreal, -0.5 / 4)
    np.testing.assert_allclose(dfake, 0.5 / 6)


def test_the_optimal_discriminator_is_p_over_p_plus_q(backend):
    """On a finite space, repeat each point as often as its probability says: at D* the gradients of real and generated cancel point by point."""
    p, q = np.array([1, 2, 3, 4]), np.array([4, 3, 2, 1])  # tenths
    best = np.log(p / q)[:, None]  # logit of p / (p + q)
    loss, dreal, dfake = losses.discriminator_bce(np.repeat(best, p, axis=0), np.repeat(best, q, axis=0))
    real, fake = np.repeat(np.arange(4), p), np.repeat(np.arange(4), q)
    for point in range(4):
        assert dreal[real == point].sum() + dfake[fake == point].sum() == pytest.approx(0, abs=1e-16)
    middle = (p + q) / 2
    jensen_shannon = 0.5 * np.sum(p * np.log(p / middle) + q * np.log(q / middle)) / 10
    assert float(loss) == pytest.approx(math.log(4) - 2 * jensen_shannon, rel=1e-13)  # theorem 1 of the paper
    worse = best + 0.1
    assert float(losses.discriminator_bce(np.repeat(worse, p, axis=0), np.repeat(worse, q, axis=0))[0]) > float(loss)


def test_minimax_saturates_where_the_discriminator_wins_and_non_saturating_does_not(backend):
    fake = np.full((2, 1), -20.0)  # D(G(z)) = 2e-9
    _, dminimax = losses.generator_minimax(fake)
    _, dnon_saturating = losses.generator_non_saturating(fake)
    np.testing.assert_allclose(dminimax, -math.exp(-20) / 2, rtol=1e-8)
    np.testing.assert_allclose(dnon_saturating, -0.5, rtol=1e-8)


def test_both_generator_objectives_ask_for_a_larger_logit_and_meet_at_one_half(backend):
    for loss in (losses.generator_minimax, losses.generator_non_saturating):
        assert (loss(FAKE)[1] < 0).all()
        np.testing.assert_allclose(loss(np.zeros((2, 1)))[1], -0.25)


def test_the_game_is_zero_sum_under_minimax(backend):
    """What the discriminator pays for generated examples is what the generator gains: the gradients are opposite."""
    _, _, dfake = losses.discriminator_bce(REAL, FAKE)
    np.testing.assert_allclose(losses.generator_minimax(FAKE)[1], -dfake, rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logits_of_a_thousand(backend, dtype):
    right, wrong = np.array([[1000], [1000]], dtype), np.array([[-1000], [-1000]], dtype)
    for real, fake, value, gradient in ((right, wrong, 0, 0), (wrong, right, 2000, 0.5)):
        loss, dreal, dfake = losses.discriminator_bce(real, fake)
        assert float(loss) == value
        np.testing.assert_array_equal(dreal, np.full((2, 1), -gradient))
        np.testing.assert_array_equal(dfake, np.full((2, 1), gradient))
    assert float(losses.generator_minimax(right)[0]) == -1000
    assert float(losses.generator_minimax(wrong)[0]) == 0
    assert float(losses.generator_non_saturating(wrong)[0]) == 1000
    np.testing.assert_array_equal(losses.generator_non_saturating(wrong)[1], [[-0.5], [-0.5]])


def test_least_squares_hinge_and_wasserstein_as_the_papers_write_them(backend):
    mean = np.mean
    assert float(losses.discriminator_least_squares(REAL, FAKE)[0]) == pytest.approx(mean((REAL - 1) ** 2) / 2 + mean(FAKE**2) / 2, rel=1e-13)
    assert float(losses.generator_least_squares(FAKE)[0]) == pytest.approx(mean((FAKE - 1) ** 2) / 2, rel=1e-13)
    hinge = mean(np.maximum(0, 1 - REAL)) + mean(np.maximum(0, 1 + FAKE))
    assert float(losses.discriminator_hinge(REAL, FAKE)[0]) == pytest.approx(hinge, rel=1e-13)
    assert float(losses.critic_wasserstein(REAL, FAKE)[0]) == pytest.approx(mean(FAKE) - mean(REAL), rel=1e-13)
    for loss in (losses.generator_hinge, losses.generator_wasserstein):
        assert float(loss(FAKE)[0]) == pytest.approx(-mean(FAKE), rel=1e-13)
        np.testing.assert_allclose(loss(FAKE)[1], -1 / 3)


def test_a_label_of_1_is_not_smoothed(backend):
    for got, wanted in zip(losses.discriminator_bce_smoothed(REAL, FAKE, 1.0), losses.discriminator_bce(REAL, FAKE), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-13)


def test_the_smoothed_loss_is_two_cross_entropies(backend):
    loss, dreal, dfake = losses.discriminator_bce_smoothed(REAL, FAKE, 0.9)
    real_loss, dreal_bce = losses.bce_with_logits(REAL, np.full_like(REAL, 0.9))
    fake_loss, dfake_bce = losses.bce_with_logits(FAKE, np.zeros_like(FAKE))
    assert float(loss) == pytest.approx(float(real_loss) + float(fake_loss), rel=1e-14)
    np.testing.assert_allclose(dreal, dreal_bce, rtol=1e-13)
    np.testing.assert_allclose(dfake, dfake_bce, rtol=1e-13)


def test_the_optimal_discriminator_of_smoothed_labels(backend):
    """D* = t p / (p + q): there, real and generated examples of each point cancel; see the test of p / (p + q)."""
    p, q, t = np.array([1, 2, 3, 4]), np.array([4, 3, 2, 1]), 0.8
    best = (t * p / (p + q))[:, None]
    best = np.log(best / (1 - best))
    _, dreal, dfake = losses.discriminator_bce_smoothed(np.repeat(best, p, axis=0), np.repeat(best, q, axis=0), t)
    real, fake = np.repeat(np.arange(4), p), np.repeat(np.arange(4), q)
    for point in range(4):
        assert dreal[real == point].sum() + dfake[fake == point].sum() == pytest.approx(0, abs=1e-16)


@pytest.mark.parametrize("t", [0, 1.1, -0.5, np.nan])
def test_labels_that_are_no_smoothed_ones(t):
    with pytest.raises(ValueError, match="real_label is .*; it must be above 0 and at most 1"):
        losses.discriminator_bce_smoothed(REAL, FAKE, t)
    with pytest.raises(ValueError, match=r"fake has shape \(3, 2\); discriminator_bce_smoothed needs"):
        losses.discriminator_bce_smoothed(REAL, np.ones((3, 2)))


def test_matched_features_have_nothing_to_learn(backend):
    rng = np.random.default_rng(0)
    real = rng.normal(size=(6, 3))
    for fake in (real, real[::-1].copy(), np.repeat(real.mean(axis=0, keepdims=True), 2, axis=0)):  # the mean is all that counts
        loss, dfake = losses.feature_matching(fake, real)
        assert float(loss) == pytest.approx(0, abs=1e-30)
        np.testing.assert_allclose(dfake, 0, atol=1e-15)
    loss, dfake = losses.feature_matching(real + np.array([1.0, 0, -2]), real)
    assert float(loss) == pytest.approx(5, rel=1e-14)
    np.testing.assert_allclose(dfake, np.tile([2 / 6, 0, -4 / 6], (6, 1)), atol=1e-15)
