import gzip

import numpy as np
import pytest

from scratchgen.data.idx import read_idx, write_idx

DTYPES = [np.uint8, np.int8, np.int16, np.int32, np.float32, np.float64]


@pytest.mark.parametrize("name", ["a.idx", "a.idx.gz"])
@pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 3), (3, 1, 2, 2)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_written_is_read_back(tmp_path, dtype, shape, name):
    array = np.random.default_rng(0).integers(-100, 100, shape).astype(dtype)
    write_idx(tmp_path / name, array)
    back = read_idx(tmp_path / name)
    assert back.dtype == array.dtype and back.dtype.isnative and back.shape == shape
    np.testing.assert_array_equal(back, array)


def test_bytes_on_disk_are_those_of_the_format(tmp_path):
    write_idx(tmp_path / "a", np.array([[1, -2]], np.int16))
    assert (tmp_path / "a").read_bytes() == bytes.fromhex("00000b02 00000001 00000002 0001 fffe")


def test_array_of_the_other_byte_order_or_strided_is_written_right(tmp_path):
    array = np.arange(12, dtype=">i4").reshape(3, 4).T[::-1]
    write_idx(tmp_path / "a", array)
    np.testing.assert_array_equal(read_idx(tmp_path / "a"), array)


def test_compression_is_told_by_content_not_by_name(tmp_path):
    write_idx(tmp_path / "a.gz", np.arange(3, dtype=np.uint8))
    (tmp_path / "a.gz").rename(tmp_path / "plain")
    np.testing.assert_array_equal(read_idx(tmp_path / "plain"), [0, 1, 2])


@pytest.mark.parametrize("dtype", [np.int64, np.uint16, bool, complex, object, "U3"])
def test_element_types_that_the_format_lacks_are_refused(tmp_path, dtype):
    with pytest.raises(TypeError, match="an IDX file can hold uint8, int8, int16, int32, float32, float64"):
        write_idx(tmp_path / "a", np.zeros(2, dtype))
    assert not list(tmp_path.iterdir())


GOOD = bytes.fromhex("00000802 00000002 00000003") + bytes(6)


@pytest.mark.parametrize(
    "data, sentence",
    [
        (b"", "is empty"),
        (b"\0\0", "begins with the bytes 00 00;"),
        (b"hello", "begins with the bytes 68 65 6c 6c"),
        (b"\0\0\x0a" + GOOD[3:], "begins with the bytes 00 00 0a 02"),
        (GOOD[:9], "ends inside its header: 9 bytes, and 2 dimensions need 12"),
        (GOOD[:-1], r"truncated or corrupt: 5 bytes after its header, where shape \(2, 3\) of uint8 needs 6"),
        (GOOD + b"\0", "7 bytes after its header"),
        (bytes.fromhex("00000e03" + "ffffffff" * 3), "0 bytes after its header"),
        (gzip.compress(GOOD, mtime=0)[:-4], "truncated or corrupt gzip file"),
        (gzip.compress(GOOD, mtime=0)[:5], "truncated or corrupt gzip file"),
        (gzip.compress(GOOD, mtime=0)[:12] + b"\xff\xff" + gzip.compress(GOOD, mtime=0)[14:], "truncated or corrupt gzip file"),
        (gzip.compress(GOOD[:-1], mtime=0), "5 bytes after its header"),
    ],
)
def test_damaged_files_are_told_apart_in_one_sentence(tmp_path, data, sentence):
    path = tmp_path / "damaged"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=sentence) as error:
        read_idx(path)
    assert str(error.value).startswith(str(path)) and "\n" not in str(error.value)


def test_every_truncation_of_a_gzip_file_is_noticed(tmp_path):
    whole = gzip.compress(bytes.fromhex("00000801 00000100") + np.random.default_rng(0).bytes(256))
    for n in range(len(whole)):
        (tmp_path / "cut").write_bytes(whole[:n])
        with pytest.raises(ValueError):
            read_idx(tmp_path / "cut")


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        read_idx(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="is a folder"):
        read_idx(tmp_path)
