"""What can happen to the bytes of a file, and what a door may then do: what the tests of this folder share."""

import contextlib
import tracemalloc

from hypothesis import strategies as st

ALLOWANCE = 2**22  # bytes that every reading may take, however small the file: it asks for a quarter of that at a time


def damaged(contents):
    """A strategy: bytes drawn from `contents`, then flipped, cut, stretched, overwritten or shuffled in a few places."""
    return st.builds(
        apply, contents, st.lists(st.tuples(st.integers(0, 2**16), st.sampled_from(CHANGES), st.binary(min_size=1, max_size=8)), max_size=5)
    )


def apply(content, changes):
    """The content after these changes, [(place, change, bytes)]."""
    for place, change, data in changes:
        content = change(content, place % (len(content) + 1), data)
    return content


CHANGES = (
    lambda content, i, data: (
        content[:i] + bytes(byte ^ (1 << data[0] % 8) for byte in content[i : i + 1]) + content[i + 1 :]
    ),  # one bit, thrice as often
    lambda content, i, data: content[:i] + bytes(byte ^ (1 << data[0] % 8) for byte in content[i : i + 1]) + content[i + 1 :],
    lambda content, i, data: content[:i] + bytes(byte ^ (1 << data[0] % 8) for byte in content[i : i + 1]) + content[i + 1 :],
    lambda content, i, data: content[:i],
    lambda content, i, data: content[i:],
    lambda content, i, data: content[:i] + data + content[i:],
    lambda content, i, data: content[:i] + data + content[i + len(data) :],
    lambda content, i, data: content[:i] + b"\xff" * len(data) + content[i + len(data) :],
    lambda content, i, data: content[:i] + content[i + len(data) :],
    lambda content, i, data: content + content[i:],
)


@contextlib.contextmanager
def bounded_memory(honest):
    """Fails if what happens within it takes more than four times that many bytes, and the allowance."""
    tracemalloc.start()
    try:
        yield
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most <= 4 * honest + ALLOWANCE, f"{most} bytes of memory for {honest}"


def check_sentence(error, path):
    """One line that names the file."""
    assert str(path) in str(error) and "\n" not in str(error), repr(error)
