"""Data of one's own: what may be given, how it is split, and one clear sentence for everything else."""

import gzip
import io
import os
import re
import tracemalloc
import zipfile

import numpy as np
import pytest

from scratchgen import data
from scratchgen.data import idx
from scratchgen.data import npy as npy_module

SPLITS = ("train", "valid", "test")


@pytest.fixture
def save(tmp_path):
    """save("a.npy", array) or save("a.npz", x=…) or save("a.idx", array) -> its path."""

    def save(name, *array, **arrays):
        path = tmp_path / name
        if name.endswith(".npz"):
            np.savez(path, **arrays)
        elif name.endswith(".npy"):
            np.save(path, *array)
        else:
            data.write_idx(path, *array)
        return path

    return save


def rows(n, features=3):
    """Row i holds i, so that it can be found again."""
    return np.repeat(np.arange(n, dtype=np.float32)[:, None], features, axis=1)


@pytest.mark.parametrize("name", ["a.npy", "a.idx", "a-idx.gz", "a.npz"])
@pytest.mark.parametrize("n, sizes", [(100, [80, 10, 10]), (57, [47, 5, 5]), (3, [1, 1, 1])])
def test_one_piece_is_split_80_10_10_without_overlap(save, name, n, sizes):
    path = save("a.npz", x=rows(n), y=np.arange(n)) if name == "a.npz" else save(name, rows(n))
    labels = None if name == "a.npz" else save("y.npy", np.arange(n))
    parts = [data.load(path, split, labels=labels) for split in SPLITS]
    assert [len(part.x) for part in parts] == sizes
    for x, y in parts:
        np.testing.assert_array_equal(x[:, 0], y)  # labels stay with their rows
        assert x.dtype == np.float32 and y.dtype == np.int64
    assert sorted(np.concatenate([part.y for part in parts])) == list(range(n))
    np.testing.assert_array_equal(data.load(str(path), "train", labels=labels).x, parts[0].x)


