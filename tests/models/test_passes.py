"""Two minibatches through one network: in one pass or in two, and the same gradients from either."""

import numpy as np
import pytest

from scratchgen.layers import BatchNorm, Linear, Sequential, Tanh
from scratchgen.models.passes import backward_both, forward_both

RNG = np.random.default_rng(0)
X, GENERATED, DREAL, DFAKE = RNG.normal(size=(6, 4)), RNG.normal(size=(3, 4)), RNG.normal(size=(6, 2)), RNG.normal(size=(3, 2))


def network(norm=False):
    linear = lambda n_in, n_out: Linear(n_in, n_out, rng=n_in, dtype=np.float64)
    return Sequential(linear(4, 5), *[BatchNorm(5, dtype=np.float64)] * norm, Tanh(), linear(5, 2))


@pytest.mark.parametrize("norm", [False, True])
def test_the_same_as_one_after_the_other(backend, norm):
    net, apart, shapes = network(norm), network(norm), []
    forward = net.forward
    net.forward = lambda x: shapes.append(x.shape) or forward(x)
    for _ in range(2):  # gradients are added
        real, fake, caches = forward_both(net, X, GENERATED)
        backward_both(net, DREAL, DFAKE, caches)
        for x, dy, y in ((X, DREAL, real), (GENERATED, DFAKE, fake)):
            wanted, cache = apart.forward(x)
            apart.backward(dy, cache)
            np.testing.assert_allclose(y, wanted, rtol=1e-13)
    np.testing.assert_allclose(net.flat_grads, apart.flat_grads, rtol=1e-12, atol=1e-14)
    assert shapes[:2] == ([(6, 4), (3, 4)] if norm else [(9, 4)] * 2)
