"""One command for many seeds: what each gives alone, in one table; stopped and gone on with; in processes and under mpiexec."""

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.cli import main
from scratchgen.cli.seeds import numbers_in, parsed, workers
from scratchgen.metrics import Estimate
from scratchgen.train.run_folder import RunFolder

TINY = ["--steps", "4", "--latent-dim", "2", "--hidden", "5"]


@pytest.fixture
def bits(tmp_path):
    """A data file of 16 bits each."""
    x = (np.random.default_rng(0).random((60, 16)) < 0.5).astype(np.float32)
    np.savez(tmp_path / "bits.npz", x_train=x[:40], x_valid=x[40:50], x_test=x[50:])
    return str(tmp_path / "bits.npz")


@pytest.mark.parametrize("text, seeds", [("3", [3]), ("0-3", [0, 1, 2, 3]), ("0-1, 7,1", [0, 1, 7])])
def test_seeds_are_read(text, seeds):
    assert parsed(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "3-1", "1,5-3", "0-5000", "1.5", "²", "0--3"])
def test_what_is_no_seed_is_refused(text):
    with pytest.raises(ValueError, match="--seeds"):
        parsed(text)


def test_numbers_are_told_from_texts_and_lists():
    result = {"data": "ring", "examples": 5, "modes": 8, "of_modes": 8, "elbo": Estimate(-1.5, 0.1), "kl_per_dimension": [1.0, 2.0]}
    assert numbers_in(result) == {"modes": 8, "elbo": -1.5}


