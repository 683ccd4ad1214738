"""Files that are never half written: whoever reads one, after whatever crash, finds the old file or the new one."""

import contextlib
import errno
import os
import secrets
from pathlib import Path

PARTS = f".*.{'[0-9a-f]' * 8}.part"  # the names of files that are being written, or were when the process was killed


@contextlib.contextmanager
def atomic_file(path):
    """A binary file to write to, which appears at `path` once the block ends without an error. Missing folders are made.

    It is written under another name, its own each time, forced to disk and renamed. Raises OSError, naming the path, and then leaves nothing behind.
    """
    path = Path(path)
    if not path.name:
        raise IsADirectoryError(errno.EISDIR, f"cannot write {path}: it is a folder")
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        raise type(error)(error.errno, f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # the renaming itself must reach the disk too; not every system lets a folder be synced
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
