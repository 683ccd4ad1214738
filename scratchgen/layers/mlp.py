"""The multilayer perceptron: linear layers with an activation between each and the next."""

import numpy as np

from scratchgen.errors import flag, integers, one_of, shown
from scratchgen.layers.batch_norm import BatchNorm
from scratchgen.layers.dropout import Dropout
from scratchgen.layers.elu import ELU
from scratchgen.layers.identity import Identity
from scratchgen.layers.layer import Layer
from scratchgen.layers.leaky_relu import LeakyReLU
from scratchgen.layers.linear import Linear
from scratchgen.layers.relu import ReLU
from scratchgen.layers.sequential import Sequential
from scratchgen.layers.sigmoid import Sigmoid
from scratchgen.layers.softplus import Softplus
from scratchgen.layers.tanh import Tanh
from scratchgen.ops import as_generator

ACTIVATIONS = {
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "elu": ELU,
    "tanh": Tanh,
    "sigmoid": Sigmoid,
    "softplus": Softplus,
    "identity": Identity,
}


def make_activation(activation, argument="activation"):
    """A new activation layer from a name of ACTIVATIONS, or from a function without arguments
    (`lambda: LeakyReLU(0.2)`).

    argument: what the caller's own is called, for the error.
    Raises ValueError for an unknown name, TypeError for a function that makes none.
    """
    if not callable(activation):
        return ACTIVATIONS[one_of(argument, activation, ACTIVATIONS)]()
    made = None if isinstance(activation, (Layer, np.ufunc)) else activation()
    if not isinstance(made, Layer):
        raise TypeError(
            f"{argument} is {shown(activation)}; it must be a name, or a function that makes a new layer, "
            "such as lambda: LeakyReLU(0.2)"
        )
    return made


def pieces_of(activation):
    """Of how many numbers the layer makes one, as Maxout does."""
    return getattr(activation, "pieces", 1)


def mlp(
    sizes,
    activation="relu",
    *,
    output="identity",
    batch_norm=False,
    dropout=0.0,
    init="glorot_uniform",
    rng=None,
    dtype=np.float32,
):
    """A Sequential of Linear layers of these sizes, (n_in, n_hidden, …, n_out).

    activation: after every Linear but the last, by name or as a function that makes one
        (`lambda: Maxout(5)`);
    output: likewise, after the last;
    batch_norm: BatchNorm between each hidden Linear and its activation;
    dropout: rate of the Dropout after each hidden activation, 0 for none;
    init: initialiser of the weights;
    rng: a seed or a numpy.random.Generator.

    >>> print(mlp((784, 500, 40), activation="tanh", rng=0))
    Sequential
      0  Linear(784, 500)  W (784, 500)  b (500,)  392,500
      1  Tanh()
      2  Linear(500, 40)   W (500, 40)  b (40,)     20,040
         parameters                                412,540
    """
    sizes = integers("sizes", sizes, 1)
    if len(sizes) < 2:
        raise ValueError(f"sizes is {sizes}; an mlp needs at least an input and an output size")
    rng, batch_norm, layers = as_generator(rng), flag("batch_norm", batch_norm), []
    make_activation(activation), Dropout(dropout)  # for their checks, also where no layer is hidden
    for n_in, n_out in zip(sizes[:-2], sizes[1:-1], strict=True):
        function = make_activation(activation)
        n_pre = n_out * pieces_of(function)
        layers.append(Linear(n_in, n_pre, init=init, rng=rng, dtype=dtype))
        if batch_norm:
            layers.append(BatchNorm(n_pre, dtype=dtype))
        layers.append(function)
        if dropout:
            layers.append(Dropout(dropout, rng=rng))
    function = make_activation(output, "output")
    layers += [Linear(sizes[-2], sizes[-1] * pieces_of(function), init=init, rng=rng, dtype=dtype), function]
    return Sequential(*(layer for layer in layers if not isinstance(layer, Identity)))
