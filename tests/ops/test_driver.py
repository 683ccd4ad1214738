"""Threads: which layer runs, how many threads, whose settings stand, and what happens under several Python threads and after a fork.

The layer is chosen once in a process, so that each case runs in a process of its own.
"""

import os
import subprocess
import sys
import textwrap

import pytest

pytest.importorskip("numba")

from scratchgen.ops.numba import threads

PRODUCT = """
import os, sys, threading
import numba, numpy as np
from scratchgen.ops.numba import threads
from scratchgen.ops.numba.matmul import matmul
a, b = np.random.default_rng(0).standard_normal((2, 300, 300)).astype(np.float32)
right = a.astype(np.float64) @ b
def check():
    assert np.allclose(matmul(a, b), right, atol=1e-3)
"""


def run(code, **environment):
    """What the code prints in a new process; environment: variables to set, or to remove where None."""
    merged = {key: value for key, value in {**os.environ, "NUMBA_NUM_THREADS": "3", **environment}.items() if value is not None}
    done = subprocess.run([sys.executable, "-c", PRODUCT + textwrap.dedent(code)], env=merged, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.split()


def loads(layer):
    code = f"import numba; numba.config.THREADING_LAYER = '{layer}'; numba.get_num_threads()"
    return subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_openmp_is_taken_where_it_loads_and_the_users_setting_is_left_alone():
    code = "check(); print(numba.threading_layer(), numba.config.THREADING_LAYER, numba.get_num_threads())"
    layer, setting, n = run(code, NUMBA_THREADING_LAYER=None)
    assert layer == next(layer for layer in threads.WORTH if loads(layer)) and (setting, n) == ("default", "3")


@pytest.mark.parametrize("given, found", [({}, threads.SPINS), ({"GOMP_SPINCOUNT": "77"}, 77)])
def test_threads_of_gnu_openmp_go_to_sleep_soon_unless_the_user_says_when(given, found):
    if not loads("omp"):
        pytest.skip("omp does not load here")
    code = "import os; before = dict(os.environ); from scratchgen.ops.numba import threads; threads.start(); assert os.environ == before"
    environment = {key: value for key, value in os.environ.items() if key not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    environment |= {"OMP_DISPLAY_ENV": "VERBOSE", "NUMBA_NUM_THREADS": "2", "NUMBA_THREADING_LAYER": "omp"} | given
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    if "libgomp" not in done.stderr and "GOMP_" not in done.stderr:
        pytest.skip("Numba's OpenMP is not GNU's here")
    assert f"GOMP_SPINCOUNT = '{found}'" in done.stderr


@pytest.mark.parametrize("layer", threads.WORTH)
def test_the_users_choice_of_layer_stands_and_two_python_threads_may_work_at_once(layer):
    if not loads(layer):
        pytest.skip(f"{layer} does not load here")
    code = """
    def often():
        for _ in range(50):
            check()
        finished.append(True)
    finished = []
    workers = [threading.Thread(target=often) for _ in range(3)]
    for worker in workers: worker.start()
    for worker in workers: worker.join()
    print(len(finished), numba.threading_layer())
    """
    assert run(code, NUMBA_THREADING_LAYER=layer) == ["3", layer]


def test_a_layer_that_the_user_started_stands():
    code = """
    numba.config.THREADING_LAYER = "workqueue"
    numba.set_num_threads(2)
    numba.config.THREADING_LAYER = "default"
    check()
    print(numba.threading_layer(), numba.get_num_threads())
    """
    assert run(code) == ["workqueue", "2"]


def test_our_limit_holds_for_our_calls_only():
    code = """
    from numba import prange
    from scratchgen.ops.numba.threads import enter, leave
    check()
    assert enter(10**9)
    print(numba.get_num_threads())
    leave()
    numba.set_num_threads(1)
    check()
    print(numba.get_num_threads())
    """
    assert run(code, SCRATCHGEN_NUM_THREADS="2") == ["2", "1"]


def test_one_thread_is_serial():
    code = "check(); print(threads.enter(10**12))"
    assert run(code, SCRATCHGEN_NUM_THREADS="1") == run(code, NUMBA_NUM_THREADS="1") == ["False"]


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5"])
def test_a_limit_that_is_no_number_is_refused(text, monkeypatch):
    monkeypatch.setenv("SCRATCHGEN_NUM_THREADS", text)
    with pytest.raises(ValueError, match=f"SCRATCHGEN_NUM_THREADS is '{text}'"):
        threads.thread_limit()


@pytest.mark.parametrize("layer", threads.WORTH)
def test_several_python_threads_may_begin_at_once(layer):
    if not loads(layer):
        pytest.skip(f"{layer} does not load here")
    code = """
    from scratchgen.ops.numba.elementwise import elementwise, formulas
    relu, large, together = elementwise(formulas.relu, 0.1, 1), np.ones((3000, 3000), np.float32), threading.Barrier(6)
    def begin():
        together.wait()
        for _ in range(5):
            relu(large)
        check()
        finished.append(True)
    finished = []
    workers = [threading.Thread(target=begin) for _ in range(6)]
    for worker in workers: worker.start()
    for worker in workers: worker.join()
    print(len(finished))
    """
    assert run(code, NUMBA_THREADING_LAYER=layer) == ["6"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_computes_too_where_only_other_code_has_run_in_parallel_before():
    code = """
    @numba.njit(parallel=True)
    def other(x):
        for i in numba.prange(x.size):
            x[i] += 1
    other(np.zeros(1000))
    child = os.fork()
    if child == 0:
        check()
        os._exit(7)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert run(code) == ["7"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_computes_too():
    code = """
    check()
    child = os.fork()
    if child == 0:
        check()
        os._exit(7)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    check()
    """
    assert run(code) == ["7"]


def test_small_work_is_serial_and_large_work_is_not():
    code = "check(); print(threads.enter(100), threads.enter(10**9)); threads.leave()"
    assert run(code) == ["False", "True"]


def test_a_kernel_computes_the_same_serially_and_in_parallel(tmp_path):
    """And the cache does not mix the two forms up: the second process takes both from it."""
    (tmp_path / "doubling.py").write_text(
        textwrap.dedent("""
        from numba import prange
        from scratchgen.ops.numba.threads import kernel

        @kernel
        def doubled(x, y):
            for i in prange(x.size):
                y[i] = 2 * x[i]
        """)
    )
    code = """
    sys.path.insert(0, os.environ["HERE"])
    from doubling import doubled
    x, y, z = np.arange(1000.0), np.zeros(1000), np.zeros(1000)
    doubled(10**9, x, y)
    doubled(0, x, z)
    parallel, serial = doubled.parallel.stats, doubled.serial.stats
    print(np.array_equal(y, 2 * x), np.array_equal(z, 2 * x), len(parallel.cache_hits), len(serial.cache_hits))
    print(doubled.parallel.get_metadata(doubled.parallel.signatures[0])["parfor_diagnostics"].count_parfors() if not parallel.cache_hits else "")
    """
    where = {"HERE": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    assert run(code, **where) == ["True", "True", "0", "0", "1"]
    assert run(code, **where) == ["True", "True", "1", "1"]
