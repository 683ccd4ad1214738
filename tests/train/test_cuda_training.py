"""Training on the device: the same numbers as elsewhere within rounding, the same bits from the same seed, checkpoints that move between backends."""

import copy
import pickle

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.cli import main
from scratchgen.ops import array, recorded, to_host, use_backend
from scratchgen.ops.cuda import driver, launch
from scratchgen.ops.cuda.program import Program
from scratchgen.optim import Adam
from scratchgen.train import Diverged, train_step

pytestmark = [pytest.mark.cuda, pytest.mark.filterwarnings("ignore::RuntimeWarning")]
X = np.random.default_rng(0).random((10, 3), dtype=np.float32)
MODELS = {
    "vae": lambda: sg.VAE(3, 1, (3,), rng=1),
    "gan": lambda: sg.GAN(3, 1, (2,), (3,), dropout=0.3, rng=1),
    "normalised gan": lambda: sg.GAN(3, 1, (2,), (3,), batch_norm=True, rng=1),  # its biases have gradients of rounding only, which Adam blows up
    "made": lambda: sg.MADE(3, (3,), rng=1),
}


def host(model):
    return {"params": to_host(model.flat_params), **{name: to_host(value) for name, value in model.all_buffers().items()}}


def train(name, backend, steps):
    """That many steps -> the losses, and everything the model is, as NumPy arrays."""
    with use_backend(backend):
        model = MODELS[name]()
        optimizers = {key: model.optimizer(player) for key, player in model.players().items()}
        data = array(X)
        records = [train_step(model, optimizers, data[step % 3 : step % 3 + 4], step, clip_norm=1.0) for step in range(steps)]
        return [[float(value) for value in record.values()] for record in records], host(model)


@pytest.mark.parametrize("name, steps", [("vae", 20), ("gan", 4), ("made", 6)])
def test_the_first_steps_are_those_of_the_other_backends(name, steps):
    losses, state = train(name, "cuda", steps)
    for other in ("numpy", "numba"):
        other_losses, other_state = train(name, other, steps)
        np.testing.assert_allclose(losses, other_losses, rtol=1e-4)
        for key, value in other_state.items():
            np.testing.assert_allclose(state[key], value, rtol=1e-3, atol=1e-5, err_msg=key)


# Of a VAE: gradients set to zero; 4 linear layers, with their activations; noise, z, and back through it; 2 losses and their sum;
# dW and db of 4 layers; dx of 3, with the way back through an activation; 2 to put dμ and dlogvar side by side, those through z and those of the KL,
# and the sum of both; Adam:  1 + 4 + 3 + 3 + 8 + 3 + 5 + 1
@pytest.mark.parametrize("name, number", [("vae", 28), ("gan", 41), ("made", 14)])
def test_a_recorded_step_has_few_launches(name, number, monkeypatch):
    launches, perform = [], Program.perform

    def watched(program):
        launches.clear()
        monkeypatch.setattr(launch, "watch", lambda kernel, *rest: launches.append(kernel))
        perform(program)
        monkeypatch.setattr(launch, "watch", None)

    monkeypatch.setattr(Program, "perform", watched)
    with use_backend("cuda"):
        model = MODELS[name]()
        optimizers = {key: model.optimizer(player) for key, player in model.players().items()}
        step, data = recorded(lambda x: train_step(model, optimizers, x, 0)), array(X)
        for _ in range(4):
            step(data)
    assert len(launches) == number


def test_a_step_reads_nothing_and_the_next_asks_for_no_memory(monkeypatch):
    with use_backend("cuda"):
        model = MODELS["gan"]()
        optimizers = {key: model.optimizer(player) for key, player in model.players().items()}
        data = array(X)
        train_step(model, optimizers, data, 0, clip_norm=1.0)
        monkeypatch.setattr(driver, "recording", True)  # so that a copy between host and device is an error
        monkeypatch.delattr(driver, "allocate")
        train_step(model, optimizers, data, 1, clip_norm=1.0)


def test_the_same_seed_gives_the_same_bits():
    first, second = train("normalised gan", "cuda", 2), train("normalised gan", "cuda", 2)
    assert first[0] == second[0]
    assert {key: value.tobytes() for key, value in first[1].items()} == {key: value.tobytes() for key, value in second[1].items()}


def fit(model, **options):
    return sg.fit(model, X, **dict(epochs=2, batch_size=4, seed=3, binarize="fresh", progress=False) | options)


