"""A recorded step does on the device, replay after replay, what the step as written would do, to the bit.

There is no graph in the simulator, so one is played here: launches are kept instead of run, and run when the graph is launched. On a GPU the same
tests use real graphs.
"""

import contextlib
import logging
from collections import deque

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.ops import Stream, array, dispatch, fill, recorded, to_host, use_backend
from scratchgen.ops.cuda import driver, memory, program
from scratchgen.train.run import Run
from scratchgen.train.step import train_step

pytestmark = [pytest.mark.cuda, pytest.mark.filterwarnings("ignore::RuntimeWarning")]
X = np.random.default_rng(0).random((10, 3), dtype=np.float32)
WATCHED = 3  # calls until a step is recorded


class Recording:
    """What a graph is: launches, in order."""

    def __init__(self):
        self.launches, self.replays = [], 0

    def launch(self):
        self.replays += 1
        for kernel, blocks, threads, arguments in self.launches:
            driver.configured(kernel, blocks, threads)(*arguments)


@pytest.fixture
def graphs(monkeypatch):
    """The graphs that were recorded, in order."""
    made, real = [], program.capture

    @contextlib.contextmanager
    def played():
        recording, run = Recording(), driver.configured
        driver.configured = lambda kernel, blocks, threads: lambda *arguments: recording.launches.append((kernel, blocks, threads, arguments))
        driver.recording = True
        try:
            yield recording
        finally:
            driver.configured, driver.recording = run, False

    @contextlib.contextmanager
    def capture():
        with (played if driver.SIMULATED else real)() as graph:
            yield graph
        made.append(graph)

    monkeypatch.setattr(program, "capture", capture)
    return made


@pytest.fixture(autouse=True)
def on_the_device():
    with use_backend("cuda"):
        yield


def bits(model):
    return to_host(model.flat_params).tobytes(), [to_host(value).tobytes() for value in model.all_buffers().values()]


def streams(model):
    return {key: stream.state for key, stream in model.streams().items()}


MODELS = {  # with 5 + 4 epochs of minibatches of 2, 2 and 1 rows, or 5 + 1 of 3 and 2: each recorded; then at another learning rate
    "vae": (lambda: sg.VAE(3, 1, (2,), rng=1), 5, 9, 2),
    "gan": (lambda: sg.GAN(3, 1, (2,), (2,), dropout=0.3, batch_norm=True, rng=1), 5, 6, 3),
}


@pytest.mark.parametrize("name", MODELS)
def test_replayed_steps_give_the_bits_of_steps_as_written(name, graphs, monkeypatch, caplog):
    make, every, epochs, batch_size = MODELS[name]
    options = dict(epochs=epochs, batch_size=batch_size, seed=3, binarize="fresh", clip_norm=1.0, progress=False)
    options["schedule"] = lambda optimizer: sg.optim.StepLR(optimizer, every=every)
    caplog.set_level(logging.INFO, "scratchgen")
    replayed, written = make(), make()
    metrics = sg.fit(replayed, X[:5], **options)
    assert len(graphs) == (4 if name == "vae" else 2) and "as written" not in caplog.text
    monkeypatch.setattr(dispatch.active(), "assemble", None)
    assert sg.fit(written, X[:5], **options) == metrics
    assert bits(replayed) == bits(written) and streams(replayed) == streams(written)


def step_of(stream, total):
    """A step that adds noise times the minibatch to a total."""

    def step(x):
        sg.ops.add_product(total, stream.normal(x.shape), x)
        return {"total": total, "names": ("noise",)}

    return step


def zeros():
    return array(np.zeros((2, 3), np.float32))


def test_launches_are_replayed_from_the_recorded_list(graphs, monkeypatch):
    total, stream = zeros(), Stream(0)
    step = recorded(step_of(stream, total))
    for _ in range(WATCHED + 1):
        step(array(X[:2]))
    monkeypatch.delattr(program.Program, "perform")
    monkeypatch.delattr(program.Program, "run")
    before = to_host(total)
    result = step(array(X[2:4]))
    drawn = Stream(0)
    drawn.block = stream.block - 2  # 6 numbers of each step, 4 in a block
    np.testing.assert_array_equal(to_host(total), before + to_host(drawn.normal((2, 3))) * X[2:4])
    assert result["names"] == ("noise",) and to_host(result["total"]).tobytes() == to_host(total).tobytes()
    if driver.SIMULATED:
        (graph,) = graphs
        assert graph.replays == 2 and graph.launches[-1][0] is program.grow


def test_counts_that_were_moved_meanwhile_are_noticed(graphs):
    totals, streams = [zeros(), zeros()], [Stream(0), Stream(0)]
    step, written = recorded(step_of(streams[0], totals[0])), step_of(streams[1], totals[1])
    for number in range(10):
        for stream in streams:
            if number in (1, 6):
                stream.uniform((5,))  # something else draws from the same stream
            if number == 8:
                stream.state = (stream.key, 2)
        x = array(X[number % 8 : number % 8 + 2])
        assert to_host(step(x)["total"]).tobytes() == to_host(written(x)["total"]).tobytes()
        assert streams[0].state == streams[1].state
    assert len(graphs) == 1


