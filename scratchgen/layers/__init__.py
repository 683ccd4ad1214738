"""Layers: one idea per file, its equations, its NumPy definition, forward beside backward.

Read layer.py for the contract, linear.py and batch_norm.py for two derivations in full,
sequential.py for backpropagation.
"""

from scratchgen.layers import initializers
from scratchgen.layers.batch_norm import BatchNorm
from scratchgen.layers.dropout import Dropout
from scratchgen.layers.elu import ELU
from scratchgen.layers.fourier_features import FourierFeatures
from scratchgen.layers.identity import Identity
from scratchgen.layers.layer import Layer
from scratchgen.layers.layer_norm import LayerNorm
from scratchgen.layers.leaky_relu import LeakyReLU
from scratchgen.layers.linear import Linear
from scratchgen.layers.masked_linear import MaskedLinear
from scratchgen.layers.maxout import Maxout
from scratchgen.layers.minibatch_discrimination import MinibatchDiscrimination
from scratchgen.layers.mlp import mlp
from scratchgen.layers.module import Module
from scratchgen.layers.pack import Pack
from scratchgen.layers.random_affine import RandomAffine
from scratchgen.layers.relu import ReLU
from scratchgen.layers.reparameterize import Reparameterize
from scratchgen.layers.sequential import Sequential
from scratchgen.layers.sigmoid import Sigmoid
from scratchgen.layers.softmax import Softmax
from scratchgen.layers.softplus import Softplus
from scratchgen.layers.tanh import Tanh
from scratchgen.layers.time_embedding import TimeEmbedding

__all__ = [
    "BatchNorm", "Dropout", "ELU", "FourierFeatures", "Identity", "Layer", "LayerNorm", "LeakyReLU", "Linear",
    "MaskedLinear", "Maxout", "MinibatchDiscrimination", "Module", "Pack", "RandomAffine", "ReLU",
    "Reparameterize", "Sequential", "Sigmoid", "Softmax", "Softplus", "Tanh", "TimeEmbedding", "initializers",
    "mlp",
]  # fmt: skip
