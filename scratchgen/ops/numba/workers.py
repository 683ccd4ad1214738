"""The threads of this process, which run the driver's programs (driver.py).

They are Python threads that stay inside compiled code, without the interpreter's lock. The calling thread takes part in the work and keeps the
lock, so that several Python threads take turns. Idle threads spin for some eighty microseconds, about the time until Python calls the next operation,
and then sleep. A forked child starts its own.

How many: as many as Numba would use (NUMBA_NUM_THREADS, numba.set_num_threads), at most SCRATCHGEN_NUM_THREADS.
"""

import atexit
import ctypes
import os
import sys
import threading
import time

import numpy as np
from numba import int64, types
from numba.core import config
from numba.np.ufunc import parallel as numba_threads

from scratchgen.errors import environment_integer
from scratchgen.ops.numba.compile import c_function
from scratchgen.ops.numba.driver import CONDITION, EAGER, INSIDE, MUTEX, POSIX, ROW, SLEEP, TIME, WAIT, WORDS, WORK, run_program, serve, work
from scratchgen.ops.numba.memory import zero_words

MOST_THREADS = 64


class Pool:
    """The threads of this process, and what they share."""

    def __init__(self, threads):
        self.most = threads
        self.words = zero_words(WORDS + EAGER * (ROW + 8 * threads))
        self.state = self.words.ctypes.data
        self.program = self.state + 8 * WORDS
        self.claims = self.program + 8 * EAGER * ROW
        self.time = np.array([0, 20_000])  # seconds and nanoseconds, about the shortest sleep of the system
        if threads > 1:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self.words))  # never freed: threads read it until the process ends
            self.start()

    def start(self):
        if POSIX:
            libc = ctypes.CDLL(None)
            functions = "pthread_cond_wait", "pthread_cond_broadcast", "pthread_mutex_lock", "pthread_mutex_unlock", "nanosleep"
            for k, name in enumerate(functions):
                self.words[WAIT + k] = ctypes.cast(getattr(libc, name), ctypes.c_void_p).value
            self.words[TIME] = self.time.ctypes.data
            libc.pthread_mutex_init(ctypes.c_void_p(self.state + 8 * MUTEX), None)
            libc.pthread_cond_init(ctypes.c_void_p(self.state + 8 * CONDITION), None)
        else:  # Windows: idle threads look for work every millisecond
            self.words[SLEEP] = ctypes.cast(ctypes.windll.kernel32.Sleep, ctypes.c_void_p).value
            self.words[TIME] = 1
        self.kept = c_function(types.void(*[int64] * 6), work), c_function(types.void(int64, int64), serve)
        self.words[WORK] = self.kept[0].address
        enter = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64)(self.kept[1].address)
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self))  # never freed: the threads may still wait when Python deletes its objects
        for me in range(1, self.most):
            threading.Thread(target=enter, args=(self.state, me), name=f"scratchgen-{me}", daemon=True).start()


_pool = None
_starting = threading.Lock()


def pool():
    """The Pool, its threads started at the first call."""
    global _pool
    if _pool is not None:
        return _pool
    with _starting:
        if _pool is None:
            most = min(config.NUMBA_NUM_THREADS, MOST_THREADS)
            _pool = Pool(min(thread_limit() or most, most))
    return _pool


def retire():
    """Return when no thread reads a recorded program any more, so that its memory can be freed: publish an empty program, and wait for threads that
    are still in an older one."""
    if _pool is not None and _pool.most > 1 and run_program.signatures and not sys.is_finalizing():
        run_program(_pool.program, 0, _pool.state, _pool.claims, _pool.most)
        while _pool.words[INSIDE]:
            time.sleep(0)


atexit.register(retire)


def n_threads():
    """How many threads may take part now."""
    most = (_pool or pool()).most
    if numba_threads._is_initialized and most > 1:
        return min(most, numba_threads._get_num_threads())
    return most


def thread_limit():
    """SCRATCHGEN_NUM_THREADS as an int ≥ 1, or None if it is not set. Raises ValueError if it is anything else."""
    return environment_integer("SCRATCHGEN_NUM_THREADS")


def _after_fork():
    """A child process has none of its parent's threads: it starts its own when they are needed."""
    global _pool, _starting
    _pool, _starting = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
