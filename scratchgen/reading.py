"""Reading files that may hold anything: never from a pipe, never more than is there.

Opening a pipe or a device can wait for ever, and reading one need not end. A header can promise any number of bytes, and a small compressed file can
unpack to any number: so memory grows only as bytes arrive, up to what was promised.
"""

import os
import stat

PIECE = 2**20  # bytes asked for at a time


class Damaged(ValueError):
    """What is wrong with the bytes of a file, in words that follow a bracket after its name; who knows the name says it."""


def open_regular(path):
    """The file at `path`, open to read bytes. Raises FileNotFoundError, or ValueError if a folder, a pipe or a device is there."""
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f"{path} does not exist") from None
    if not stat.S_ISREG(mode):
        raise ValueError(f"{path} is {'a folder' if stat.S_ISDIR(mode) else 'a pipe or a device'}; a file is wanted")
    return open(path, "rb")


def read_up_to(file, n):
    """At most n bytes, fewer if the file ends before, as a bytearray."""
    data = bytearray()
    while len(data) < n and (piece := file.read(min(PIECE, n - len(data)))):
        data += piece
    return data
