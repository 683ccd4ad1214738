import contextlib
import gzip
import hashlib
import http.server
import os
import tempfile
import threading
import time
import tracemalloc
import warnings

import numpy as np
import pytest

from scratchgen import data
from scratchgen.data import cache, mnist

NAME = "train-labels-idx1-ubyte"
CONTENT = bytes.fromhex("00000801 00001000") + np.random.default_rng(0).bytes(4096)
MD5 = hashlib.md5(CONTENT).hexdigest()
PACKED = gzip.compress(CONTENT)

ANSWERS = {  # path of a mirror -> what it does: (status, headers, body), or None to cut the connection
    "good": (200, {}, PACKED),
    "good-level-1": (200, {}, gzip.compress(CONTENT, 1)),
    "uncompressed": (200, {}, CONTENT),
    "unpacked-on-the-way": (200, {"Content-Encoding": "gzip"}, PACKED),
    "wrong": (200, {}, gzip.compress(CONTENT[:-1] + b"?")),
    "partial": (200, {"Content-Length": str(len(PACKED) + 100)}, PACKED[: len(PACKED) // 2]),
    "cut-short": (200, {}, PACKED[: len(PACKED) // 2]),  # a proxy that drops the rest and says nothing
    "login-page": (200, {"Content-Type": "text/html"}, b"<html>Please log in</html>"),
    "missing": (404, {}, b"not here"),
    "bomb": (200, {}, gzip.compress(bytes(2**26))),
    "hangs-up": None,
}

OK = b"HTTP/1.0 200 OK\r\nContent-Type: application/gzip\r\n"
ENDLESS = {  # path of a mirror -> what it sends first, what it sends again and again, and how many seconds after each
    "dribbles": (OK + b"\r\n", b"\0", 0.05),
    "dribbles-headers": (b"", b"a", 0.05),
    "dribbles-gzip": (OK + b"\r\n" + PACKED[:100], b"\0", 0.05),
    "floods": (OK + b"\r\n", bytes(2**16), 0),
    "floods-with-a-lie": (OK + b"Content-Length: 100000000000\r\n\r\n", bytes(2**16), 0),
    "unpacks-to-a-flood": (OK + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(bytes(2**24)), 0),
    "redirects-with-a-flood": (b"HTTP/1.0 302 Found\r\nLocation: /missing/" + NAME.encode() + b".gz\r\n\r\n", bytes(2**16), 0),
    "packed-twice": (OK + b"Content-Encoding: gzip, gzip\r\n\r\n", gzip.compress(gzip.compress(bytes(2**24))), 0),
}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        _, mirror, name = self.path.split("/")
        self.server.requests.append(mirror)
        assert name == NAME + ".gz"
        if mirror == "sleeps":
            self.server.wake.wait(10)
            return
        if mirror in ENDLESS:
            self.endless(*ENDLESS[mirror])
            return
        if ANSWERS[mirror] is None:
            return
        status, headers, body = ANSWERS[mirror]
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def endless(self, start, piece, pause):
        """Send the start, then the piece for ever, with a pause in seconds after each, until nobody listens."""
        self.server.sent = 0
        with contextlib.suppress(OSError):
            self.wfile.write(start)
            while not self.server.wake.wait(pause) and self.server.sent < 2**28:
                self.wfile.write(piece)
                self.server.sent += len(piece)

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.requests, server.wake = [], threading.Event()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.wake.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def fetch(server, tmp_path, monkeypatch):
    """fetch("wrong", "good"): the content, from these mirrors in turn, with an empty cache folder; fetch.kept is the cached file."""
    server.requests.clear()
    monkeypatch.delenv("SCRATCHGEN_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(cache, "folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def fetch(*mirrors):
        urls = [f"http://127.0.0.1:{server.server_port}/{mirror}/" for mirror in mirrors]
        try:
            return mnist.content(NAME, MD5, urls)
        finally:
            left = {path.name for path in tmp_path.iterdir()} - {"cache", "given"}
            assert not left, "temporary files are left behind"

    fetch.kept = tmp_path / "cache" / "mnist" / (NAME + ".gz")
    return fetch


@pytest.mark.parametrize("mirror", ["good", "good-level-1", "uncompressed", "unpacked-on-the-way"])
def test_good_content_is_taken_however_it_is_compressed_and_kept(fetch, server, mirror):
    assert fetch(mirror) == CONTENT
    assert fetch(mirror) == CONTENT
    assert server.requests == [mirror], "the second time it comes from the cache"
    assert list(fetch.kept.parent.iterdir()) == [fetch.kept]


BAD = {
    "wrong": f"has MD5 [0-9a-f]{{32}}, wanted {MD5}",
    "partial": "IncompleteRead|ended before|truncated",
    "cut-short": "ended before the end-of-stream marker",
    "login-page": "has MD5",
    "missing": "404",
    "hangs-up": "closed connection|Connection aborted|Connection reset",
}


@pytest.mark.parametrize("mirror", BAD)
def test_a_bad_mirror_leaves_nothing_and_the_next_one_is_asked(fetch, server, mirror):
    assert fetch(mirror, "good") == CONTENT
    assert server.requests == [mirror, "good"]
    assert fetch.kept.read_bytes() == PACKED


@pytest.mark.parametrize("mirror", BAD)
def test_where_every_mirror_is_bad_one_sentence_says_why_and_how_to_mend_it(fetch, mirror):
    with pytest.raises(FileNotFoundError, match=BAD[mirror]) as error:
        fetch(mirror)
    sentence = str(error.value)
    assert NAME in sentence and "SCRATCHGEN_DATA" in sentence and "glyphs" in sentence and "\n" not in sentence and len(sentence) < 600
    assert not fetch.kept.parent.exists()


def test_no_network_is_said_quickly(fetch, monkeypatch):
    start = time.monotonic()
    with pytest.raises(FileNotFoundError, match="refused") as error:
        mnist.content(NAME, MD5, ["http://127.0.0.1:1/", "http://127.0.0.1:1/again/"])
    assert time.monotonic() - start < 5
    assert str(error.value).count("refused") == 2, "each mirror has its reason"


def test_a_mirror_that_never_answers_is_left_after_the_timeout(fetch, monkeypatch):
    monkeypatch.setattr(mnist, "TIMEOUT", (0.3, 0.3))
    assert fetch("sleeps", "good") == CONTENT


@pytest.mark.parametrize("mirror", ["dribbles", "dribbles-headers", "dribbles-gzip"])
def test_a_mirror_that_sends_byte_after_byte_is_left_at_the_deadline(fetch, mirror, monkeypatch):
    monkeypatch.setattr(mnist, "DEADLINE", 0.5)
    with pytest.raises(FileNotFoundError, match="it did not send everything within 0.5 seconds"):
        fetch(mirror)
    monkeypatch.setattr(mnist, "DEADLINE", 60)
    assert fetch("good") == CONTENT


@pytest.mark.parametrize(
    "mirror, sentence",
    [
        ("floods", "it sends more than 1,000,000 bytes"),
        ("floods-with-a-lie", "it sends more than 1,000,000 bytes"),
        ("unpacks-to-a-flood", "it sends more than 1,000,000 bytes"),
        ("redirects-with-a-flood", "404"),
        ("packed-twice", "it sends its answer packed as 'gzip, gzip'"),
        ("bomb", "the answer is not the MNIST file: it holds more than 1,000,000 bytes"),
    ],
)
def test_a_mirror_that_sends_too_much_is_left(fetch, server, mirror, sentence, monkeypatch):
    monkeypatch.setattr(mnist, "MOST", 1_000_000)
    server.sent = 0
    tracemalloc.start()
    with pytest.raises(FileNotFoundError, match=sentence):
        fetch(mirror)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 2**25 and server.sent < 2**27
    assert fetch("good") == CONTENT


def test_a_damaged_cached_file_is_replaced(fetch, server):
    fetch("good")
    for damaged in (PACKED[:-20], gzip.compress(b"another"), b""):
        fetch.kept.write_bytes(damaged)
        with pytest.warns(UserWarning, match="downloading it again"):
            assert fetch("good") == CONTENT
        assert fetch.kept.read_bytes() == PACKED


def test_without_a_writable_cache_it_works_and_says_so(fetch):
    fetch.kept.parent.parent.write_bytes(b"a file where the folder should be")
    with pytest.warns(UserWarning, match="cannot be kept"):
        assert fetch("good") == CONTENT


@pytest.mark.parametrize("name, stored", [(NAME + ".gz", PACKED), (NAME, CONTENT)])
def test_a_file_of_ones_own_comes_first(fetch, server, tmp_path, monkeypatch, name, stored):
    monkeypatch.setenv("SCRATCHGEN_DATA", str(tmp_path / "given"))
    (tmp_path / "given" / "mnist").mkdir(parents=True)
    path = tmp_path / "given" / "mnist" / name
    path.write_bytes(stored)
    assert fetch("good") == CONTENT and server.requests == []
    path.write_bytes(stored[:-1])
    with pytest.raises(ValueError, match=f"{path} is (not the MNIST file|a truncated or corrupt gzip)"):
        fetch("good")
    assert path.read_bytes() == stored[:-1], "nobody touches the user's own file"


def test_an_empty_or_wrong_data_folder_is_named_in_the_sentence(fetch, tmp_path, monkeypatch):
    monkeypatch.setenv("SCRATCHGEN_DATA", str(tmp_path / "given"))
    with pytest.raises(FileNotFoundError, match=f"it is {tmp_path / 'given'} now"):
        fetch("missing")


needs_mnist = pytest.mark.skipif(not os.environ.get("SCRATCHGEN_DATA"), reason="SCRATCHGEN_DATA does not name a folder with mnist/ in it")


@needs_mnist
def test_real_mnist_is_split_as_in_the_papers():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train, valid, test = (data.load("mnist", split) for split in ("train", "valid", "test"))
    for part, n in ((train, 50_000), (valid, 10_000), (test, 10_000)):
        assert part.x.shape == (n, 784) and part.x.dtype == np.float32 and part.y.shape == (n,) and part.y.dtype == np.int64
        assert part.x.min() == 0 and part.x.max() == 1
    assert train.y[:5].tolist() == [5, 0, 4, 1, 9] and test.y[:5].tolist() == [7, 2, 1, 0, 4]
    pixels = sum(part.x.sum(dtype=float) for part in (train, valid)) / 60_000 / 784
    assert abs(pixels - 0.1307) < 1e-4  # the mean that everyone normalizes MNIST by
    assert np.bincount(np.concatenate([train.y, valid.y])).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
