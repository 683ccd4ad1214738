"""Data files with anything in them: data, or one sentence with the file's name; never more memory than the file is worth."""

import gzip
import io
import math
import zipfile

import numpy as np
import pytest
from damage import bounded_memory, check_sentence, damaged
from hypothesis import given
from hypothesis import strategies as st

from scratchgen import data

ROWS = np.random.default_rng(0).random((40, 3)).astype(np.float32)
LABELS = np.arange(40) % 10


def npy(array):
    """The bytes of a .npy file."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(save=np.savez, **arrays):
    """The bytes of an .npz file."""
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


def idx(array):
    """The bytes of an IDX file of float32."""
    return bytes([0, 0, 0x0D, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.astype(">f4").tobytes()


GOOD = {
    ".npy": [npy(ROWS), npy(np.asfortranarray(ROWS)), npy(np.arange(160, dtype=np.uint8).reshape(10, 4, 4)), npy(ROWS > 0.5)],
    ".npz": [
        npz(x=ROWS, y=LABELS),
        npz(np.savez_compressed, x=ROWS, y=LABELS),
        npz(x_train=ROWS, y_train=LABELS, x_valid=ROWS[:9] + 2, y_valid=LABELS[:9], x_test=ROWS[:8] - 1, y_test=LABELS[:8]),
    ],
    ".idx": [idx(ROWS), bytes.fromhex("00000803 00000005 00000002 00000002") + bytes(range(20))],
    ".gz": [gzip.compress(idx(ROWS), mtime=0)],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


def load(folder, kind, content, split, honest=None):
    """The Dataset in a file of that content, or None if it was refused in one sentence."""
    path = folder / f"file{kind}"
    path.write_bytes(content)
    with bounded_memory(len(content) if honest is None else honest):
        try:
            return data.load(path, split)
        except (ValueError, TypeError) as error:
            check_sentence(error, path)


splits = st.sampled_from(["train", "valid", "test"])


@given(kind=st.sampled_from(list(GOOD)), content=st.binary(max_size=300), split=splits)
def test_random_bytes(folder, kind, content, split):
    load(folder, kind, content, split)


@given(pair=st.sampled_from(list(GOOD)).flatmap(lambda kind: st.tuples(st.just(kind), damaged(st.sampled_from(GOOD[kind])))), split=splits)
def test_damaged_files(folder, pair, split):
    load(folder, *pair, split)


CHECKED = [(kind, content) for kind in (".npz", ".gz") for content in GOOD[kind]]


@given(which=st.sampled_from(CHECKED), bits=st.lists(st.integers(0, 2**16), min_size=1, max_size=3), cut=st.integers(0, 40), split=splits)
def test_where_there_is_a_checksum_no_wrong_number_is_accepted(folder, which, bits, cut, split):
    kind, content = which
    changed = bytearray(content)
    for bit in bits:
        changed[bit // 8 % len(content)] ^= 1 << bit % 8
    read = load(folder, kind, bytes(changed[: len(changed) - cut if cut < 20 else None]), split)
    if read is not None:
        true = load(folder, kind, content, split)
        np.testing.assert_array_equal(read.x, true.x)
        np.testing.assert_equal(read.y, true.y)


lengths = st.one_of(st.integers(0, 6), st.sampled_from([10**6, 10**9, 2**31, 2**32, 2**63, 10**30, -1, True]))
shapes = st.lists(lengths, max_size=5).map(tuple)
dtypes = st.sampled_from(
    ["<f4", ">f8", "|u1", "|b1", "<i8", "<U5", "|S0", "|V3", "|O", "<c16", "<M8[s]", "float", "", "(1000000,)f4", [("a", "<f4")], 7, None]
)


def headed(shape, dtype, fortran_order, body, version):
    """A .npy file with that header."""
    text = repr({"descr": dtype, "fortran_order": fortran_order, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(2 if version == 1 else 4, "little") + text + body


lying_npy = st.builds(headed, shapes, dtypes, st.sampled_from([True, False, 1]), st.binary(max_size=60), st.sampled_from([1, 2, 3]))


@given(content=lying_npy, split=splits)
def test_npy_headers_that_lie(folder, content, split):
    load(folder, ".npy", content, split)


@given(
    entries=st.dictionaries(
        st.sampled_from(["x", "y", "x_train", "y_train", "x_valid", "x_test", "y_test", "z"]),
        st.one_of(lying_npy, st.just(npy(ROWS)), st.just(npy(LABELS))),
    ),
    behind=st.sampled_from([0, 0, 2**23]),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]),
    lies=st.lists(st.tuples(st.integers(0, 2**16), st.binary(min_size=4, max_size=4)), max_size=2),
    split=splits,
)
def test_npz_entries_that_lie(folder, entries, behind, method, lies, split):
    """Headers and lengths of entries, here and there with a long run of zeros behind, and with lies in the archive's own table of contents."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method if behind == 0 or method != zipfile.ZIP_STORED else zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(f"{name}.npy", content + bytes(behind))
    content = bytearray(file.getvalue())
    table = content.find(b"PK\1\2")
    for place, lie in lies:
        if table >= 0:
            place = table + place % (len(content) - table)
            content[place : place + 4] = lie
    load(folder, ".npz", bytes(content), split)


@given(
    code=st.sampled_from([8, 9, 0xB, 0xC, 0xD, 0xE, 7]),
    shape=st.lists(st.sampled_from([0, 1, 2, 3, 10**9, 2**32 - 1]), max_size=6),
    n_axes=st.sampled_from([None, None, 255]),
    body=st.binary(max_size=100),
    behind=st.sampled_from([0, 0, 0, 2**23]),
    split=splits,
)
def test_idx_headers_that_lie(folder, code, shape, n_axes, body, behind, split):
    """Plain, or packed with a long run of zeros behind, which is honest only where the header promises as much."""
    content = bytes([0, 0, code, len(shape) if n_axes is None else n_axes]) + np.array(shape, ">u4").tobytes() + body
    if behind:
        promised = math.prod(shape) * 8 >= behind or n_axes == 255
        load(folder, ".gz", gzip.compress(content + bytes(behind), 1), split, honest=behind if promised else len(content))
    else:
        load(folder, ".idx", content, split)


def test_what_is_whole_is_read(folder):
    for kind, contents in GOOD.items():
        for content in contents:
            for split in ("train", "valid", "test"):
                assert load(folder, kind, content, split) is not None