def test_a_run_on_the_device_resumes_to_the_bit_and_agrees_with_the_host(tmp_path):
    with use_backend("cuda"):
        whole, parts = MODELS["vae"](), MODELS["vae"]()
        metrics = fit(whole, valid=X[:4], out=tmp_path / "whole")
        fit(parts, valid=X[:4], out=tmp_path / "run", epochs=1)
        resumed = MODELS["vae"]()
        assert fit(resumed, valid=X[:4], out=tmp_path / "run", resume=True) == metrics
        assert to_host(resumed.flat_params).tobytes() == to_host(whole.flat_params).tobytes()
    on_host = MODELS["vae"]()
    expected = fit(on_host, valid=X[:4])
    np.testing.assert_allclose(on_host.flat_params, host(whole)["params"], rtol=1e-3, atol=1e-5)
    for key, values in expected.items():
        np.testing.assert_allclose(metrics[key], values, rtol=1e-4, err_msg=key)


@pytest.mark.parametrize("source, target", [("cuda", "numba"), ("numpy", "cuda")])
def test_checkpoints_move_between_backends(source, target, tmp_path):
    with use_backend(source):
        model = MODELS["normalised gan"]()
        fit(model, epochs=1, out=tmp_path / "run", binarize="none")
        wanted = host(model) | {"sample": to_host(model.sample(2, rng=0))}
    with use_backend(target):
        loaded = sg.load(tmp_path / "run")
        for key, value in (host(loaded) | {"sample": to_host(loaded.sample(2, rng=0))}).items():
            np.testing.assert_allclose(value, wanted[key], rtol=1e-5, atol=1e-6, err_msg=key)
        resumed = MODELS["normalised gan"]()
        fit(resumed, epochs=2, out=tmp_path / "run", resume=True, binarize="none")
        assert np.isfinite(host(resumed)["params"]).all()


def test_divergence_is_noticed_before_a_checkpoint_is_written(tmp_path):
    class Ruin(Adam):
        def step(self):
            self.lr = float("nan")
            super().step()

    with use_backend("cuda"), pytest.raises(Diverged, match="smaller learning rate"):
        fit(MODELS["vae"](), out=tmp_path, optimizer=Ruin)
    assert not (tmp_path / "checkpoint.npz").exists()


def test_a_network_moves_to_the_device_and_back():
    net = sg.layers.mlp((3, 4, 2), "tanh", batch_norm=True, rng=0)
    before, y = net.flat_params.copy(), net(X)
    assert net.to("cuda") is net
    with use_backend("cuda"):
        np.testing.assert_allclose(to_host(net(array(X))), y, rtol=1e-5, atol=1e-6)
        twins = [copy.deepcopy(net), pickle.loads(pickle.dumps(net)), net.astype(np.float64).astype(np.float32)]
        for twin in twins:
            assert to_host(twin.flat_params).tobytes() == before.tobytes()
            twin.zero_grads()
        with pytest.raises(TypeError, match="device arrays; given a ndarray"):
            net(X)
    with pytest.raises((TypeError, AttributeError), match="device array"):
        net(X)
    vae = sg.VAE(3, 1, (2,))
    with pytest.raises(ValueError, match="part of a VAE"):
        vae.encoder.to("cuda")
    assert net.to("numba").flat_params.tobytes() == before.tobytes()
    np.testing.assert_array_equal(net(X), y)


def test_the_command_line_trains_there(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("data.npy", np.random.default_rng(0).random((20, 3), dtype=np.float32))
    model = "vae --hidden 2 --latent-dim 1 --likelihood bernoulli --binarize fresh".split()
    with use_backend("numba"):
        assert main(["train", *model, "--data", "data.npy", "--epochs", "1", "--batch-size", "8", "--backend", "cuda", "--out", "run"]) == 0
        assert sg.get_backend() == "cuda"
        assert main(["sample", "run", "-n", "2", "--out", "samples.npy"]) == 0
        assert main(["evaluate", "run", "--samples", "1"]) == 0
    assert "test elbo: " in capsys.readouterr().out and np.load("samples.npy").shape == (2, 3)


def test_a_classifier_learns_there():
    with use_backend("cuda"):
        net = sg.metrics.train_classifier(X, (X[:, 0] > 0.5).astype(np.int64), hidden=(3,), epochs=1)
        assert 0 <= sg.metrics.accuracy(net, X, (X[:, 0] > 0.5).astype(np.int64)) <= 1
