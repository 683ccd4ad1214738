"""A network as a page computes with it: the layers in their order, each with its numbers. assets/network.js builds the same layers from it.

    {"layer": "Linear", "W": (n_in, n_out), "b": (n_out,)}

Dropout is left out, as in inference, and masks are multiplied in. Weights travel as 16-bit floats: what they lose, 2⁻¹¹ of each number, moves
an output by less than 10⁻⁴ of the largest where a few hundred such errors average out; tests/pages/test_network.py says for which networks.
"""

import numpy as np

from scratchgen import layers
from scratchgen.ops import to_host

NUMBERS = {
    layers.LeakyReLU: ("slope",), layers.ELU: ("alpha",), layers.Maxout: ("pieces",), layers.BatchNorm: ("eps",), layers.LayerNorm: ("eps",),
    layers.Pack: ("m",), layers.MinibatchDiscrimination: ("n_in", "n_kernels", "kernel_dim"),
}  # fmt: skip


def described(network, dtype=np.float16):
    """The layers of a Sequential, or of one layer, as a list of dicts."""
    return [described_layer(layer, dtype) for layer in flat(network) if not isinstance(layer, layers.Dropout)]


def flat(network):
    """The layers of a Sequential, and of those inside it, in their order; of one layer, itself."""
    return [inner for layer in network.layers for inner in flat(layer)] if isinstance(network, layers.Sequential) else [network]


def described_layer(layer, dtype):
    """One layer: its class, its numbers, its arrays."""
    arrays = {name: to_host(value) for name, value in (layer.params | layer.buffers).items()}
    name = type(layer).__name__
    if isinstance(layer, layers.MaskedLinear):
        name, arrays["W"] = "Linear", arrays["W"] * arrays.pop("mask")
    numbers = {key: getattr(layer, key) for key in NUMBERS.get(type(layer), ())}
    return {"layer": name} | numbers | {key: value.astype(dtype) for key, value in arrays.items()}
