"""A recorded step does, call after call, what the step as written does, to the bit; or it stays as written, and says so."""

import contextlib
import copy
import functools
import gc
import itertools
import logging
import math
import pickle
import sys
import threading
import weakref
from types import SimpleNamespace

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.ops import (
    Stream,
    accumulate,
    add,
    add_column_sums,
    add_matmul_tn,
    add_product,
    copy_of,
    copy_to,
    dispatch,
    fill,
    matmul_nt,
    matmul_tn,
    op,
    recorded,
    use_backend,
)
from scratchgen.ops.random import random_uniform
from scratchgen.optim import SGD, Adam, StepLR
from scratchgen.train.step import train_step

X = np.random.default_rng(0).random((12, 3), dtype=np.float32)
SAID = "stays as written"


@pytest.fixture(autouse=True)
def on_the_cpu():
    with use_backend("numba"):
        yield


@pytest.fixture
def said(caplog):
    """The reasons in the log why steps stay as written, asked for by a call."""
    caplog.set_level(logging.INFO, "scratchgen")
    return lambda: [record.getMessage() for record in caplog.records if SAID in record.getMessage()]


@pytest.fixture
def programs(monkeypatch):
    """The programs that were made, in order."""
    made, assemble = [], dispatch.active().assemble
    monkeypatch.setattr(dispatch.active(), "assemble", lambda script: made.append(assemble(script)) or made[-1])
    return made


@op
def add_scaled(total, x, k):
    """total += k x."""
    total += k * x


def zeros():
    return np.zeros((2, 3), np.float32)


def rows(number, n=2):
    """A minibatch, another one at every call."""
    return X[number % 8 : number % 8 + n].copy()


def bits(x):
    if isinstance(x, np.ndarray):
        return x.tobytes()
    if isinstance(x, dict):
        return {key: bits(value) for key, value in x.items()}
    if isinstance(x, (tuple, list)):
        return tuple(bits(part) for part in x)
    return float(x) if isinstance(x, (float, np.floating)) else x


def check(make, calls=20):
    """make() -> step, its arguments for a call's number, what it has changed so far. Recorded and as written, all calls must agree."""
    found = []
    for wrap in (recorded, lambda step: step):
        step, arguments, state = make()
        run = wrap(step)
        found.append([(bits(run(*arguments(number))), bits(state())) for number in range(calls)])
    differ = [number for number, (a, b) in enumerate(zip(*found, strict=True)) if a != b]
    assert not differ, f"calls {differ} of a recorded step gave other bits"


def everything(model, optimizers):
    """All that training changes."""
    buffers, counts = list(model.all_buffers().values()), {key: stream.state for key, stream in model.streams().items()}
    return model.flat_params, buffers, counts, [(each.steps, each.state) for each in optimizers.values()]


# The models


MODELS = {
    "vae": lambda: sg.VAE(3, 2, (4,), rng=1),
    "gaussian vae": lambda: sg.VAE(3, 2, (4,), likelihood="gaussian", rng=1),
    "gan": lambda: sg.GAN(3, 2, (4,), (5,), dropout=0.3, rng=1),
    "normalised gan": lambda: sg.GAN(3, 2, (4,), (5,), batch_norm=True, dropout=0.3, rng=1),
    "made": lambda: sg.MADE(3, (6,), rng=1),
}


@pytest.mark.parametrize("name", MODELS)
def test_many_steps_of_a_model(name, programs, said):
    def make():
        model = MODELS[name]()
        optimizers = {key: model.optimizer(player) for key, player in model.players().items()}

        def step(x):
            return train_step(model, optimizers, x, 0, clip_norm=1.0)

        return step, lambda number: (rows(number, 4),), lambda: everything(model, optimizers)

    check(make, 120)  # the first, the 8th, the 29th and the 92nd replay are compared
    assert len(programs) == 1 and not said()


