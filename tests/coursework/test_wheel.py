"""The wheel that staff get: it installs, it is this library, and without it the autograder says what is missing."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import scratchgen
from scratchgen.coursework.staff import SETUP
from scratchgen.coursework.wheel import write_wheel


def test_the_wheel_installs_and_is_this_library(tmp_path):
    path = write_wheel(tmp_path)
    assert path.name == f"scratchgen_nets-{scratchgen.__version__}-py3-none-any.whl"
    target = tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target), str(path)]
    subprocess.run(pip, check=True, timeout=300)
    package = Path(scratchgen.__file__).parent
    for file in (*package.rglob("*.py"), *package.rglob("assets/*")):
        assert (target / "scratchgen" / file.relative_to(package)).read_bytes() == file.read_bytes()
    assert "scratchgen = scratchgen.cli:main" in next(target.glob("scratchgen_nets-*/entry_points.txt")).read_text()
    code = "import scratchgen; print(scratchgen.__file__)"
    environment = {**os.environ, "PYTHONPATH": str(target)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True, timeout=300)
    assert Path(done.stdout.strip()).is_relative_to(target)


def test_the_same_library_makes_the_same_wheel(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    assert write_wheel(first).read_bytes() == write_wheel(second).read_bytes()
    with zipfile.ZipFile(write_wheel(first)) as wheel:
        assert wheel.testzip() is None and not [name for name in wheel.namelist() if "__pycache__" in name]


def test_without_the_wheel_set_up_fails_with_a_cure(tmp_path):
    end = SETUP[SETUP.index("wheels=(") :]
    done = subprocess.run(["bash", "-e", "-c", end], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and "put all files of the folder autograder/ into the zip" in done.stderr
