"""Learning-rate schedules: functions of how far training has come that scale the learning rate it began with.

    step           lr₀ γ^⌊t / every⌋
    exponential    lr₀ γ^t
    cosine         lr_min + ½ (lr₀ − lr_min)(1 + cos(π t / total))          (Loshchilov & Hutter 2017, without restarts)

t counts epochs or steps, as the caller likes: `schedule(t)` sets optimizer.lr. Having no memory, a schedule needs no saving.
"""

import math

from scratchgen.errors import number, shown
from scratchgen.optim.optimizer import Optimizer


class Schedule:
    """Base class: remembers lr₀ of one optimizer; calling it with t sets the optimizer's lr, and returns it."""

    def __init__(self, optimizer):
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"the first argument is {shown(optimizer)}; it must be an optimizer")
        self.optimizer, self.lr = optimizer, optimizer.lr

    def __call__(self, t):
        self.optimizer.lr = self.rate(number("t", t, lambda t: t >= 0, "not be negative"))
        return self.optimizer.lr

    def rate(self, t):
        """The learning rate at time t."""
        raise NotImplementedError


class StepLR(Schedule):
    """lr₀ γ^⌊t / every⌋: multiplied by gamma every so often."""

    def __init__(self, optimizer, every, gamma=0.1):
        number("every", every, lambda every: every >= 1, "be at least 1")
        number("gamma", gamma, lambda gamma: gamma > 0, "be a positive number")
        super().__init__(optimizer)
        self.every, self.gamma = every, gamma

    def rate(self, t):
        """The learning rate at time t."""
        return self.lr * self.gamma ** (t // self.every)


class ExponentialLR(Schedule):
    """lr₀ γ^t."""

    def __init__(self, optimizer, gamma):
        number("gamma", gamma, lambda gamma: gamma > 0, "be a positive number")
        super().__init__(optimizer)
        self.gamma = gamma

    def rate(self, t):
        """The learning rate at time t."""
        return self.lr * self.gamma**t


class CosineLR(Schedule):
    """Half a cosine from lr₀ at t = 0 down to lr_min at t = total, and lr_min from there on."""

    def __init__(self, optimizer, total, lr_min=0.0):
        number("total", total, lambda total: total >= 1, "be at least 1")
        number("lr_min", lr_min, lambda lr: lr >= 0, "not be negative")
        super().__init__(optimizer)
        self.total, self.lr_min = total, lr_min

    def rate(self, t):
        """The learning rate at time t."""
        return self.lr_min + 0.5 * (self.lr - self.lr_min) * (1 + math.cos(math.pi * min(t, self.total) / self.total))
