"""Optimizers, in PyTorch's conventions and with its defaults (docstrings say where a paper differs);
clipping and schedules.
"""

from scratchgen.optim.adadelta import Adadelta
from scratchgen.optim.adagrad import Adagrad
from scratchgen.optim.adam import Adam, AdamW
from scratchgen.optim.clipping import clip_grad_norm
from scratchgen.optim.optimizer import Optimizer
from scratchgen.optim.rmsprop import RMSProp
from scratchgen.optim.schedules import CosineLR, ExponentialLR, RisingMomentum, StepLR
from scratchgen.optim.sgd import SGD

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "CosineLR",
    "ExponentialLR",
    "Optimizer",
    "RMSProp",
    "RisingMomentum",
    "StepLR",
    "clip_grad_norm",
]
