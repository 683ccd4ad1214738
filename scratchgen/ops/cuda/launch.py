"""Every kernel is launched here: on so many blocks that each thread has an element, but no more than fill a large GPU; threads then take several.

Nothing waits: a launch is only queued, on the one stream. Whoever reads a number waits for it (array.py).
"""

from scratchgen.ops.cuda import driver

THREADS = 4 if driver.SIMULATED else 256  # of a block; a power of two, because sums over a block are taken by halves
BLOCKS = 2 if driver.SIMULATED else 2112  # at most: 16 for each of an H100's 132 multiprocessors

watch = None  # called with (kernel, blocks, threads, arguments) at each launch: what tests and the bench listen to


def launch(kernel, blocks, threads, *arguments):
    """Queue a kernel on `blocks` of `threads` threads (each an int or a tuple of them). Arrays are given as `view()` or `flat()` of ours.

    None of them may be empty: Numba has no address to pass for it, and the launch would fail. The simulator would not notice; tests do.
    """
    if watch is not None:
        watch(kernel, blocks, threads, arguments)
    driver.configured(kernel, blocks, threads)(*arguments)


def blocks_for(n):
    """How many blocks work on n elements, of which a thread takes every (number of threads)-th."""
    return max(1, min(-(-n // THREADS), BLOCKS))
