import os

import pytest

from scratchgen.atomic import atomic_file


def write(path, content):
    with atomic_file(path) as file:
        file.write(content)


def test_makes_the_folder_and_replaces_what_was_there(tmp_path):
    path = tmp_path / "a" / "b" / "file"
    write(path, b"one")
    write(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    write(tmp_path / "file", b"old")

    def interrupted(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "file", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"


def test_a_file_where_the_folder_should_be_is_an_error_that_names_it(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="cannot write .*inside"):
        write(tmp_path / "file" / "inside", b"data")


@pytest.mark.parametrize("path", ["", ".", "/"])
def test_a_folder_is_an_error_that_names_it(path):
    with pytest.raises(OSError, match="cannot write .*: it is a folder"):
        write(path, b"data")
