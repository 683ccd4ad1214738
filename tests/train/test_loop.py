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
from scratchgen.train.interrupt import interruptible
from scratchgen.train.pictures import write_pictures
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


class Prototypes(sg.models.Model):
    """One mean per class, learned from labels: loss = ½ ‖x − mean_y‖². A model of a user's own that takes them."""

    def __init__(self, data_dim, n_classes, rng=None, dtype=np.float32):
        self.config, self.data_dim, self.n_classes = dict(data_dim=data_dim, n_classes=n_classes), data_dim, n_classes
        self.means = sg.layers.Linear(n_classes, data_dim, bias=False, rng=rng, dtype=dtype)
        self.set_parts(means=self.means)

    def loss(self, x, y):
        means, cache = self.means.forward(one_hot(y, x, self.n_classes))
        loss, dmeans = sg.losses.squared_error(means, x)
        self.means.backward(dmeans, cache, wrt="params")
        return loss, {"loss": loss}

    def sample(self, n, y=None, rng=None):
        return self.means(one_hot(np.arange(n) % self.n_classes if y is None else y, self.flat_params, self.n_classes))


@sg.op
def one_hot(labels, like, n):
    return (labels[:, None] == np.arange(n, like=like)).astype(like.dtype)


LABELLED = sg.data.Dataset(X, (np.arange(130) % 3).astype(np.int64))


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_labels_go_to_a_model_that_takes_them(backend, tmp_path):
    adam = lambda player: sg.optim.Adam(player, lr=0.05)
    fit = lambda model, **options: sg.fit(model, LABELLED, batch_size=26, optimizer=adam, progress=False, **options)
    with sg.use_backend(backend):
        whole, parts = Prototypes(9, 3, rng=0), Prototypes(9, 3, rng=0)
        fit(whole, epochs=60)
        fit(parts, epochs=30, out=tmp_path)
        fit(parts, epochs=60, out=tmp_path, resume=True)
        np.testing.assert_array_equal(parts.flat_params, whole.flat_params)
        means = np.array([X[LABELLED.y == k].mean(axis=0) for k in range(3)])
        np.testing.assert_allclose(whole.sample(3), means, atol=0.05)


@pytest.mark.parametrize(
    "data, words",
    [(X, "data has no labels; Prototypes with n_classes=3 needs"), (LABELLED._replace(y=None), "data has no labels"),
     (LABELLED._replace(y=LABELLED.y[:5]), r"labels of data are int64 of shape \(5,\); they must be integers \(130,\)"),
     (LABELLED._replace(y=LABELLED.y + 0.5), "labels of data are float64"),
     (LABELLED._replace(y=LABELLED.y + 1), "run from 1 to 3; the model's n_classes is 3")],
)  # fmt: skip
def test_labels_that_do_not_suit(data, words):
    with pytest.raises(ValueError, match=words):
        sg.fit(Prototypes(9, 3), data, epochs=1, progress=False)


def test_training_improves_the_model():
    x = np.arange(360)[:, None] % 2 == np.arange(9) % 2  # two patterns, each the other's negative: their marginals say nothing
    model = sg.VAE(9, 2, (32,), rng=0)
    metrics = sg.fit(model, x.astype(np.float32), epochs=30, batch_size=20, progress=False, optimizer=lambda player: sg.optim.Adam(player, lr=1e-2))
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


def test_ctrl_c_after_the_last_step_is_heard_too(tmp_path):
    class Pressed(sg.VAE):
        def evaluate(self, x, y=None, rng=None):
            os.kill(os.getpid(), signal.SIGINT)
            return {"score": np.float32(0.5)}  # a number of any kind

    with pytest.raises(KeyboardInterrupt, match="after step 3: saved"):
        sg.fit(Pressed(9, 2, (4,), rng=0), X[:30], valid=X[:20], epochs=1, batch_size=10, out=tmp_path, progress=False)
    assert "0.5" in (tmp_path / "metrics.csv").read_text() and type(sg.load(tmp_path)) is Pressed


