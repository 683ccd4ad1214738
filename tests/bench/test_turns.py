import math
import os
import signal

import pytest

from scratchgen.bench.turns import LIMITS, Side, in_turn, ratio


@pytest.fixture
def side():
    with Side(threads=3, SCRATCHGEN_BACKEND="numpy") as side:
        yield side


def test_a_worker_answers(side):
    assert side.call("math:gcd") == 0
    assert side.call("scratchgen.bench.products:geometric_mean", ratios=[0.5, 2]) == pytest.approx(1)


def test_a_worker_has_its_own_backend_and_limits(side):
    assert side.call("scratchgen.ops:get_backend") == "numpy"
    for name in LIMITS:
        assert side.call("os:getenv", key=name) == "3"
    assert os.environ.get("SCRATCHGEN_BACKEND") != "numpy"


def test_what_a_library_prints_does_not_disturb(side):
    side.call("subprocess:check_call", args=["echo", "noise"])
    assert side.call("math:gcd") == 0


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="needs /proc to see the state of a process")
def test_only_the_side_whose_turn_it_is_runs(side):
    def state():
        with open(f"/proc/{side._process.pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0]

    side.prepare("scratchgen.bench.products:prepare", product="matmul", m=2, k=2, n=2, dtype="float32")
    assert 0 < side.time(1e-3) < 1
    os.waitid(os.P_PID, side._process.pid, os.WSTOPPED | os.WNOWAIT)
    assert state() == "T"
    side._process.send_signal(signal.SIGCONT)


def test_a_worker_that_dies_leaves_its_last_words(side):
    with pytest.raises(RuntimeError, match="No module named 'nonsense'"):
        side.call("nonsense:f")


class Scripted:
    """A side that takes the given times."""

    def __init__(self, *times):
        self.times = list(times)

    def time(self, budget):
        return self.times.pop(0)


def test_turns_and_pairwise_ratio():
    seconds = in_turn({"a": Scripted(1, 2, 4), "b": Scripted(3, 6, 13)}, rounds=3, budget=0)
    assert seconds == {"a": [1, 2, 4], "b": [3, 6, 13]}
    assert ratio(seconds["b"], seconds["a"]) == 3  # the machine slowed down by four meanwhile: the ratio does not notice
    with pytest.raises(ValueError):
        ratio([1], [1, 2])
    assert math.isclose(ratio([1, 1], [1, 2]), 0.75)