def test_each_seed_is_what_it_is_alone(bits, tmp_path, capsys):
    out = tmp_path / "sweep"
    assert main(["train", "vae", "--data", bits, *TINY, "--seeds", "0-1", "--jobs", "2", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    report = json.loads((out / "seeds.json").read_text())
    for seed in (0, 1):
        main(["train", "vae", "--data", bits, *TINY, "--seed", str(seed), "--out", str(tmp_path / f"alone-{seed}")])
        alone, swept = sg.load(tmp_path / f"alone-{seed}"), sg.load(out / f"seed-{seed}")
        assert np.array_equal(alone.flat_params, swept.flat_params)
    values = [report["each"][str(seed)]["elbo"] for seed in (0, 1)]
    assert report["over_seeds"]["elbo"]["mean"] == pytest.approx(np.mean(values)) and values[0] != values[1]
    assert report["over_seeds"]["elbo"]["standard_error"] == pytest.approx(np.std(values, ddof=1) / np.sqrt(2))
    assert "means and standard errors over 2 seeds" in printed and printed.count("seed ") == 2

    before = (out / "seed-0" / "checkpoint.npz").stat().st_mtime_ns
    assert main(["train", "vae", "--data", bits, *TINY, "--seeds", "0-2", "--out", str(out)]) == 0  # goes on: one more seed
    assert (out / "seed-0" / "checkpoint.npz").stat().st_mtime_ns == before
    assert json.loads((out / "seeds.json").read_text())["each"].keys() == {"0", "1", "2"}


@pytest.mark.parametrize("wrong", [["--seed", "1"], ["--resume"], ["--jobs", "0"]])
def test_what_cannot_be_meant_is_refused(bits, tmp_path, capsys, wrong):
    assert main(["train", "vae", "--data", bits, *TINY[2:], "--seeds", "0-1", "--out", str(tmp_path / "sweep"), *wrong]) == 2
    assert "scratchgen: " in capsys.readouterr().err


def test_a_seed_that_fails_does_not_end_the_others(bits, tmp_path, capsys):
    out = tmp_path / "sweep"
    (out / "seed-1").mkdir(parents=True)
    (out / "seed-1" / "config.json").write_text("{")
    assert main(["train", "vae", "--data", bits, *TINY, "--seeds", "0-2", "--out", str(out)]) == 1
    said = capsys.readouterr()
    assert "means and standard errors over 2 seeds" in said.out and "config.json is damaged" in said.out
    assert "1 of 3 trainings failed: seed 1" in said.err
    report = json.loads((out / "seeds.json").read_text())
    assert report["each"].keys() == {"0", "2"} and report["failed"] == [1]


def test_where_all_fail_what_an_earlier_sweep_found_is_kept(bits, tmp_path, capsys):
    out = tmp_path / "sweep"
    out.mkdir()
    (out / "seeds.json").write_text("{}")
    assert main(["train", "vae", "--data", bits, *TINY, "--lr", "-1", "--seeds", "0-1", "--out", str(out)]) == 1
    assert "all 2 trainings failed" in capsys.readouterr().err and (out / "seeds.json").read_text() == "{}"
    assert main(["train", "vae", "--data", "rnig", "--seeds", "0-1", "--out", str(out)]) == 2
    assert capsys.readouterr().err.count("did you mean 'ring'") == 1


def test_a_sweep_keeps_its_settings(bits, tmp_path, capsys):
    out = tmp_path / "sweep"
    sweep = ["train", "vae", "--data", bits, "--latent-dim", "2", "--seeds", "0", "--out", str(out)]
    assert main([*sweep, "--steps", "4", "--lr", "-1"]) == 1 and not list(out.glob("seed-*"))  # nothing was trained, so nothing is kept to
    assert main([*sweep, "--steps", "4", "--hidden", "5"]) == 0
    capsys.readouterr()
    assert main([*sweep, "--steps", "4"]) == 2
    assert "was given --hidden 5, now it is given no --hidden" in capsys.readouterr().err
    assert main([*sweep, "--steps", "8", "--hidden", "5"]) == 0  # longer is the same sweep
    (out / "sweep.json").write_text("3")
    assert main([*sweep, "--steps", "8", "--hidden", "5"]) == 2
    assert "sweep.json is damaged" in capsys.readouterr().err


def test_one_seed_has_no_standard_error(bits, tmp_path):
    assert main(["train", "vae", "--data", bits, *TINY, "--seeds", "5", "--out", str(tmp_path / "sweep")]) == 0
    assert json.loads((tmp_path / "sweep" / "seeds.json").read_text())["over_seeds"]["elbo"]["standard_error"] is None


def test_without_a_test_split_nothing_is_trained(tmp_path, capsys):
    np.savez(tmp_path / "bits.npz", x_train=np.ones((40, 16), np.float32))
    assert main(["train", "vae", "--data", str(tmp_path / "bits.npz"), *TINY, "--seeds", "0-1", "--out", str(tmp_path / "sweep")]) == 2
    assert "no test split" in capsys.readouterr().err and not (tmp_path / "sweep").exists()


def test_jobs_need_seeds(bits, capsys):
    assert main(["train", "vae", "--data", bits, "--jobs", "2"]) == 2
    assert "give --seeds" in capsys.readouterr().err


def test_studies_several_at_a_time(tmp_path, capsys):
    for jobs in ("1", "2"):
        assert main(["reproduce", "estimators", "--quick", "--seeds", "2", "--jobs", jobs, "--out", str(tmp_path / jobs)]) == 0
    reports = [json.loads((tmp_path / jobs / "estimators-quick" / "result.json").read_text()) for jobs in ("1", "2")]
    assert reports[0]["each"] == reports[1]["each"] and reports[0]["seeds"] == [0, 1]


MPIEXEC = shutil.which("mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))


@pytest.mark.skipif(MPIEXEC is None or importlib.util.find_spec("mpi4py") is None, reason="no MPI on this machine: pip install -e '.[mpi]'")
def test_under_mpiexec(bits, tmp_path):
    environment = os.environ | {"NUMBA_NUM_THREADS": "1", "PYTHONPATH": str(Path(sg.__file__).parents[1])}
    command = [MPIEXEC, "-n", "3", sys.executable, "-m", "scratchgen", "train", "vae", "--data", bits, *TINY, "--seeds", "0,4", "--out", "sweep"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("means and standard errors over 2 seeds") == 1
    assert json.loads((tmp_path / "sweep" / "seeds.json").read_text())["each"].keys() == {"0", "4"}


def ended(task):
    """A worker that the system kills."""
    os.kill(os.getpid(), signal.SIGTERM)


def test_a_killed_worker_is_named():
    with pytest.raises(RuntimeError, match="fewer --jobs"), workers(2) as mapped:
        list(mapped(ended, range(2)))


@pytest.mark.skipif(sys.platform == "win32", reason="os.killpg")
@pytest.mark.parametrize("kill", [
    pytest.param(lambda process: process.kill(), id="kill"),
    pytest.param(lambda process: os.killpg(process.pid, signal.SIGINT), id="ctrl-c"),
    pytest.param(lambda process: process.send_signal(signal.SIGINT), id="to the parent alone"),
])  # fmt: skip
def test_workers_end_with_their_parent(bits, tmp_path, kill):
    out = tmp_path / "sweep"
    command = ["train", "vae", "--data", bits, *TINY, "--steps", "10000000", "--seeds", "0-4", "--jobs", "2", "--out", str(out)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = subprocess.Popen([sys.executable, "-m", "scratchgen", *command], **pipes, start_new_session=True)
    try:
        until(lambda: all((out / f"seed-{seed}" / "metrics.csv").exists() for seed in (0, 1)))
        kill(process)
        output = process.communicate(timeout=60)[0].decode()  # ends when the last process that holds the pipe has ended
        for folder in out.glob("seed-*"):
            RunFolder(folder).close()  # nobody trains in it
        assert "Traceback" not in output
        assert process.returncode == -signal.SIGKILL or (process.returncode, "Warning" in output) == (130, False)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def until(true):
    """Wait until a function says so, 2 minutes at most."""
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
