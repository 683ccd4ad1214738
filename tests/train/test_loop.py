import csv
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.train import Diverged
from scratchgen.train.run import Run

X = np.random.default_rng(0).random((130, 9), dtype=np.float32)

MAKERS = {
    "vae": lambda: sg.VAE(9, 2, (8,), rng=1),
    "gan": lambda: sg.GAN(9, 3, (8,), (8,), discriminator_steps=3, batch_norm=True, dropout=0.3, rng=1),
    "made": lambda: sg.MADE(9, (10,), rng=1),
}


def run(model, **options):
    return sg.fit(model, X, **({"epochs": 4, "batch_size": 16, "seed": 3, "binarize": "fresh", "progress": False} | options))


@pytest.mark.parametrize("name", MAKERS)
def test_trains_and_reports(name, tmp_path):
    model = MAKERS[name]()
    before = model.flat_params.copy()
    metrics = run(model, out=tmp_path / "run", valid=X[:20])
    assert (model.flat_params != before).any()
    assert metrics["epoch"] == [1, 2, 3, 4] and metrics["step"] == [9, 18, 27, 36]
    assert all(np.isfinite(column).all() for column in metrics.values())
    with open(tmp_path / "run" / "metrics.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {key: [float(row[key]) for row in rows] for key in rows[0]} == metrics
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["seed"] == 3 and config["epochs"] == 4 and config["model"] == repr(model)
    np.testing.assert_array_equal(sg.load(tmp_path / "run").flat_params, model.flat_params)
    assert {path.name for path in (tmp_path / "run").iterdir()} >= {"config.json", "metrics.csv", "checkpoint.npz", "curves.png"}


def test_training_improves_the_model():
    x = np.repeat(np.eye(9, dtype=np.float32), 40, axis=0)
    model = sg.VAE(9, 2, (32,), rng=0)
    metrics = sg.fit(model, x, epochs=30, batch_size=20, progress=False, optimizer=lambda player: sg.optim.Adam(player, lr=1e-2))
    assert metrics["loss"][-1] < 0.6 * metrics["loss"][0]


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("stop_after", [5, 18, 20])  # within the first epoch, at the end of one, within a later one
def test_an_interrupted_run_resumes_to_the_bit(name, stop_after, tmp_path, monkeypatch):
    whole = MAKERS[name]()
    expected = run(whole, out=tmp_path / "whole", valid=X[:20])

    real, steps = Run.count, []

    def count_then_ctrl_c(self, parts):
        real(self, parts)
        steps.append(1)
        if len(steps) == stop_after:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Run, "count", count_then_ctrl_c)
    with pytest.raises(KeyboardInterrupt, match=f"after step {stop_after}: saved"):
        run(MAKERS[name](), out=tmp_path / "run", valid=X[:20])
    assert len(steps) == stop_after
    resumed = MAKERS[name]()
    metrics = run(resumed, out=tmp_path / "run", valid=X[:20], resume=True)
    assert len(steps) == 36
    np.testing.assert_array_equal(resumed.flat_params, whole.flat_params)
    np.testing.assert_equal(resumed.all_buffers(), whole.all_buffers())
    assert metrics == expected
    assert (tmp_path / "run" / "metrics.csv").read_bytes() == (tmp_path / "whole" / "metrics.csv").read_bytes()
    assert {name: stream.state for name, stream in resumed.streams().items()} == {name: stream.state for name, stream in whole.streams().items()}


SCRIPT = """
import os, signal, sys, threading, numpy as np, scratchgen as sg
import scratchgen.train.loop as module
from scratchgen.train.run import Run
module.SECONDS_BETWEEN_CHECKPOINTS = 0.02
name, folder, steps, pause = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
count, left = Run.count, [steps]
def count_and_die(self, parts):
    count(self, parts)
    left[0] -= 1
    if left[0] == 0:
        threading.Timer(pause, os.kill, (os.getpid(), signal.SIGKILL)).start()
Run.count = count_and_die
x = np.random.default_rng(0).random((300, 16), dtype=np.float32)
gan = sg.GAN(16, 3, (24,), (24,), discriminator_steps=3, batch_norm=True, dropout=0.3, rng=1)
model = {"vae": sg.VAE(16, 2, (24,), rng=1), "gan": gan}[name]
sg.fit(model, x, epochs=30, batch_size=10, seed=3, out=folder, resume=True, binarize="fresh", progress=False)
"""


