"""Files that can be made again: kept in the user's cache folder, and never half written.

A file is written under another name, flushed to the disk and renamed, so that a reader sees the whole of it or nothing.
"""

import os
import tempfile
from pathlib import Path

import pooch


def folder():
    """Where scratchgen keeps what it can make or download again (Linux: ~/.cache/scratchgen)."""
    return Path(pooch.os_cache("scratchgen"))


def keep(path, data):
    """Write the bytes `data` to `path`, making its folder. Raises OSError where that cannot be done, and then leaves nothing behind."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
