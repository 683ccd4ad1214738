"""IDX, the file format of MNIST: a few header bytes, then the elements of one array, the last index running fastest.

    byte 0, 1    zero
    byte 2       type of the elements (the table below)
    byte 3       number of dimensions d
    d times      one dimension, 4 bytes, unsigned
    then         the elements

Every number is big-endian. Whether a file is gzip-compressed is read off its first two bytes, not off its name.
Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
"""

import contextlib
import gzip
import math
import os
import zlib

import numpy as np

from scratchgen.atomic import atomic_file
from scratchgen.reading import open_regular, read_up_to

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP_MAGIC = b"\x1f\x8b"


def read_idx(path):
    """The array in an IDX file, plain or gzip-compressed, in this machine's byte order.

    Raises FileNotFoundError, or ValueError if the file is empty, truncated, too long, corrupt or not IDX at all.
    """
    with open_regular(path) as file, unpacked(file, path) as content:
        return parse_idx(content, path, os.path.getsize(path) if content is file else None)


def write_idx(path, array):
    """Write `array` as an IDX file; gzip-compressed if the name ends in .gz.

    Raises TypeError for an element type that the format does not have, ValueError for more than 2³² − 1 along a dimension.
    """
    array = np.asarray(array)
    big_endian = array.dtype.newbyteorder(">").str.replace("|", ">")
    code = next((code for code, dtype in TYPES.items() if dtype == big_endian), None)
    if code is None:
        known = ", ".join(np.dtype(dtype).name for dtype in TYPES.values())
        raise TypeError(f"array has dtype {array.dtype}; an IDX file can hold {known}")
    if max(array.shape, default=0) >= 2**32:
        raise ValueError(f"array has shape {array.shape}; an IDX file can hold dimensions of at most 2**32 - 1")
    data = bytes([0, 0, code, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.astype(big_endian).tobytes()
    with atomic_file(path) as file:
        file.write(gzip.compress(data, mtime=0) if str(path).endswith(".gz") else data)


@contextlib.contextmanager
def unpacked(file, name):
    """The open file, or if it is gzip-compressed one that reads as its content. ValueError, with that name, where the compression is damaged."""
    packed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    file.seek(0)
    try:
        yield gzip.open(file) if packed else file
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{name} is a truncated or corrupt gzip file ({error}); get it again") from error


def parse_idx(file, name, length=None):
    """The array in an open IDX file. `name` is for the error sentences; length: bytes in the file, None if only reading it tells."""
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in TYPES:
        given = f"begins with the bytes {start.hex(' ')}" if start else "is empty"
        raise ValueError(f"{name} {given}; an IDX file begins with 00 00, a type from 08 to 0e and the number of dimensions")
    dtype, sizes = np.dtype(TYPES[start[2]]), file.read(4 * start[3])
    header = 4 + len(sizes)
    if len(sizes) < 4 * start[3]:
        raise ValueError(f"{name} ends inside its header: {header} bytes, and {start[3]} dimensions need {4 + 4 * start[3]}")
    shape = tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, len(sizes), 4))
    wanted = math.prod(shape) * dtype.itemsize
    data = read_up_to(file, wanted) if length in (None, header + wanted) else b""
    found = length - header if length is not None else len(data)
    more = length is None and found == wanted and file.read(1)  # and only the end of a gzip file verifies its checksum
    if found != wanted or more:
        found = f"more than {found}" if more else found
        raise ValueError(f"{name} is truncated or corrupt: {found} bytes after its header, where shape {shape} of {dtype.name} needs {wanted}")
    array = np.frombuffer(data, dtype.newbyteorder("="))
    if not dtype.isnative:
        array.byteswap(inplace=True)
    try:
        return array.reshape(shape)
    except ValueError as error:
        raise ValueError(f"{name} holds data of shape {shape}, which is no array for NumPy ({error})") from None
