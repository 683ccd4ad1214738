"""The driver: how many threads, whose settings stand, and what happens under several Python threads, after a fork, at the end and beside
other programs.

Threads are started once in a process, so that each case runs in a process of its own.
"""

import os
import subprocess
import sys
import textwrap

import pytest

pytest.importorskip("numba")

from scratchgen.ops.numba import workers

BEGIN = """
import os, sys, threading, time
import numba, numpy as np
import scratchgen as sg
from scratchgen.layers.softmax import softmax
from scratchgen.ops import matmul
from scratchgen.ops.numba import driver, workers
a, b = np.random.default_rng(0).standard_normal((2, 300, 300)).astype(np.float32)
x = np.random.default_rng(1).standard_normal((2000, 300))
right = a.astype(np.float64) @ b
e = np.exp(x - x.max(axis=1, keepdims=True))
probabilities = e / e.sum(axis=1, keepdims=True)
def check():
    assert np.allclose(matmul(a, b), right, atol=1e-3)
    assert np.allclose(softmax(x), probabilities, rtol=1e-12)
def helpers():
    return sum(thread.name.startswith("scratchgen-") for thread in threading.enumerate())
"""


def run(code, timeout=120, **environment):
    """What the code prints in a new process; environment: variables to set, or to remove where None."""
    environment = {"NUMBA_NUM_THREADS": "3", "SCRATCHGEN_NUM_THREADS": None, "SCRATCHGEN_BACKEND": "numba", **environment}
    merged = {key: value for key, value in {**os.environ, **environment}.items() if value is not None}
    command = [sys.executable, "-c", BEGIN + textwrap.dedent(code)]
    done = subprocess.run(command, env=merged, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    return done.stdout.split()


def test_threads_start_with_the_first_operation():
    assert run("print(helpers()); check(); print(helpers(), workers.n_threads(), workers.pool().most)") == ["0", "2", "3", "3"]


def test_our_limit_holds():
    assert run("check(); print(helpers(), workers.n_threads())", SCRATCHGEN_NUM_THREADS="2") == ["1", "2"]
    assert run("check(); print(helpers(), workers.n_threads())", SCRATCHGEN_NUM_THREADS="20") == ["2", "3"]


def test_one_thread_is_serial():
    code = "check(); print(helpers(), workers.n_threads())"
    assert run(code, SCRATCHGEN_NUM_THREADS="1") == run(code, NUMBA_NUM_THREADS="1") == ["0", "1"]


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "²", "9" * 5000])
def test_a_limit_that_is_no_number_is_refused(text, monkeypatch):
    monkeypatch.setenv("SCRATCHGEN_NUM_THREADS", text)
    with pytest.raises(ValueError, match=f"SCRATCHGEN_NUM_THREADS is '{text[:40]}'; it must be a whole number"):
        workers.thread_limit()


def test_numbas_own_settings_hold_and_stay():
    code = """
    check()
    numba.set_num_threads(2)
    check()
    print(workers.n_threads(), numba.get_num_threads())
    numba.set_num_threads(1)
    check()
    print(workers.n_threads(), numba.get_num_threads())
    numba.set_num_threads(3)
    print(workers.n_threads(), numba.config.THREADING_LAYER)
    """
    assert run(code, NUMBA_THREADING_LAYER=None) == ["2", "2", "1", "1", "3", "default"]


def test_numbas_own_threads_are_not_started():
    code = "check(); from numba.np.ufunc import parallel; print(parallel._is_initialized)"
    assert run(code) == ["False"]


def test_small_work_is_done_by_the_caller():
    """Otherwise waking the others would cost more than it brings. The number of the epoch tells whether a program was shared out."""
    code = """
    from scratchgen.ops import add
    small, large = np.ones((10, 10)), np.ones((3000, 1000))
    add(small, small), add(large, large)
    epochs = []
    for each in (small, large):
        epochs.append(int(workers.pool().words[driver.EPOCH]))
        add(each, each)
    print(*[later - before for before, later in zip(epochs, epochs[1:] + [int(workers.pool().words[driver.EPOCH])])])
    """
    assert run(code) == ["0", "1"]