@pytest.mark.parametrize("name", ["vae", "gan"])
def test_killed_at_random_moments_it_resumes_to_the_bit(name, tmp_path):
    environment = os.environ | {"SCRATCHGEN_BACKEND": "numpy", "OPENBLAS_NUM_THREADS": "1"}

    def run_until(folder, steps=0, pause=0.0):  # 900 steps; counted in steps, because how long one takes depends on the machine
        command = [sys.executable, "-c", SCRIPT, name, str(folder), str(steps), str(pause)]
        return subprocess.run(command, stderr=subprocess.DEVNULL, env=environment, timeout=120).returncode

    assert run_until(tmp_path / "whole") == 0
    rng = np.random.default_rng()
    for _ in range(3):
        assert run_until(tmp_path / "run", rng.integers(1, 100), rng.uniform(0.0, 0.03)) == -signal.SIGKILL
    assert run_until(tmp_path / "run") == 0
    np.testing.assert_array_equal(sg.load(tmp_path / "run").flat_params, sg.load(tmp_path / "whole").flat_params)
    assert (tmp_path / "run" / "metrics.csv").read_bytes() == (tmp_path / "whole" / "metrics.csv").read_bytes()
    assert not [path for path in (tmp_path / "run").iterdir() if path.name.endswith(".npz") and path.name != "checkpoint.npz"]


def test_a_resumed_run_may_be_longer(tmp_path):
    whole, parts = MAKERS["vae"](), MAKERS["vae"]()
    run(whole, epochs=4)
    run(parts, epochs=2, out=tmp_path)
    run(parts, epochs=4, out=tmp_path, resume=True)
    np.testing.assert_array_equal(parts.flat_params, whole.flat_params)


def test_resuming_before_the_first_checkpoint_starts_over_and_says_so(tmp_path, capsys):
    run(MAKERS["vae"](), out=tmp_path, resume=True, epochs=1)
    captured = capsys.readouterr()
    assert "no checkpoint yet: starting from the beginning" in captured.out + captured.err


def test_divergence_stops_with_the_reason_and_keeps_the_checkpoint(tmp_path, monkeypatch):
    model = MAKERS["vae"]()
    run(model, out=tmp_path, epochs=1)
    saved = (tmp_path / "checkpoint.npz").read_bytes()
    model.decoder.params["0.W"][0, 0] = np.nan
    with pytest.raises(Diverged, match=r"model is nan at step 0: parameter decoder.0.W is not finite; try a smaller learning rate than 0.001"):
        run(model, epochs=1)
    with pytest.raises(Diverged, match="learning rate"), np.errstate(all="ignore"):
        run(MAKERS["vae"](), out=tmp_path, epochs=3, resume=True, optimizer=adam_nan_after(12))
    assert (tmp_path / "checkpoint.npz").read_bytes() == saved


def adam_nan_after(limit):
    """Adam, but from that step on it ruins the parameters."""

    class Adam(sg.optim.Adam):
        def update(self, p, g, m, v):
            super().update(p, g, m, v)
            if self.steps >= limit:
                p[:] = np.inf

    return Adam


def test_clipping_bounds_the_step():
    model = MAKERS["vae"]()
    before = model.flat_params.copy()
    run(model, epochs=1, batch_size=130, clip_norm=1e-3, optimizer=lambda player: sg.optim.SGD(player, lr=1.0))
    assert np.linalg.norm(model.flat_params - before) == pytest.approx(1e-3, rel=1e-4)


