"""MNIST: 28 × 28 grey images of handwritten digits, 60,000 to train on and 10,000 to test on.

    train, valid    the first 50,000 and the last 10,000 of the training file, as in the papers
    test            the test file

Each of the four files is looked for in $SCRATCHGEN_DATA/mnist, then in the cache folder, and else downloaded into the cache folder
from the first mirror that delivers it. What counts is the content: it is checked decompressed, whatever compressed it.
"""

import hashlib
import io
import os
import sys
import threading
import warnings
from pathlib import Path

import pooch

from scratchgen.data import cache
from scratchgen.data.idx import parse_idx, unpacked
from scratchgen.reading import open_regular, read_up_to

MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")
MD5 = {  # of the decompressed files
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
ROWS = {"train": slice(0, 50_000), "valid": slice(50_000, 60_000), "test": slice(0, 10_000)}
MOST = 50_000_000  # bytes of a file, compressed or not; the largest of the four has 47,040,016
TIMEOUT = (5, 15)  # seconds to connect, and between two pieces of the answer
DEADLINE = 600  # seconds for one file from one mirror


def load(split):
    """Images (n, 28, 28) uint8 and labels (n,) uint8 of "train", "valid" or "test".

    Raises ValueError if a file in $SCRATCHGEN_DATA/mnist is not the real one, FileNotFoundError if it is nowhere and cannot be downloaded.
    """
    part = "t10k" if split == "test" else "train"
    images, labels = f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"
    return tuple(parse_idx(io.BytesIO(content(name)), name)[ROWS[split]] for name in (images, labels))


def find():
    """The folder in which MNIST's images would be found without a download, or None. The files are not checked."""
    given = os.environ.get("SCRATCHGEN_DATA")
    for folder in [*([Path(given, "mnist")] if given else []), cache.folder() / "mnist"]:
        if all((folder / (name + ".gz")).exists() or (folder / name).exists() for name in MD5):
            return folder
    return None


def content(name, md5=None, mirrors=MIRRORS):
    """The decompressed bytes of one of the files; `md5` (default: the known one) decides whether a file is the real one."""
    md5 = md5 or MD5[name]
    given = os.environ.get("SCRATCHGEN_DATA")
    for path in [Path(given, "mnist", name + suffix) for suffix in (".gz", "")] if given else []:
        if path.exists():
            return _read(path, md5)
    kept = cache.folder() / "mnist" / (name + ".gz")
    if kept.exists():
        try:
            return _read(kept, md5)
        except ValueError as error:
            warnings.warn(f"{error}; downloading it again", stacklevel=2)
    return _download(name, md5, mirrors, kept)


def _download(name, md5, mirrors, kept):
    failures = []
    for mirror in mirrors:
        try:
            answer = _fetch(f"{mirror}{name}.gz")
            data = _checked(answer, md5, "the answer")
        except (OSError, ValueError) as error:  # OSError: what requests raises for anything from no network to a broken transfer
            failures.append(f"{mirror}: {_shortened(error)}")
            continue
        try:
            cache.keep(kept, answer.getbuffer())
        except OSError as error:
            warnings.warn(f"MNIST cannot be kept in {kept.parent} ({error}); it will be downloaded again next time", stacklevel=2)
        return data
    now = os.environ.get("SCRATCHGEN_DATA")
    raise FileNotFoundError(
        f"MNIST file {name} is not here and cannot be downloaded ({'; '.join(failures)}): put MNIST's four files in a folder 'mnist' "
        f"and set SCRATCHGEN_DATA to the folder above it{f' (it is {now} now)' if now else ''}, or use the data set 'glyphs', which needs no download"
    )


class _Answer(io.BytesIO):
    """What a mirror sends, until it is too much or waited for no more."""

    abandoned = False

    def write(self, piece):
        if self.abandoned or self.tell() + len(piece) > MOST:
            raise OSError(f"it sends more than {MOST:,} bytes")
        return super().write(piece)


def _fetch(url):
    """The answer from that address, an open file. Raises OSError or ValueError."""
    answer, failures = _Answer(), []

    def fetch():
        try:
            pooch.HTTPDownloader(progressbar=sys.stderr is not None, timeout=TIMEOUT, hooks={"response": _look})(url, answer, None)
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=fetch, daemon=True)  # of its own: a server that sends byte after byte never comes to a timeout
    thread.start()
    try:
        thread.join(DEADLINE)
    finally:
        answer.abandoned = True
    if thread.is_alive():
        raise TimeoutError(f"it did not send everything within {DEADLINE} seconds")
    if failures:
        raise failures[0]
    return answer


def _look(response, **_):
    """Before the body of an answer is read: that of a redirection would be read without a limit, as would one that is packed again and again."""
    if response.is_redirect:
        response.close()
    packed = response.headers.get("Content-Encoding", "identity")
    if packed not in ("identity", "gzip"):
        raise ValueError(f"it sends its answer packed as {packed[:40]!r}")


def _read(path, md5):
    with open_regular(path) as file:
        return _checked(file, md5, path)


def _checked(file, md5, called):
    """The content of an open file, decompressed, if it has that MD5. ValueError if not."""
    file.seek(0)
    with unpacked(file, called) as content:
        data = read_up_to(content, MOST + 1)
    if len(data) > MOST:
        raise ValueError(f"{called} is not the MNIST file: it holds more than {MOST:,} bytes")
    found = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if found != md5:
        raise ValueError(f"{called} is not the MNIST file: its decompressed content has MD5 {found}, wanted {md5}")
    return data


def _shortened(error):
    """The innermost reason of a chain like requests' "Max retries exceeded with url … (Caused by …)"."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    return " ".join(str(error).split())[:150] or type(error).__name__
