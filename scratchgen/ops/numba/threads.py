"""When to use several threads, how many, and when not to.

A parallel region is not free: waking the threads and waiting for the last one costs 2 µs or 130 µs, depending on Numba's *threading layer*.
So each kernel exists twice, compiled from one source: serially and in parallel, and work too small to gain runs serially.

    @kernel
    def scaled(x, factor, out):        # write prange where the work may be split
        for i in prange(x.size):
            out[i] = factor * x[i]

    scaled(0.1 * x.size, x, 2.0, out)  # the first argument is the work: about how many nanoseconds it takes on one core

Rules for a kernel, so that results have the same bits on any number of threads:
  - every element of the output is written by one iteration, whose arithmetic does not depend on the others;
  - no scalar reduction in prange: sum per row or per fixed block into an array, then add the blocks in order;
  - a function that splits its work by hand brackets itself with `enter(work)` and `leave()` (gemm.py does); the number of threads may
    decide who computes an element, never the order of a sum.

The layer: Numba has three, and one process can load only one. OpenMP is the cheapest, then TBB, then Numba's own workqueue; the first that
loads is taken. A choice that the user made (NUMBA_THREADING_LAYER, numba.config.THREADING_LAYER, or a layer already running) stands.

How many: as many as Numba would use here (NUMBA_NUM_THREADS, numba.set_num_threads), at most SCRATCHGEN_NUM_THREADS. The user's own setting
is put back after each call.

Waiting: between two parallel regions the threads stay awake, for as long as Python usually takes from one operation to the next, and then sleep. GNU
OpenMP's own habit is thirty times as long, and a waiting thread keeps another program, or the very thread that it waits for, off its core: beside one
busy program a VAE's step took 140 ms on two cores instead of 2.4; now it takes 9. OMP_WAIT_POLICY or GOMP_SPINCOUNT, if set, stand.

Safety: a kernel holds Python's global lock while it runs, so that several Python threads take turns instead of competing for the cores. (Two of
them inside workqueue would abort the process: there a lock of our own makes sure, and who finds it taken runs serially.) After a fork, GNU OpenMP
kills the child at its first parallel region, so the child runs serially.
"""

import ctypes
import functools
import glob
import math
import os
import sys
import threading

import numba
from numba.core import config
from numba.np.ufunc import parallel as pool

from scratchgen.ops.numba.compile import jit

# Work (ns on one core) from which several threads win, per layer, the best layer first: about twice what a parallel region costs.
WORTH = {"omp": 3_000, "tbb": 12_000, "workqueue": 300_000}
SPINS = 10_000  # turns that GNU OpenMP's threads wait awake: some tenths of a millisecond. With 2,000, whole steps take a fifth longer

_starting = threading.Lock()
_ready = False  # whether the threading layer is running
_limit = None  # SCRATCHGEN_NUM_THREADS, or None
_worth = 0
_one_at_a_time = None  # a lock where only one Python thread may enter
_users_choice = threading.local()  # .threads: what numba.get_num_threads() gave before enter()
_forked = False  # whether this process is a child whose threads did not survive the fork


def kernel(function):
    """Make a prange function a kernel, called as f(work, *args); see the module's docstring."""
    serial, parallel = jit(function, cache=True), jit(function, cache=True, parallel=True)

    @functools.wraps(function)
    def call(work, *args):
        if not enter(work):
            return serial(*args)
        try:
            return parallel(*args)
        finally:
            leave()

    call.serial, call.parallel = serial, parallel
    return call


def enter(work):
    """Whether to use several threads for work that takes `work` nanoseconds on one core. After True, call leave() when it is done."""
    if not _ready:
        start()
    if work < _worth or _forked:
        return False
    if _one_at_a_time is not None and not _one_at_a_time.acquire(blocking=False):
        return False
    if _limit is not None:
        _users_choice.threads = pool._get_num_threads()
        pool._set_num_threads(min(_limit, _users_choice.threads))  # behind numba.set_num_threads, whose checks take longer
    return True


def leave():
    """Undo what enter() did: give back the lock, and the user's number of threads."""
    if _limit is not None:
        pool._set_num_threads(_users_choice.threads)
    if _one_at_a_time is not None:
        _one_at_a_time.release()


def start():
    """Load the best threading layer, unless one runs already; read SCRATCHGEN_NUM_THREADS. Once, however many Python threads come here first."""
    with _starting:
        if not _ready:
            start_once()


def start_once():
    """What `start` does the first time."""
    global _ready, _limit, _worth, _one_at_a_time
    _limit = thread_limit()
    if not pool._is_initialized:
        launch()
    layer = numba.threading_layer()
    _worth = WORTH[layer] if config.NUMBA_NUM_THREADS > 1 and _limit != 1 else math.inf
    if layer == "workqueue":
        _one_at_a_time = threading.Lock()
    _ready = True


def launch():
    """Start Numba's threads on the best layer that loads; the user's choice of layer, if any, stands."""
    if config.THREADING_LAYER != "default" or "NUMBA_THREADING_LAYER_PRIORITY" in os.environ:
        launch_chosen()
        return
    for layer in WORTH:
        if layer == "tbb":
            load_tbb()
        config.THREADING_LAYER = layer
        try:
            launch_chosen()
            return
        except (ImportError, ValueError):  # this layer does not load here
            continue
        finally:
            config.THREADING_LAYER = "default"


def launch_chosen():
    """Start the threads of the layer in force. GNU OpenMP reads how long to wait from the environment, once, when it is loaded."""
    chosen = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys()
    if not chosen:
        os.environ["GOMP_SPINCOUNT"] = str(SPINS)
    try:
        pool._launch_threads()
    finally:
        if not chosen:
            del os.environ["GOMP_SPINCOUNT"]


def load_tbb():
    """Load libtbb from pip's `tbb` wheel, which puts it where the system's loader does not look. Nothing happens where there is none."""
    for path in glob.glob(os.path.join(sys.prefix, "lib", "libtbb.so.*")):
        try:
            ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
        except OSError:
            continue


def thread_limit():
    """SCRATCHGEN_NUM_THREADS as an int ≥ 1, or None if it is not set. Raises ValueError if it is anything else."""
    text = os.environ.get("SCRATCHGEN_NUM_THREADS")
    if not text:
        return None
    if not text.isdigit() or int(text) == 0:
        raise ValueError(f"SCRATCHGEN_NUM_THREADS is {text!r}; it must be a whole number of at least 1")
    return int(text)


def _after_fork():
    global _forked
    _forked = pool._is_initialized and numba.threading_layer() == "omp"  # also where only other code of the user's has run in parallel


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