def test_a_schedule_sets_the_rate_of_each_epoch(monkeypatch):
    import scratchgen.train.loop as module

    rates, real = [], module.train_step

    def watch(model, optimizers, *arguments):
        rates.append(optimizers["model"].lr)
        return real(model, optimizers, *arguments)

    monkeypatch.setattr(module, "train_step", watch)
    run(MAKERS["vae"](), epochs=3, batch_size=130, schedule=lambda optimizer: sg.optim.ExponentialLR(optimizer, gamma=0.1))
    np.testing.assert_allclose(rates, [1e-3, 1e-4, 1e-5])


BAD = [
    (dict(epochs=0), ValueError, "epochs is 0"),
    (dict(epochs=1.5), TypeError, "epochs is 1.5; it must be an int"),
    (dict(batch_size=0), ValueError, "batch_size is 0"),
    (dict(batch_size=131), ValueError, "batch_size is 131, but the data has only 130 rows"),
    (dict(seed=-1), ValueError, "seed"),
    (dict(binarize="sometimes"), ValueError, "unknown binarization 'sometimes'"),
    (dict(clip_norm=0), ValueError, "clip_norm is 0"),
    (dict(resume=True), ValueError, "resume is True, but out"),
    (dict(optimizer="adam"), TypeError, "optimizer is 'adam'; wanted is a function"),
    (dict(data=X[:, :8]), ValueError, r"data has shape \(130, 8\); VAE needs \(n, 9\)"),
    (dict(data=X[:0]), ValueError, "needs .* with n ≥ 1"),
    (dict(data=X[0]), ValueError, "data has shape"),
    (dict(data=2 * X), ValueError, r"data has values from .* needs them in \[0, 1\]"),
    (dict(data=np.where(X == X[7, 5], np.nan, X)), ValueError, "data holds nan at row 7, feature 5"),
    (dict(data=X.tolist()), TypeError, "data is list"),
    (dict(data=X.astype(str)), TypeError, "data is ndarray of <U"),
    (dict(valid=X[:, :8]), ValueError, "valid has shape"),
]


@pytest.mark.parametrize("options, error, message", BAD)
def test_bad_input_is_one_clear_sentence_and_trains_nothing(options, error, message, tmp_path):
    model = MAKERS["vae"]()
    before = model.flat_params.copy()
    with pytest.raises(error, match=message):
        run(model, **options) if "data" not in options else sg.fit(model, progress=False, **options)
    np.testing.assert_array_equal(model.flat_params, before)


def test_a_folder_that_holds_a_run_is_not_overwritten(tmp_path):
    run(MAKERS["vae"](), out=tmp_path, epochs=1)
    saved = (tmp_path / "checkpoint.npz").read_bytes()
    with pytest.raises(ValueError, match="already holds a run"):
        run(MAKERS["vae"](), out=tmp_path, epochs=1)
    for change, what in [(dict(batch_size=15), "batch_size"), (dict(seed=4), "seed"), (dict(binarize="none"), "binarize")]:
        with pytest.raises(ValueError, match=f"cannot resume .*: its {what} was"):
            run(MAKERS["vae"](), out=tmp_path, resume=True, **change)
    with pytest.raises(ValueError, match=r"its optimizers was .*betas=\(0.9, 0.999\).* now it is .*betas=\(0.5, 0.9\)"):
        run(MAKERS["vae"](), out=tmp_path, resume=True, optimizer=lambda player: sg.optim.Adam(player, betas=(0.5, 0.9)))
    with pytest.raises(ValueError, match="its model was"):
        run(sg.VAE(9, 3, (8,)), out=tmp_path, resume=True)
    assert (tmp_path / "checkpoint.npz").read_bytes() == saved


def test_a_damaged_checkpoint_is_not_resumed(tmp_path):
    run(MAKERS["vae"](), out=tmp_path, epochs=1)
    (tmp_path / "checkpoint.npz").write_bytes(b"broken")
    with pytest.raises(ValueError, match="checkpoint.npz is not a whole scratchgen checkpoint"):
        run(MAKERS["vae"](), out=tmp_path, resume=True)


