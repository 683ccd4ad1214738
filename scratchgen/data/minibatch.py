"""Minibatches: every epoch goes through all rows once, in an order of its own.

The order is a function of (seed, epoch) alone. So nothing about it needs saving: a run that stopped in the middle of an
epoch finds its place again with `start=`, the number of minibatches it has already used.
"""

from typing import NamedTuple

import numpy as np

from scratchgen.errors import integer
from scratchgen.ops import array, take_rows


def minibatch_indices(n, batch_size, *, seed=0, epoch=0, start=0):
    """Row numbers of each minibatch of one epoch: arrays of batch_size ints, the last one shorter where batch_size does not divide n.

    n: number of rows.   start: how many minibatches to skip.
    Raises TypeError for a batch_size, seed, epoch or start that is not an int, ValueError for one out of range.
    """
    return cut(n, batch_size, seed, epoch, start)


def cut(n, batch_size, seed, epoch, start, move=np.asarray):
    """The slices of an epoch's order, after checks; move: what is done with the order before it is cut."""
    batch_size = integer("batch_size", batch_size, 1)
    seed, epoch, start = integer("seed", seed, 0), integer("epoch", epoch, 0), integer("start", start, 0)
    if batch_size > n:
        raise ValueError(f"batch_size is {batch_size}, but the data has only {n} rows")
    order = move(np.random.default_rng([seed, epoch]).permutation(n))
    return (order[i : i + batch_size] for i in range(start * batch_size, n, batch_size))


class Batch(NamedTuple):
    """A minibatch with labels: x (batch, features), y (batch,)."""

    x: np.ndarray
    y: np.ndarray


def minibatches(data, batch_size, *, seed=0, epoch=0, start=0):
    """The rows of x (n, …) in minibatches (batch_size, …), arrays of the backend in force; arguments and errors as in `minibatch_indices`.

    data: x, or a Dataset, which gives a Batch(x, y) each if it has labels.
    On a device all of it is brought there first, with the order; what lies there already, array(x), is not copied.

    >>> for batch in minibatches(x, 100, seed=0, epoch=epoch):
    ...     loss = model.loss(batch)
    """
    x, y = data if isinstance(data, tuple) else (data, None)
    indices, x = cut(len(x), batch_size, seed, epoch, start, move=array), array(x)
    if y is not None and len(y) != len(x):
        raise ValueError(f"data has {len(x)} rows and {len(y)} labels; there must be one for each")
    if y is None:
        return (take_rows(x, rows) for rows in indices)
    y = array(y)
    return (Batch(take_rows(x, rows), take_rows(y, rows)) for rows in indices)
