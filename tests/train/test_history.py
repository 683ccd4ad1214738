"""What a run keeps of its way: the epochs that double, the same ones and the same numbers however often it was stopped."""

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.train import history
from scratchgen.train.checkpoint import trained


def model():
    return sg.GAN(3, 2, (4,), (4,), "identity", batch_norm=True, rng=0)  # with buffers


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)


def train(x, out, epochs, **options):
    gan = model()
    sg.fit(gan, x, epochs=epochs, batch_size=20, out=out, progress=False, **options)
    return gan


def test_epochs_double(tmp_path, x):
    train(x, tmp_path / "run", 9)
    assert history.epochs(tmp_path / "run") == ([0, 1, 2, 4, 8], 9)
    assert history.epochs(tmp_path / "run" / "checkpoint.npz") == ([], 9)


def test_the_first_is_the_untrained_model_and_each_is_a_run_of_that_length(tmp_path, x):
    train(x, tmp_path / "run", 5)
    for epoch, wanted in ((0, model()), (2, train(x, None, 2)), (4, train(x, None, 4))):
        found = sg.load(tmp_path / "run")
        history.restore(found, tmp_path / "run", epoch)
        for name, value in trained(wanted).items():
            rounded = value.astype(np.float16) if name == "params" else value
            np.testing.assert_array_equal(trained(found)[name], rounded.astype(np.float32), err_msg=f"{name} after epoch {epoch}")


def test_a_resumed_run_keeps_the_same(tmp_path, x):
    train(x, tmp_path / "whole", 8)
    train(x, tmp_path / "parts", 3)
    train(x, tmp_path / "parts", 8, resume=True)
    for path in (tmp_path / "whole" / "history").iterdir():
        with np.load(path) as ours, np.load(tmp_path / "parts" / "history" / path.name) as theirs:
            assert ours.files == theirs.files
            for name in ours.files:
                np.testing.assert_array_equal(ours[name], theirs[name])


def test_what_belongs_to_no_run_is_refused(tmp_path, x):
    train(x, tmp_path / "run", 1)
    path = tmp_path / "run" / "history" / "0000.npz"
    for content in (b"", b"junk"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="0000.npz"):
            history.restore(model(), tmp_path / "run", 0)
    with np.load(tmp_path / "run" / "history" / "0001.npz") as arrays:
        np.savez(path, **{**arrays, "params": np.zeros(3, np.float16)})
    with pytest.raises(ValueError, match=r"0000.npz.*params is \(3,\)"):
        history.restore(model(), tmp_path / "run", 0)


def test_what_a_killed_run_was_writing_goes(tmp_path, x):
    train(x, tmp_path / "run", 1)
    part = tmp_path / "run" / "history" / ".0002.npz.1234abcd.part"
    part.write_bytes(b"half")
    train(x, tmp_path / "run", 2, resume=True)
    assert not part.exists() and history.epochs(tmp_path / "run") == ([0, 1], 2) and (tmp_path / "run" / "history" / "0002.npz").exists()