def test_a_file_sorted_by_class_has_every_class_in_every_split(save):
    path = save("a.npz", x=rows(1000), y=np.arange(1000) // 100)
    for split in SPLITS:
        assert set(data.load(path, split).y) == set(range(10))


def test_npz_with_its_own_splits(save):
    arrays = {"x_train": rows(50), "y_train": np.arange(50), "x_test": -rows(7), "y_test": np.arange(7)}
    path = save("a.npz", **arrays)
    train, valid, test = (data.load(path, split) for split in SPLITS)
    assert (len(train.x), len(valid.x)) == (45, 5) and sorted([*train.y, *valid.y]) == list(range(50))
    np.testing.assert_array_equal(test.x, -rows(7))
    path = save("b.npz", **arrays, x_valid=rows(4))
    train, valid = data.load(path, "train"), data.load(path, "valid")
    np.testing.assert_array_equal(train.x, rows(50))
    np.testing.assert_array_equal(valid.x, rows(4))
    assert valid.y is None


@pytest.mark.parametrize(
    "names", [("x_train", "x_valid", "x_test"), ("train", "valid", "test"), ("x_train", "x_val", "x_test"), ("train", "val", "x_test")]
)
def test_the_names_of_an_npz_s_own_splits(save, names):
    arrays = {name: rows(9) + 100 * i for i, name in enumerate(names)}
    labels = {f"y_{name.removeprefix('x_')}": np.arange(9) + i for i, name in enumerate(names)}
    path = save("a.npz", **arrays, **labels)
    assert data.splits(path) == SPLITS
    for i, split in enumerate(SPLITS):
        x, y = data.load(path, split)
        np.testing.assert_array_equal(x, rows(9) + 100 * i)
        np.testing.assert_array_equal(y, np.arange(9) + i)


def test_a_file_without_a_test_split(save):
    path = save("a.npz", x_train=rows(20))
    assert data.splits(path) == ("train", "valid")
    assert [len(data.load(path, split).x) for split in ("train", "valid")] == [18, 2]
    with pytest.raises(ValueError, match="holds the arrays x_train; wanted x"):
        data.load(path, "test")
    assert data.splits(save("b.npz", x=rows(20))) == data.splits(save("b.npy", rows(20))) == data.splits("ring") == SPLITS


def test_what_is_wrong_is_said_with_its_split(save):
    x = rows(9)
    with pytest.raises(ValueError, match=r"a.npz \(valid\) holds nan \(row 4, feature 1\)"):
        data.load(save("a.npz", x_train=x, x_valid=np.where(np.arange(27).reshape(9, 3) == 13, np.nan, x), x_test=x), "valid")
    with pytest.raises(ValueError, match=r"a.npz has x_test \(9, 3\) and y_test \(8,\)"):
        data.load(save("a.npz", x_train=x, x_test=x, y_test=np.arange(8)), "test")
    with pytest.raises(TypeError, match=r"a.npz \(test\) holds labels of dtype float64"):
        data.load(save("a.npz", x_train=x, x_test=x, y_test=np.arange(9.0)), "test")


def test_bytes_are_grey_levels_in_all_splits_or_in_none(save):
    bright, dark = np.full((4, 3), 255, np.uint8), np.ones((4, 3), np.uint8)
    path = save("a.npz", x_train=bright, x_valid=dark, x_test=2 * dark)
    values = [data.load(path, split).x.max() for split in SPLITS]
    assert values == pytest.approx([1, 1 / 255, 2 / 255])
    path = save("b.npz", x_train=dark, x_valid=dark, x_test=dark)
    assert [data.load(path, split).x.max() for split in SPLITS] == [1, 1, 1]


def test_pictures_are_flattened_and_bytes_scaled(save):
    x = np.random.default_rng(0).integers(0, 256, (20, 4, 5), np.uint8)
    x[0] = 255
    path = save("a.idx", x)
    loaded = np.concatenate([data.load(path, split).x for split in SPLITS])
    assert loaded.shape == (20, 20) and loaded.max() == 1
    assert sorted(map(tuple, loaded)) == sorted(map(tuple, x.reshape(20, 20) / np.float32(255)))


@pytest.mark.parametrize(
    "x, values",
    [
        (np.eye(10, dtype=np.uint8), {0, 1}),
        (np.eye(10, dtype=bool), {0, 1}),
        (7 * np.eye(10, dtype=np.int64), {0, 7}),
        (-2.5 * np.eye(10), {0, -2.5}),
    ],
)
def test_bits_and_other_numbers_stay_as_they_are(save, x, values):
    x = data.load(save("a.npy", x)).x
    assert x.dtype == np.float32 and set(np.unique(x)) == values


def nan_at(row):
    x = np.zeros((100, 4))
    x[row] = np.nan
    return x


@pytest.mark.parametrize(
    "array, error, sentence",
    [
        (np.zeros((100, 4), complex), TypeError, "dtype complex128; real numbers are wanted"),
        (np.full((100, 4), "a"), TypeError, "real numbers are wanted"),
        (np.array([None] * 10), ValueError, r"Python objects \(dtype object\)"),
        (np.zeros(100), ValueError, r"wanted \(n, features\)"),
        (np.array(3.0), ValueError, r"has x \(\); wanted"),
        (np.zeros((10, 2, 2, 2, 2)), ValueError, r"wanted \(n, features\)"),
        (np.zeros((0, 4)), ValueError, "has 0 rows, too few to split"),
        (np.zeros((2, 4)), ValueError, "has 2 rows, too few to split into train, valid, test"),
        (np.zeros((100, 0)), ValueError, "nothing in it"),
        (np.full((100, 4), 255), ValueError, "whole numbers from 0 to 255 as int64; save grey levels as uint8"),
        (nan_at(slice(None)), ValueError, "holds nan .row 0, feature 0"),
        (np.full((100, 4), -np.inf), ValueError, "holds -inf"),
        (np.full((100, 4), 1e300), ValueError, "holds inf .*finite float32"),
    ],
)
def test_arrays_that_are_no_data(save, array, error, sentence):
    path = save("a.npy", array)
    with pytest.raises(error, match=sentence) as raised:
        data.load(path)
    assert str(raised.value).startswith(str(path)) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "labels, error, sentence",
    [
        (np.zeros(99, int), ValueError, r"x \(100, 3\) and y \(99,\)"),
        (np.zeros((100, 1), int), ValueError, r"y \(100, 1\)"),
        (np.zeros(100), TypeError, "labels of dtype float64; integers are wanted"),
    ],
)
def test_labels_that_do_not_fit(save, labels, error, sentence):
    with pytest.raises(error, match=sentence):
        data.load(save("x.npy", rows(100)), labels=save("y.npy", labels))
    with pytest.raises(error, match=sentence):
        data.load(save("a.npz", x=rows(100), y=labels))


