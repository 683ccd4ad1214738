from scratchgen.bench import timing


class Clock:
    """A clock that moves only when work is done."""

    def __init__(self):
        self.now, self.calls = 0.0, 0

    def __call__(self):
        return self.now

    def work(self):
        """One second; every fifth time something gets in the way for a thousand."""
        self.calls += 1
        self.now += 1000 if self.calls % 5 == 0 else 1


def test_interruptions_do_not_move_the_median(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(timing.time, "perf_counter", clock)
    assert timing.seconds_per_call(clock.work, budget=20_000) == 1


def test_a_slow_call_is_made_once_to_warm_up_and_once_to_measure(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(timing.time, "perf_counter", clock)
    assert timing.seconds_per_call(clock.work, budget=0.1) == 1
    assert clock.calls == 2


def test_calls_too_short_for_the_clock_are_timed_together(monkeypatch):
    clock, read = Clock(), []

    def tick():
        read.append(None)
        return clock.now

    def work():
        clock.now += timing.CHUNK / 10
        clock.calls += 1

    monkeypatch.setattr(timing.time, "perf_counter", tick)
    assert abs(timing.seconds_per_call(work, budget=50 * timing.CHUNK) - timing.CHUNK / 10) < 1e-12
    assert 480 < clock.calls < 650 and len(read) < 0.6 * clock.calls
