"""Learning-rate schedules: functions of how far training has come that scale the learning rate it began with.

    step           lr₀ γ^⌊t / every⌋
    exponential    lr₀ γ^t
    cosine         lr_min + ½ (lr₀ − lr_min)(1 + cos(π t / total))          (Loshchilov & Hutter 2017, without restarts)

t counts epochs or steps, as the caller likes: `schedule(t)` sets optimizer.lr. Having no memory, a schedule needs no saving.
"""

import math


class Schedule:
    """Base class: remembers lr₀ of one optimizer; calling it with t sets the optimizer's lr, and returns it."""

    def __init__(self, optimizer):
        self.optimizer, self.lr = optimizer, optimizer.lr

    def __call__(self, t):
        self.optimizer.lr = self.rate(t)
        return self.optimizer.lr

    def rate(self, t):
        """The learning rate at time t."""
        raise NotImplementedError


class StepLR(Schedule):
    """lr₀ γ^⌊t / every⌋: multiplied by gamma every so often."""

    def __init__(self, optimizer, every, gamma=0.1):
        if every < 1:
            raise ValueError(f"every is {every}; it must be at least 1")
        super().__init__(optimizer)
        self.every, self.gamma = every, gamma

    def rate(self, t):
        """The learning rate at time t."""
        return self.lr * self.gamma ** (t // self.every)


class ExponentialLR(Schedule):
    """lr₀ γ^t."""

    def __init__(self, optimizer, gamma):
        super().__init__(optimizer)
        self.gamma = gamma

    def rate(self, t):
        """The learning rate at time t."""
        return self.lr * self.gamma**t


class CosineLR(Schedule):
    """Half a cosine from lr₀ at t = 0 down to lr_min at t = total, and lr_min from there on."""

    def __init__(self, optimizer, total, lr_min=0.0):
        if total < 1:
            raise ValueError(f"total is {total}; it must be at least 1")
        super().__init__(optimizer)
        self.total, self.lr_min = total, lr_min

    def rate(self, t):
        """The learning rate at time t."""
        return self.lr_min + 0.5 * (self.lr - self.lr_min) * (1 + math.cos(math.pi * min(t, self.total) / self.total))
