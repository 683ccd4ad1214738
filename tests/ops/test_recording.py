"""Recorded steps: the bits of steps as written, and nothing frozen in silence."""

import gc
import itertools
import logging

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.layers import Layer, Linear, Sequential, Tanh, mlp
from scratchgen.losses import squared_error
from scratchgen.ops import Stream, add, copy_to, multiply, recorded, use_backend
from scratchgen.optim import SGD, Adam, StepLR
from scratchgen.train.step import train_step

WATCHED = 3  # calls until a step is recorded


@pytest.fixture(autouse=True)
def on_numba():
    with use_backend("numba"):
        yield


def data(n=60, features=6, seed=0):
    return np.random.default_rng(seed).random((n, features), dtype=np.float32)


def programs(step):
    """The recordings of a step that are replayed."""
    return [recording for found in step.recordings.values() for recording in found if recording.program]


def network(rng=0):
    return mlp((6, 16, 12, 6), "tanh", rng=rng)


def training(net, optimizer):
    """A step that trains a network to give back its input."""

    def step(x):
        net.zero_grads()
        y, cache = net.forward(x)
        loss, dy = squared_error(y, x)
        net.backward(dy, cache, wrt="params")
        optimizer.step()
        return {"loss": loss, "y": y}

    return step


def reason(caplog):
    """Why a step stays as written, which the log says once."""
    said = [record.getMessage() for record in caplog.records if "stays as written" in record.getMessage()]
    assert len(said) == 1
    return said[0]


def as_written(step, caplog, calls=8, x=None):
    """Call a step recorded -> what the log says of it."""
    with caplog.at_level(logging.INFO, "scratchgen"):
        run = recorded(step)
        for number in range(calls):
            run(data(8, seed=number) if x is None else x)
    return reason(caplog)


# The bits of steps as written

MODELS = {
    "vae": lambda: sg.VAE(6, 2, (9, 7), rng=1),
    "vae, Gaussian": lambda: sg.VAE(6, 2, (9,), likelihood="gaussian", rng=1),
    "gan": lambda: sg.GAN(6, 2, (9, 7), (8, 5), rng=1),
    "gan, dropout and batch norm": lambda: sg.GAN(6, 2, (9,), (8,), dropout=0.3, batch_norm=True, rng=1),
    "made": lambda: sg.MADE(6, (9,), rng=1),
}


@pytest.mark.parametrize("clip_norm", [None, 0.5])
@pytest.mark.parametrize("name", MODELS)
def test_steps_of_models(name, clip_norm):
    def trained(wrap):
        model = MODELS[name]()
        optimizers = {key: model.optimizer(player) for key, player in model.players().items()}
        step = wrap(lambda x: train_step(model, optimizers, x, 0, clip_norm))
        parts = [{key: float(value) for key, value in step(data(8, seed=k).round()).items()} for k in range(16)]
        return parts, model.flat_params.tobytes(), [x.tobytes() for x in model.all_buffers().values()], step

    *replayed, step = trained(recorded)
    *written, _ = trained(lambda step: step)
    assert replayed == written and len(programs(step)) == 1


@pytest.mark.parametrize("name", MODELS)
def test_fit(name, monkeypatch):
    """A last smaller minibatch, a rate that changes after two epochs, bits drawn afresh."""

    def fitted(x=None):
        model = MODELS[name]()
        options = dict(epochs=4, batch_size=7, binarize="fresh", seed=3, progress=False, schedule=lambda optimizer: StepLR(optimizer, every=2))
        return sg.fit(model, data(), **options), model.flat_params.tobytes(), {key: s.state for key, s in model.streams().items()}

    replayed = fitted()
    monkeypatch.setattr(sg.ops.dispatch.active(), "assemble", None)
    assert fitted() == replayed


def test_two_turns_of_a_game():
    def fitted(record):
        gan = sg.GAN(6, 2, (5,), (5,), discriminator_steps=2, rng=0)
        before, sg.ops.dispatch.active().assemble = sg.ops.dispatch.active().assemble, record
        try:
            return sg.fit(gan, data(), epochs=5, batch_size=6, progress=False), gan.flat_params.tobytes()
        finally:
            sg.ops.dispatch.active().assemble = before

    assert fitted(sg.ops.dispatch.active().assemble) == fitted(None)


def test_a_rate_of_its_own_for_each_step():
    def trained(wrap):
        net = network()
        adam = Adam(net)
        step, losses = wrap(training(net, adam)), []
        for number in range(20):
            adam.lr = 1e-2 / (1 + number)
            losses.append(float(step(data(8, seed=number))["loss"]))
        return losses, net.flat_params.tobytes(), step

    *replayed, step = trained(recorded)
    assert replayed == list(trained(lambda step: step)[:2]) and len(programs(step)) == 1