@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="no /proc here")
def test_every_thread_takes_part():
    """Each of the others spends processor time on large arrays: three hundredths of a second, which no waiting adds up to."""
    code = """
    from scratchgen.ops import add
    large = np.ones((4000, 1000))
    add(large, large)
    tasks = [thread.native_id for thread in threading.enumerate() if thread.name.startswith("scratchgen-")]
    def hundredths(task):
        return int(open(f"/proc/self/task/{task}/stat").read().rsplit(")")[1].split()[11])
    stop = time.time() + 20
    while time.time() < stop and min(map(hundredths, tasks)) < 3:
        add(large, large)
    print(time.time() < stop)
    """
    assert run(code) == ["True"]


@pytest.mark.parametrize("threads", ["1", "3"])
def test_several_python_threads_may_begin_at_once(threads):
    code = """
    together, finished, errors = threading.Barrier(6), [], []
    def begin():
        together.wait()
        for _ in range(20):
            check()
        finished.append(True)
    workers_ = [threading.Thread(target=begin) for _ in range(6)]
    for worker in workers_: worker.start()
    for worker in workers_: worker.join()
    print(len(finished), helpers())
    """
    assert run(code, NUMBA_NUM_THREADS=threads) == ["6", str(int(threads) - 1)]


FORK = """
child = os.fork()
if child == 0:
    for _ in range(20):
        check()
    os._exit(7 + helpers())
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
check()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.parametrize("before", ["", "check()", "check(); time.sleep(0.2)"], ids=["new", "just ran", "asleep"])
def test_a_forked_child_computes_too(before):
    """With threads of its own, also where the parent's threads have run, or sleep."""
    assert run(f"{before}\n{FORK}") == ["9"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_children_of_children_compute_and_all_of_them_at_once():
    code = """
    check()
    children = []
    for k in range(3):
        child = os.fork()
        if child == 0:
            check()
            grandchild = os.fork()
            if grandchild == 0:
                check()
                os._exit(3)
            check()
            os._exit(os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1]))
        children.append(child)
    check()
    print(*[os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
    """
    assert run(code) == ["3", "3", "3"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_while_another_thread_computes():
    code = """
    check()
    stop = []
    def compute():
        while not stop:
            check()
    other = threading.Thread(target=compute)
    other.start()
    ends = []
    for _ in range(10):
        child = os.fork()
        if child == 0:
            check()
            os._exit(5)
        ends.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    stop.append(True)
    other.join()
    print(set(ends) == {5})
    """
    assert run(code) == ["True"]


@pytest.mark.parametrize(
    "end", ["", "time.sleep(0.3)", "sys.exit(0)", "threading.Thread(target=lambda: [check() for _ in range(50)], daemon=True).start()"]
)
def test_nothing_hangs_when_the_process_ends(end):
    """Awake, asleep, or in the middle of an operation of another Python thread."""
    assert run(f"check(); print('end', flush=True); {end}", timeout=60) == ["end"]


def test_results_are_right_beside_a_busy_process():
    """More busy programs than cores: the system puts threads aside in the middle of their chunks."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    try:
        assert run("for _ in range(200): check()\nprint('right')", NUMBA_NUM_THREADS="4") == ["right"]
    finally:
        for process in busy:
            process.kill()
            process.wait()


def test_more_threads_than_work():
    code = """
    from scratchgen.ops import add, add_column_sums
    for shape in ((1, 1), (0, 3), (3, 0), (1, 100_000), (100_000, 1), (2, 3)):
        x = np.ones(shape)
        assert np.array_equal(add(x, x), x + x)
        out = np.zeros(shape[1])
        add_column_sums(out, x)
        assert np.array_equal(out, x.sum(axis=0))
    print("right")
    """
    assert run(code, NUMBA_NUM_THREADS="16") == ["right"]


def test_epochs_may_grow_beyond_32_bits():
    code = """
    from scratchgen.ops.numba import driver, workers
    pool = workers.pool()
    for first in (2**31 - 20, 2**32 - 20, 2**40):
        pool.words[driver.EPOCH] = first
        for _ in range(40):
            check()
    print(int(pool.words[driver.EPOCH]) > 2**40)
    """
    assert run(code) == ["True"]