SCRIPT = """
import os, signal, sys, threading, time, numpy as np, scratchgen as sg
import scratchgen.train.loop as loop
from scratchgen.train.run import Run

name, folder, epochs, moment, number, pause = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5]), float(sys.argv[6])

def kill():
    os.kill(os.getpid(), signal.SIGKILL)

def count_calls(owner, attribute, at_the_end):
    call, times = getattr(owner, attribute), []
    def counted(*arguments):
        result = call(*arguments)
        times.append(time.perf_counter())
        if len(times) == number:
            at_the_end(times)
        return result
    setattr(owner, attribute, counted)

write_pictures = loop.write_pictures
def last_pictures(run, path, x, *, last, seed):
    if last:
        count_calls(os, "fsync", lambda times: kill())
    write_pictures(run, path, x, last=last, seed=seed)

loop.SECONDS_BETWEEN_EPOCHS = -1  # every epoch is saved, however short
if moment == "step":  # soon after a step, each of which writes a checkpoint
    loop.SECONDS_BETWEEN_CHECKPOINTS = -1
    count_calls(Run, "count", lambda times: threading.Timer(pause * (times[-1] - times[-2] if number > 1 else 0), kill).start())
elif moment == "file":  # a file is written, and not yet renamed, or just renamed
    count_calls(os, "fsync", lambda times: kill())
elif moment == "last pictures":
    loop.write_pictures = last_pictures

rng = np.random.default_rng(0)
pictures, points = rng.random((100, 16), dtype=np.float32), rng.normal(size=(100, 2)).astype(np.float32)
data, model, options = {
    "vae": lambda: (pictures, sg.VAE(16, 2, (24,), rng=1), {"binarize": "fresh", "valid": pictures[:20], "patience": 1000}),
    "gan": lambda: (pictures, sg.GAN(16, 3, (24,), (24,), discriminator_steps=3, batch_norm=True, dropout=0.3, rng=1), {}),
    "made": lambda: (pictures, sg.MADE(16, (24,), rng=1), {"binarize": "once", "valid": pictures[:20]}),
    "points": lambda: (points, sg.GAN(2, 2, (24,), (24,), output="identity", rng=1), {"optimizer": lambda player: sg.optim.RMSProp(player)}),
    "compiled": lambda: (pictures, sg.VAE(16, 3, (24,), likelihood="gaussian", rng=1), {
        "clip_norm": 1.0, "valid": pictures[:20], "schedule": lambda optimizer: sg.optim.StepLR(optimizer, every=3),
        "optimizer": lambda player: sg.optim.SGD(player, lr=0.01, momentum=0.9)}),
}[name]()
sg.fit(model, data, epochs=epochs, batch_size=10, seed=3, out=folder, resume=True, progress=False, **options)
"""


def contents(folder):
    """{name: bytes} of all files of a run but its lock; of the checkpoint its entries, for a zip archive also holds the time."""
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}
    with np.load(folder / "checkpoint.npz") as file:
        return files | {"checkpoint.npz": {name: file[name].tobytes() for name in file.files}}