def test_a_checkpoint_that_is_restored_is_noticed(graphs):
    """Parameters, the state of the optimizer, its count and the random stream: all go back."""

    def trained(wrap):
        model = sg.VAE(3, 1, (2,), rng=1)
        run = Run(model, {key: model.optimizer(player) for key, player in model.players().items()}, sg.data.Binarize("none"), {})
        step = wrap(lambda x: train_step(model, run.optimizers, x, 0))
        losses = []
        for number in range(9):
            if number == 2:
                saved = run.describe()
            if number == 5:
                run.restore(*saved)
            losses.append(float(step(array(X[:2]))["loss"]))
        return losses, bits(model), streams(model)

    assert trained(recorded) == trained(lambda step: step)
    assert graphs


def test_a_new_key_is_another_recording(graphs):
    total, stream, keys = zeros(), Stream(0), deque()  # of a list a step would see how long it is
    plain = step_of(stream, total)

    def named(x, key):
        keys.append(key)
        return plain(x)

    step = recorded(named)
    for _ in range(WATCHED):
        for key in ("first", "second"):
            step(array(X[:2]), key)
    assert not graphs and len(step.recordings) == 2
    for _ in range(3):
        step(array(X[:2]), "first")
    assert len(graphs) == 1 and list(keys) == ["first", "second"] * WATCHED + ["first"]  # once more, to be compared
    step(array(X[:2]), "second")
    assert len(graphs) == 2
    step(array(X[:1]), "first")
    assert len(step.recordings) == 3


def test_memory_of_a_recorded_step_is_nobody_elses(graphs):
    total, stream = zeros(), Stream(0)
    step = recorded(step_of(stream, total))
    for _ in range(WATCHED + 1):
        step(array(X[:2]))
    others = [array(np.full((2, 3), k, np.float32)) for k in range(8)]
    step(array(X[:2]))
    assert all((to_host(other) == k).all() for k, other in enumerate(others))
    ((recording,),) = step.recordings.values()
    inside = [block.address for block in recording.program.made.values()]
    assert inside and all(recording.program.pool.holds(address) and not memory._shared.holds(address) for address in inside)


def test_results_are_copies(graphs):
    total, stream = zeros(), Stream(0)
    step = recorded(step_of(stream, total))
    results = [step(array(X[:2]))["total"] for _ in range(WATCHED + 4)][WATCHED + 1 :]
    assert len({to_host(result).tobytes() for result in results}) == 3


def as_written(step, caplog, calls=7):
    """Run a step, recorded -> what the log says, checked to be one sentence."""
    with caplog.at_level(logging.INFO, "scratchgen"):
        run = recorded(step)
        for number in range(calls):
            run(array(X[number % 4 : number % 4 + 2]))
    said = [record.getMessage() for record in caplog.records if "stays as written" in record.getMessage()]
    assert len(said) == 1 and step.__qualname__ in said[0]
    return said[0]


def test_a_step_that_copies_to_the_host_stays_as_written(graphs, caplog):
    total, calls = zeros(), deque()

    def step(x):
        calls.append(1)
        noise = array(to_host(x) * np.float32(2))  # waits for the device, and comes back by a way that no operation knows of
        sg.ops.add_product(total, noise, x)

    assert "an array that no operation has made" in as_written(step, caplog)
    assert len(calls) == 7 and not graphs
    wanted = np.zeros((2, 3), np.float32)
    for number in range(7):
        x = X[number % 4 : number % 4 + 2]
        wanted += x * 2 * x
    np.testing.assert_allclose(to_host(total), wanted, rtol=1e-6)


def test_a_number_computed_with_numpy_beside_the_operations(graphs, caplog):
    total, calls = zeros(), deque()

    def step(x):
        calls.append(1)
        fill(total, float(np.mean(to_host(x))))

    assert "a number changes" in as_written(step, caplog)
    assert len(calls) == 7 and not graphs
    np.testing.assert_allclose(to_host(total), X[2:4].mean(), rtol=1e-6)


def test_steps_that_differ_are_not_recorded(graphs, caplog):
    calls, total = deque(), zeros()

    def step(x):
        calls.append(1)
        for _ in range(len(calls) % 2):
            sg.ops.add_product(total, x, x)

    assert "different operations" in as_written(step, caplog)
    assert len(calls) == 7 and not graphs


def test_what_no_graph_can_hold_is_launched_kernel_by_kernel(monkeypatch, caplog):
    @contextlib.contextmanager
    def capture():
        raise RuntimeError("the driver says NO")
        yield

    monkeypatch.setattr(program, "capture", capture)
    totals, streams = [zeros(), zeros()], [Stream(0), Stream(0)]
    step, written = recorded(step_of(streams[0], totals[0])), step_of(streams[1], totals[1])
    for _ in range(WATCHED + 3):
        step(array(X[:2])), written(array(X[:2]))
    assert to_host(totals[0]).tobytes() == to_host(totals[1]).tobytes()
    assert caplog.text.count("launched kernel by kernel: the driver says NO") == 1