def test_labels_where_they_do_not_belong(save):
    x, npz = save("x.npy", rows(100)), save("a.npz", x=rows(100))
    with pytest.raises(ValueError, match="carries its own labels"):
        data.load(npz, labels=x)
    with pytest.raises(ValueError, match="a .npy or IDX file is wanted"):
        data.load(x, labels=npz)
    with pytest.raises(ValueError, match="'ring' has its own"):
        data.load("ring", labels=x)
    with pytest.raises(TypeError, match="labels is of type ndarray; it must be the path"):
        data.load(x, labels=np.arange(100))
    with pytest.raises(FileNotFoundError, match="nowhere.npy does not exist"):
        data.load(x, labels="nowhere.npy")


@pytest.mark.parametrize(
    "arrays, split", [({"images": rows(9)}, "train"), ({}, "train"), ({"x_train": rows(9)}, "test"), ({"x_test": rows(9)}, "train")]
)
def test_npz_with_other_keys_says_what_it_holds(save, arrays, split):
    path = save("a.npz", **arrays)
    with pytest.raises(ValueError, match=f"holds the arrays {', '.join(arrays) or '.none.'}; wanted x"):
        data.load(path, split)


def test_npz_whose_splits_have_different_widths(save):
    with pytest.raises(ValueError, match=r"different shapes: x_train \(3,\), x_test \(4,\)"):
        data.load(save("a.npz", x_train=rows(9), x_test=rows(9, 4)))


