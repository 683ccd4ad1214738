import numpy as np
import pytest

from scratchgen.metrics import precision_recall


def normal(rng, n=1000, at=0.0):
    return rng.normal(at, 1, size=(n, 2))


def test_equal_distributions_have_both():
    rng = np.random.default_rng(0)
    precision, recall = precision_recall(normal(rng), normal(rng))
    assert precision.mean > 0.9 and recall.mean > 0.9
    assert 0 < precision.standard_error < 0.01


@pytest.mark.parametrize("k", [1, 2, 3])
def test_against_the_definition(k):
    """Example by example: within the distance from another to its k-th nearest, or not."""
    rng = np.random.default_rng(6)
    samples, data = rng.normal(size=(30, 2)), rng.normal(0.5, 1, size=(40, 2))
    distance = lambda a, b: float(np.linalg.norm(a - b))

    def share(x, of):
        radii = [sorted(distance(ball, other) for other in of)[k] for ball in of]
        return np.mean([any(distance(each, ball) <= radius for ball, radius in zip(of, radii, strict=True)) for each in x])

    precision, recall = precision_recall(samples, data, k)
    assert (precision.mean, recall.mean) == (share(samples, data), share(data, samples))


def test_one_mode_of_two_is_precise_and_recalls_half():
    rng = np.random.default_rng(1)
    data = np.concatenate([normal(rng, 500), normal(rng, 500, 100.0)])
    precision, recall = precision_recall(normal(rng, 1000), data)
    assert precision.mean > 0.9 and abs(recall.mean - 0.5) < 0.05


def test_noise_around_everything_recalls_and_is_not_precise():
    rng = np.random.default_rng(2)
    precision, recall = precision_recall(rng.uniform(-20, 20, size=(1000, 2)), normal(rng, 1000))
    assert precision.mean < 0.1 and recall.mean > 0.5


def test_far_apart_there_is_neither():
    rng = np.random.default_rng(3)
    assert precision_recall(normal(rng), normal(rng, at=1e4)) == ((0, 0), (0, 0))


@pytest.mark.parametrize("far", [3e6, 3e9])
def test_one_far_sample_does_not_widen_the_balls(far):
    rng = np.random.default_rng(5)
    data = 0.1 * rng.normal(size=(500, 256))
    samples = 0.1 * rng.normal(size=(500, 256)) + 0.5
    samples[0] = far
    assert precision_recall(samples, data) == ((0, 0), (0, 0))


def test_equal_examples_lie_in_their_own_ball_of_radius_0():
    data = np.repeat(np.random.default_rng(4).normal(size=(20, 50)), 6, axis=0) + 5
    assert precision_recall(data, data) == ((1, 0), (1, 0))


@pytest.mark.parametrize(("k", "words"), [(0, "k is 0"), (1.5, "k is 1.5"), ("a", "k is 'a'")])
def test_k_is_a_whole_number_from_1(k, words):
    with pytest.raises((ValueError, TypeError), match=words):
        precision_recall(np.zeros((10, 2)), np.zeros((10, 2)), k)


def test_too_few_examples():
    with pytest.raises(ValueError, match="data has 3 examples; with k = 3 more"):
        precision_recall(np.zeros((10, 2)), np.zeros((3, 2)))
