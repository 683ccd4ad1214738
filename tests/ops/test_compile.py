"""The cache of machine code: stale after an edit of any source, harmless where it cannot be written or read."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("numba")

from scratchgen.ops.numba import compile

PRODUCT = "import numpy as np; from scratchgen.ops.numba.matmul import matmul; x = np.eye(3, dtype=np.float32); assert (matmul(x, x) == x).all()"


def run(**environment):
    done = subprocess.run([sys.executable, "-c", PRODUCT], env={**os.environ, **environment}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_stamp_changes_with_every_source(tmp_path, monkeypatch):
    (tmp_path / "numba").mkdir()
    for name in ("a.py", "numba/b.py"):
        (tmp_path / name).write_text("x = 1\n")
    monkeypatch.setattr(compile, "OPS", tmp_path)
    stamps = {compile.source_stamp.__wrapped__()}
    for name, text in [("a.py", "x = 2\n"), ("numba/b.py", "x = 2\n"), ("c.py", "")]:
        (tmp_path / name).write_text(text)
        stamps.add(compile.source_stamp.__wrapped__())
    (tmp_path / "c.py").rename(tmp_path / "d.py")
    stamps.add(compile.source_stamp.__wrapped__())
    assert len(stamps) == 5


def test_without_a_writable_folder_there_is_no_cache_and_no_error(tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    run(NUMBA_CACHE_DIR=str(in_the_way))


def test_a_damaged_cache_is_compiled_again(tmp_path):
    run(NUMBA_CACHE_DIR=str(tmp_path))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    for path in files:
        path.write_bytes(b"no machine code")
    run(NUMBA_CACHE_DIR=str(tmp_path))


def test_functions_of_one_factory_are_told_apart_when_they_meet_in_the_cache(tmp_path):
    """Compiled in one process each, loaded together in a third: both came out as the first one's numbers once."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    draw = "from scratchgen.ops import Stream\nfor name in {}: print(getattr(Stream(5), name)((3,)).tolist())"
    results = []
    for names in (["normal"], ["uniform"], ["normal", "uniform"]):
        command = [sys.executable, "-c", draw.format(names)]
        results.append(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    normal, uniform, both = results
    assert normal != uniform and both == normal + uniform


def test_two_processes_that_compile_at_once_write_different_files(tmp_path, monkeypatch):
    files = [compile.PackageCacheFile(str(tmp_path), "product-1.py311", "stamp") for _ in range(2)]
    with monkeypatch.context() as patch:
        for file in files:
            patch.setattr(file, "_load_index", dict)  # neither sees what the other is about to write
        files[0].save(("float32",), "code for float32")
        files[1].save(("float64",), "code for float64")
    assert [files[0].load((dtype,)) for dtype in ("float32", "float64")] == [None, "code for float64"]
    files[0].save(("float32",), "code for float32")
    assert [files[1].load((dtype,)) for dtype in ("float32", "float64")] == ["code for float32", "code for float64"]
