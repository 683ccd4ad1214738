"""What passes between the grader and a student's process: numbers, text and arrays of numbers. No pickles, no objects, no code.

A message is a header and the bytes of its arrays:

    8 bytes   length of the header            8 bytes   length of all that follows the header
    header    JSON; an array stands in it as {"array": [dtype, shape]}, the k-th such entry being the k-th block of bytes
    bytes     the arrays, C order, one after the other

Whoever reads checks every length before believing it: the other side is not to be trusted.
"""

import json
import math
import os
import select
import time

import numpy as np

DTYPES = ("<f8", "<f4", "<i8", "|b1")
LARGEST = 64 * 2**20  # bytes of one message


class WireError(Exception):
    """The message is no message of this protocol, or holds what it cannot carry."""


class TimeOut(Exception):
    """The deadline passed before the message was complete."""


class Closed(Exception):
    """The other side has closed the pipe."""


def pack(value):
    """A value (None, bool, int, float, str, array, and lists, tuples and dicts of them) -> bytes. Tuples arrive as lists.

    Raises WireError for anything else, or more than LARGEST bytes.
    """
    blocks = []
    header = json.dumps(_encode(value, blocks)).encode()
    body = b"".join(blocks)
    if len(header) + len(body) > LARGEST:
        raise WireError(f"the result takes {len(header) + len(body)} bytes; at most {LARGEST} are accepted")
    return len(header).to_bytes(8, "little") + len(body).to_bytes(8, "little") + header + body


def unpack(header, body):
    """The value of a message. Raises WireError unless every array's dtype, shape and length are as they must be."""
    try:
        structure = json.loads(header)
    except (ValueError, RecursionError) as error:
        raise WireError("the header is not JSON") from error
    cursor = [0]
    value = _decode(structure, body, cursor)
    if cursor[0] != len(body):
        raise WireError("the message has bytes that belong to no array")
    return value


def send(fd, value):
    """Write one message to a pipe. Raises Closed if nobody reads."""
    view = memoryview(pack(value))
    try:
        while view:
            view = view[os.write(fd, view) :]
    except BrokenPipeError as error:
        raise Closed from error


def receive(fd, deadline=None):
    """Read one message from a pipe. deadline: a time.monotonic() after which TimeOut is raised; None waits.

    Raises Closed at the end of the stream, WireError for nonsense.
    """
    lengths = _read(fd, 16, deadline)
    n_header, n_body = int.from_bytes(lengths[:8], "little"), int.from_bytes(lengths[8:], "little")
    if n_header + n_body > LARGEST:
        raise WireError(f"a message of {n_header + n_body} bytes is announced; at most {LARGEST} are accepted")
    return unpack(_read(fd, n_header, deadline), _read(fd, n_body, deadline))


def _read(fd, n, deadline):
    chunks, missing = [], n
    while missing:
        if deadline is not None and not select.select([fd], [], [], max(0, deadline - time.monotonic()))[0]:
            raise TimeOut
        chunk = os.read(fd, min(missing, 2**20))
        if not chunk:
            raise Closed
        chunks.append(chunk)
        missing -= len(chunk)
    return b"".join(chunks)


def _encode(value, blocks):
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
        return [_encode(item, blocks) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": {key: _encode(item, blocks) for key, item in value.items()}}
    raise WireError(f"the result is a {type(value).__name__}; wanted are numbers and arrays")


def _decode(item, body, cursor, depth=0):
    if depth > 8:
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
    stop = cursor[0] + math.prod(shape) * np.dtype(dtype).itemsize
    if stop > len(body):
        raise WireError("the message is shorter than its arrays")
    array = np.frombuffer(body[cursor[0] : stop], dtype).reshape(shape).copy()
    cursor[0] = stop
    return array