@pytest.mark.parametrize(
    "name, kills",
    [("vae", 3), ("gan", 2), *(pytest.param(name, 40, marks=pytest.mark.slow) for name in ("vae", "gan", "made", "points", "compiled"))],
)
def test_killed_at_random_moments_it_resumes_to_the_bit(name, kills, tmp_path):
    """Moments are counted in steps and files, since how long those take depends on the machine; epochs are as many as the kills cannot use up."""
    environment = os.environ | {"SCRATCHGEN_BACKEND": "numba" if name == "compiled" else "numpy", "OPENBLAS_NUM_THREADS": "1"}
    epochs, rng = 2 * kills, np.random.default_rng()

    def run_until(folder, moment="never", number=0, pause=0.0):
        command = [sys.executable, "-c", SCRIPT, name, str(folder), str(epochs), moment, str(number), str(pause)]
        return subprocess.run(command, stderr=subprocess.DEVNULL, env=environment, timeout=300).returncode

    assert run_until(tmp_path / "whole") == 0
    last = max(1, kills // 4)
    for moment in (["step", "file"] * kills)[: kills - last] + ["last pictures"] * last:
        number = rng.integers(1, 5 if moment == "last pictures" else 13)  # the last pictures are at least two files, each synced with its folder
        assert run_until(tmp_path / "run", moment, number, rng.uniform(0, 2)) == -signal.SIGKILL, (moment, number)
    assert run_until(tmp_path / "run") == 0
    whole, resumed = contents(tmp_path / "whole"), contents(tmp_path / "run")
    assert resumed.keys() == whole.keys() and f"samples/{epochs:04d}.png" in whole and "curves.png" in whole
    assert [name for name in whole if resumed[name] != whole[name]] == []


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
    (dict(clip_norm="1"), TypeError, "clip_norm is '1'"),
    (dict(out=5), TypeError, "out is 5; it must be the path"),
    (dict(config=[5]), TypeError, r"config is \[5\]; it must be a dict"),
    (dict(optimizer=lambda player: None), TypeError, "optimizer made None; it must make an Optimizer"),
    (dict(resume=True), ValueError, "resume is True, but out"),
    (dict(optimizer="adam"), TypeError, "optimizer is 'adam'; it must be a function"),
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
        with pytest.raises(ValueError, match=f"batch_size is {batch_size}, which leaves a minibatch of 1 of {n} examples; GAN needs at least 2"):
            sg.fit(gan, X[:n], epochs=1, batch_size=batch_size, progress=False)
    np.testing.assert_array_equal(gan.flat_params, before)


def test_parameters_lost_in_the_last_step_of_an_epoch_are_not_saved(tmp_path):
    with pytest.raises(Diverged, match="model diverged within 9 steps: parameter encoder.0.W is not finite; try a smaller"):
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
    run(MAKERS["vae"](), out=tmp_path, epochs=1)


def test_nor_can_two_runs_of_one_process(tmp_path, monkeypatch):
    pytest.importorskip("fcntl")
    real, refused = Run.count, []

    def count_and_try(self, parts):
        real(self, parts)
        with pytest.raises(BlockingIOError, match="another run is training in the run folder") as error:
            run(MAKERS["vae"](), out=tmp_path, epochs=1, resume=True)
        refused.append(error)

    monkeypatch.setattr(Run, "count", count_and_try)
    run(MAKERS["vae"](), out=tmp_path, epochs=1)
    monkeypatch.undo()
    assert len(refused) == 9
    with pytest.raises(ValueError, match="already holds a run") as error:
        run(MAKERS["vae"](), out=tmp_path, epochs=1)
    assert run(MAKERS["vae"](), out=tmp_path, epochs=2, resume=True)["epoch"] == [1, 2], "a refused run does not keep the folder"
    assert error


def test_the_parts_of_all_files_of_a_killed_run_are_swept(tmp_path):
    (tmp_path / "samples").mkdir()
    for name in ("checkpoint.npz", "config.json", "metrics.csv", "curves.png", "samples/0001.png"):
        path = tmp_path / name
        path.with_name(f".{path.name}.0123abcd.part").write_text("half")
    run(MAKERS["vae"](), out=tmp_path, epochs=1)
    assert not list(tmp_path.rglob(".*.part"))


@pytest.mark.parametrize("epochs", [2, 4])
def test_pictures_that_a_killed_run_owes_are_drawn(epochs, tmp_path, monkeypatch):
    x = np.random.default_rng(0).random((40, 16), dtype=np.float32)

    def train(folder, resume=False):
        sg.fit(sg.VAE(16, 2, (8,), rng=1), x, epochs=4, batch_size=20, out=folder, resume=resume, progress=False)

    def killed(run, *arguments, **options):
        if run.epoch == epochs:
            raise SystemExit
        write_pictures(run, *arguments, **options)

    train(tmp_path / "whole")
    monkeypatch.setattr("scratchgen.train.loop.SECONDS_BETWEEN_EPOCHS", -1)
    monkeypatch.setattr("scratchgen.train.loop.write_pictures", killed)
    with pytest.raises(SystemExit):
        train(tmp_path / "run")
    assert not (tmp_path / "run" / "samples" / f"{epochs:04d}.png").exists()
    monkeypatch.undo()
    with np.load(tmp_path / "run" / "checkpoint.npz") as file:
        assert json.loads(str(file["about"]))["run"]["epoch"] == epochs
    train(tmp_path / "run", resume=True)
    pictures = {path.relative_to(tmp_path / "whole"): path.read_bytes() for path in (tmp_path / "whole").rglob("*.png")}
    assert {path.relative_to(tmp_path / "run"): path.read_bytes() for path in (tmp_path / "run").rglob("*.png")} == pictures
    assert len(pictures) == 4 + 3


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
@pytest.mark.parametrize("name", [".lock", "checkpoint.npz"])
def test_a_pipe_in_the_run_folder_is_not_waited_for(name, tmp_path):
    os.mkfifo(tmp_path / name)
    with pytest.raises((OSError, ValueError), match=f"{name} is (no file|a pipe)"):
        run(MAKERS["vae"](), out=tmp_path, epochs=1, resume=True)


def test_samples_that_cannot_be_drawn_end_no_training(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sg.VAE, "sample", lambda self, n, rng=None: np.full((n, self.data_dim), np.nan, np.float32))
    sg.fit(sg.VAE(16, 2, (8,), rng=1), np.random.default_rng(0).random((40, 16), dtype=np.float32), epochs=2, batch_size=20, out=tmp_path)
    said = capsys.readouterr().err
    assert "no pictures after epoch 1: " in said and "no pictures after epoch 2: " in said and "NaN" in said
    assert (tmp_path / "curves.png").exists() and len((tmp_path / "metrics.csv").read_text().splitlines()) == 3


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_ctrl_c_that_the_process_is_to_ignore_stays_ignored():
    """As in a job that a script has started with &."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruptible() as interrupted:
            os.kill(os.getpid(), signal.SIGINT)
            assert not interrupted()
    finally:
        signal.signal(signal.SIGINT, before)


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


# Early stopping


def few(model, **options):
    """Few examples, a fast optimizer: the validation value is best after a few epochs."""
    usual = dict(epochs=60, batch_size=5, seed=3, valid=X[100:], patience=3, binarize="threshold", progress=False)
    return sg.fit(model, X[:20], optimizer=lambda player: sg.optim.Adam(player, lr=0.02), **(usual | options))


@pytest.mark.parametrize("name, column", [("vae", "valid_elbo"), ("made", "valid_log_likelihood")])
def test_patience_stops_and_keeps_the_best(name, column, tmp_path):
    model = MAKERS[name]()
    values = few(model, out=tmp_path)[column]
    best = int(np.argmax(values)) + 1
    assert best + 3 == len(values) < 60, "stopped three epochs after the best"
    until_then = MAKERS[name]()
    few(until_then, epochs=best, patience=None)
    np.testing.assert_array_equal(model.flat_params, until_then.flat_params)
    np.testing.assert_array_equal(sg.load(tmp_path).flat_params, model.flat_params)
    valid = sg.data.Binarize("threshold").dataset(X[100:])
    assert next(iter(sg.load(tmp_path).evaluate(valid, rng=3).values())) == values[best - 1]
    with np.load(tmp_path / "checkpoint.npz") as file:
        assert (file["params"] != file["best/params"]).any(), "the latest are there as well"


def test_the_last_pictures_are_those_of_the_best(tmp_path):
    x = np.random.default_rng(0).random((60, 16), dtype=np.float32)
    fit = lambda **options: sg.fit(
        model := sg.VAE(16, 2, (8,), rng=1), x[:20], valid=x[20:], epochs=60, batch_size=5, binarize="threshold", progress=False,
        optimizer=lambda player: sg.optim.Adam(player, lr=0.02), **options
    ) and model  # fmt: skip
    model = fit(patience=2, out=tmp_path)
    drawn = (tmp_path / "manifold.png").read_bytes()
    from scratchgen import plots

    model.pictures(sg.data.Binarize("threshold").dataset(x[20:]), plots, tmp_path)
    assert (tmp_path / "manifold.png").read_bytes() == drawn
    last = sorted((tmp_path / "samples").iterdir())[-1].read_bytes()
    plots.save_grid(model.sample(100, rng=0), tmp_path / "best.png")
    assert (tmp_path / "best.png").read_bytes() != last, "samples of each epoch are those of that epoch"


@pytest.mark.parametrize("name", ["vae", "made"])
def test_an_early_stopped_run_resumes_to_the_bit(name, tmp_path, monkeypatch):
    whole = MAKERS[name]()
    expected = few(whole, out=tmp_path / "whole")
    last = len(expected["epoch"])
    real, steps = Run.count, []

    def count_then_ctrl_c(self, parts):
        real(self, parts)
        steps.append(1)
        if len(steps) in moments:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Run, "count", count_then_ctrl_c)
    for number in (3, 4 * (last - 1) + 2, 4 * last):  # before there is a best; in the last epoch; after it
        steps.clear()
        moments, folder = [number], tmp_path / f"run{number}"
        with pytest.raises(KeyboardInterrupt, match="saved"):
            few(MAKERS[name](), out=folder)
        resumed = MAKERS[name]()
        assert few(resumed, out=folder, resume=True) == expected
        np.testing.assert_array_equal(resumed.flat_params, whole.flat_params)
        np.testing.assert_array_equal(sg.load(folder).flat_params, whole.flat_params)
        files, wanted = contents(folder), contents(tmp_path / "whole")
        assert files["checkpoint.npz"].keys() == wanted["checkpoint.npz"].keys()
        assert [key for key in wanted if files[key] != wanted[key]] == []


def test_many_short_epochs_are_not_all_saved_and_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr("scratchgen.train.loop.MOST_PICTURES", 4)
    x, saved, real = np.random.default_rng(0).random((10, 16), dtype=np.float32), [], Run.describe
    monkeypatch.setattr(Run, "describe", lambda self: saved.append(self.epoch) or real(self))
    metrics = sg.fit(sg.VAE(16, 2, (8,), rng=1), x, epochs=18, batch_size=10, out=tmp_path, progress=False)
    assert len(saved) < 18 and saved[-1] == 18
    assert sorted(path.name for path in (tmp_path / "samples").iterdir()) == ["0005.png", "0010.png", "0015.png", "0018.png"]
    assert len((tmp_path / "metrics.csv").read_text().splitlines()) == 1 + len(metrics["epoch"]) == 19


def test_more_patience_goes_on_where_less_stopped(tmp_path):
    short, long = few(MAKERS["made"](), out=tmp_path), few(whole := MAKERS["made"](), patience=9)
    assert len(short["epoch"]) < len(long["epoch"])
    assert few(MAKERS["made"](), out=tmp_path, resume=True) == short, "nothing is left to do"
    assert few(resumed := MAKERS["made"](), out=tmp_path, resume=True, patience=9) == long
    np.testing.assert_array_equal(resumed.flat_params, whole.flat_params)
    with pytest.raises(ValueError, match="its patience was on, now it is None"):
        few(MAKERS["made"](), out=tmp_path, resume=True, patience=None)
    with pytest.raises(ValueError, match="its valid was 30 x 9, crc"):
        few(MAKERS["made"](), out=tmp_path, resume=True, valid=X[90:])


def test_an_epoch_without_a_number_is_never_the_best():
    values = iter([0.0, np.nan, np.nan, -5.0, np.nan, -4.0, -4.0, -4.5])

    class Numbered(sg.MADE):
        def evaluate(self, x, y=None, rng=None):
            return {"log_likelihood": next(values)}  # the first before training

    seen = []
    schedule = lambda optimizer: lambda epoch: seen.append(model.flat_params.copy())
    model = Numbered(9, (10,), rng=1)
    metrics = few(model, patience=2, schedule=schedule)
    assert metrics["epoch"][-1] == 7, "nothing was better than epoch 5, not even what equals it"
    np.testing.assert_array_equal(model.flat_params, seen[5])


@pytest.mark.parametrize(
    "name, options, error, words",
    [
        ("vae", dict(valid=None), ValueError, "patience is 3, but there is no validation data"),
        ("gan", {}, ValueError, "patience is 3, but GAN has no validation value"),
        ("vae", dict(patience=0), ValueError, "patience is 0; it must be at least 1"),
        ("vae", dict(patience=1.5), TypeError, "patience is 1.5; it must be an int"),
    ],
)
def test_patience_that_cannot_be_meant(name, options, error, words):
    model = MAKERS[name]()
    before = model.flat_params.copy()
    with pytest.raises(error, match=words):
        few(model, **options)
    np.testing.assert_array_equal(model.flat_params, before)


def test_whether_there_is_a_validation_value_is_asked_of_all_validation_data():
    x = np.random.default_rng(0).random((40, 20), dtype=np.float32)
    x[30:] *= 2  # no pictures, though the first rows are like some: a diffusion model has a likelihood for these
    model = sg.Diffusion(20, (4,), n_steps=10, rng=0)
    metrics = sg.fit(model, x, valid=x, epochs=2, batch_size=20, patience=5, progress=False)
    assert len(metrics["valid_elbo"]) == 2


def test_another_kind_of_schedule_is_another_run(tmp_path):
    x = np.random.default_rng(0).random((20, 6)).astype(np.float32)
    arguments = dict(epochs=1, batch_size=10, progress=False, out=tmp_path)
    made = lambda: sg.VAE(6, latent_dim=2, hidden=(3,), rng=0)
    sg.fit(made(), x, schedule=lambda optimizer: sg.optim.CosineLR(optimizer, total=1), **arguments)
    with pytest.raises(ValueError, match="schedule was CosineLR, now it is StepLR"):
        sg.fit(made(), x, schedule=lambda optimizer: sg.optim.StepLR(optimizer, every=1), resume=True, **arguments)
    with pytest.raises(ValueError, match="schedule was CosineLR, now it is None"):
        sg.fit(made(), x, resume=True, **arguments)
    rows = sg.fit(made(), x, schedule=lambda optimizer: sg.optim.CosineLR(optimizer, total=2), resume=True, **arguments | dict(epochs=2))
    assert rows["epoch"] == [1, 2]
