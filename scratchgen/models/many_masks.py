"""Many masks for one network, as arrays, so that a step that is recorded once
trains with another mask each time.

A mask follows from degrees, M_ij = 1 where m_i ≤ m_j (made.py); those of the output layer's units are taken
as one less than their place, because they see what is strictly before it. So instead of K masks of
n_in · n_out numbers there are K rows of n_in and of n_out degrees, and an operation writes mask number k from
row k of both, into the place where MaskedLinear keeps its own. k is a number that the operation takes.
"""

import numpy as np

from scratchgen.layers.module import Module
from scratchgen.ops import array, op


@op
def choose_row(table, k):  # row k of a table (rows, n) -> (n,)
    return np.sum(np.where(np.arange(table.shape[0], like=table)[:, None] == k, table, 0), axis=0)


@op
def write_mask(mask, m_in, m_out):  # M_ij = 1 where m_i ≤ m_j:  mask (n_in, n_out), in place
    mask[...] = np.where(m_in[:, None] <= m_out, 1, 0)


class Degrees(Module):
    """The degrees of every layer's units in each mask: buffers "0", "1", …, (number of masks, units).

    orderings: of the places 0, 1, …, one for each mask.
    inputs, outputs: the place that each column belongs to.
    hidden: units of the hidden layers.
    """

    def __init__(self, orderings, inputs, hidden, outputs, rng, dtype=np.float32):
        tables = []
        for ordering in orderings:
            D, place = len(ordering), 1 + np.argsort(ordering)
            degrees = [place[inputs]]
            for H in hidden:
                degrees.append(rng.integers(min(degrees[-1].min(), D - 1), D, H))
            tables.append([*degrees, place[outputs] - 1])
        self.buffers = {
            str(i): array(np.stack(rows), dtype) for i, rows in enumerate(zip(*tables, strict=True))
        }

    def write(self, k, layers, direct):
        """Write mask number k into the network's layers, and into the direct connections if there are any."""
        degrees = [choose_row(table, k) for table in self.buffers.values()]
        for layer, m_in, m_out in zip(layers, degrees[:-1], degrees[1:], strict=True):
            write_mask(layer.buffers["mask"], m_in, m_out)
        if direct:
            write_mask(direct.buffers["mask"], degrees[0], degrees[-1])
