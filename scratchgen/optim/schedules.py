"""Schedules: functions of how far training has come that scale the learning rate it began with,
or let momentum grow.

    step           lr₀ γ^⌊t / every⌋
    exponential    lr₀ γ^t
    cosine         lr_min + ½ (lr₀ − lr_min)(1 + cos(π t / total))
                   (Loshchilov & Hutter 2017, without restarts)
    momentum       μ₀ + (μ − μ₀) min(t / total, 1)
                   (the original GAN; Sutskever et al. 2013 let it rise like 1 − 1/t)

t counts epochs or steps, as the caller likes: `schedule(t)` sets optimizer.lr, or optimizer.momentum.
Having no memory, a schedule needs no saving. Momentum is low at first, when gradients change quickly and old
ones mislead, and high later, when only their mean tells where to go.
"""

import math

from scratchgen.errors import number, shown
from scratchgen.optim.optimizer import Optimizer, check_fractions


class Schedule:
    """Base class: remembers lr₀ of one optimizer;
    calling it with t sets the optimizer's lr, and returns it.
    """

    sets = "lr"  # which of the optimizer's numbers

    def __init__(self, optimizer):
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"the first argument is {shown(optimizer)}; it must be an optimizer")
        self.optimizer, self.lr = optimizer, optimizer.lr

    def __call__(self, t):
        number("t", t, lambda t: t >= 0, "not be negative")
        try:
            value = self.rate(t)
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            raise ValueError(f"t is {shown(t)}, where {self.sets} would be {value}; it must be finite")
        setattr(self.optimizer, self.sets, value)
        return value

    def rate(self, t):
        """The learning rate, or what else is set, at time t."""
        raise NotImplementedError


class StepLR(Schedule):
    """lr₀ γ^⌊t / every⌋: multiplied by gamma every so often."""

    def __init__(self, optimizer, every, gamma=0.1):
        number("every", every, lambda every: every >= 1, "be at least 1")
        number("gamma", gamma, lambda gamma: gamma > 0, "be a positive number")
        super().__init__(optimizer)
        # a power of whole numbers would have as many digits as it needs
        self.every, self.gamma = every, float(gamma)

    def rate(self, t):
        """The learning rate at time t."""
        return self.lr * self.gamma ** (t // self.every)


class ExponentialLR(Schedule):
    """lr₀ γ^t."""

    def __init__(self, optimizer, gamma):
        number("gamma", gamma, lambda gamma: gamma > 0, "be a positive number")
        super().__init__(optimizer)
        self.gamma = float(gamma)

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
        cosine = math.cos(math.pi * min(t, self.total) / self.total)
        return self.lr_min + 0.5 * (self.lr - self.lr_min) * (1 + cosine)


class RisingMomentum(Schedule):
    """Momentum of SGD or RMSProp in a straight line from μ₀, which must be positive, at t = 0
    to `momentum` at t = total, and that from there on.

    >>> sg.fit(gan, data, optimizer=lambda player: SGD(player, lr=0.1, momentum=0.5, classical=True),
    ...        schedule=lambda o: RisingMomentum(o, 0.7, 250))
    """

    sets = "momentum"

    def __init__(self, optimizer, momentum, total):
        check_fractions(momentum=momentum)
        number("total", total, lambda total: total >= 1, "be at least 1")
        super().__init__(optimizer)
        self.first, self.last, self.total = getattr(optimizer, "momentum", 0), momentum, total
        if not self.first:
            raise ValueError(f"{optimizer!r} has no momentum that could rise; make it with momentum=0.5, say")

    def rate(self, t):
        """The momentum at time t."""
        return self.first + (self.last - self.first) * min(t / self.total, 1)