def test_a_rate_that_changes_later_is_noticed():
    def trained(wrap):
        net = network()
        adam = Adam(net)
        step, losses = wrap(training(net, adam)), []
        for number in range(20):
            adam.lr = 1e-2 if number < 9 else 1e-3
            losses.append(float(step(data(8, seed=number))["loss"]))
        return losses, net.flat_params.tobytes()

    assert trained(recorded) == trained(lambda step: step)


class Annealed:
    """An objective with a weight that its owner changes."""

    def __init__(self, net):
        self.net, self.weight = net, 0.0

    def step(self, x):
        self.net.zero_grads()
        y, cache = self.net.forward(x)
        loss, dy = weighted_error(y, x, self.weight)
        self.net.backward(dy, cache)
        return loss


@sg.op
def weighted_error(y, t, weight):
    return weight * np.sum((y - t) ** 2, dtype=np.float64), 2 * weight * (y - t)


def test_an_annealed_weight():
    def trained(wrap):
        annealed = Annealed(network())
        step, losses = wrap(annealed.step), []
        for number in range(15):
            annealed.weight = 0.1 * number
            losses.append(float(step(data(8, seed=number))))
        return losses, annealed.net.flat_grads.tobytes()

    assert trained(recorded) == trained(lambda step: step)


@pytest.mark.parametrize("batch", [1, 3, 600])
def test_batches_of_any_size(batch):
    def trained(wrap):
        net = network()
        step = wrap(training(net, SGD(net, 1e-3, momentum=0.9)))
        return [float(step(data(batch, seed=k))["loss"]) for k in range(8)], net.flat_params.tobytes()

    assert trained(recorded) == trained(lambda step: step)


def test_sizes_in_turn_and_minibatches_that_lie_apart():
    def trained(wrap):
        net = network()
        step, losses = wrap(training(net, Adam(net))), []
        for k in range(24):
            x = data(16, features=12, seed=k)
            x = (x[:8, :6], x[:5, :6].copy(), np.asfortranarray(x[:8, :6]), x[::2, 3:9])[k % 4]
            losses.append(float(step(x)["loss"]))
        return losses, net.flat_params.tobytes()

    assert trained(recorded) == trained(lambda step: step)


def test_two_steps_on_one_model():
    def trained(wrap):
        net = network()
        adam, sgd = Adam(net), SGD(net, 1e-2)
        steps = wrap(training(net, adam)), wrap(training(net, sgd))
        return [float(steps[k % 2](data(8, seed=k))["loss"]) for k in range(18)], net.flat_params.tobytes()

    assert trained(recorded) == trained(lambda step: step)


def test_results_are_copies():
    net = network()
    step = recorded(training(net, Adam(net)))
    results = [step(data(8, seed=k)) for k in range(12)]
    assert len({float(result["loss"]) for result in results}) == 12
    assert len({result["y"].tobytes() for result in results}) == 12


# What a replay must not leave out


def test_numpy_beside_the_operations(caplog):
    net, total = network(), np.zeros((8, 6), np.float32)

    def step(x):
        y, _ = net.forward(x * 2)
        copy_to(total, y)

    assert "no operation has made" in as_written(step, caplog)


def test_numpy_on_an_array_of_the_step(caplog):
    net = network()

    def step(x):
        net.zero_grads()
        net.params["0.W"][...] *= 0.9
        return net.forward(x)[0]

    assert "other numbers" in as_written(step, caplog)


def test_a_number_that_nobody_explains(caplog):
    state = {"t": 0.0}

    def step(x):
        state["t"] += 0.5
        return multiply(x, add(x, x)), weighted_error(x, x, state["t"])[0]

    assert "changes" in as_written(step, caplog)


def test_a_variable_that_changes(caplog):
    weight = 0.0

    def step(x):
        return weighted_error(x, add(x, x), weight)[0]

    with caplog.at_level(logging.INFO, "scratchgen"):
        run = recorded(step)
        for number in range(8):
            weight = 0.5 * number
            x = data(8, seed=number)
            assert float(run(x)) == pytest.approx(weight * float(np.sum(x**2)), rel=1e-5)
    assert "variable weight changes" in reason(caplog)


def test_a_variable_that_changes_later():
    weight = 1.0

    def step(x):
        return weighted_error(x, add(x, x), weight)[0]

    run = recorded(step)
    for number in range(14):
        weight = 1.0 if number < 7 else 2.0
        x = data(8, seed=number)
        assert float(run(x)) == pytest.approx(weight * float(np.sum(x**2)), rel=1e-5)


def test_an_iterator(caplog):
    numbers = itertools.count()

    def step(x):
        return add(x, x) if next(numbers) < 6 else multiply(x, x)

    assert "iterator, numbers" in as_written(step, caplog)


