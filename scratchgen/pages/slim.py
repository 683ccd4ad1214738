"""A network in few bytes: the same to 10⁻⁴ for the last epoch of a run, and looking the same for those before.

exact    A 16-bit float keeps 11 bits of each weight, which moves what an encoder says by 2 · 10⁻⁴ of the largest. So a weight travels as one of
         65,535 steps from −max to max of its column, and a scale for each column: 16 bits as well, and the error is an eighth.

slim     Only what a matrix does to the inputs that it meets matters. Let X (n, n_in) be such inputs and P (n_out, r) the r principal directions of
         X W; then

             W ≈ (W P) Pᵀ               r (n_in + n_out) numbers for n_in · n_out

         is the best of rank r on these inputs, and each factor travels in 255 steps, with a scale for each of its r directions. Rank 24 moves the
         pixels of a VAE of digits by 0.3 % in the mean.

assets/explore.js takes the steps and multiplies the factors out again.
"""

import numpy as np

from scratchgen import layers
from scratchgen.ops import to_host
from scratchgen.pages.network import described, described_layer, flat

RANK = 24


def exact(network):
    """`described(network)`, with {"steps", "scale"} for each W; all 32 bits where minibatch discrimination adds up the errors of many examples."""
    if any(isinstance(layer, layers.MinibatchDiscrimination) for layer in flat(network)):
        return described(network)
    return [one | {"W": in_steps(one["W"].T, np.int16)} if "W" in one else one for one in described(network)]


def slim(network, x, rank=RANK):
    """The same, with {"left", "right"} for each W that two factors make smaller; rank 0: for none.  x (n, n_in): inputs as it will meet them."""
    found = []
    for layer in flat(network):
        one = described_layer(layer)
        if "W" in one:
            one["W"] = factors(one["W"].astype(np.float64), x, rank) if rank else in_steps(one["W"].T, np.int8)
        found.append(one)
        x, _ = layer.forward(x, training=False)
    return found


def factors(W, x, rank):
    """W (n_in, n_out) as {"left", "right"}, or in steps where those would be more numbers."""
    r = min(rank, *W.shape)
    if r * sum(W.shape) >= W.size:
        return in_steps(W.T, np.int8)
    product = to_host(x) @ W
    P = np.linalg.eigh(product.T @ product)[1][:, -r:]  # (n_out, r): the eigenvalues ascend
    return {"left": in_steps((W @ P).T, np.int8), "right": in_steps(P.T, np.int8)}


def in_steps(rows, dtype):
    """Each of these rows as whole numbers of that type, and a scale of its own."""
    scale = np.maximum(np.abs(rows).max(axis=1, keepdims=True), 1e-30) / np.iinfo(dtype).max
    return {"steps": np.round(rows / scale).astype(dtype), "scale": scale.ravel().astype(np.float32)}
