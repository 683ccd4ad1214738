"""What all optimizers share: they read a module's gradients and update its parameters,
and own whatever they must remember.

    optimizer = Adam(net, lr=1e-3)
    net.zero_grads();  …forward, loss, backward…;  optimizer.step()

All parameters of the module lie in one flat array, so a step is one operation however many layers there are.
"""

import math

import numpy as np

from scratchgen.errors import number, shown
from scratchgen.layers.module import Module
from scratchgen.ops import array


class Optimizer:
    """Base class. `lr` may be changed at any time (that is what schedules do);
    `state` {name: (n_params,) array}; `steps` taken.
    """

    # what grows with every training step, and what schedules change: ops/recording.py
    counted, followed = ("steps",), ("lr", "momentum")

    def __init__(self, module, lr, state=()):
        if not isinstance(module, Module):
            raise TypeError(f"the first argument is {shown(module)}; it must be a network, layer or model")
        number("lr", lr, lambda lr: 0 < lr < math.inf, "be a positive number, and finite")
        self.module, self.lr, self.steps = module, lr, 0
        p = module.flat_params
        self.state = {name: array(np.zeros(p.shape), p.dtype) for name in state}

    def step(self):
        """Update the module's parameters from its gradients, once."""
        self.steps += 1
        self.update(self.module.flat_params, self.module.flat_grads, **self.state)

    def update(self, p, g, **state):
        """Change the flat parameters p and the state in place, given the flat gradients g;
        all (n_params,).
        """
        raise NotImplementedError

    def __repr__(self):
        settings = (
            f"{key}={value}" for key, value in vars(self).items() if key not in ("module", "state", "steps")
        )
        return f"{type(self).__name__}({type(self.module).__name__}, {', '.join(settings)})"


def check_fractions(**fractions):
    """ValueError unless every one is at least 0 and below 1, TypeError unless it is a number."""
    for name, value in fractions.items():
        number(name, value, lambda value: 0 <= value < 1, "be at least 0 and below 1")


def check_positive(**values):
    """ValueError unless every one is above 0 and finite, TypeError unless it is a number."""
    for name, value in values.items():
        number(name, value, lambda value: 0 < value < math.inf, "be positive, and finite")


def check_not_negative(**values):
    """ValueError unless every one is at least 0 and finite, TypeError unless it is a number."""
    for name, value in values.items():
        number(name, value, lambda value: 0 <= value < math.inf, "not be negative, and finite")
