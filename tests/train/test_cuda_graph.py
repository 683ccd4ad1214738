"""A recorded step does, replay after replay, what the step itself would do, to the bit.

There is no graph in the simulator, so one is played here: launches are kept instead of run, and run when the graph is launched. On a GPU the same
tests use real graphs.
"""

import contextlib
import logging

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.ops import Stream, array, dispatch, replayed, to_host, use_backend
from scratchgen.ops.cuda import driver, graph

pytestmark = [pytest.mark.cuda, pytest.mark.filterwarnings("ignore::RuntimeWarning")]
X = np.random.default_rng(0).random((10, 3), dtype=np.float32)
MODELS = {
    "vae": lambda: sg.VAE(3, 1, (2,), rng=1),
    "gan": lambda: sg.GAN(3, 1, (2,), (2,), dropout=0.3, batch_norm=True, rng=1),
}


class Recording:
    """What a graph is: launches, in order."""

    def __init__(self):
        self.launches = []

    def launch(self):
        for kernel, blocks, threads, arguments in self.launches:
            driver.configured(kernel, blocks, threads)(*arguments)


@pytest.fixture
def graphs(monkeypatch):
    """The graphs that were recorded, in order."""
    made = []

    @contextlib.contextmanager
    def capture():
        recording, run = Recording(), driver.configured
        driver.configured = lambda kernel, blocks, threads: lambda *arguments: recording.launches.append((kernel, blocks, threads, arguments))
        driver.recording = True
        try:
            yield recording
        finally:
            driver.configured, driver.recording = run, False
        made.append(recording)

    real = graph.capture

    @contextlib.contextmanager
    def watched_capture():
        with real() as recorded:
            yield recorded
        made.append(recorded)

    monkeypatch.setattr(graph, "capture", capture if driver.SIMULATED else watched_capture)
    return made


def fit(model, **options):
    return sg.fit(model, X, **dict(epochs=3, batch_size=2, seed=3, binarize="fresh", progress=False) | options)


def bits(model):
    return to_host(model.flat_params).tobytes(), [to_host(value).tobytes() for value in model.all_buffers().values()]


@pytest.mark.parametrize("name", MODELS)
def test_replayed_steps_give_the_bits_of_steps_that_are_run(name, graphs, monkeypatch):
    options = dict(clip_norm=1.0, schedule=lambda optimizer: sg.optim.StepLR(optimizer, every=2))
    with use_backend("cuda"):
        recorded, plain = MODELS[name](), MODELS[name]()
        metrics = fit(recorded, **options)
        assert len(graphs) >= 1
        monkeypatch.setattr(dispatch._active, "replayed", dispatch._called)
        assert fit(plain, **options) == metrics
        assert bits(recorded) == bits(plain)
        assert {key: stream.state for key, stream in recorded.streams().items()} == {key: stream.state for key, stream in plain.streams().items()}


def step_of(stream, total):
    """A step that adds noise and the minibatch to a total."""

    def step(x):
        sg.ops.add_product(total, stream.normal(x.shape), x)
        return ("noise",)

    return step


def test_counts_that_were_moved_meanwhile_are_noticed(graphs):
    with use_backend("cuda"):
        totals, streams = [array(np.zeros((2, 3), np.float32)) for _ in range(2)], [Stream(0), Stream(0)]
        step, plain = replayed(step_of(streams[0], totals[0]), [(streams[0], "block")]), step_of(streams[1], totals[1])
        for number in range(9):
            if number in (1, 6):
                for stream in streams:
                    stream.uniform((5,))  # something else draws from the same stream
            x = array(X[number : number + 2])
            assert step(x) == plain(x) == ("noise",)
            assert streams[0].state == streams[1].state
        assert len(graphs) == 1
        assert to_host(totals[0]).tobytes() == to_host(totals[1]).tobytes()


def test_a_new_key_is_another_step(graphs):
    with use_backend("cuda"):
        total, stream = array(np.zeros((2, 3), np.float32)), Stream(0)
        step = replayed(step_of(stream, total), [(stream, "block")])
        for _ in range(4):
            for key in range(2):
                step(array(X[:2]), key=key)
        assert len(graphs) == 0  # never two in a row: the other key's steps lie between
        for _ in range(3):
            step(array(X[:2]), key=0)
        for _ in range(3):
            step(array(X[:2]), key=1)
        assert len(graphs) == 2


def test_memory_of_a_recorded_step_is_nobody_elses(graphs):
    with use_backend("cuda"):
        total, stream = array(np.zeros((2, 3), np.float32)), Stream(0)
        step = replayed(step_of(stream, total), [(stream, "block")])
        for _ in range(4):
            step(array(X[:2]))
        others = [array(np.full((2, 3), k, np.float32)) for k in range(8)]
        step(array(X[:2]))
        assert all((to_host(other) == k).all() for k, other in enumerate(others))


def test_a_step_that_cannot_be_recorded_goes_on_as_it_is(graphs, caplog):
    def step(x):
        calls.append(1)
        stream.normal((2,))
        to_host(x)  # waits for the device
        return ()

    with use_backend("cuda"), caplog.at_level(logging.INFO, "scratchgen"):
        stream, calls = Stream(0), []
        run = replayed(step, [(stream, "block")])
        for _ in range(6):
            run(array(X[:2]))
        assert stream.block == 6 and len(calls) == 7  # one of them recorded in vain
        assert not graphs and caplog.text.count("copies between host and device cannot be recorded") == 1


def test_steps_that_differ_are_not_recorded(graphs):
    with use_backend("cuda"):
        calls, x = [], array(X[:2])

        def step(x):
            calls.append(1)
            for _ in range(len(calls) % 2):
                sg.ops.add(x, x)

        run = replayed(step, [])
        for _ in range(8):
            run(x)
        assert len(calls) == 8 and not graphs


@pytest.mark.skipif(not driver.SIMULATED, reason="there is a GPU")
def test_without_graphs_every_step_is_run():
    with use_backend("cuda"):
        model = MODELS["vae"]()
        fit(model)
        assert np.isfinite(to_host(model.flat_params)).all()
