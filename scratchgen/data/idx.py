"""IDX, the file format of MNIST: a few header bytes, then the elements of one array, the last index running fastest.

    byte 0, 1    zero
    byte 2       type of the elements (the table below)
    byte 3       number of dimensions d
    d times      one dimension, 4 bytes, unsigned
    then         the elements

Every number is big-endian. Whether a file is gzip-compressed is read off its first two bytes, not off its name.
Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
"""

import gzip
import math
import os
import zlib
from pathlib import Path

import numpy as np

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP_MAGIC = b"\x1f\x8b"


def read_idx(path):
    """The array in an IDX file, plain or gzip-compressed, in this machine's byte order.

    Raises FileNotFoundError, or ValueError if the file is empty, truncated, too long, corrupt or not IDX at all.
    """
    return parse_idx(read_bytes(path), path)


def write_idx(path, array):
    """Write `array` as an IDX file; gzip-compressed if the name ends in .gz.

    Raises TypeError for an element type that the format does not have, ValueError for more than 255 dimensions or 2³² − 1 along one.
    """
    array = np.asarray(array)
    big_endian = array.dtype.newbyteorder(">").str.replace("|", ">")
    code = next((code for code, dtype in TYPES.items() if dtype == big_endian), None)
    if code is None:
        known = ", ".join(np.dtype(dtype).name for dtype in TYPES.values())
        raise TypeError(f"array has dtype {array.dtype}; an IDX file can hold {known}")
    if array.ndim > 255 or max(array.shape, default=0) >= 2**32:
        raise ValueError(f"array has shape {array.shape}; an IDX file can hold 255 dimensions of at most 2**32 - 1")
    data = bytes([0, 0, code, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.astype(big_endian).tobytes()
    Path(path).write_bytes(gzip.compress(data, mtime=0) if str(path).endswith(".gz") else data)


def read_bytes(path):
    """The content of a file, decompressed if it is gzip. Raises FileNotFoundError, or ValueError for a folder or a corrupt file."""
    if not os.path.exists(path):
        raise FileNotFoundError(f"{path} does not exist")
    if os.path.isdir(path):
        raise ValueError(f"{path} is a folder; a file is wanted")
    with open(path, "rb") as file:
        if file.read(len(GZIP_MAGIC)) != GZIP_MAGIC:
            return Path(path).read_bytes()
    try:
        return _decompressed(path)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{path} is a truncated or corrupt gzip file ({error}); get it again") from error


def _decompressed(path):
    """The content of a gzip file, read into one buffer of its length (which the file's last four bytes claim), so that memory does not double."""
    packed = os.path.getsize(path)
    with open(path, "rb") as file:
        file.seek(max(packed - 4, 0))
        claimed = int.from_bytes(file.read(), "little")
    data, n = bytearray(min(claimed, 1032 * packed)), 0  # deflate packs at most 1032 bytes into one
    with gzip.open(path) as file:
        while got := file.readinto(memoryview(data)[n:]):
            n += got
        rest = file.read()  # nothing, if the claim was true; and only the end of the file verifies its checksum
    return data if n == len(data) and not rest else data[:n] + rest


def parse_idx(data, name):
    """The array in the bytes of an IDX file; `name` is for the error sentences."""
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in TYPES:
        given = f"begins with the bytes {data[:4].hex(' ')}" if data else "is empty"
        raise ValueError(f"{name} {given}; an IDX file begins with 00 00, a type from 08 to 0e and the number of dimensions")
    dtype, header = np.dtype(TYPES[data[2]]), 4 + 4 * data[3]
    if len(data) < header:
        raise ValueError(f"{name} ends inside its header: {len(data)} bytes, and {data[3]} dimensions need {header}")
    shape = tuple(int.from_bytes(data[i : i + 4], "big") for i in range(4, header, 4))
    wanted = math.prod(shape) * dtype.itemsize
    found = len(data) - header
    if found != wanted:
        raise ValueError(f"{name} is truncated or corrupt: {found} bytes after its header, where shape {shape} of {dtype.name} needs {wanted}")
    return np.frombuffer(data, dtype, offset=header).reshape(shape).astype(dtype.newbyteorder("="))
