"""Every kernel is launched here: with one thread for each element, but no more than fill a large GPU; each then takes several elements.

A launch does not wait: it is queued, on the one stream. Reading a number waits for it (array.py).
"""

from scratchgen.ops.cuda import driver

THREADS = 4 if driver.SIMULATED else 256  # in a block; a power of two, because sums over a block are taken by halves
BLOCKS = 2 if driver.SIMULATED else 2112  # at most: 16 for each of an H100's 132 multiprocessors

watch = None  # called with (kernel, blocks, threads, arguments) at each launch, for tests and the bench


def launch(kernel, blocks, threads, *arguments):
    """Queue a kernel on `blocks` of `threads` threads (each an int or a tuple of them). Arrays are given as `view()` or `flat()` of ours.

    None of them may be empty: Numba has no address to pass for it, and the launch would fail. (The simulator accepts them; tests check.)
    """
    if watch is not None:
        watch(kernel, blocks, threads, arguments)
    driver.configured(kernel, blocks, threads)(*arguments)


def blocks_for(n):
    """The number of blocks for n elements, of which each thread takes every (number of threads)-th."""
    return max(1, min(-(-n // THREADS), BLOCKS))
