import os

import numpy as np
import pytest

from scratchgen import data, ops
from scratchgen.metrics import accuracy, class_coverage, train_classifier

CENTRES = 10 * np.eye(4, dtype=np.float32)


def blobs(n, rng):
    """n points around each of the four corners CENTRES -> x (4n, 4) float32, y (4n,)."""
    y = np.repeat(np.arange(4), n)
    return CENTRES[y] + rng.standard_normal((4 * n, 4), dtype=np.float32), y


@pytest.fixture(scope="module")
def judge():
    x, y = blobs(1000, np.random.default_rng(0))
    return train_classifier(x, y, hidden=(64,), epochs=8)


def test_learns_what_can_be_told_apart(judge):
    assert accuracy(judge, *blobs(100, np.random.default_rng(1))) > 0.99
    x, y = blobs(100, np.random.default_rng(1))
    assert accuracy(judge, x, (y + 1) % 4) < 0.01


def test_coverage_counts_classes_with_at_least_one_per_cent(judge):
    assert class_coverage(judge, np.repeat(CENTRES, 10, axis=0)).classes == 4
    assert class_coverage(judge, np.repeat(CENTRES[:1], 10, axis=0)).classes == 1
    for strays, classes in ((9, 1), (10, 2)):  # of a thousand
        samples = np.repeat(CENTRES[:2], [1000 - strays, strays], axis=0)
        assert class_coverage(judge, samples).classes == classes


def test_confidence_is_the_mean_largest_probability(judge):
    samples = np.random.default_rng(2).normal(size=(2500, 4)).astype(np.float32)  # more than one piece of a thousand
    logits = judge(samples).astype(float)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert class_coverage(judge, samples).confidence == pytest.approx(p.max(axis=1).mean(), rel=1e-5)
    assert class_coverage(judge, CENTRES).confidence > 0.95


def test_same_seed_same_classifier():
    x, y = blobs(20, np.random.default_rng(3))
    nets = [train_classifier(x, y, hidden=(8,), epochs=1, seed=seed) for seed in (5, 5, 6)]
    np.testing.assert_array_equal(nets[0].flat_params, nets[1].flat_params)
    assert (nets[0].flat_params != nets[2].flat_params).any()


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("SCRATCHGEN_DATA"), reason="SCRATCHGEN_DATA is not set: MNIST would be downloaded")
def test_reads_mnist():
    train, test = data.load("mnist", "train"), data.load("mnist", "test")
    judge = train_classifier(train.x, train.y)
    assert accuracy(judge, test.x, test.y) >= 0.97
    coverage = class_coverage(judge, test.x)
    assert coverage.classes == 10 and coverage.confidence > 0.95


@pytest.mark.parametrize(
    ("x", "y", "error", "message"),
    [
        (np.zeros((3, 2), np.float32), np.zeros(2, int), ValueError, r"x has shape \(3, 2\), y \(2,\)"),
        (np.zeros((3, 2), np.float32), np.zeros(3), TypeError, "y is float64; labels are integers"),
        (np.zeros((3, 2), np.float32), np.array([0, 1, -1]), ValueError, "y holds -1"),
        (np.zeros((0, 2), np.float32), np.zeros(0, int), ValueError, r"x has shape \(0, 2\)"),
        (np.zeros((3, 2), np.float32), None, ValueError, "y"),
    ],
)
def test_bad_input_is_named(x, y, error, message):
    with pytest.raises(error, match=message):
        train_classifier(x, y)


def test_no_samples_and_wrong_width_are_named(judge):
    with pytest.raises(ValueError, match=r"samples has shape \(0, 4\)"):
        class_coverage(judge, np.zeros((0, 4), np.float32))
    with pytest.raises(ValueError, match=r"x has shape \(3, 5\); Linear\(4, 64\) needs \(batch, 4\)"):
        class_coverage(judge, np.zeros((3, 5), np.float32))


def test_runs_on_the_numpy_backend_too():
    x, y = blobs(500, np.random.default_rng(4))
    with ops.use_backend("numpy"):
        judge = train_classifier(x, y, hidden=(64,), epochs=8)
        assert accuracy(judge, x, y) > 0.99


def test_what_is_not_finite_is_no_class(judge):
    x = np.full((5, judge.layers[0].n_in), np.nan, np.float32)
    for uses in (lambda: class_coverage(judge, x), lambda: accuracy(judge, x, np.zeros(5, int)), lambda: train_classifier(x, np.zeros(5, int))):
        with pytest.raises(ValueError, match="contains NaN"):
            uses()