@pytest.mark.parametrize("name", MODELS)
def test_batch_sizes_and_learning_rates_that_change(name, programs, said):
    def make():
        model = MODELS[name]()
        optimizers = {key: model.optimizer(player) for key, player in model.players().items()}
        schedules = [StepLR(each, every=1) for each in optimizers.values()]

        def arguments(number):
            if number == 15:  # the next epoch
                for set_rate in schedules:
                    set_rate(1)
            return (rows(number, 4 if number % 3 else 2),)

        return lambda x: train_step(model, optimizers, x, 0), arguments, lambda: everything(model, optimizers)

    check(make, 30)
    assert len(programs) == 4 and not said()  # two sizes, two rates


@pytest.mark.parametrize("optimizer", [Adam, lambda net: SGD(net, lr=0.1, momentum=0.9)], ids=["adam", "sgd"])
def test_a_learning_rate_that_changes_at_every_step(optimizer, programs, said):
    def make():
        model = MODELS["vae"]()
        optimizers = {key: optimizer(player) for key, player in model.players().items()}

        def arguments(number):
            for each in optimizers.values():
                each.lr = 0.1 / (number + 10)
            return (rows(number, 4),)

        return lambda x: train_step(model, optimizers, x, 0), arguments, lambda: everything(model, optimizers)

    check(make)
    assert len(programs) == 1 and not said()


class Annealed(sg.VAE):
    """A VAE with a penalty on its parameters, whose weight is an attribute that is changed between the steps."""

    beta, followed = 0.0, ("beta",)

    def loss(self, x, eps=None):
        found = super().loss(x, eps)
        add_scaled(self.flat_grads, self.flat_params, self.beta)
        return found


@pytest.mark.parametrize("every", [1, 5])
def test_an_annealed_attribute_of_a_model(every, said):
    def make():
        model = Annealed(3, 2, (4,), rng=1)
        optimizers = {"model": model.optimizer(model)}

        def arguments(number):
            model.beta = number // every * 0.1
            return (rows(number, 4),)

        return lambda x: train_step(model, optimizers, x, 0), arguments, lambda: everything(model, optimizers)

    check(make)
    assert not said()


class Weighed:
    """Adds beta x to a total."""

    followed = ("beta",)

    def __init__(self):
        self.total, self.beta = zeros(), 0.0

    def step(self, x):
        add_scaled(self.total, x, self.beta)


def fit(make, assemble, monkeypatch, **options):
    """Everything about a model after training, replayed or not."""
    monkeypatch.setattr(dispatch.active(), "assemble", assemble)
    model = make()
    metrics = sg.fit(model, X, **dict(epochs=12, batch_size=5, seed=3, progress=False) | options)  # minibatches of 5, 5 and 2
    return metrics, bits(everything(model, {}))


FITTED = {
    "vae": (MODELS["vae"], dict(binarize="fresh", valid=X[:4]), 2),
    "gan, two steps of the discriminator": (lambda: sg.GAN(3, 2, (4,), (5,), dropout=0.3, discriminator_steps=2, rng=1), {}, 4),
    "normalised gan, three": (lambda: sg.GAN(3, 2, (4,), (5,), batch_norm=True, discriminator_steps=3, rng=1), dict(batch_size=4), 2),
    "streams that move alike": (
        lambda: sg.GAN(3, 2, (4,), (4,), batch_norm=True, dropout=0.2, discriminator_steps=3, rng=1),
        dict(batch_size=4, clip_norm=1.0, binarize="fresh"),
        2,
    ),
    "simultaneous gan": (lambda: sg.GAN(3, 2, (4,), (5,), dropout=0.3, simultaneous=True, rng=1), {}, 2),
    "made, a schedule": (MODELS["made"], dict(schedule=lambda each: StepLR(each, every=6), clip_norm=1.0), 4),
}


@pytest.mark.parametrize("name", FITTED)
def test_fit(name, programs, said, monkeypatch):
    make, options, wanted = FITTED[name]
    assert fit(make, dispatch.active().assemble, monkeypatch, **options) == fit(make, None, monkeypatch, **options)
    assert len(programs) == wanted and not said()


def test_a_step_is_recorded_only_where_operations_are_compiled():
    net = sg.layers.mlp((3, 2), "tanh", rng=0)
    with use_backend("numpy"):
        run = recorded(lambda x: net.forward(x)[0])
        for number in range(6):
            run(rows(number))
    assert not run.recordings
    for number in range(6):  # on either backend what that backend gives
        with use_backend("numba" if number % 2 else "numpy"):
            assert bits(run(rows(number))) == bits(net.forward(rows(number))[0])


