"""Numbers that grow by the same amount from step to step: where a random stream stands, how many steps an optimizer has taken.

A recorded step (program.py) is launched again with the arguments that it had, so such a number must not be one of them. Kernels therefore take it
as a sum, of a number and of what stands in the memory of the device: start + moved[0]. Plainly launched, all of it is in the number, and moved[0]
is 0.
"""

import functools

import numpy as np

from scratchgen.ops.cuda.array import array

follow = None  # what to do with such a number instead, while a step is recorded: program.py


def moving(value):
    """The two arguments that stand for the number `value` ≥ 0: a uint64, and an array of one uint64 to be added to it."""
    return (follow or plain)(value)


def plain(value):
    """As above, with everything in the first."""
    return np.uint64(int(value) & (2**64 - 1)), zero().flat()


@functools.cache
def zero():
    """A zero on the device."""
    return array(np.zeros(1, np.uint64))
