"""The protocol between grader and student: what goes in comes out; nonsense is refused, never believed."""

import json
import os
import time
import tracemalloc

import numpy as np
import pytest

from scratchgen.coursework import wire


def through(value):
    message = wire.pack(value)
    n = int.from_bytes(message[:8], "little")
    return wire.unpack(message[16 : 16 + n], message[16 + n :])


def test_round_trip():
    value = {"a": np.arange(6.0).reshape(2, 3), "b": [None, True, 3, 2.5, "x", np.zeros((0, 4), np.float32)], "c": {"d": np.array([True, False])}}
    result = through(value)
    assert np.array_equal(result["a"], value["a"]) and result["b"][:5] == value["b"][:5]
    assert result["b"][5].shape == (0, 4) and result["b"][5].dtype == np.float32 and result["c"]["d"].dtype == bool
    assert np.isnan(through(float("nan"))) and through(np.float32(1.5)).shape == ()


DEEP = []
DEEP.append(DEEP)


@pytest.mark.parametrize("value", [DEEP, [0.5] * 10**6, object(), lambda: 0, np.array(["a"]), np.array([None]), {1: 2}, 1j])
def test_only_numbers_pass(value):
    with pytest.raises(wire.WireError):
        wire.pack(value)


@pytest.mark.parametrize(
    "header, body",
    [
        (b"not json", b""),
        (b"[" * 100_000, b""),
        (json.dumps({"array": ["<f8", [2]]}).encode(), bytes(8)),
        (json.dumps({"array": ["<f8", [1]]}).encode(), bytes(16)),
        (json.dumps({"array": ["<f8", [-1]]}).encode(), b""),
        (json.dumps({"array": ["<f8", [2**40, 2**40]]}).encode(), b""),
        (json.dumps({"array": ["O", [1]]}).encode(), bytes(8)),
        (json.dumps({"array": [["<f8"], [1]]}).encode(), bytes(8)),
        (json.dumps({"pickle": "gASV"}).encode(), b""),
        (json.dumps([[[[[[[[[[[1]]]]]]]]]]]).encode(), b""),
        (json.dumps({"array": ["<f8", [0, 2**20, 2**20, 2**20, 2**20]]}).encode(), b""),
        (b"[" + b"1" * 10**6 + b"]", b""),
        (json.dumps([1]).encode("utf-16"), b""),
    ],
)
def test_nonsense_is_refused(header, body):
    with pytest.raises(wire.WireError):
        wire.unpack(header, body)


def test_a_header_of_brackets_takes_little_memory():
    tracemalloc.start()
    header = (b"[[]" + b",[]" * wire.LARGEST_HEADER)[: wire.LARGEST_HEADER - 3] + b"[]]"
    began = tracemalloc.get_traced_memory()[0]
    with pytest.raises(wire.WireError):
        wire.unpack(header, b"superfluous")
    assert tracemalloc.get_traced_memory()[1] - began < 100 * 2**20
    tracemalloc.stop()
    with pytest.raises(wire.WireError, match="announced"):
        through_a_pipe((wire.LARGEST_HEADER + 1).to_bytes(8, "little") + bytes(8))


def test_bytes_of_booleans_are_booleans():
    assert wire.unpack(b'{"array": ["|b1", [3]]}', b"\x00\x01\x07").tolist() == [False, True, True]


def through_a_pipe(message):
    read, write = os.pipe()
    os.write(write, message)
    os.close(write)
    try:
        return wire.receive(read, time.monotonic() + 10)
    finally:
        os.close(read)


def test_sending_has_a_deadline_too():
    read, write = os.pipe()
    os.set_blocking(write, False)
    with pytest.raises(wire.TimeOut):
        wire.send(write, np.zeros(10**6), time.monotonic() + 0.05)
    os.close(read)
    with pytest.raises(wire.Closed):
        wire.send(write, 1, time.monotonic() + 10)
    os.close(write)


def test_lengths_deadline_and_end_of_stream():
    read, write = os.pipe()
    os.write(write, (2**62).to_bytes(8, "little") + bytes(8))
    with pytest.raises(wire.WireError, match="announced"):
        wire.receive(read)
    began = time.monotonic()
    os.write(write, b"part")
    with pytest.raises(wire.TimeOut):
        wire.receive(read, time.monotonic() + 0.05)
    assert time.monotonic() - began < 1
    os.close(write)
    with pytest.raises(wire.Closed):
        wire.receive(read)
    os.close(read)