def test_a_method_replaced_in_a_layer_is_called_at_every_step(caplog):
    net, calls = Sequential(Linear(6, 5, rng=0), Tanh(), Linear(5, 6, rng=1)), []
    layer = net.layers[1]
    forward = layer.forward

    def hook(x, training=True):
        calls.append(1)
        return forward(x, training=training)

    layer.forward = hook
    assert "Tanh.forward is replaced" in as_written(training(net, Adam(net)), caplog)
    assert len(calls) == 8


class Counting(Layer):
    """A layer of a user's that counts."""

    def __init__(self):
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return add(x, x), None

    def backward(self, dy, cache):
        return add(dy, dy)


def test_what_a_users_layer_counts(caplog):
    net = Sequential(Linear(6, 6, rng=0), Counting())
    assert "Counting.calls" in as_written(training(net, Adam(net)), caplog)
    assert net.layers[1].calls == 8


def test_operations_that_differ_from_call_to_call(caplog):
    calls = []

    def step(x):
        calls.append(1)
        return add(x, x) if len(calls) % 2 else multiply(x, x)

    as_written(step, caplog)
    assert len(calls) == 8


@sg.op
def untraceable(x):
    return np.sort(x, axis=1)


def test_an_operation_that_runs_as_written(caplog):
    assert "np.sort" in as_written(lambda x: untraceable(x), caplog)


def test_an_array_that_takes_the_place_of_another():
    net = network()
    adam = Adam(net)
    step, written = recorded(training(net, adam)), network()
    other = Adam(written)
    plain = training(written, other)
    for number in range(14):
        if number == 8:
            for optimizer in (adam, other):
                optimizer.state = {key: np.zeros_like(value) for key, value in optimizer.state.items()}
        x = data(8, seed=number)
        assert float(step(x)["loss"]) == float(plain(x)["loss"])
    assert net.flat_params.tobytes() == written.flat_params.tobytes()


def test_counts_that_were_moved_meanwhile():
    streams = Stream(0), Stream(0)
    steps = [(lambda x, s=s: multiply(x, s.normal(x.shape))) for s in streams]
    run = recorded(steps[0])
    for number in range(10):
        x = data(8, seed=number)
        assert run(x).tobytes() == steps[1](x).tobytes()
        if number in (1, 6):
            for stream in streams:
                stream.uniform((5,))


# Where nothing is recorded, and what errors leave


def test_nothing_is_recorded_on_numpy():
    net = network()
    with use_backend("numpy"):
        step = recorded(training(net, Adam(net)))
        for k in range(6):
            step(data(8, seed=k))
    assert not step.recordings


def test_recorded_within_recorded():
    net = network()
    inner = recorded(training(net, Adam(net)))
    outer = recorded(lambda x: inner(x)["loss"])
    losses = [float(outer(data(8, seed=k))) for k in range(8)]
    other = network()
    step = training(other, Adam(other))
    assert losses == [float(step(data(8, seed=k))["loss"]) for k in range(8)]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_an_error_in_a_watched_step(number):
    net = network()
    plain, calls = training(net, Adam(net)), iter(range(100))
    fails = {"now": False}

    def step(x):
        if fails["now"]:
            raise RuntimeError("by chance")
        return plain(x)["loss"]

    run = recorded(step)
    for k in calls:
        fails["now"] = k == number
        if k == number:
            with pytest.raises(RuntimeError, match="by chance"):
                run(data(8))
        else:
            assert np.isfinite(float(run(data(8))))
        if k == 8:
            break
    assert sg.ops.dispatch.recorder is None


def test_a_step_that_is_forgotten_gives_its_memory_back():
    for _ in range(20):
        net = network()
        step = recorded(training(net, Adam(net)))
        for k in range(6):
            step(data(8, seed=k))
        del step
        gc.collect()
    assert np.isfinite(net.flat_params).all()


def test_parts_of_one_array_and_of_another():
    """What is given may be a part of something larger, and two things that are given parts of one."""

    def trained(wrap):
        net = network()
        adam, whole, losses = Adam(net), data(64), []
        step = wrap(lambda x, t: two(net, adam, x, t))
        for k in range(12):
            apart = data(64, seed=k)
            x, t = (whole[k : k + 8], whole[k + 8 : k + 16]) if k % 2 else (apart[3:11], whole[:8])
            losses.append(float(step(x, t)))
        return losses, net.flat_params.tobytes(), step

    def two(net, adam, x, t):
        net.zero_grads()
        y, cache = net.forward(x)
        loss, dy = squared_error(y, t)
        net.backward(dy, cache)
        adam.step()
        return loss

    *replayed, step = trained(recorded)
    assert replayed == list(trained(lambda step: step)[:2]) and programs(step)
