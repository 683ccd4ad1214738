"""Agreement after the best matching: how well do classes that were found without labels fit the labels?

A model that finds classes by itself, such as InfoGAN with its categorical code, gives them numbers of its own: its 3 may be the sevens. So each
of its K classes is matched with one label, no two with the same, and in such a way that as many examples as possible agree:

    agreement = max over matchings π   (1/n) Σ_i [π(c_i) = y_i]

Of ten classes there are 10! = 3.6 million matchings, but a table of sums over *sets* of labels is enough, as in the travelling salesman's problem
(Held & Karp 1962). With counts N[c, y], and best(S) the most examples that the first |S| classes can agree on when they are given the labels in S,

    best(∅) = 0                        best(S) = max over y in S  of  best(S without y) + N[|S| − 1, y]

which takes 2^K steps of K each. It costs nothing for ten classes, and too much for more than 20.
"""

from typing import NamedTuple

import numpy as np

MOST = 20


class Agreement(NamedTuple):
    fraction: float  # of the examples, 0 … 1
    labels: tuple  # label that each class is matched with


def best_agreement(classes, y):
    """How well classes (n,) fit labels y (n,), both integers from 0 -> Agreement(fraction, labels).

    Classes and labels are 0 … K − 1, K the larger number of the two. A class that is matched with a label that no example has agrees with none.
    Raises ValueError for shapes that differ, negative numbers or K above 20, TypeError for what is no integer.
    """
    classes, y = np.asarray(classes), np.asarray(y)
    if classes.ndim != 1 or classes.shape != y.shape or not len(y):
        raise ValueError(f"classes have shape {classes.shape}, y {y.shape}; both must be (n,), with n ≥ 1")
    for name, values in (("classes", classes), ("y", y)):
        if values.dtype.kind not in "iu":
            raise TypeError(f"{name} is {values.dtype}; wanted are integers, the index of the class")
        if not 0 <= values.min() <= values.max() < MOST:
            raise ValueError(f"{name} runs from {values.min()} to {values.max()}; numbers must lie in 0 … {MOST - 1}")
    K = int(max(classes.max(), y.max())) + 1
    counts = np.bincount(classes.astype(np.int64) * K + y.astype(np.int64), minlength=K * K).reshape(K, K)  # N[c, y]
    best, last = np.zeros(2**K, np.int64), np.zeros(2**K, np.int64)  # by set of labels, whose bits are the labels
    sets = np.arange(2**K)
    sizes = sum((sets >> label) & 1 for label in range(K))
    for c in range(K):
        S = sets[sizes == c + 1]
        options = np.stack([np.where((S >> label) & 1, best[S & ~(1 << label)] + counts[c, label], -1) for label in range(K)])  # (K, sets)
        best[S], last[S] = options.max(axis=0), options.argmax(axis=0)
    labels, S = [], 2**K - 1
    for _ in range(K):
        labels.append(int(last[S]))
        S &= ~(1 << labels[-1])
    return Agreement(float(best[-1] / len(y)), tuple(reversed(labels)))
