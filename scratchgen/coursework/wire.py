"""What passes between the grader and a student's process: numbers, text and arrays of numbers. No pickles, no objects, no code.

A message is a header and the bytes of its arrays:

    8 bytes   length of the header            8 bytes   length of all that follows the header
    header    JSON; an array stands in it as {"array": [dtype, shape]}, the k-th such entry being the k-th block of bytes
    bytes     the arrays, C order, one after the other

Whoever reads checks every length before believing it, and waits for nothing longer than until a deadline: the other side is not to be
trusted. What is parsed is small: LARGEST is for the bytes of arrays, which are copied, not parsed.
"""

import json
import math
import os
import select
import time

import numpy as np

DTYPES = ("<f8", "<f4", "<i8", "|b1")
LARGEST = 16 * 2**20  # bytes of one message; honest ones have 3 MB at most
LARGEST_HEADER = 2**20  # bytes of its header
DEEPEST = 8  # lists and dicts within one another


class WireError(Exception):
    """The message is no message of this protocol, or holds what it cannot carry."""


class TimeOut(Exception):
    """The deadline passed before the message was through."""


class Closed(Exception):
    """The other side has closed the pipe."""


def pack(value):
    """A value (None, bool, int, float, str, array, and lists, tuples and dicts of them) -> bytes. Tuples arrive as lists.

    Raises WireError for anything else, for what is nested more than DEEPEST deep, and for more than LARGEST bytes.
    """
    blocks = []
    header = json.dumps(_encode(value, blocks)).encode()
    body = b"".join(blocks)
    if len(header) > LARGEST_HEADER:
        raise WireError(f"the result has too many parts; return arrays, not lists of numbers (the header takes {len(header)} bytes)")
    if len(header) + len(body) > LARGEST:
        raise WireError(f"the result takes {len(header) + len(body)} bytes; at most {LARGEST} are accepted")
    return len(header).to_bytes(8, "little") + len(body).to_bytes(8, "little") + header + body


def unpack(header, body):
    """The value of a message. Raises WireError unless every array's dtype, shape and length are as they must be."""
    try:
        structure = json.loads(header.decode(), parse_int=_number(int), parse_float=_number(float))
    except (ValueError, RecursionError) as error:
        raise WireError("the header is not JSON") from error
    cursor = [0]
    value = _decode(structure, body, cursor)
    if cursor[0] != len(body):
        raise WireError("the message has bytes that belong to no array")
    return value


def send(fd, value, deadline=None):
    """Write one message to a pipe. deadline: a time.monotonic() after which TimeOut is raised, if the pipe does not block; None waits.

    Raises Closed if nobody reads.
    """
    view = memoryview(pack(value))
    try:
        while view:
            _wait(fd, select.POLLOUT, deadline)
            try:
                view = view[os.write(fd, view) :]
            except BlockingIOError:  # full again
                pass
    except BrokenPipeError as error:
        raise Closed from error


def receive(fd, deadline=None):
    """Read one message from a pipe. deadline: a time.monotonic() after which TimeOut is raised; None waits.

    Raises Closed at the end of the stream, WireError for nonsense.
    """
    lengths = _read(fd, 16, deadline)
    n_header, n_body = int.from_bytes(lengths[:8], "little"), int.from_bytes(lengths[8:], "little")
    if n_header > LARGEST_HEADER or n_header + n_body > LARGEST:
        raise WireError(f"a message of {n_header} and {n_body} bytes is announced; at most {LARGEST_HEADER} and {LARGEST} together are accepted")
    return unpack(_read(fd, n_header, deadline), _read(fd, n_body, deadline))


def _read(fd, n, deadline):
    """n bytes, in one bytearray."""
    whole = bytearray(n)
    view = memoryview(whole)
    while view:
        _wait(fd, select.POLLIN, deadline)
        try:
            got = os.readv(fd, [view])
        except BlockingIOError:  # taken back, as it were: poll is allowed to err
            continue
        if not got:
            raise Closed
        view = view[got:]
    return whole


def _wait(fd, what, deadline):
    """Wait until a pipe can be read or written. TimeOut if that is not before the deadline."""
    if deadline is None:
        return
    poll = select.poll()  # not select.select, which knows only the first 1024 files
    poll.register(fd, what)
    left = deadline - time.monotonic()
    if left <= 0 or not poll.poll(math.ceil(1000 * left)):
        raise TimeOut


def _number(kind):
    """A reader of JSON's numbers that refuses those too long to be one of ours; int() of a million digits takes seconds."""

    def read(text):
        if len(text) > 25:
            raise ValueError("a number of too many digits")
        return kind(text)

    return read


def _encode(value, blocks, depth=0):
    if depth > DEEPEST:
        raise WireError("the result is nested too deeply")
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (np.ndarray, np.generic)):
        # asarray and astype: whatever a subclass overrides, these are plain numbers afterwards
        array = np.asarray(value)
        kind = {"f": "<f4" if array.dtype == np.float32 else "<f8", "i": "<i8", "u": "<i8", "b": "|b1"}.get(array.dtype.kind)
        if kind is None:
            raise WireError(f"the result has an array of {array.dtype}; wanted are real numbers")
        blocks.append(array.astype(kind).tobytes())
        return {"array": [kind, list(array.shape)]}
    if isinstance(value, (tuple, list)):
        return [_encode(item, blocks, depth + 1) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": {key: _encode(item, blocks, depth + 1) for key, item in value.items()}}
    raise WireError(f"the result is a {type(value).__name__}; wanted are numbers and arrays")


def _decode(item, body, cursor, depth=0):
    if depth > DEEPEST:
        raise WireError("the message is nested too deeply")
    if item is None or isinstance(item, (bool, int, float, str)):
        return item
    if isinstance(item, list):
        return [_decode(entry, body, cursor, depth + 1) for entry in item]
    if item.keys() == {"dict"} and isinstance(item["dict"], dict):
        return {key: _decode(entry, body, cursor, depth + 1) for key, entry in item["dict"].items()}
    if item.keys() == {"array"} and isinstance(item["array"], list) and len(item["array"]) == 2:
        return _decode_array(*item["array"], body, cursor)
    raise WireError("the header holds what is no value")


def _decode_array(dtype, shape, body, cursor):
    sizes_ok = isinstance(shape, list) and len(shape) <= 8 and all(type(size) is int and 0 <= size <= LARGEST for size in shape)
    if dtype not in DTYPES or not sizes_ok:
        raise WireError("the header announces an array of unknown dtype or impossible shape")
    n = math.prod(shape)
    stop = cursor[0] + n * np.dtype(dtype).itemsize
    if stop > len(body):
        raise WireError("the message is shorter than its arrays")
    try:
        array = np.empty(shape, dtype)
    except ValueError as error:  # no elements, but more rows than NumPy can count
        raise WireError("the header announces an array of impossible shape") from error
    if n:
        block = np.frombuffer(body, "|u1" if dtype == "|b1" else dtype, n, cursor[0])
        array[...] = block.reshape(shape)  # a byte other than 0 and 1 is True
    cursor[0] = stop
    return array
