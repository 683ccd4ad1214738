"""Conditioning on a label: what a network is told besides its input.

A network that is to know the class of an example is given it as further features, one for each class, 1 in
the column of its own:

    net([x | onehot(y)])

In the first layer these columns meet one row of weights for each class, so that what the label does there is
a bias of its own for each class. The labels are not learned: of the gradient that comes back, only the
columns of x are wanted.
"""

import numpy as np

from scratchgen.errors import integer
from scratchgen.ops import is_async, op
from scratchgen.ops.checks import an_array


@op
def join_one_hot(x, y, n_classes, m):
    """-> [x | onehot(y)];  of packs, which have m labels each: [x | onehot(y_1) | … | onehot(y_m)]."""
    classes, stop = np.arange(n_classes, like=x), x.shape[0] * m
    return np.concatenate([x, *[(y[j:stop:m][:, None] == classes).astype(x.dtype) for j in range(m)]], axis=1)


class Labels:
    """The labels that a model's networks are given.

    n_classes: number of classes, from 2; None: the model takes no labels, and `given` changes nothing.
    """

    def __init__(self, n_classes):
        self.n_classes = n_classes if n_classes is None else integer("n_classes", n_classes, 2)
        self.columns = self.n_classes or 0  # what a network's input is wider by

    def given(self, x, y, pack=1):
        """-> [x | onehot(y)] (batch, n + n_classes).

        x (batch, n); y (batch,) integers from 0 to n_classes − 1.

        pack: each row of x is of so many examples (layers/pack.py), and gets the labels of all of them:
            (batch / pack, n + pack · n_classes).
        Raises ValueError for labels that are missing, not wanted, of another shape or (not on a device, where
        looking would wait) out of range, TypeError for labels that are not integers.
        """
        if self.n_classes is None:
            if y is not None:
                raise ValueError("y was given to a model without labels; make it with n_classes=…")
            return x
        if y is None:
            raise ValueError(
                f"y is missing: this model was made with n_classes={self.n_classes}, "
                "and wants a label for every example"
            )
        y = an_array("a model with labels", "y", y)
        if len(y.shape) != 1 or y.shape[0] // pack != x.shape[0]:
            raise ValueError(
                f"y has shape {tuple(y.shape)} for x {tuple(x.shape)}; needed is ({pack * x.shape[0]},)"
            )
        if y.dtype.kind not in "iu":
            raise TypeError(f"y is {y.dtype}; labels are integers, the index of the class")
        if not is_async() and len(y) and not 0 <= y.min() <= y.max() < self.n_classes:
            raise ValueError(
                f"y runs from {y.min()} to {y.max()}; "
                f"with n_classes={self.n_classes} labels must lie in 0 … {self.n_classes - 1}"
            )
        return join_one_hot(x, y, self.n_classes, pack)
