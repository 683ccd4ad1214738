"""Difference quotients: measuring a derivative.

For one number θ that the loss L depends on, and a small step h:

    right = (L(θ + h) − L(θ)) / h        left = (L(θ) − L(θ − h)) / h        central = (L(θ + h) − L(θ − h)) / 2h

The central one is wrong by h²/6 · L‴ (truncation) and by a few ε |L| / h (rounding; ε = 2.2e-16 in float64). h = 1e-5 makes both about
1e-10, which is why gradients are checked in float64: in float32 the two errors meet at 1e-3, and a wrong gradient may pass.

L = Σ dy ∘ y for a random dy, so  L(θ + h) − L(θ − h) = Σ dy ∘ (y⁺ − y⁻): subtracting before summing keeps the rounding error to the
outputs that moved at all.

A *kink* is a place where L bends, as ReLU does at 0: left and right differ there however small the step, and either is an acceptable answer.
"""

from typing import NamedTuple

import numpy as np

STEP = 1e-5  # h, times max(1, |θ|)
FINER = (1e-1, 1e-2, 1e-3, 1e-4)  # of it, where that is not fine enough
RELATIVE = 1e-6  # a gradient a and an estimate n agree where |a − n| ≤ RELATIVE · max(|a|, |n|) + rounding
FEW = 8  # rounding = FEW · ε |L| / h
EPSILON = np.finfo(np.float64).eps


class Estimate(NamedTuple):
    """One derivative, measured: the three quotients, and how wrong rounding may make them."""

    central: float
    left: float
    right: float
    rounding: float

    def agrees(self, a, scale=0.0):
        """Whether gradient `a` is this derivative, within the tolerance; False where either is NaN."""
        return bool(abs(a - self.central) <= self.tolerance(a, scale))

    def tolerance(self, a, scale=0.0):
        """How far `a` may be from the estimate."""
        return RELATIVE * max(abs(a), abs(self.central), scale) + self.rounding


class Verdict(NamedTuple):
    """The result for one number: agreement, a kink, or neither."""

    estimate: Estimate
    ok: bool
    kink: bool


class Differences:
    """Measures derivatives of L = Σ dy ∘ y, where y = evaluate() is computed from arrays that are shifted in place and put back.

    evaluate: () -> y, an array that nothing else changes afterwards;  dy: the same shape.
    """

    def __init__(self, evaluate, dy):
        self.evaluate, self.dy = evaluate, dy
        self.y = evaluate()

    def shifted(self, array, where, by):
        """y with array[where] + by in the place of array[where]; the array is put back exactly, whatever happens."""
        before = np.array(array[where])
        array[where] = before + by
        try:
            return self.evaluate()
        finally:
            array[where] = before

    def estimate(self, array, where, direction, h):
        """The derivative of L along `direction` (1.0 for a single element) in array[where]."""
        y_plus, y_minus = self.shifted(array, where, h * direction), self.shifted(array, where, -h * direction)
        sizes = np.abs(self.dy) * np.maximum(np.abs(y_plus), np.abs(y_minus))
        size = max(np.sum(sizes[y_plus != y_minus]), 0.01 * np.sum(sizes))  # the |L| whose rounding matters here, and a little for backward's own
        central = np.sum(self.dy * (y_plus - y_minus)) / (2 * h)
        size += abs(central) * np.max(np.abs(array[where]), initial=0.0)  # θ + h is rounded, too
        return Estimate(
            central=float(central),
            left=float(np.sum(self.dy * (self.y - y_minus)) / h),
            right=float(np.sum(self.dy * (y_plus - self.y)) / h),
            rounding=float(FEW * EPSILON * size / h),
        )

    def judge(self, a, array, where, direction=1.0, scale=0.0):
        """Compare gradient `a` with the measured derivative.

        Where they disagree, a finer step may settle it: h / 10, h / 100, … but only as long as the estimate still moves with the step (a kink
        lies between, or L is curved too strongly, as log near 0); otherwise the finer step would only add rounding error to hide behind.

        It is a kink where `a` lies between the one-sided quotients and these do not close in on each other with the step, twice. (On a smooth
        function they differ by h L″, which shrinks tenfold, once h is small beside the scale on which L varies.)
        """
        h = STEP * max(1.0, float(np.max(np.abs(array[where]), initial=0.0)))
        coarse = first = self.estimate(array, where, direction, h)
        if first.agrees(a, scale):
            return Verdict(first, ok=True, kink=False)
        bent = False
        for finer in FINER:
            fine = self.estimate(array, where, direction, h * finer)
            low, high = sorted((fine.left, fine.right))
            bends = high - low > max(0.5 * abs(coarse.right - coarse.left), 4 * fine.rounding)
            if bends and bent and low - fine.tolerance(a) <= a <= high + fine.tolerance(a):
                return Verdict(fine, ok=True, kink=True)
            if not bends and abs(fine.central - coarse.central) <= 0.5 * RELATIVE * abs(fine.central) + 0.25 * fine.rounding:
                break  # the coarser estimate is confirmed
            if fine.agrees(a, scale):
                straight = abs(fine.right - fine.left) < 0.02 * abs(coarse.right - coarse.left) + fine.rounding
                moved = abs(fine.central - first.central) > 1e-3 * abs(fine.central) + fine.rounding
                return Verdict(fine, ok=True, kink=straight and moved)  # one that only the coarser steps have reached
            coarse, bent = fine, bends
        return Verdict(coarse, ok=False, kink=False)


def directions(shape, n, rng):
    """n random directions of length 1 through a whole array."""
    for _ in range(n):
        u = rng.standard_normal(shape)
        yield u / np.sqrt(np.sum(u * u))
