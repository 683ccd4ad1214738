"""Odd surroundings: no docstrings, no terminal or a poor one, settings of other libraries that mean nothing, Ctrl-C at the worst moment."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.cli import main
from scratchgen.terminal import tolerate_terminal

ROOT = Path(__file__).parents[2]


def run(*command, **environment):
    """A command of Python's in another process, on the numpy backend -> CompletedProcess with texts."""
    environment = {"SCRATCHGEN_BACKEND": "numpy", "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=120, env=os.environ | environment)


@pytest.fixture
def model(tmp_path):
    """A file with a small model."""
    with sg.use_backend("numpy"):
        sg.save(sg.VAE(16, 2, (8,), rng=0), tmp_path / "model.npz")
    return tmp_path / "model.npz"


def test_without_docstrings_every_command_is_there(model):
    done = run("-OO", "-m", "scratchgen", "sample", str(model), "-n", "5")
    assert (done.returncode, done.stderr) == (0, "") and "5 examples" in done.stdout


@pytest.mark.skipif(os.name != "posix", reason="a shell that closes a stream")
def test_without_standard_error_a_run_is_trained(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((100, 16), dtype=np.float32))
    options = f"--data {tmp_path}/x.npy --hidden 8 --latent-dim 2 --epochs 1 --batch-size 20 --out {tmp_path}/run"
    script = f"exec {sys.executable} -m scratchgen train vae {options} 2>&-"
    done = subprocess.run(["sh", "-c", script], stdout=subprocess.PIPE, text=True, timeout=120, env=os.environ | {"SCRATCHGEN_BACKEND": "numpy"})
    assert done.returncode == 0 and "pictures, metrics and checkpoint" in done.stdout


@pytest.mark.parametrize("stderr", [None, "closed"])
def test_a_stream_that_is_missing_or_closed_swallows_all(stderr, monkeypatch, tmp_path):
    if stderr == "closed":
        stderr = open(tmp_path / "file", "w")
        stderr.close()
    monkeypatch.setattr(sys, "stderr", stderr)
    assert main(["sample", str(tmp_path / "nothing")]) == 2
    tolerate_terminal()
    print("nothing", file=sys.stderr)


def test_fit_shows_no_bar_where_there_is_no_standard_error(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "stderr", None)
    with sg.use_backend("numpy"):
        assert sg.fit(sg.VAE(9, 2, (8,)), np.zeros((20, 9), np.float32), epochs=1, batch_size=10, out=tmp_path, resume=True)["epoch"] == [1]


@pytest.mark.parametrize("arguments", [["--exhibit", "7"], ["--help"]])
def test_the_museum_on_a_terminal_without_its_signs(arguments, tmp_path):
    done = run(str(ROOT / "demos" / "museum.py"), *arguments, "--out", str(tmp_path), PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert "exhibit" in done.stdout or "lesson" in done.stdout


def test_every_demo_tolerates_its_terminal():
    for path in (ROOT / "demos").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert -1 < text.find("\ntolerate_terminal()\n") < text.find("ArgumentParser("), path


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize("package", ["numpy", "matplotlib"])
def test_ctrl_c_during_the_imports_ends_well(package, tmp_path):
    sleep = "import time\nprint('importing', flush=True)\nfor _ in range(600): time.sleep(0.1)"  # a signal just before a sleep does not end it
    (tmp_path / f"{package}.py").write_text(sleep)
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", "SCRATCHGEN_BACKEND": "numpy"}
    command = [sys.executable, "-m", "scratchgen", "doctor"]
    heard = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs do not hear Ctrl-C
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=heard) as process:
        assert process.stdout.readline() == "importing\n"
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (130, "\nscratchgen: stopped\n")


def test_numbers_of_threads_that_are_none_are_named_by_doctor():
    done = run("-m", "scratchgen", "doctor", SCRATCHGEN_BACKEND="numba", NUMBA_NUM_THREADS="abc", SCRATCHGEN_NUM_THREADS="²", PYTHONUTF8="1")
    assert done.returncode == 1 and done.stderr == ""
    assert "BAD  cores             SCRATCHGEN_NUM_THREADS is '²'; it must be a whole number of at least 1" in done.stdout
    assert "BAD  threads           NUMBA_NUM_THREADS is 'abc'; it must be a whole number of at least 1" in done.stdout
    assert "BAD  backend           NUMBA_NUM_THREADS is 'abc'" in done.stdout and "Error" not in done.stdout


def test_a_misspelt_mplbackend_is_one_sentence(model):
    done = run("-m", "scratchgen", "sample", str(model), MPLBACKEND="agggg")
    assert done.returncode == 2 and re.fullmatch("scratchgen: MPLBACKEND is 'agggg', which matplotlib does not know.*\n", done.stderr)


@pytest.mark.parametrize(
    "error, sentence, status",
    [(MemoryError(), "no memory is left", 1), (OverflowError("too large"), "too large", 2), (MemoryError("9 GiB"), "9 GiB", 1)],
)
def test_every_error_has_a_sentence(error, sentence, status, monkeypatch, capsys):
    def fail(path):
        raise error

    monkeypatch.setattr(sg.train, "load", fail)
    assert main(["sample", "somewhere"]) == status
    assert capsys.readouterr().err == f"scratchgen: {sentence}\n"


def test_importing_the_package_imports_no_other():
    done = run("-c", "import sys, scratchgen; print('numpy' in sys.modules); scratchgen.VAE, scratchgen.layers; print('numpy' in sys.modules)")
    assert done.stdout.split() == ["False", "True"]
    assert {"VAE", "layers", "fit", "__version__"} <= set(dir(sg))
