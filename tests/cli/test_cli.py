import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.cli import main, settings

SMALL = ["--hidden", "16", "--latent-dim", "2", "--epochs", "1"]
SMALL_GAN = ["--generator-hidden", "16", "--discriminator-hidden", "16", "--latent-dim", "2", "--steps", "4"]


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """A small data file of 6 × 6 pictures, in the folder where the command runs."""
    monkeypatch.chdir(tmp_path)
    np.save("pictures.npy", np.random.default_rng(0).integers(0, 256, (400, 6, 6), dtype=np.uint8))
    return tmp_path


@pytest.mark.parametrize("model, line", [("vae", "test elbo: -"), ("gan", "pictures, metrics"), ("made", "test log likelihood: -")])
def test_train_sample_evaluate(model, line, pictures, capsys):
    size = {"vae": SMALL, "gan": SMALL_GAN, "made": ["--hidden", "16", "--epochs", "1"]}[model]
    assert main(["train", model, "--data", "pictures.npy", *size]) == 0
    assert line in capsys.readouterr().out
    run = pictures / "runs" / f"{model}-pictures"
    assert {path.name for path in run.iterdir()} >= {"checkpoint.npz", "config.json", "metrics.csv", "samples", "curves.png"}
    assert (run / "samples" / "0001.png").stat().st_size > 500
    assert (run / "reconstructions.png").exists() == (run / "manifold.png").exists() == (model == "vae")

    assert main(["sample", str(run), "-n", "7", "--out", "seven.npy"]) == 0
    seven = np.load("seven.npy")
    assert seven.shape == (7, 36)
    np.testing.assert_array_equal(seven, sg.load(run).sample(7, rng=0))
    assert main(["sample", str(run), "-n", str(10**12), "--out", "many.npy"]) == 1  # more than memory holds
    assert main(["sample", str(run), "-n", str(10**30), "--out", "many.npy"]) == 2
    assert main(["evaluate", str(run), "--examples", "-5"]) == 2
    assert main(["sample", str(run), "-n", "5"]) == 0 and (run / "samples.png").exists()

    capsys.readouterr()
    assert main(["evaluate", str(run), "--samples", "5", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["examples"] == 40
    if model == "vae":
        elbo, log_likelihood = result["elbo"], result["log_likelihood"]
        assert elbo["mean"] < log_likelihood["mean"] + 2 * elbo["standard_error"] and elbo["standard_error"] > 0
        assert result["of_latents"] == 2 and 0 <= result["active_units"] <= 2 and len(result["kl_per_dimension"]) == 2
        assert main(["evaluate", str(run), "--samples", "0", "--ais", "3", "--examples", "4", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["annealed_log_likelihood"]["standard_error"] > 0
    elif model == "gan":
        assert all(np.isfinite(list(result[name].values())).all() for name in ("parzen", "parzen_of_real_data"))
        assert all(0 <= result[name]["mean"] <= 1 for name in ("precision", "recall")) and (run / "neighbours.png").stat().st_size > 1000
        assert main(["evaluate", str(run), "--ais", "3"]) == 2 and "--ais needs a decoder" in capsys.readouterr().err
    else:
        assert result["log_likelihood"]["mean"] < 0


def test_points_of_the_plane(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "gan", "--data", "ring", *SMALL_GAN, "--batch-size", "5000"]) == 0
    assert (tmp_path / "runs" / "gan-ring" / "samples" / "0001.png").exists()
    capsys.readouterr()
    assert main(["evaluate", "runs/gan-ring"]) == 0
    assert "of 8" in capsys.readouterr().out
    assert main(["train", "vae", "--data", "moons", *SMALL, "--batch-size", "5000"]) == 0


def test_the_next_free_folder_is_taken(pictures):
    for expected in ("vae-pictures", "vae-pictures-2", "vae-pictures-3"):
        assert not (pictures / "runs" / expected).exists()
        assert main(["train", "vae", "--data", "pictures.npy", *SMALL]) == 0
        assert (pictures / "runs" / expected / "checkpoint.npz").exists()


def test_resume_needs_only_the_folder(pictures, capsys):
    options = [
        "--data",
        "pictures.npy",
        "--hidden",
        "16",
        "--latent-dim",
        "2",
        "--lr",
        "0.01",
        "--schedule",
        "step",
        "--clip-norm",
        "1",
        "--seed",
        "5",
    ]
    assert main(["train", "vae", *options, "--epochs", "3", "--out", "whole"]) == 0
    assert main(["train", "vae", *options, "--epochs", "3", "--out", "parts"]) == 0
    # as if it had been stopped: the run is longer than what its checkpoint has seen
    assert main(["train", "vae", "--out", "parts", "--resume", "--epochs", "6"]) == 0
    assert main(["train", "vae", "--out", "whole", "--resume", "--epochs", "6", "--seed", "5"]) == 0
    np.testing.assert_array_equal(sg.load("parts").flat_params, sg.load("whole").flat_params)
    assert len((pictures / "parts" / "metrics.csv").read_text().splitlines()) == 7
    capsys.readouterr()
    assert main(["train", "vae", "--out", "parts", "--resume", "--seed", "6"]) == 2
    assert "seed was 5, now it is 6" in capsys.readouterr().err


@pytest.mark.parametrize("prepared", [[], ["run"], ["run", ".lock"], ["run", "checkpoint.npz"]])
def test_nothing_is_resumed_where_no_run_was_begun(prepared, pictures, capsys):
    for name in prepared:
        (pictures / "run").mkdir() if name == "run" else (pictures / "run" / name).touch()
    assert main(["train", "vae", "--out", "run", "--resume"]) == 2
    assert "run holds no run to go on with: there is no config.json in it; to start one, leave out --resume" in capsys.readouterr().err
    assert [path.name for path in pictures.rglob("*")] == ["pictures.npy", *prepared]


def test_a_run_stopped_before_its_first_checkpoint_is_begun_again_as_it_was_meant(pictures, capsys):
    assert main(["train", "made", "--data", "pictures.npy", "--hidden", "16", "--epochs", "1", "--seed", "5", "--out", "run"]) == 0
    whole = sg.load("run").flat_params.copy()
    (pictures / "run" / "checkpoint.npz").unlink()
    assert main(["train", "made", "--out", "run", "--resume"]) == 0
    assert "no checkpoint yet: starting from the beginning" in capsys.readouterr().err
    np.testing.assert_array_equal(sg.load("run").flat_params, whole)


CONFIGS = [
    "[]", "1", "[" * 100_000, '{"command": []}', '{"command": {"epochs": "many"}}', '{"command": {"epochs": 1.5}}', '{"command": {"epochs": true}}',
    '{"command": {"hidden": [[1]]}}', '{"command": {"schedule": ["step"]}}', '{"binarize": ["none"]}', "\xff",
]  # fmt: skip


@pytest.mark.parametrize("config", CONFIGS, ids=[config[:40] for config in CONFIGS])
def test_a_config_that_no_run_wrote_is_named(config, pictures, capsys):
    sg.save(sg.VAE(36, 2, (8,)), "run/checkpoint.npz")
    (pictures / "run" / "config.json").write_bytes(config.encode("latin-1"))
    for command in (["train", "vae", "--out", "run", "--resume"], ["evaluate", "run", "--data", "pictures.npy"]):
        assert main(command) == 2
        error = capsys.readouterr().err
        assert "config.json is damaged (" in error and error.count("\n") == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_as_config_is_not_waited_for(pictures, capsys):
    sg.save(sg.VAE(36, 2, (8,)), "run/checkpoint.npz")
    os.mkfifo("run/config.json")
    for command in (["train", "vae", "--out", "run", "--resume"], ["evaluate", "run"]):
        assert main(command) == 2 and "config.json is a pipe or a device; a file is wanted" in capsys.readouterr().err


WRONG = [
    (["train", "vea"], 2, "unknown model 'vea'; did you mean 'vae'?"),
    (["train", "vae", "--data", "mnits"], 2, "unknown data 'mnits'; did you mean 'mnist'?"),
    (["train", "vae", "--data", "nothing.npy"], 2, "nothing.npy"),
    (["train", "vae", "--backend", "nunba"], 2, "unknown backend 'nunba'; did you mean 'numba'?"),
    (["train", "vae", "--data", "pictures.npy", "--epochs", "0"], 2, "epochs is 0"),
    (["train", "vae", "--data", "pictures.npy", "--steps", "0"], 2, "steps is 0"),
    (["train", "vae", "--data", "pictures.npy", "--steps", "5", "--epochs", "1"], 2, "--steps and --epochs are both given"),
    (["evaluate", "pictures.npy"], 2, "not a whole scratchgen checkpoint"),
    (["train", "vae", "--data", "pictures.npy", "--batch-size", "1000"], 2, "batch_size is 1000, but the data has only 320 rows"),
    (["train", "vae", "--data", "pictures.npy", "--hidden", "0"], 2, "at least 1"),
    (["train", "vae", "--data", "pictures.npy", "--latent-dim", "-1"], 2, "latent_dim is -1"),
    (["train", "vae", "--data", "pictures.npy", "--activation", "tahn"], 2, "unknown activation 'tahn'; did you mean 'tanh'?"),
    (["train", "vae", "--data", "pictures.npy", "--optimizer", "adma"], 2, "unknown optimizer 'adma'; did you mean 'adam'?"),
    (["train", "vae", "--data", "pictures.npy", "--schedule", "cosin"], 2, "did you mean 'cosine'?"),
    (["train", "vae", "--data", "pictures.npy", "--lr", "-1"], 2, "lr is -1"),
    (["train", "vae", "--data", "pictures.npy", "--binarize", "twice"], 2, "unknown binarization 'twice'"),
    (["train", "vae", "--data", "ring", "--likelihood", "bernoulli"], 2, "likelihood='gaussian'"),
    (["train", "vae", "--resume"], 2, "--resume needs --out"),
    (["train", "vae", "--data", "pictures.npy", "--out", "pictures.npy/run"], 1, "cannot be written"),
    (["sample", "nothing"], 2, "no checkpoint at"),
    (["sample", "pictures.npy"], 2, "not a whole scratchgen checkpoint"),
    (["evaluate", "nothing"], 2, "no checkpoint at"),
]  # fmt: skip


@pytest.mark.parametrize("arguments, status, message", WRONG, ids=[" ".join(arguments) for arguments, *_ in WRONG])
def test_what_is_wrong_is_said_in_one_sentence(arguments, status, message, pictures, capsys):
    assert main(arguments) == status
    error = capsys.readouterr().err
    assert message in error and error.startswith("scratchgen: ") and error.count("\n") == 1


def test_samples_are_judged_by_classes_of_any_numbers(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("scratchgen.cli.evaluate.JUDGED", 200)
    x, y = np.random.default_rng(0).random((120, 9), dtype=np.float32), np.arange(120) % 2
    np.savez("plain.npz", x=x, y=y)
    np.savez("signed.npz", x=x, y=np.array([-1, 1_000_000_000])[y])
    np.savez("unknown.npz", x_train=x, y_train=y, x_test=x[:5], y_test=np.full(5, 7))
    sg.save(sg.GAN(9, 2, (4,), (4,), rng=0), "model.npz")
    found = []
    for arguments in (["--data", "plain.npz"], ["--data", "signed.npz"], ["--data", "signed.npz", "--examples", "1"], ["--data", "unknown.npz"]):
        assert main(["evaluate", "model.npz", "--json", *arguments]) == 0
        found.append(json.loads(capsys.readouterr().out))
    plain, signed, one, unknown = found
    assert unknown["classifier_accuracy"] == 0  # a class that is not in the training data is never found
    assert {**plain, "data": None} == {**signed, "data": None} and signed["of_classes"] == 2
    assert "frechet" in signed and "frechet" not in one  # a single example has no covariance


def test_a_run_of_fit_is_evaluated_where_the_data_is_named(pictures, capsys):
    sg.fit(sg.VAE(36, 2, (8,)), sg.data.load("pictures.npy"), epochs=1, progress=False, out="mine", binarize="fresh")
    assert main(["evaluate", "mine"]) == 2 and "give --data" in capsys.readouterr().err
    assert main(["evaluate", "mine", "--data", "pictures.npy", "--samples", "2"]) == 0
    assert main(["train", "vae", "--out", "mine", "--resume"]) == 2 and "started by sg.fit" in capsys.readouterr().err
    (pictures / "mine" / "config.json").write_text("{")
    assert main(["evaluate", "mine", "--data", "pictures.npy"]) == 2 and "config.json is damaged" in capsys.readouterr().err
    np.save("numbers.npy", np.random.default_rng(0).normal(size=(100, 36)))
    sg.save(sg.VAE(36, 2, (8,)), "model.npz")
    assert main(["evaluate", "model.npz", "--data", "numbers.npy"]) == 2 and "needs them in [0, 1]" in capsys.readouterr().err


def test_the_options_are_the_models_own(capsys):
    for name, cls in sg.models.MODELS.items():
        with pytest.raises(SystemExit) as stop:
            main(["train", name, "--help"])
        text = capsys.readouterr().out
        assert stop.value.code == 0 and f"usage: scratchgen train {name}" in text and "settings that suit the data" in text
        for option in settings.arguments(cls):
            assert f"--{option.replace('_', '-')}" in text
            assert settings.explanations(cls).get(option), f"the docstring of {cls.__name__} does not say what {option} is"


def test_models_are_listed_with_their_sources(capsys):
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(sg.models.MODELS) and all(re.search(r"\d{4}", line) for line in lines)
    opening = {name: sys.modules[cls.__module__].__doc__.split(".\n\n")[0].split() for name, cls in sg.models.MODELS.items()}
    assert [line.split() for line in lines] == [[name, *words] for name, words in opening.items()], "a whole sentence each"


def test_a_gan_is_judged_without_test_labels(pictures, capsys):
    x = np.random.default_rng(0).random((100, 36))
    np.savez("half.npz", x_train=x, y_train=np.arange(100) % 3, x_test=x[:20])
    sg.save(sg.GAN(36, 2, (8,), (8,)), "model.npz")
    assert main(["evaluate", "model.npz", "--data", "half.npz"]) == 0
    assert "parzen" in capsys.readouterr().out


def test_a_terminal_that_cannot_show_a_sign_is_no_reason_to_fail(pictures):
    sg.save(sg.VAE(36, 2, (8,)), "model.npz")
    command = [sys.executable, "-m", "scratchgen", "evaluate", "model.npz", "--data", "pictures.npy", "--samples", "0"]
    done = subprocess.run(command, capture_output=True, env=os.environ | {"PYTHONIOENCODING": "ascii", "SCRATCHGEN_BACKEND": "numpy"})
    assert done.returncode == 0 and b" ? " in done.stdout


def test_ctrl_c_without_a_word_is_told_as_stopped(capsys, monkeypatch):
    def interrupt(path):
        raise KeyboardInterrupt

    monkeypatch.setattr(sg.train, "load", interrupt)
    monkeypatch.setattr("scratchgen.load", interrupt, raising=False)
    assert main(["sample", "somewhere"]) == 130
    assert capsys.readouterr().err == "\nscratchgen: stopped\n"


def test_diverging_is_status_1(pictures, capsys):
    with np.errstate(all="ignore"):
        assert main(["train", "vae", "--data", "pictures.npy", *SMALL, "--optimizer", "sgd", "--lr", "1e30", "--out", "run"]) == 1
    assert "try a smaller learning rate than 1e+30" in capsys.readouterr().err


def test_ctrl_c_saves_and_exits_130(pictures):
    command = [sys.executable, "-m", "scratchgen", "train", "vae", "--data", "pictures.npy", "--hidden", "16", "--epochs", "100000", "--out", "run"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | {"SCRATCHGEN_BACKEND": "numpy"})
    while not (pictures / "run" / "checkpoint.npz").exists():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "stopped after step" in error and "--resume" in error and "Traceback" not in error
    assert sg.load("run").data_dim == 36


def test_doctor_looks_at_everything(capsys):
    status = main(["doctor"])
    lines = capsys.readouterr().out.splitlines()
    assert status in (0, 1) and status == any(line.startswith("BAD") for line in lines)
    assert [line[5:23].strip() for line in lines] == [
        "python", "packages", "cores", "SIMD", "threads", "backend", "caches", "CUDA", "data",
    ]  # fmt: skip


def test_doctor_says_what_is_wrong(capsys, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert main(["doctor"]) == 1
    assert "BAD  caches" in capsys.readouterr().out


MINE = """
from scratchgen.layers import Layer

class Square(Layer):
    def forward(self, x):
        return x**2, x

    def backward(self, dy, x):
        return FACTOR * x * dy
"""


@pytest.mark.parametrize("factor, status", [("2", 0), ("-2", 1)])
def test_gradcheck_of_a_file(factor, status, tmp_path, capsys):
    (tmp_path / "mine.py").write_text(MINE.replace("FACTOR", factor))
    assert main(["gradcheck", f"{tmp_path}/mine.py:Square", "--picture", f"{tmp_path}/errors.png"]) == status
    text = capsys.readouterr().out
    assert ("1 of 1 right" in text) == (status == 0) and ("sign" in text) == (status == 1)
    assert (tmp_path / "errors.png").stat().st_size > 1000


def test_gradcheck_of_a_module_in_the_working_folder(tmp_path, capsys, monkeypatch):
    (tmp_path / "course_of_mine").mkdir()
    (tmp_path / "course_of_mine" / "layers.py").write_text(MINE.replace("FACTOR", "2"))
    monkeypatch.chdir(tmp_path)
    assert main(["gradcheck", "course_of_mine.layers"]) == 0 and "1 of 1 right" in capsys.readouterr().out
    assert main(["gradcheck", "course_of_mine.layer"]) == 2
    assert "course_of_mine.layer cannot be imported: ModuleNotFoundError" in capsys.readouterr().err
    assert main(["gradcheck", "tanh", "--seed", "-1"]) == 2 and "seed is -1" in capsys.readouterr().err


def test_gradcheck_by_name(capsys):
    assert main(["gradcheck", "softpl", "--exhaustive", "--seed", "3", "--backend", "numba"]) == 0
    assert "2 of 2 right" in capsys.readouterr().out
    assert main(["gradcheck", "sofmax"]) == 2
    assert "did you mean 'Softmax'" in capsys.readouterr().err


@pytest.mark.parametrize("command", [[], ["train"], ["sample"], ["evaluate"], ["models"], ["gradcheck"], ["coursework"], ["doctor"]])
def test_help_shows_examples(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*command, "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert "usage: scratchgen" in text and ("examples:" in text or command == ["doctor"])


def test_a_wrong_option_is_status_2(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["train", "vae", "--epoch", "many"])
    assert stop.value.code == 2


# Data files, early stopping, labels


def bits(n, features=9, seed=0):
    """Noisy copies of three patterns, and which of them each is -> x, y."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    return (np.tile(np.eye(3, dtype=bool)[y], (1, -(-features // 3)))[:, :features] ^ (rng.random((n, features)) < 0.1)), y


def splits(features=9, train=60, valid=20, test=20, labels=True, names=("x_train", "x_valid", "x_test"), dtype=bool):
    """The arrays of an .npz file."""
    parts = [bits(n, features, seed) for seed, n in enumerate((train, valid, test))]
    arrays = {name: x.astype(dtype) for name, (x, _) in zip(names, parts, strict=True)}
    return arrays | ({f"y_{name.removeprefix('x_')}": y for name, (_, y) in zip(names, parts, strict=True)} if labels else {})


@pytest.mark.parametrize("model, names", [("made", ["log likelihood"]), ("vae", ["elbo", "log likelihood"])])
def test_nothing_is_needed_but_the_file(model, names, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("scratchgen.cli.train.MOST_EPOCHS", 60)
    np.savez("bits.npz", **splits(train=600, valid=100, test=1000))
    assert main(["train", model, "--data", "bits.npz"]) == 0
    output = capsys.readouterr().out
    values = {name: float(value) for name, value in re.findall(r"test (.*): (-[0-9.]+) nats per example", output)}
    assert list(values) == names
    entropy, independent = -np.log(3) + 9 * (0.9 * np.log(0.9) + 0.1 * np.log(0.1)), 9 * (11 / 30 * np.log(11 / 30) + 19 / 30 * np.log(19 / 30))
    assert entropy - 0.5 < values["log likelihood"] < entropy + 0.3 and independent < entropy - 1.5
    command = json.loads((tmp_path / "runs" / f"{model}-bits" / "config.json").read_text())["command"]
    assert command["patience"] >= 10 and command["batch_size"] == 100
    with np.load(tmp_path / "runs" / f"{model}-bits" / "checkpoint.npz") as file:
        assert "best/params" in file.files


@pytest.mark.parametrize("features", [1, 2, 7, 40])
@pytest.mark.parametrize("dtype", ["uint8", "float64"])
@pytest.mark.parametrize("model", ["made", "vae"])
def test_bits_of_any_width_and_type(model, features, dtype, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arrays = splits(features, labels=False, dtype=dtype)
    np.savez("bits.npz", **{name: x * 255 if dtype == "uint8" else x for name, x in arrays.items()})
    assert main(["train", model, "--data", "bits.npz", "--epochs", "2", "--hidden", "8"]) == 0
    (value,) = re.findall("test log likelihood: (-[0-9.]+) nats", capsys.readouterr().out)
    assert -2 * features < float(value) < 0, "a likelihood of bits, not a density"


@pytest.mark.parametrize("n", [3, 11, 101, 102])
@pytest.mark.parametrize("model", ["made", "gan"])
def test_a_file_of_few_rows(model, n, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("bits.npy", bits(n, 16)[0])
    size = ["--hidden", "8"] if model == "made" else ["--generator-hidden", "8", "--discriminator-hidden", "8"]
    status = main(["train", model, "--data", "bits.npy", "--epochs", "2", *size])
    assert status == 0 if n > 3 or model == "made" else "leaves a minibatch of 1 of 1 examples; GAN needs at least 2" in capsys.readouterr().err


def test_a_file_without_a_test_split(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arrays = splits(labels=False)
    del arrays["x_test"]
    np.savez("bits.npz", **arrays)
    assert main(["train", "made", "--data", "bits.npz", "--epochs", "2", "--hidden", "8"]) == 0
    assert "bits.npz has no test split, and so there is no test result" in capsys.readouterr().out
    assert main(["evaluate", "runs/made-bits"]) == 2
    assert "bits.npz holds the arrays x_train, x_valid; wanted" in capsys.readouterr().err


def test_patience_from_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.savez("bits.npz", **splits(labels=False))
    train = ["train", "made", "--hidden", "64", "--lr", "0.05"]
    assert main([*train, "--data", "bits.npz", "--patience", "2", "--epochs", "200", "--out", "run"]) == 0
    rows = len((tmp_path / "run" / "metrics.csv").read_text().splitlines()) - 1
    assert rows < 200 and f"of {rows}, the best on the validation data" in capsys.readouterr().err
    best = sg.load("run").flat_params.copy()
    assert main(["train", "made", "--out", "run", "--resume"]) == 0
    np.testing.assert_array_equal(sg.load("run").flat_params, best)
    assert main(["train", "made", "--out", "run", "--resume", "--patience", "4"]) == 0
    assert len((tmp_path / "run" / "metrics.csv").read_text().splitlines()) - 1 > rows
    assert main([*train, "--data", "bits.npz", "--epochs", "2"]) == 0, "no test is without it"


WRONG_FILES = [
    (dict(x_valid=np.full((20, 9), 0.5) * np.arange(9)), [], "bits.npz (valid) has values from 0 to 4"),
    (dict(x_test=np.full((20, 9), np.nan)), [], "bits.npz (test) holds nan (row 0, feature 0)"),
    (dict(x_test=np.zeros((20, 8))), [], "bits.npz holds examples of different shapes: x_train (9,), x_valid (9,), x_test (8,)"),
    (dict(y_valid=np.zeros(3, int)), [], "bits.npz has x_valid (20, 9) and y_valid (3,)"),
    (dict(), ["--patience", "0"], "patience is 0; it must be at least 1"),
    (dict(), ["--epochs", str(10**40)], "epochs is 1000"),
    (dict(), ["--steps", str(10**40)], "steps is 1000"),
    (dict(), ["--patience", str(10**40)], "patience is 1000"),
    (dict(), ["--batch-size", "61"], "batch_size is 61, but the data has only 60 rows"),
]


@pytest.mark.parametrize("arrays, options, message", WRONG_FILES, ids=[message for *_, message in WRONG_FILES])
def test_what_is_wrong_with_a_file_is_said_before_training(arrays, options, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.savez("bits.npz", **(splits() | arrays))
    assert main(["train", "made", "--data", "bits.npz", "--hidden", "8", *options]) == 2
    error = capsys.readouterr().err
    assert message in error and error.startswith("scratchgen: ") and error.count("\n") == 1
    assert not (tmp_path / "runs").exists()


class Means(sg.models.Model):
    """The mean of each class, in a model that the command line knows (2026)."""

    def __init__(self, data_dim, rate=0.1, n_classes=None, rng=None, dtype=np.float32):
        self.config, self.data_dim, self.n_classes = dict(data_dim=data_dim, rate=rate, n_classes=n_classes), data_dim, n_classes
        self.means = sg.layers.Linear(n_classes or 1, data_dim, bias=False, rng=rng, dtype=dtype)
        self.set_parts(means=self.means)

    def one_hot(self, y, n):
        return np.eye(self.n_classes or 1, dtype=self.dtype)[np.zeros(n, int) if y is None else y]

    def loss(self, x, y=None):
        means, cache = self.means.forward(self.one_hot(y, len(x)))
        loss, dmeans = sg.losses.squared_error(means, x)
        self.means.backward(dmeans, cache, wrt="params")
        return loss, {"loss": loss}

    def sample(self, n, y=None, rng=None):
        return self.means(self.one_hot(y, n))

    def likelihoods(self, x, y=None, rng=None, n_samples=0):
        return {"fit": -np.sum((x - self.means(self.one_hot(y, len(x)))) ** 2, axis=1)}

    def optimizer(self, player):
        return sg.optim.Adam(player, lr=self.config["rate"])

    @classmethod
    def suited_to(cls, x, y=None):
        return {"rate": 0.05 if y is None else 0.2}


@pytest.fixture
def labelled(tmp_path, monkeypatch):
    """A data file with labels, and a model that takes them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sg.models.MODELS, "means", Means)
    np.savez("bits.npz", **splits(16, train=300, valid=60, test=60))
    return tmp_path


def test_labels_on_the_command_line(labelled, capsys):
    train = ["train", "means", "--data", "bits.npz", "--epochs", "40"]
    assert main([*train, "--conditional", "--out", "run"]) == 0
    model = sg.load("run")
    assert model.config == {"data_dim": 16, "rate": 0.2, "n_classes": 3}, "what suits a model that is given labels"
    x, y = sg.data.load("bits.npz")
    np.testing.assert_allclose(model.sample(3, y=np.arange(3)), [x[y == k].mean(axis=0) for k in range(3)], atol=0.1)

    assert main(["sample", "run", "--label", "1", "-n", "4", "--out", "ones.npy"]) == 0
    np.testing.assert_array_equal(np.load("ones.npy"), model.sample(4, y=np.ones(4, int)))
    assert main(["sample", "run", "-n", "7", "--out", "all.npy"]) == 0
    np.testing.assert_array_equal(np.load("all.npy"), model.sample(7, y=np.array([0, 0, 0, 1, 1, 2, 2])))
    for label in ("3", "-1"):
        assert main(["sample", "run", "--label", label]) == 2
        assert f"--label is {label}; the model knows the classes 0 … 2" in capsys.readouterr().err

    assert main(["evaluate", "run", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["asked_for"] == 1 and result["classifier_accuracy"] > 0.9 and result["fit"]["mean"] > -16 * 0.25
    assert main(["train", "means", "--out", "run", "--resume", "--epochs", "41"]) == 0
    assert sg.load("run").n_classes == 3

    assert main(["train", "flowmatching", "--data", "bits.npz", "--conditional"]) == 2
    assert re.search("FlowMatching takes no labels; --conditional is for .*means", capsys.readouterr().err)
    assert main([*train, "--out", "plain"]) == 0
    assert sg.load("plain").config == {"data_dim": 16, "rate": 0.05, "n_classes": None}
    assert main(["sample", "plain", "--label", "1"]) == 2
    assert "--label is 1, but this Means knows no classes: it was not trained with --conditional" in capsys.readouterr().err


def test_pictures_of_each_epoch_have_a_row_for_each_class(labelled):
    from PIL import Image

    assert main(["train", "means", "--data", "bits.npz", "--epochs", "1", "--conditional", "--out", "run"]) == 0
    sg.plots.save_grid(sg.load("run").sample(99, y=np.repeat(np.arange(3), 33)), "rows.png", 33)
    with Image.open("rows.png") as rows, Image.open("run/samples/0001.png") as drawn:
        assert drawn.size == rows.size and drawn.tobytes() == rows.tobytes()


WRONG_LABELS = [
    (dict(y_train=None), "bits.npz (train) has no labels, which --conditional needs; in an .npz file they are y, or y_train, y_valid and y_test"),
    (dict(y_valid=None), "bits.npz (valid) has no labels"),
    (dict(y_test=np.full(60, 3)), "bits.npz (test) has labels from 3 to 3; the classes of the train split are 0 … 2"),
    (dict(y_train=np.arange(300) - 1), "bits.npz (train) has labels from -1 to 298"),
    (dict(y_train=1000 * np.arange(300)), "bits.npz (train) has labels up to 299000 for 300 examples; number the classes from 0"),
    (dict(y_test=np.zeros(60)), "bits.npz (test) holds labels of dtype float64; integers are wanted"),
]


@pytest.mark.parametrize("arrays, message", WRONG_LABELS, ids=[message for _, message in WRONG_LABELS])
def test_labels_that_do_not_suit(arrays, message, labelled, capsys):
    arrays = splits(16, train=300, valid=60, test=60) | arrays
    np.savez("bits.npz", **{name: x for name, x in arrays.items() if x is not None})
    assert main(["train", "means", "--data", "bits.npz", "--conditional"]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    assert not (labelled / "runs").exists()


def test_every_model_that_takes_labels_says_what_suits_them():
    takers = [cls for cls in sg.models.MODELS.values() if settings.takes_labels(cls)]
    assert takers
    for cls in takers:
        for x in (np.tile([0.0, 1.0], (4, 8)), np.tile([-2.0, 2.0], (4, 1))):
            assert cls.suited_to(x, np.arange(4)).keys() >= cls.suited_to(x).keys(), cls.__name__


@pytest.mark.parametrize(
    "wrong",
    [["--batch-size", "0"], ["--epochs", "0"], ["--lr", "-1"], ["--clip-norm", "0"], ["--patience", "0"], ["--optimizer", "x"], ["--schedule", "y"],
     ["--shards", "3"], ["--batch-size", "30000"], ["--binarize", "q"]],
    ids="".join,
)  # fmt: skip
def test_arguments_are_checked_before_anything_is_printed_or_made(tmp_path, capsys, wrong):
    assert main(["train", "vae", *wrong, "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.startswith("scratchgen: ") and not (tmp_path / "run").exists()


def test_a_folder_that_holds_a_run_is_refused_before_anything_is_printed(tmp_path, capsys):
    train = ["train", "vae", "--hidden", "3", "--latent-dim", "2", "--steps", "1", "--out", str(tmp_path / "run")]
    assert main(train) == 0
    assert "Linear(784, 3)" in capsys.readouterr().out
    assert main(train) == 2
    assert capsys.readouterr().out == ""


def test_steps_say_how_far_to_go_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("bits.npy", bits(100, 9)[0])
    train = ["train", "made", "--data", "bits.npy", "--hidden", "8", "--batch-size", "20", "--out", "run"]
    assert main([*train, "--epochs", "2"]) == 0
    assert main(["train", "made", "--out", "run", "--resume", "--steps", "12"]) == 0
    epochs = len((tmp_path / "run" / "metrics.csv").read_text().splitlines()) - 1
    assert epochs == 3  # of 4 minibatches of the 80 rows of the train split


def test_a_file_whose_name_is_no_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = os.fsdecode(b"caf\xe9.npy")
    np.save(name, bits(100, 9)[0])
    assert main(["train", "made", "--data", name, "--hidden", "8", "--epochs", "1", "--out", "run"]) == 0
    assert (tmp_path / "run" / "report.html").exists()


def test_none_is_none_and_what_suits_the_data_can_be_typed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "gan", "--data", "ring", "--penalty", "none", "--batch-norm", "--steps", "1", "--out", "run"]) == 0
    assert json.loads((tmp_path / "run" / "config.json").read_text())["command"].get("penalty") is None
    with pytest.raises(SystemExit):
        main(["train", "gan", "--help"])
    assert "--batch-norm yes" not in capsys.readouterr().out


def test_what_was_measured_is_told_where_no_picture_can_be_drawn(pictures, capsys):
    assert main(["train", "gan", "--data", "pictures.npy", "--steps", "1", "--out", "run"]) == 0
    Path("run/neighbours.png").mkdir()
    capsys.readouterr()
    assert main(["evaluate", "run", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert "cannot write" in found["neighbours"] and found["parzen"].keys() == {"mean", "standard_error"}
