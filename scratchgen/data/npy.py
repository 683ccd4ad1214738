"""NumPy's files read with care: what a header says must be what follows it, and nothing is unpickled.

    .npy    magic, version, length of the header; the header: dtype, order of the axes, shape; then the elements
    .npz    a zip archive of .npy files, each with its length and a checksum

A header is read first, and believed only if its shape needs exactly the bytes that are there. Of an .npz only those arrays are read that are
asked for.
"""

import io
import math
import zipfile
from typing import NamedTuple

import numpy as np

from scratchgen.reading import PIECE, Damaged, read_up_to

MAGIC = b"\x93NUMPY"
LONGEST_HEADER = 10_000  # bytes; NumPy's own limit
READERS = {b"\1\0": (2, np.lib.format.read_array_header_1_0), b"\2\0": (4, np.lib.format.read_array_header_2_0)}  # by version: bytes of the length


class Header(NamedTuple):
    """What a .npy file says of its array; n_bytes: of its elements."""

    shape: tuple
    fortran_order: bool
    dtype: np.dtype
    n_bytes: int


def read_npy(file, length):
    """The array in a .npy file of `length` bytes. Raises Damaged."""
    header = read_header(file, length)
    data = read_up_to(file, header.n_bytes)
    if len(data) != header.n_bytes:
        raise Damaged(f"it ends after {len(data)} of {header.n_bytes} bytes")
    array = np.frombuffer(data, header.dtype)
    if header.dtype.kind == "b" and array.size and array.view(np.uint8).max() > 1:
        raise Damaged("it holds truth values that are neither 0 nor 1")
    return array.reshape(header.shape[::-1]).T if header.fortran_order else array.reshape(header.shape)


def read_header(file, length):
    """The Header of a .npy file of `length` bytes. Raises Damaged, also for what can be no array of numbers or text."""
    start = file.read(8)
    if start[:6] != MAGIC or start[6:] not in READERS:
        raise Damaged("it does not begin as a .npy file of version 1 or 2 does")
    width, read = READERS[start[6:]]
    size = file.read(width)
    text = file.read(min(int.from_bytes(size, "little"), LONGEST_HEADER))
    try:
        shape, fortran_order, dtype = read(io.BytesIO(size + text))
        np.empty((0, *shape), dtype)  # NumPy's limits on dimensions, and what is no dimension at all
    except Exception as error:  # from SyntaxError to tokenize.TokenError
        raise Damaged(f"its header is unreadable: {in_short(error)}") from error
    if dtype.hasobject:
        raise Damaged("it holds Python objects (dtype object)")
    if dtype.itemsize == 0 or dtype.subdtype:
        raise Damaged(f"its elements are of dtype {dtype}")
    header, found = Header(shape, fortran_order, dtype, math.prod(shape) * dtype.itemsize), length - 8 - len(size) - len(text)
    if found != header.n_bytes:
        raise Damaged(f"{found} bytes after its header, where shape {shape} of {dtype} needs {header.n_bytes}")
    return header


class Npz:
    """The arrays in an open .npz file: `name in npz`, `list(npz)`, `npz.header(name)`, and `npz[name]`, which reads one. Raises Damaged."""

    def __init__(self, file):
        try:
            self.archive = zipfile.ZipFile(_Careful(file))
            for info in self.archive.infolist():
                self.archive.open(info).close()  # compares its name with that in the table of contents: no array is lost by a damaged name
        except Exception as error:  # zipfile raises half a dozen kinds
            raise Damaged(in_short(error)) from error
        self.entries = {info.filename.removesuffix(".npy"): info for info in self.archive.infolist() if info.filename.endswith(".npy")}

    def __iter__(self):
        return iter(self.entries)

    def __getitem__(self, name):
        return self._read(name, read_npy)

    def header(self, name):
        """The Header of that array."""
        return self._read(name, read_header)

    def _read(self, name, read):
        info = self.entries.get(name)
        if info is None:
            raise Damaged(f"it lacks {name}")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Damaged(f"{name}: neither stored nor deflated")  # other methods unpack without a limit
        try:
            with self.archive.open(info) as file:
                return read(file, info.file_size)
        except MemoryError:
            raise
        except Exception as error:
            raise Damaged(f"{name}: {in_short(error)}") from error


class _Careful(io.BufferedReader):
    """A file from which nobody reads more than PIECE at a time: zipfile reads an archive's table of contents at once, and its objects are larger."""

    def __init__(self, file):
        super().__init__(file)

    def read(self, n=-1):
        if n is not None and n > PIECE:
            raise Damaged(f"its table of contents claims {n} bytes")
        return super().read(n)


def in_short(error):
    """One line about an error of another library."""
    return " ".join(str(error).split())[:120] or type(error).__name__
