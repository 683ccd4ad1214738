import numpy as np
import pytest

import scratchgen as sg
from scratchgen.data import minibatch_indices, minibatches


@pytest.mark.parametrize("n, batch_size, sizes", [(10, 5, [5, 5]), (10, 4, [4, 4, 2]), (7, 7, [7]), (3, 1, [1, 1, 1])])
def test_every_row_comes_once_per_epoch(n, batch_size, sizes):
    batches = list(minibatch_indices(n, batch_size, seed=3, epoch=1))
    assert [len(rows) for rows in batches] == sizes
    assert sorted(np.concatenate(batches)) == list(range(n))


def test_order_depends_on_seed_and_epoch_only():
    def order(seed, epoch):
        return np.concatenate(list(minibatch_indices(100, 10, seed=seed, epoch=epoch))).tolist()

    assert order(0, 0) == order(0, 0)
    orders = [order(seed, epoch) for seed in range(3) for epoch in range(3)]
    assert len({tuple(o) for o in orders}) == 9  # (0, 1) and (1, 0) differ too


@pytest.mark.parametrize("start", [0, 1, 2, 3, 4])
def test_start_goes_on_in_the_middle_of_an_epoch(start):
    x = np.random.default_rng(0).standard_normal((23, 2, 3)).astype(np.float32)
    whole = list(minibatches(x, 7, seed=5, epoch=2))
    rest = list(minibatches(x, 7, seed=5, epoch=2, start=start))
    assert len(rest) == 4 - start
    for a, b in zip(whole[start:], rest, strict=True):
        np.testing.assert_array_equal(a, b)


def test_labels_stay_with_their_rows():
    x, y = np.arange(20.0).reshape(10, 2), np.arange(10)
    batches = list(sg.data.minibatches(sg.data.Dataset(x, y), 4, seed=2))
    assert [len(batch.y) for batch in batches] == [4, 4, 2]
    assert all((batch.x == x[batch.y]).all() for batch in batches)
    without = list(sg.data.minibatches(sg.data.Dataset(x, None), 4, seed=2))
    assert all((a == b.x).all() for a, b in zip(without, batches, strict=True))


def test_minibatches_are_copies_of_the_indexed_rows():
    x = np.arange(20, dtype=np.float32).reshape(10, 2)
    for rows, batch in zip(minibatch_indices(10, 3, seed=1), minibatches(x, 3, seed=1), strict=True):
        np.testing.assert_array_equal(batch, x[rows])
        assert batch.dtype == x.dtype and batch.flags.c_contiguous and not np.shares_memory(batch, x)


@pytest.mark.parametrize(
    "arguments, error, sentence",
    [
        ({"batch_size": 0}, ValueError, "batch_size is 0; it must be at least 1"),
        ({"batch_size": 11}, ValueError, "batch_size is 11, but the data has only 10 rows"),
        ({"batch_size": 2.5}, TypeError, "batch_size is 2.5; it must be an int"),
        ({"batch_size": 5, "seed": -1}, ValueError, "seed is -1; it must be at least 0"),
        ({"batch_size": 5, "seed": None}, TypeError, "seed is None; it must be an int"),
        ({"batch_size": 5, "epoch": -1}, ValueError, "epoch is -1"),
        ({"batch_size": 5, "start": -1}, ValueError, "start is -1"),
    ],
)
def test_bad_arguments_are_refused_before_the_first_minibatch(arguments, error, sentence):
    with pytest.raises(error, match=sentence):
        minibatches(np.zeros((10, 2)), **arguments)
