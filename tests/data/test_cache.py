import pytest

from scratchgen.data import cache


def test_keep_makes_the_folder_and_replaces_what_was_there(tmp_path):
    path = tmp_path / "a" / "b" / "file"
    cache.keep(path, b"one")
    cache.keep(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    cache.keep(tmp_path / "file", b"old")

    def interrupted(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(cache.os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cache.keep(tmp_path / "file", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"


def test_a_file_where_the_folder_should_be_is_an_os_error(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError):
        cache.keep(tmp_path / "file" / "inside", b"data")
