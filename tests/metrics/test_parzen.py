import numpy as np
import pytest

from scratchgen.metrics import parzen, parzen_log_likelihood, parzen_sigma


def gaussian_log_density(x, std):
    return -np.square(x).sum(axis=1) / (2 * std**2) - x.shape[1] * np.log(std * np.sqrt(2 * np.pi))


def test_equals_the_mixture_written_out(monkeypatch):
    rng = np.random.default_rng(0)
    samples, x, sigma = rng.normal(size=(7, 3)), rng.normal(size=(11, 3)), 0.6
    log_p = [np.log(np.mean([np.exp(gaussian_log_density((xi - s)[None], sigma)[0]) for s in samples])) for xi in x]
    monkeypatch.setattr(parzen, "BLOCK", 21)  # three examples at a time, and a rest of two
    result = parzen_log_likelihood(samples, x, sigma)
    assert result.mean == pytest.approx(np.mean(log_p), rel=1e-12)
    assert result.standard_error == pytest.approx(np.std(log_p, ddof=1) / np.sqrt(11), rel=1e-12)


def test_one_sample_is_one_gaussian_however_far_away():
    x = np.random.default_rng(1).normal(size=(50, 784)) * 100  # densities of about e^(-5e6): every one underflows
    result = parzen_log_likelihood(np.zeros((1, 784)), x, sigma=0.5)
    assert result.mean == pytest.approx(gaussian_log_density(x, 0.5).mean(), rel=1e-12)


def test_many_samples_of_a_gaussian_give_the_widened_gaussian():
    """Windows of width σ on samples of N(0, s²I) tend to N(0, (s² + σ²)I); 10,000 of them are there to 0.02 nats."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(1000, 2))
    result = parzen_log_likelihood(rng.normal(size=(10000, 2)), x, sigma=0.3)
    exact = gaussian_log_density(x, np.sqrt(1 + 0.3**2)).mean()
    assert result.mean == pytest.approx(exact, abs=0.02)


def test_the_answer_does_not_move_with_the_origin():
    rng = np.random.default_rng(3)
    samples, x = rng.normal(size=(40, 5)), rng.normal(size=(30, 5))
    here, there = (parzen_log_likelihood(samples + shift, x + shift, 0.2).mean for shift in (0, 1e6))
    assert there == pytest.approx(here, rel=1e-6)


def test_sigma_is_the_best_of_the_ten():
    rng = np.random.default_rng(4)
    samples, x = rng.normal(size=(200, 2)), rng.normal(size=(100, 2))
    by_hand = max(parzen.SIGMAS, key=lambda sigma: parzen_log_likelihood(samples, x, sigma).mean)
    assert parzen_sigma(samples, x) == by_hand
    assert 0.1 < by_hand < 1  # neither end: the choice is a real one
    np.testing.assert_allclose(parzen.SIGMAS[[0, 1, 9]], [0.1, 10 ** (-8 / 9), 1])


@pytest.mark.parametrize(
    ("samples", "x", "sigma", "message"),
    [
        (np.zeros((3, 2)), np.zeros((4, 3)), 1, "samples has 2 features, the data 3"),
        (np.zeros((0, 2)), np.zeros((4, 2)), 1, r"samples has shape \(0, 2\)"),
        (np.zeros((3, 2)), np.zeros(4), 1, r"x_test has shape \(4,\)"),
        (np.zeros((3, 2)), np.full((4, 2), np.nan), 1, "x_test contains NaN"),
        (np.zeros((3, 2)), np.zeros((4, 2)), 0, "sigma is"),
        (np.zeros((3, 2)), np.zeros((4, 2)), np.nan, "sigma is"),
    ],
)
def test_bad_input_is_named(samples, x, sigma, message):
    with pytest.raises(ValueError, match=message):
        parzen_log_likelihood(samples, x, sigma)
