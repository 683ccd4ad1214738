"""Files that can be made again: kept in the user's cache folder, and never half written."""

from pathlib import Path

import pooch

from scratchgen.atomic import atomic_file


def folder():
    """Where scratchgen keeps what it can make or download again (Linux: ~/.cache/scratchgen)."""
    return Path(pooch.os_cache("scratchgen"))


def keep(path, data):
    """Write the bytes `data` to `path`, making its folder. Raises OSError where that cannot be done, and then leaves nothing behind."""
    with atomic_file(path) as file:
        file.write(data)