def test_npz_with_something_that_is_no_array(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", "no array")
    with pytest.raises(ValueError, match=r"cannot be read as .npz \(x: it does not begin as a .npy file"):
        data.load(tmp_path / "a.npz")


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.idx"])
def test_an_unreadable_file(save, name):
    path = save("a.npz", x=rows(9)) if name == "a.npz" else save(name, rows(9))
    path.chmod(0)
    with pytest.raises(PermissionError, match=name):
        data.load(path)


def test_npz_with_pickled_objects_is_refused(save):
    with pytest.raises(ValueError, match="Python objects"):
        data.load(save("a.npz", x=np.array([print, None])))


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
@pytest.mark.parametrize("damage", ["empty", "text", "header cut", "half", "last byte cut", "gzip"])
def test_damaged_numpy_files(save, name, damage):
    path = save("a.npz", x=rows(100)) if name == "a.npz" else save("a.npy", rows(100))
    whole = path.read_bytes()
    path.write_bytes(
        {
            "empty": b"",
            "text": b"1,2,3\n4,5,6\n",
            "header cut": whole[:20],
            "half": whole[: len(whole) // 2],
            "last byte cut": whole[:-1],
            "gzip": gzip.compress(whole),
        }[damage]
    )
    with pytest.raises(ValueError, match=f"cannot be read as {name[1:]} .*truncated, corrupt or of another kind") as error:
        data.load(path)
    assert "\n" not in str(error.value)


def test_a_flipped_byte_in_an_npz_is_noticed(save):
    path = save("a.npz", x=rows(100))
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole)
    with pytest.raises(ValueError, match="cannot be read as .npz"):
        data.load(path)


@pytest.mark.parametrize("name", ["folder", "folder.npy", "folder.npz"])
def test_a_folder_is_no_file(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(ValueError, match="is a folder"):
        data.load(tmp_path / name)


@pytest.mark.parametrize("name", ["nowhere.npy", "nowhere.npz", "nowhere.gz", "some/where"])
def test_a_missing_file(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=f"{name} does not exist"):
        data.load(tmp_path / name)


def peak(function, *arguments):
    """(the most memory that was in use while it ran, in bytes; the sentence of the ValueError that it ended in, or None)."""
    tracemalloc.start()
    try:
        function(*arguments)
        sentence = None
    except ValueError as error:
        sentence = str(error)
    finally:
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return most, sentence


def npy(shape, dtype="<f4", data=b""):
    """The bytes of a .npy file with that header and whatever data."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue() + data


def archive(entries, method=zipfile.ZIP_DEFLATED):
    """The bytes of a zip archive of these {name: bytes}."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as opened:
        for name, content in entries.items():
            opened.writestr(name, content)
    return file.getvalue()


GIB, MIB = 2**30, 2**20
IDX_GIB = bytes.fromhex("00000801 40000000")  # promises 2³⁰ bytes

LIES = {
    "wide-nothing.npy": (npy((10**9, 0)), "there is nothing in it"),
    "wide-nothing": (bytes.fromhex("00000802 3b9aca00 00000000"), "there is nothing in it"),
    "wide-nothing.npz": (archive({"x.npy": npy((10**9, 0))}), "there is nothing in it"),
    "more-than-there-is.npy": (npy((10**9, 9)), "0 bytes after its header"),
    "less-than-there-is.npy": (npy((2, 3), data=bytes(48)), "48 bytes after its header, where shape .2, 3. of float32 needs 24"),
    "negative.npy": (npy((-1, 3)), "header is unreadable"),
    "beyond-numbers.npy": (npy((10**30, 3)), "header is unreadable"),
    "objects.npy": (npy((10, 3), "|O"), "Python objects"),
    "of-no-size.npy": (npy((10**9, 3), "|V0"), "dtype"),
    "truth.npy": (npy((10, 3), "|b1", bytes([0, 1, 2] * 10)), "truth values that are neither 0 nor 1"),
    "long-header.npy": (b"\x93NUMPY\2\0\xff\xff\xff\x7f" + bytes(100), "header is unreadable"),
    "tokens.npy": (npy((100, 3), data=bytes(1200)).replace(b"'descr'", b"'descr("), "header is unreadable"),
    "more-than-there-is": (IDX_GIB + bytes(9), "9 bytes after its header"),
    "promises.gz": (gzip.compress(IDX_GIB + bytes(9)), "9 bytes after its header"),
    "bomb.gz": (gzip.compress(bytes(64 * MIB)), "begins with the bytes 00 00 00 00"),
    "bomb-behind.gz": (gzip.compress(bytes.fromhex("00000802 00000004 00000002") + bytes(64 * MIB)), "more than 8 bytes after its header"),
    "many-axes": (bytes([0, 0, 8, 255]) + bytes.fromhex("00000001") * 255 + b"\0", "no array for NumPy"),
    "bomb.npz": (archive({"x.npy": npy((100, 3)) + bytes(64 * MIB)}), "where shape .100, 3. of float32 needs 1200"),
    "other-packing.npz": (archive({"x.npy": npy((100, 3), data=bytes(1200))}, zipfile.ZIP_BZIP2), "neither stored nor deflated"),
    "contents.npz": (archive({f"{i}.npy": b"" for i in range(30_000)}), "table of contents"),
}


@pytest.mark.parametrize("name", LIES)
def test_a_header_that_lies_is_told_in_a_sentence_and_costs_no_memory(tmp_path, name):
    content, sentence = LIES[name]
    path = tmp_path / name
    path.write_bytes(content)
    most, said = peak(data.load, path)
    assert said and re.search(sentence, said) and str(path) in said and "\n" not in said
    assert most < 8 * MIB + 4 * len(content)


@pytest.mark.parametrize("labels", [False, True])
def test_only_what_is_wanted_is_read_from_an_npz(tmp_path, labels):
    path = tmp_path / "a.npz"
    wanted = {"x.npy": npy((100, 3), data=bytes(1200)), **({"y.npy": npy((100,), "<i8", bytes(800))} if labels else {})}
    path.write_bytes(archive(wanted | {"other.npy": bytes(64 * MIB), "x_test.npy": bytes(64 * MIB)}))
    most, said = peak(data.load, path)
    assert said is None and most < 8 * MIB
    assert (data.load(path).y is not None) == labels


def test_a_table_of_contents_that_lies_about_a_length(tmp_path):
    content = archive({"x.npy": npy((10, 3), data=bytes(120))})
    header = npy((GIB, 3))
    lying = archive({"x.npy": header + bytes(120)})
    true, false = (len(header) + 120).to_bytes(4, "little"), (len(header) + 12 * GIB & 0xFFFFFFFF).to_bytes(4, "little")
    assert lying.count(true) == 2 and content
    path = tmp_path / "a.npz"
    path.write_bytes(lying.replace(true, false))
    most, said = peak(data.load, path)
    assert "cannot be read as .npz (x: " in said and most < 8 * MIB


def test_narrow_data_needs_no_long_list_of_rows(tmp_path):
    data.write_idx(tmp_path / "a", np.ones((2**21, 1), np.uint8))
    most, said = peak(data.load, tmp_path / "a")
    assert said is None and most < 4 * (4 * 2**21)  # four times what it is as float32


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.gz"])
def test_too_little_memory_is_said(save, monkeypatch, name):
    def exhausted(*arguments):
        raise MemoryError

    path = save("a.npz", x=rows(100)) if name == "a.npz" else save(name, rows(100))
    for module in (npy_module, idx):
        monkeypatch.setattr(module, "read_up_to", exhausted)
    with pytest.raises(MemoryError, match=f"{name} does not fit into memory"):
        data.load(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
@pytest.mark.parametrize("name", ["pipe", "pipe.npy", "pipe.npz"])
def test_a_pipe_is_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(ValueError, match=f"{name} is a pipe or a device; a file is wanted"):
        data.load(tmp_path / name)
