"""Numbers that grow by the same amount in every step: the position in a random stream, the steps that an optimizer has taken.

A recorded step (program.py) is launched again with the same arguments, so such a number cannot be one of them. Kernels therefore take it as the sum
of an argument and of a number in the device's memory: start + moved[0]. In a plain launch the argument is the whole number, and moved[0] is 0.
"""

import functools

import numpy as np

from scratchgen.ops.cuda.array import array

follow = None  # what replaces `plain` while a step is recorded: program.py


def moving(value):
    """The two arguments that stand for the number `value` ≥ 0: a uint64, and an array of one uint64 to be added to it."""
    return (follow or plain)(value)


def plain(value):
    """The same, with all of the value in the first."""
    return np.uint64(int(value) & (2**64 - 1)), zero().flat()


@functools.cache
def zero():
    """A zero on the device."""
    return array(np.zeros(1, np.uint64))
