"""A network as a page computes with it: the layers in their order, each with its numbers. assets/network.js builds the same layers from it.

    {"layer": "Linear", "W": (n_in, n_out), "b": (n_out,)}

Dropout and random maps are left out, as in inference, and masks are multiplied in. How the numbers travel in fewer bytes is said in slim.py.
"""

import numpy as np

from scratchgen import layers
from scratchgen.ops import to_host

NUMBERS = {
    layers.LeakyReLU: ("slope",), layers.ELU: ("alpha",), layers.Maxout: ("pieces",), layers.BatchNorm: ("eps",), layers.LayerNorm: ("eps",),
    layers.Pack: ("m",), layers.MinibatchDiscrimination: ("n_in", "n_kernels", "kernel_dim"),
}  # fmt: skip
ONLY_IN_TRAINING = (layers.Dropout, layers.RandomAffine)


def described(network):
    """The layers of a Sequential, or of one layer, as a list of dicts."""
    return [described_layer(layer) for layer in flat(network)]


def flat(network):
    """The layers of a Sequential, and of those inside it, in their order; of one layer, itself. Without those that do nothing in inference."""
    if isinstance(network, layers.Sequential):
        return [inner for layer in network.layers for inner in flat(layer)]
    return [] if isinstance(network, ONLY_IN_TRAINING) else [network]


def described_layer(layer):
    """One layer: its class, its numbers, its arrays."""
    arrays = {name: to_host(value) for name, value in (layer.params | layer.buffers).items()}
    name = type(layer).__name__
    if isinstance(layer, layers.MaskedLinear):
        name, arrays["W"] = "Linear", arrays["W"] * arrays.pop("mask")
    numbers = {key: getattr(layer, key) for key in NUMBERS.get(type(layer), ())}
    return {"layer": name} | numbers | {key: value.astype(np.float32) for key, value in arrays.items()}