def test_only_models_are_trained_and_saved(tmp_path):
    net = sg.layers.mlp((9, 9))
    with pytest.raises(TypeError, match="model is of type Sequential; fit trains"):
        run(net)
    with pytest.raises(TypeError, match="model is of type Sequential; a checkpoint holds"):
        sg.save(net, tmp_path / "net.npz")
    model = sg.VAE(9, 2, (8,), activation=sg.layers.ReLU)
    run(model, epochs=1)
    with pytest.raises(TypeError, match="cannot be kept in a checkpoint"):  # and at once, not after an epoch
        run(model, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_numbers_of_numpy_are_numbers(tmp_path):
    gan = sg.GAN(9, 3, (8,), (8,), dropout=np.float32(0.25), batch_norm=np.bool_(True), rng=np.int64(1))
    run(gan, out=tmp_path, epochs=np.int64(1), batch_size=np.int64(26), seed=np.int64(3), clip_norm=np.float32(1))
    run(gan, out=tmp_path, epochs=2, batch_size=26, clip_norm=1, resume=True)
    assert sg.load(tmp_path).config == gan.config


def test_batch_norm_and_an_example_left_alone():
    gan = sg.GAN(9, 3, (8,), (8,), batch_norm=True, rng=1)
    before = gan.flat_params.copy()
    for batch_size, n in [(43, 130), (1, 130), (16, 17)]:
        with pytest.raises(ValueError, match=f"batch_size is {batch_size}, which leaves one of {n} examples alone"):
            sg.fit(gan, X[:n], epochs=1, batch_size=batch_size, progress=False)
    np.testing.assert_array_equal(gan.flat_params, before)


def test_parameters_lost_in_the_last_step_of_an_epoch_are_not_saved(tmp_path):
    with pytest.raises(Diverged, match="model is lost after 9 steps: parameter encoder.0.W is not finite; try a smaller"):
        run(MAKERS["vae"](), out=tmp_path, optimizer=adam_nan_after(9))
    assert not (tmp_path / "checkpoint.npz").exists()


def test_a_run_that_has_gone_further_is_not_resumed_with_fewer_epochs(tmp_path):
    run(MAKERS["vae"](), out=tmp_path, epochs=3)
    with pytest.raises(ValueError, match="epochs is 2, but the run in .* is already at step 27, of 9 an epoch"):
        run(MAKERS["vae"](), out=tmp_path, epochs=2, resume=True)
    assert run(MAKERS["vae"](), out=tmp_path, epochs=3, resume=True)["epoch"] == [1, 2, 3]


def test_a_checkpoint_of_another_version_is_refused(tmp_path):
    run(MAKERS["vae"](), out=tmp_path, epochs=1)
    with np.load(tmp_path / "checkpoint.npz") as file:
        arrays = {name: file[name] for name in file.files if name != "optimizer/model/v"}
    np.savez(tmp_path / "checkpoint.npz", **arrays)
    with pytest.raises(ValueError, match="another version of scratchgen: it lacks 'optimizer/model/v'"):
        run(MAKERS["vae"](), out=tmp_path, epochs=2, resume=True)


def test_two_processes_cannot_train_in_one_folder(tmp_path):
    fcntl = pytest.importorskip("fcntl")
    assert fcntl
    script = "import sys; from scratchgen.train.run_folder import RunFolder; folder = RunFolder(sys.argv[1]); print('mine', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "mine\n"
        with pytest.raises(OSError, match="another run is training in the run folder"):
            run(MAKERS["vae"](), out=tmp_path, epochs=1)
        other.communicate("\n", timeout=60)
    (tmp_path / ".checkpoint.npz.1.part").write_text("half")  # what a killed run leaves
    run(MAKERS["vae"](), out=tmp_path, epochs=1)
    assert not list(tmp_path.glob(".*.part"))


def test_an_unwritable_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="the run folder .*file.inside cannot be written"):
        run(MAKERS["vae"](), out=tmp_path / "file" / "inside")


def test_fit_works_in_a_thread():
    import threading

    results = []
    thread = threading.Thread(target=lambda: results.append(run(MAKERS["vae"](), epochs=1)))
    thread.start()
    thread.join()
    assert results[0]["epoch"] == [1]