# Minibatches


def strided(number):
    return np.repeat(np.repeat(rows(number), 2, axis=0), 2, axis=1)


def frozen(number):
    x = rows(number)
    x.flags.writeable = False
    return x


LAYOUTS = {
    "views of one array": lambda number: X[number % 8 : number % 8 + 2],
    "read-only": frozen,
    "columns of a matrix": lambda number: np.hstack([rows(number)] * 2)[:, 1:4],
    "every second row": lambda number: strided(number)[::2, ::2],
    "column by column": lambda number: np.asfortranarray(rows(number)),
    "backwards": lambda number: rows(number)[::-1],
    "one row for all": lambda number: np.broadcast_to(rows(number)[0], (2, 3)),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("watched, replayed", [(True, True), (True, False), (False, True)], ids=["always", "first", "later"])
def test_minibatches_that_lie_anyhow(layout, watched, replayed):
    def make():
        net, total = sg.layers.mlp((3, 2, 2), "tanh", rng=1), zeros()

        def step(x):
            add_product(total, x, x)
            y, cache = net.forward(x)
            net.backward(y, cache)
            return y, matmul_tn(x, x)

        draw = lambda number: LAYOUTS[layout](number) if (replayed if number >= 5 else watched) else rows(number)
        return step, lambda number: (draw(number),), lambda: (total, net.flat_grads)

    check(make, 12)


def test_views_of_one_array_are_replayed(programs, said):
    total = zeros()
    run = recorded(lambda x: add_product(total, x, x))
    for number in range(6):
        run(X[number : number + 2])
    assert len(programs) == 1 and not said()


def test_arguments_that_are_one_array_and_later_two():
    a, b = rows(0), rows(2)

    def make():
        total = zeros()
        return lambda x, y: add_product(total, x, y), lambda number: (a, a if number < 6 else b), lambda: total

    check(make, 10)


def test_an_argument_that_is_also_an_array_of_the_step(said):
    A, B = rows(0), rows(2)

    def make():
        total = zeros()
        return lambda x: add_product(total, x, A), lambda number: (A if number < 6 else B,), lambda: total

    check(make, 10)
    assert len(said()) == 1 and "an array of its own" in said()[0]


def test_an_argument_that_is_an_array_of_the_step_at_times(said):
    A, B = rows(0), rows(2)

    def make():
        total = zeros()
        return lambda x: add_product(total, x, A), lambda number: ((A, B)[number % 2],), lambda: total

    check(make, 10)
    assert len(said()) == 1 and "an argument in one call" in said()[0]


@pytest.mark.parametrize("result", [False, True])
def test_a_result_that_lay_where_the_argument_did(result, said):
    A, B = rows(0), rows(2)
    check(lambda: (lambda x: (add(x, x), A if result else x), lambda number: (A if number < 6 else B,), lambda: ()), 10)
    assert len(said()) == 1 and "it returns an argument" in said()[0]


def test_one_minibatch_again_and_again_and_then_others(programs, said):
    def make():
        total = zeros()
        return lambda x: add_product(total, x, x), lambda number: (X[:2] if number < 6 else rows(number),), lambda: total

    check(make, 12)
    assert len(programs) == 1 and not said()


@pytest.mark.parametrize("columns", [slice(None), slice(1, 3)])
def test_an_argument_in_memory_that_the_step_changes(columns, programs, said):
    def make():
        total = np.ones((3, 3), np.float32)

        def step(x):
            fill(total, 0.0)
            add_matmul_tn(total[: x.shape[1]], x, X[:3])

        return step, lambda number: (total[:, columns] if number in (7, 9) else rows(number, 3)[:, columns],), lambda: total

    check(make, 12)
    assert len(programs) == 1 and not said()


def test_arguments_and_state_anywhere_in_one_memory(programs):
    """Steps of four operations on two arrays in one room; arguments that lie in it, first one again and again, then others."""
    random = np.random.default_rng(0)
    for _ in range(60):
        a, b, *places = random.integers(0, 50, 5)
        kinds, order = random.integers(0, 6, 4), random.integers(0, 6, 24)
        order[:5] = order[0]

        def make(a=a, b=b, places=places, kinds=kinds, order=order):
            room = np.random.default_rng(1).random(64).astype(np.float32)
            A, B, *within = (room[k : k + 9].reshape(3, 3) for k in (a, b, *places))
            given = [*within, *(rows(k, 3) for k in range(3))]

            def step(x):
                y = x
                for kind in kinds:
                    if kind == 0:
                        fill(B, 0.0)
                    elif kind == 1:
                        add_matmul_tn(B, x, A)
                    elif kind == 2:
                        y = matmul_nt(y, A)
                    elif kind == 3:
                        copy_to(B, y)
                    elif kind == 4:
                        y = add(y, B)
                    else:
                        add_product(B, y, A)
                return y

            def arguments(number):
                np.tanh(room, out=room)
                return (given[order[number]],)

            return step, arguments, lambda: room

        check(make, len(order))
    assert len(programs) > 10


def test_a_step_that_is_given_what_it_changes(said):
    def make():
        total = zeros()
        return lambda x: add_product(total, X[:2], X[:2]), lambda number: (total[:1],), lambda: total

    check(make, 6)
    assert len(said()) == 1 and "shares memory with an array that it changes" in said()[0]


def test_a_step_that_changes_its_argument():
    def make():
        x = [rows(0), rows(1)]
        return lambda x: add_product(x, x, x), lambda number: (x[number % 2],), lambda: x

    check(make, 6)


def test_an_argument_of_another_kind_is_another_key():
    check(lambda: (lambda x, k: type(k).__name__, lambda number: (X[:2], (1, True, 1.0)[number // 6]), lambda: ()), 18)


# Results


def test_results_are_copies():
    net = sg.layers.mlp((3, 2), "tanh", rng=1)

    def step(x):
        net.zero_grads()
        y, cache = net.forward(x)
        loss, dy = sg.losses.squared_error(y, x[:, :2])
        net.backward(dy, cache)
        return loss, {"y": y, "twice": (y, y)}, None, "name"

    run = recorded(step)
    kept = [run(rows(number)) for number in range(8)]
    assert bits(kept) == bits([step(rows(number)) for number in range(8)])


def test_lists_and_arguments_as_results():
    check(lambda: (lambda x: [add(x, x), x, x[1:]], lambda number: (rows(number),), lambda: ()), 8)


def test_the_sums_of_an_epoch_and_what_is_made_zero():
    def make():
        W, b, total = np.ones((6, 3), np.float32), np.ones(3, np.float32), np.zeros(())

        def step(x):
            fill(W, 0.0)
            fill(b, 0.0)
            add_matmul_tn(W[1:4], x, x)
            add_column_sums(b, x)
            add_matmul_tn(W[2:5], x, x)
            loss, _ = sg.losses.squared_error(x, x[::-1])
            accumulate(total, loss)

        return step, lambda number: (-rows(number, 1 + number % 3),), lambda: (W, b, total)

    check(make, 24)


def test_a_product_that_replaces_its_own_operand(programs, said):
    A = np.random.default_rng(1).random((64, 64), dtype=np.float32) / 32

    def make():
        B = A.copy()
        return lambda x: copy_to(B, matmul_nt(A, B)), lambda number: (rows(number),), lambda: B

    check(make, 6)
    assert len(programs) == 1 and not said()


@pytest.mark.parametrize("kind, why", [("axes", "more than two axes"), ("shared", "shares memory"), ("columns", "rows are not contiguous")])
def test_arrays_that_no_program_takes(kind, why, said):
    def make():
        room, solid = np.ones((6, 6), np.float32), np.ones((2, 3, 4), np.float32)
        steps = {
            "axes": lambda x: copy_of(solid),
            "shared": lambda x: add_product(room[1:], room[:-1], room[1:]),
            "columns": lambda x: add_product(room[:2, ::2], x, x),
        }
        return steps[kind], lambda number: (rows(number),), lambda: room

    check(make, 6)
    assert len(said()) == 1 and why in said()[0]


def test_draws_of_a_type_of_numpys(said):
    check(lambda: (lambda x: random_uniform(7, 0, 5, np.float64), lambda number: (rows(number),), lambda: ()), 6)
    assert not said()


# Noise and counts


def test_counts_that_something_else_moves():
    def make():
        total, stream = zeros(), Stream(0)

        def arguments(number):
            if number in (1, 7):
                stream.uniform((9,))
            if number == 11:
                stream.state = (stream.key, 2)
            return (rows(number),)

        return lambda x: add_product(total, stream.normal((2, 3)), x), arguments, lambda: (total, stream.state)

    check(make)


def test_two_streams_that_move_alike_until_one_does_not():
    def make():
        total, streams = zeros(), [Stream(0), Stream(1)]

        def step(x):
            for stream in streams:
                add_product(total, stream.normal((2, 3)), x)

        def arguments(number):
            if number in (5, 8):
                streams[1].uniform((9,))
            return (rows(number),)

        return step, arguments, lambda: (total, [stream.state for stream in streams])

    check(make, 12)


def test_two_streams_that_another_step_moves_alike():
    """Between the watched calls both move by 6 blocks; later by 2 and 3."""

    def make():
        total, streams = zeros(), [Stream(0), Stream(1)]

        def step(x):
            add_product(total, streams[0].normal((2, 3)), x)  # 2 blocks
            add_product(total, streams[1].normal((2, 6))[:, :3], x)  # 3

        def arguments(number):
            if number < 4:
                streams[0].uniform((16,)), streams[1].uniform((12,))
            return (rows(number),)

        return step, arguments, lambda: (total, [stream.state for stream in streams])

    check(make, 8)


@pytest.mark.parametrize(
    "what",
    ["stream", "optimizer", "layer", "key", "state", "weights"],
)
def test_a_thing_that_another_takes_the_place_of(what):
    class Trainer:
        def __init__(self):
            self.net, self.stream = sg.layers.mlp((3, 1), "tanh", rng=1), Stream(0)
            self.optimizer, self.weights = Adam(self.net), rows(0)

        def step(self, x):
            self.net.zero_grads()
            y, cache = self.net.forward(x)
            self.net.backward(add(y, self.stream.normal(y.shape)), cache, wrt="params")
            self.optimizer.step()
            return matmul_tn(x, self.weights)

        def replace(self):
            if what == "stream":
                self.stream = Stream(7)
            elif what == "key":
                self.stream.state = (5, 2)
            elif what == "optimizer":
                self.optimizer = Adam(self.net, lr=0.1)
            elif what == "state":
                self.optimizer.state = {key: value + np.float32(1) for key, value in self.optimizer.state.items()}
            elif what == "layer":
                self.net = sg.layers.mlp((3, 1), "tanh", rng=2)
                self.optimizer = Adam(self.net)
            else:
                self.weights = rows(5)

    def make():
        trainer = Trainer()

        def arguments(number):
            if number == 6:
                trainer.replace()
            return (rows(number),)

        return trainer.step, arguments, lambda: (trainer.net.flat_params, trainer.stream.state, trainer.optimizer.steps)

    check(make, 10)


# What must not be frozen in silence


def test_numpy_beside_the_operations(said):
    def make():
        total = zeros()
        return lambda x: add_product(total, x, x * 2), lambda number: (rows(number),), lambda: total

    check(make)
    assert len(said()) == 1 and "an array that no operation has made" in said()[0]


@pytest.mark.parametrize("where", ["before", "between", "after"])
def test_numpy_on_the_arrays_of_operations(where, said):
    def make():
        total = zeros()

        def step(x):
            if where == "before":
                np.multiply(total, np.float32(0.5), out=total)
            y = add(x, x)
            if where == "between":
                y *= 2
            add_product(total, y, x)
            if where == "after":
                total[0] = 1

        return step, lambda number: (rows(number),), lambda: total

    check(make)
    assert len(said()) == 1


def test_a_number_that_numpy_draws(said):
    def make():
        total, rng = zeros(), np.random.default_rng(0)
        return lambda x: add_scaled(total, x, float(rng.random())), lambda number: (rows(number),), lambda: total

    check(make)
    assert len(said()) == 1 and "a number changes" in said()[0]


@pytest.mark.parametrize("every", [1, 5])
def test_a_number_from_a_closure(every):
    def make():
        total, k = zeros(), 1.0

        def step(x):
            add_scaled(total, x, k)

        def arguments(number):
            nonlocal k
            k = 1.0 + number // every
            return (rows(number),)

        return step, arguments, lambda: total

    check(make)


FACTOR = SimpleNamespace(value=1.0)
factor = 1.0


def wrapped(step):
    return functools.wraps(step)(lambda x: step(x))


@pytest.mark.parametrize("where", ["closure", "held", "default", "global", "comprehension", "partial", "keyword", "method", "wrapped"])
def test_a_number_that_changes_somewhere(where, said, monkeypatch):
    """Numbers that a step takes from objects, and from variables of functions inside it and of what it wraps, are compared before every replay."""

    class Held:
        def __init__(self):
            self.total, self.settings = zeros(), SimpleNamespace(value=1.0)

        def step(self, x):
            add_scaled(self.total, x, self.settings.value)

    class Called:
        def __init__(self, options):
            self.options = options

        def __call__(self, x):
            add_scaled(total, x, self.options.value)

    total = zeros()

    def make():
        total[...] = 0
        options, held = SimpleNamespace(value=1.0), Held()
        monkeypatch.setattr(FACTOR, "value", 1.0)
        monkeypatch.setitem(globals(), "factor", 1.0)
        scale = lambda options, x: add_scaled(total, x, options.value)
        in_closure = lambda x: add_scaled(total, x, options.value)
        step = {
            "closure": in_closure,
            "held": held.step,
            "default": lambda x, options=options: add_scaled(total, x, options.value),
            "global": lambda x: add_scaled(total, x, FACTOR.value),
            "comprehension": lambda x: [add_scaled(total, x, factor) for _ in range(2)] and None,
            "partial": functools.partial(scale, options),
            "keyword": functools.partial(lambda x, options: scale(options, x), options=options),
            "method": Called(options),
            "wrapped": wrapped(in_closure),
        }[where]

        def arguments(number):
            value = 1.0 + number // 7
            options.value = held.settings.value = FACTOR.value = value
            monkeypatch.setitem(globals(), "factor", value)
            return (rows(number),)

        return step, arguments, lambda: (total, held.total)

    check(make)
    assert not said()


def test_an_array_that_an_equal_one_takes_the_place_of():
    class Counting:
        total = None

        def step(self, x):
            accumulate(self.total, 1.0)

    def make():
        thing = Counting()
        thing.total = np.zeros(())

        def arguments(number):
            if number == 6:
                thing.total = thing.total.copy()
            return (rows(number),)

        return thing.step, arguments, lambda: thing.total

    check(make, 10)


def test_a_variable_that_has_no_value_yet():
    total = zeros()

    def step(x):
        add_product(total, x, x)
        if len(x) > 2:
            add_scaled(total, x, later)

    run = recorded(step)
    for number in range(6):
        run(rows(number))
    later = 1.0
    assert total.any() and later


class Proxy:
    """What any attribute of it asks for is there only at times."""

    def __getattr__(self, name):
        raise RuntimeError("outside of its context")


ANYTHING = {
    "proxy": Proxy(),
    "log": logging.getLogger("beside"),
    "ufunc": np.add,
    "lock": threading.Lock(),
    "stream": Stream(0),
    "array": np.zeros(1),
}


@pytest.mark.parametrize("name", ANYTHING)
def test_any_object_among_its_variables(name, programs, said):
    total, thing = zeros(), ANYTHING[name]

    def step(x):
        add_product(total, x, x)
        assert thing is not None

    run = recorded(step)
    for number in range(6):
        run(rows(number))
    assert len(programs) == 1 and not said()


def test_a_global_that_is_new(said, monkeypatch):
    run = recorded(lambda x: add_scaled(zeros(), x, 1.0 if len(x) < 3 else newest))  # noqa: F821
    for number in range(6):
        if number == 2:
            monkeypatch.setitem(globals(), "newest", 2.0)
        run(rows(number))
    assert len(said()) == 1 and "newest changes" in said()[0]


def test_an_iterator_in_the_closure(said):
    def make():
        total, numbers = zeros(), itertools.cycle([1.0] * 6 + [2.0])
        return lambda x: add_scaled(total, x, next(numbers)), lambda number: (rows(number),), lambda: total

    check(make)
    assert len(said()) == 1 and "iterator" in said()[0]


@pytest.mark.parametrize("call", [0, 6])
def test_a_replaced_method_is_called_at_every_step(call, said):
    net, seen = sg.layers.mlp((3, 2), "tanh", rng=1), SimpleNamespace(calls=0)
    layer = net.layers[0]
    forward = layer.forward

    def hook(x, **settings):
        seen.calls += 1
        return forward(x, **settings)

    run = recorded(lambda x: net.forward(x)[0])
    for number in range(10):
        if number == call:
            layer.forward = hook
        run(rows(number))
    assert seen.calls == 10 - call
    assert len(said()) == 1 and "forward is replaced" in said()[0]


def test_what_a_layer_of_ones_own_counts(said):
    class Counting:
        def __init__(self):
            self.calls, self.total = 0, zeros()

        def step(self, x):
            self.calls += 1
            add_product(self.total, x, x)

    def make():
        layer = Counting()
        return layer.step, lambda number: (rows(number),), lambda: (layer.calls, layer.total)

    check(make)
    assert len(said()) == 1 and "Counting.calls" in said()[0]


BRANCHES = {
    "remainder": lambda steps: steps % 16 == 15,
    "comparison": lambda steps: steps > 9,
    "equality": lambda steps: steps + 1 in (8, 18),
    "truth": lambda steps: not steps - 9,
    "lookup": lambda steps: {9: True}.get(steps),
    "root": lambda steps: math.sqrt(steps) == 3,
}


@pytest.mark.parametrize("branch", BRANCHES)
def test_a_branch_on_a_count(branch, said):
    def make():
        net = sg.layers.mlp((3, 2), "tanh", rng=1)
        optimizer = Adam(net)

        def step(x):
            net.zero_grads()
            y, cache = net.forward(x)
            net.backward(y, cache, wrt="params")
            optimizer.step()
            if BRANCHES[branch](optimizer.steps):
                fill(net.flat_params, 0.5)
            return optimizer.steps

        return step, lambda number: (rows(number),), lambda: (net.flat_params, optimizer.steps)

    check(make)
    assert len(said()) == 1 and "Adam.steps" in said()[0]


def test_a_branch_on_a_sum_is_seen_before_long(said):
    total = zeros()

    def step(x):
        add_scaled(total, x, 1.0 if total[0, 0] < 9 else 0.5)

    run = recorded(step)
    for _ in range(40):
        run(np.ones((2, 3), np.float32))
    assert len(said()) == 1 and "branch on what it computes" in said()[0]


def test_a_copy_of_a_count_is_a_number(said):
    def make():
        total, stream = zeros(), Stream(0)

        def step(x):
            add_product(total, stream.normal((2, 3)), x)
            copies = copy.deepcopy(stream), pickle.loads(pickle.dumps(stream))
            assert {type(each.block) for each in copies} == {int}

        return step, lambda number: (rows(number),), lambda: (total, stream.state)

    check(make, 6)
    assert not said()


def test_counts_are_numbers_again_after_each_call():
    net, kept = sg.layers.mlp((3, 2), "tanh", rng=1), []
    optimizer = SGD(net, lr=0.1)

    def step(x):
        net.zero_grads()
        optimizer.step()
        if len(kept) == 2:
            raise KeyError
        return optimizer.steps

    run = recorded(step)
    for number in range(3):
        with contextlib.suppress(KeyError):
            kept.append(run(rows(number)))
        assert type(optimizer.steps) is int
    assert kept == [1, 2] and {type(x) for x in kept} == {int}


def test_a_whole_number_that_becomes_another_kind():
    def make():
        model = Weighed()

        def arguments(number):
            model.beta = number if number < 6 else number + 0.5
            return (rows(number),)

        return model.step, arguments, lambda: model.total

    check(make, 10)


def test_a_list_that_grows_is_no_reason_to_record_for_ever(programs):
    total, seen = zeros(), []

    def step(x):
        add_product(total, x, x)
        seen.append(1)

    run = recorded(step)
    for number in range(40):
        run(rows(number))
    assert len(seen) == 40 and len(programs) <= 1


# Beside each other


def test_an_error_inside_the_step_leaves_it_usable(programs):
    class Fragile:
        def __init__(self):
            self.total = zeros()

        def step(self, x, fail):
            add_product(self.total, x, x)
            if fail:
                raise KeyError("inside")
            return add(x, x)

    one, other = Fragile(), Fragile()
    run = recorded(one.step)
    for number in range(12):
        for step in (run, other.step):
            if number in (1, 2, 8):
                with pytest.raises(KeyError, match="inside"):
                    step(rows(number), True)
            else:
                step(rows(number), False)
        assert not dispatch.recorders and bits(one.total) == bits(other.total)
    assert len(programs) == 1


@pytest.mark.parametrize("alone", [False, True])
def test_recorded_inside_recorded(alone, said):
    class Nested:
        def __init__(self, wrap):
            self.total, self.inner = zeros(), wrap(self.core)

        def core(self, x):
            add_product(self.total, x, x)
            return add(x, x)

        def outer(self, x):
            return add(self.inner(x), self.inner(x))

    nested, written = Nested(recorded), Nested(lambda step: step)
    run = recorded(nested.outer)
    for number in range(20):
        if alone:
            nested.inner(rows(number)), written.inner(rows(number))
        assert bits(run(rows(number))) == bits(written.outer(rows(number)))
        assert bits(nested.total) == bits(written.total)
    assert not said()


def test_an_operation_of_another_thread_does_not_enter_the_step(programs):
    begun, done = threading.Event(), threading.Event()

    begin, wait = begun.set, done.wait

    def step(x):
        y = add(x, x)
        begin()
        assert wait(10)
        return y

    run = recorded(step)
    other = recorded(lambda x: add(add(x, x), x))
    for _ in range(4):
        thread = threading.Thread(target=run, args=(X[:2],))
        thread.start()
        assert begun.wait(10)
        add(X[:2], X[:2])
        other(X[:2])
        done.set()
        thread.join()
        begun.clear(), done.clear()
    assert sorted(len(program.script.entries) for program in programs) == [1, 2]


def test_threads_that_call_one_recorded_step():
    run, wrong = recorded(lambda x, y: (add(x, y), matmul_tn(x, y))), []
    for number in range(6):
        run(rows(number), rows(number + 1))

    def work(number):
        x, y = rows(number), rows(number + 1)
        wanted = bits((add(x, y), matmul_tn(x, y)))
        wrong.extend(number for _ in range(2000) if bits(run(x, y)) != wanted)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert not wrong


def test_a_copy_of_a_recorded_step_records_for_itself():
    run = recorded(Weighed().step)
    for number in range(6):
        run(rows(number))
    twin = copy.deepcopy(run)
    assert not twin.recordings and twin.step.__self__ is not run.step.__self__


def test_two_recorded_steps_on_one_model(programs, said):
    def run(wrap):
        vae, found = MODELS["vae"](), []
        adam, sgd = vae.optimizer(vae), SGD(vae, lr=0.01)

        def second(x):
            vae.zero_grads()
            loss, _ = vae.loss(x)
            sgd.step()
            return loss

        steps = [wrap(lambda x: train_step(vae, {"model": adam}, x, 0)), wrap(second)]
        for number in range(20):
            for step in steps:
                found.append(bits((step(rows(number, 4)), vae.flat_params)))
        return found

    assert run(recorded) == run(lambda step: step)
    assert len(programs) == 2 and not said()


def test_nothing_is_left_of_what_is_forgotten():
    def live():
        vae = MODELS["vae"]()
        optimizers = {"model": vae.optimizer(vae)}
        run = recorded(lambda x: train_step(vae, optimizers, x, 0))
        for number in range(8):
            run(rows(number, 4))
        ((recording,),) = run.recordings.values()
        return [weakref.ref(x) for x in (vae, run, recording.program, recording.program.room)]

    left = live()
    gc.collect()
    assert [x() for x in left] == [None] * 4
