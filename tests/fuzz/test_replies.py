"""Random replies to the grader: bytes of no sense, messages gone wrong, answers that are almost right. None may end it, or make it large."""

import json
import os
import time
import types

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from scratchgen.coursework import EXERCISES, grader, wire
from scratchgen.coursework.remote import Sandbox, StudentError
from scratchgen.coursework.testing import Student
from scratchgen.ops import use_backend

pytestmark = pytest.mark.skipif(os.name != "posix", reason="grading needs a POSIX system")

SHAPES = arrays_of.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6)
ARRAYS = st.sampled_from(["<f8", "<f4", "<i8", "|b1"]).flatmap(lambda dtype: arrays_of.arrays(np.dtype(dtype), SHAPES))
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64) | st.floats() | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS | ARRAYS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4), max_leaves=12
)
SIZES = st.integers(0, 8) | st.sampled_from([-1, 2**20, 2**26, 2**40, 2**64])
NO_VALUES = st.recursive(  # JSON as a header has it, and as it must not
    SCALARS | st.fixed_dictionaries({"array": st.tuples(st.sampled_from([*wire.DTYPES, "O", "<f16", 3]), st.lists(SIZES, max_size=9))}),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["array", "dict", "error", "value", "args"]), inner, max_size=3),
    max_leaves=12,
)


@st.composite
def mutated(draw, messages):
    """A message with bytes changed, taken out, put in or repeated; in most, the lengths are right again."""
    message = bytearray(draw(messages))
    for _ in range(draw(st.integers(1, 4))):
        at, n = draw(st.integers(0, len(message))), draw(st.integers(0, 9))
        new = draw(st.binary(max_size=9) | st.sampled_from([b"[", b"]", b"{", b'"', b"[" * 99, b"9" * 99, b"-", b"e9", b"NaN", b"\\ud800"]))
        message[at : at + n] = draw(st.sampled_from([new, bytes(message[at : at + n]) * 2, b""]))
    if draw(st.integers(0, 3)) and len(message) > 16:
        body = draw(st.integers(0, 64))
        message[:16] = max(0, len(message) - 16 - body).to_bytes(8, "little") + min(body, len(message) - 16).to_bytes(8, "little")
    return bytes(message)


HONEST = st.builds(lambda value, args: wire.pack({"value": value, "args": args}), VALUES, st.lists(ARRAYS | st.none(), max_size=3))
ERRORS = st.builds(lambda *parts: wire.pack({"error": list(parts)}), st.text(), st.text(), st.none() | st.integers(0, 9))
MESSAGES = HONEST | ERRORS | mutated(HONEST) | mutated(ERRORS) | st.binary(max_size=200)


def received(message):
    """What wire.receive makes of a message at whose end the pipe is closed; None if it refuses."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    os.write(write, message[: 2**15])
    os.close(write)
    try:
        return wire.receive(read, time.monotonic() + 60)
    except (wire.WireError, wire.Closed, wire.TimeOut):
        return None
    finally:
        os.close(read)


def n_bytes(value):
    """Of all arrays in a value."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, (list, dict)):
        return sum(map(n_bytes, value.values() if isinstance(value, dict) else value))
    return 0


@given(VALUES)
def test_what_is_packed_is_received(value):
    assert wire.pack(received(wire.pack(value))) == wire.pack(value)


@given(MESSAGES)
def test_a_message_is_a_value_or_refused(message):
    assert n_bytes(received(message)) <= len(message)


@given(NO_VALUES, st.binary(max_size=200))
def test_a_header_is_a_value_or_refused(header, body):
    try:
        assert n_bytes(wire.unpack(json.dumps(header).encode(), body)) == len(body)
    except wire.WireError:
        pass


class Ended:
    """In place of a student's process: it is gone already."""

    pid = 2**30

    def kill(self):
        """Nothing to end."""

    def wait(self, timeout=None):
        """Its exit status."""
        return 0


@given(MESSAGES | NO_VALUES.map(lambda value: framed(value)))
@example(wire.pack(np.zeros(0)))  # an array, which has values but no names
def test_a_reply_is_an_answer_or_a_students_error(message):
    box = Sandbox(EXERCISES[0], "", seconds=60, memory=2**30)
    read, write = os.pipe()
    box.process, box.locks, box.pipes = Ended(), [], (os.open(os.devnull, os.O_WRONLY), read)
    os.write(write, message[: 2**15])
    os.close(write)
    try:
        box.ask({"function": "f", "args": []}, time.monotonic() + 60)
    except StudentError as error:
        assert grader.clean(str(error)).isprintable() or "\n" in str(error)
    finally:
        box.stop()


def framed(value):
    """A message with this JSON as its header, and no arrays."""
    header = json.dumps(value).encode()
    return len(header).to_bytes(8, "little") + bytes(8) + header


class Almost:
    """A student whose solution is right, until the n-th answer: there a part of it is replaced."""

    def __init__(self, right, data):
        self._right, self._data, self._left = right, data, data.draw(st.integers(0, 3))

    def run(self, driver, *args):
        """Call a driver."""
        return self._answer(self._right.run(driver, *args))

    def __getattr__(self, name):
        return lambda *args: self._answer(getattr(self._right, name)(*args))

    def _answer(self, value):
        self._left -= 1
        return received_whole(wire.pack(self._replaced(value) if self._left == -1 else value))

    def _replaced(self, value):
        if isinstance(value, (list, tuple)) and value and self._data.draw(st.integers(0, 3)):
            at = self._data.draw(st.integers(0, len(value) - 1))
            return [*value[:at], self._replaced(value[at]), *value[at + 1 :]]
        if isinstance(value, dict) and value and self._data.draw(st.integers(0, 3)):
            key = self._data.draw(st.sampled_from(sorted(value)))
            return {**value, key: self._replaced(value[key])}
        return self._data.draw(VALUES | changed(value) if isinstance(value, np.ndarray) else VALUES)


def changed(array):
    """Arrays like this one: of another shape, dtype or with a number that is none."""
    others = [array[None], array.ravel(), array.T, array[:0], array.astype("f4"), array.astype(bool), array.tolist(), array * np.nan, array + np.inf]
    return st.sampled_from(others)


def received_whole(message):
    """The value of a message of any length."""
    n = int.from_bytes(message[:8], "little")
    return wire.unpack(message[16 : 16 + n], message[16 + n :])


SOLUTIONS = {}
SMALL = [(exercise, i) for exercise in EXERCISES for i, test in enumerate(exercise.tests) if "size" not in test.name]


@given(st.sampled_from(SMALL), st.data())
def test_the_graders_tests_stand_any_answer(part, data):
    exercise, i = part
    if exercise.name not in SOLUTIONS:
        module = types.ModuleType(exercise.module)
        exec(exercise.text("solution"), module.__dict__)
        SOLUTIONS[exercise.name] = Student(module)
    with use_backend("numpy"), np.errstate(all="ignore"):
        passed, message, lost = grader.run(exercise.tests[i], Almost(SOLUTIONS[exercise.name], data), 60.0, np.random.default_rng(i))
    assert passed == (message == "") and not lost
