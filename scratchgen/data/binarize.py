"""Grey pixels into bits: p in [0, 1] is read as the probability that the pixel is 1.

    none         x = p
    threshold    x = 1 if p ≥ ½, else 0
    once         x ~ Bernoulli(p), drawn one time for the whole data set
    fresh        x ~ Bernoulli(p), drawn anew whenever a minibatch is used

    to draw:     x = 1 if u < p, else 0,   u uniform in [0, 1)       P(x = 1) = P(u < p) = p

Results under different choices do not compare. "fresh" is a regulariser (the network never sees the same bits twice); a test
set is drawn once. Sources: Salakhutdinov & Murray 2008 (once), Burda et al. 2016 (fresh).
"""

import numpy as np

from scratchgen.errors import unknown_name
from scratchgen.ops import Stream, op, to_host

KINDS = ("none", "threshold", "once", "fresh")
ROWS = 1000  # rows drawn at a time for a whole data set, so that the random numbers need little memory


@op
def binarize(p, u):
    """x = 1 where u < p, else 0:  p, u (batch, n) -> x (batch, n), dtype of p."""
    return (u < p).astype(p.dtype)


class Binarize:
    """One of the four ways above, as two steps of which the kind decides what each does.

        bits = Binarize("fresh", rng=0)
        x = bits.dataset(x)              # threshold, once: binarized here;    none, fresh: as it was
        for batch in minibatches(x, …):
            batch = bits.minibatch(batch)    # fresh: binarized here;    others: as it was

    rng: a seed, a numpy.random.Generator or None. `state`, two ints, goes into a checkpoint: assigned back, the same bits follow.
    Raises ValueError for an unknown kind.
    """

    def __init__(self, kind, rng=None):
        if kind not in KINDS:
            raise unknown_name("binarization", kind, KINDS)
        self.kind = kind
        self.stream = Stream(rng)

    def dataset(self, x):
        """x (n, features) in host memory -> the same shape and dtype. Raises ValueError if values to be binarized are not in [0, 1]."""
        if self.kind == "none":
            return x
        if len(x) and not (np.min(x) >= 0 and np.max(x) <= 1):
            raise ValueError(f"x has values from {np.min(x):g} to {np.max(x):g}; binarization '{self.kind}' needs them in [0, 1]")
        if self.kind == "threshold":
            return (x >= 0.5).astype(x.dtype)
        if self.kind == "fresh":
            return x
        bits = np.empty_like(x)
        for i in range(0, len(x), ROWS):
            p = x[i : i + ROWS]
            bits[i : i + ROWS] = to_host(self.stream.uniform(p.shape, p.dtype)) < p
        return bits

    def minibatch(self, x):
        """x (batch, features), an array of the backend in force -> the same shape and dtype."""
        if self.kind != "fresh":
            return x
        return binarize(x, self.stream.uniform(x.shape, x.dtype))

    @property
    def state(self):
        """(key, block) of the random stream."""
        return self.stream.state

    @state.setter
    def state(self, state):
        self.stream.state = state
