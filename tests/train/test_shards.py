"""Shards and processes: the gradient of the whole minibatch, and the same bits however many processes compute it."""

import copy
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest

import scratchgen as sg
from scratchgen.train.ranks import Alone, card_of
from scratchgen.train.shards import BLOCKS, check_shards

MPIEXEC = shutil.which("mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
needs_mpi = pytest.mark.skipif(
    MPIEXEC is None or importlib.util.find_spec("mpi4py") is None, reason="no MPI on this machine: pip install -e '.[mpi]'"
)

rng = np.random.default_rng(0)
BITS = (rng.uniform(size=(72, 16)) < rng.uniform(size=16)).astype(np.float32)

MODELS = {
    "vae": lambda: sg.VAE(16, latent_dim=3, hidden=(7,), rng=0),
    "gan": lambda: sg.GAN(16, latent_dim=3, generator_hidden=(8,), discriminator_hidden=(8,), batch_norm=True, dropout=0.3, rng=0),
    "critic": lambda: sg.GAN(
        16, 3, (8,), discriminator_hidden=(8,), objective="wasserstein", penalty="wgan_gp", discriminator_steps=2, rng=0
    ),
    "simultaneous": lambda: sg.GAN(16, 3, (8,), discriminator_hidden=(8,), batch_norm=True, dropout=0.3, simultaneous=True, rng=0),
    "made": lambda: sg.MADE(16, hidden=(20,), n_masks=3, rng=0),
}  # fmt: skip


def checksums(model):
    """Of everything that training changes."""
    return [zlib.crc32(model.flat_params), *(zlib.crc32(value) for value in model.all_buffers().values())]


def trained(name, **options):
    model = MODELS[name]()
    options = {"epochs": 4, "batch_size": 24, "progress": False} | options
    return model, sg.fit(model, BITS, **options)


def test_one_shard_is_the_whole_minibatch():
    whole, cut = (trained("made", shards=shards)[0] for shards in (None, 1))
    assert checksums(whole) == checksums(cut)


def test_shards_train_what_the_whole_minibatch_does():
    (whole, rows), (cut, rows_cut) = (trained("made", shards=shards) for shards in (None, 8))
    assert np.allclose(whole.flat_params, cut.flat_params, atol=1e-5)
    assert np.allclose(rows["nll"], rows_cut["nll"], rtol=1e-6)


@pytest.mark.parametrize("batch_size", [24, 21])  # 21: shards of 5 and 6 examples
def test_the_gradient_is_that_of_the_whole_minibatch(batch_size):
    model = MODELS["made"]().astype(np.float64)
    sgd = dict(optimizer=lambda player: sg.optim.SGD(player, lr=1.0), epochs=1, batch_size=batch_size, progress=False)
    start = model.flat_params.copy()
    sg.fit(model, BITS[:batch_size].astype(float), shards=4, **sgd)
    step = start - model.flat_params
    model.flat_params[...] = start
    model.mask = 0
    sg.fit(model, BITS[:batch_size].astype(float), **sgd)
    assert np.allclose(step, start - model.flat_params, atol=1e-12) and np.abs(step).max() > 1e-3


def test_running_statistics_are_the_mean_of_what_the_shards_saw():
    cut, before = MODELS["gan"](), MODELS["gan"]()
    sg.fit(cut, BITS, shards=2, epochs=1, batch_size=72, progress=False)
    norm = next(layer for layer in cut.generator.layers if isinstance(layer, sg.layers.BatchNorm))
    stream, means = copy.copy(cut.stream), []
    for shard in range(2):  # the generator's turn is the second; the first layer's statistics are those of z W + b, before its update
        stream.block = (1 * 2 + shard) * BLOCKS
        z = stream.normal((36, 3))
        means.append((z @ before.generator.layers[0].params["W"]).mean(axis=0))
    assert np.allclose(norm.buffers["mean"], 0.1 * np.mean(means, axis=0), atol=1e-6)


@pytest.mark.parametrize("shards, size", [(3, 1), (6, 2), (4, 3), (2, 4), (0, 1), (512, 1)])
def test_shards_that_cannot_be_shared_are_refused(shards, size):
    with pytest.raises(ValueError, match="shards"):
        check_shards(shards, size, MODELS["made"](), smallest=10_000)


def test_no_shard_may_lack_examples():
    with pytest.raises(ValueError, match="only 8 examples"):
        trained("gan", shards=8, batch_size=32)


def test_another_number_of_shards_is_another_run(tmp_path):
    trained("vae", shards=4, epochs=1, out=tmp_path)
    with pytest.raises(ValueError, match="shards was 4, now it is 8"):
        trained("vae", shards=8, out=tmp_path, resume=True)


@pytest.mark.parametrize("name", ["gan", "simultaneous"])
def test_a_run_in_shards_is_resumed_to_the_same_bits(name, tmp_path):
    whole, _ = trained(name, shards=4)
    trained(name, shards=4, epochs=2, out=tmp_path)
    resumed, _ = trained(name, shards=4, out=tmp_path, resume=True)
    assert checksums(whole) == checksums(resumed)


def test_one_process_needs_no_messages():
    alone = Alone()
    assert (alone.rank, alone.size, alone.any(True), alone.same(lambda: 3), alone.summed([1, 2])) == (0, 1, True, 3, [1, 2])


@pytest.mark.parametrize("rank, visible, card", [(1, None, "1"), (1, "4,5,6", "5"), (5, "4,5,6", "6"), (0, "GPU-a", "GPU-a")])
def test_each_process_has_a_card(rank, visible, card):
    assert card_of(rank, visible) == card


# Processes

SCRIPT = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_shards import MODELS, checksums, trained
from scratchgen.train.ranks import ranks
name, options, out = sys.argv[1], eval(sys.argv[2]), sys.argv[3]
model, _ = trained(name, **options)
with open(out + "/" + str(ranks().rank), "w") as file:
    file.write(str(checksums(model)))
"""


@pytest.fixture
def started(tmp_path_factory):
    """started(n, name, …) -> mpiexec with n processes that train that model."""
    processes = []

    def start(n, name, **options):
        environment = os.environ | {"NUMBA_NUM_THREADS": "1", "PYTHONPATH": str(Path(sg.__file__).parents[1])}
        folder = tmp_path_factory.mktemp("bits")
        command = [MPIEXEC, "-n", str(n), sys.executable, "-c", SCRIPT, name, repr(options), str(folder)]
        processes.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        processes[-1].folder = folder
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def bits(process):
    """What every rank says of its parameters, by rank."""
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return [(process.folder / name).read_text() for name in sorted(os.listdir(process.folder))]


@needs_mpi
@pytest.mark.parametrize("name", MODELS)
def test_the_same_bits_on_any_number_of_processes(started, name):
    alone = str(checksums(trained(name, shards=4)[0]))
    assert bits(started(2, name, shards=4)) == [alone] * 2


@needs_mpi
@pytest.mark.parametrize("n", [4, pytest.param(8, marks=pytest.mark.slow)])
def test_eight_shards(started, n):
    alone = str(checksums(trained("gan", shards=8)[0]))
    assert bits(started(n, "gan", shards=8)) == [alone] * n


@needs_mpi
def test_killed_and_resumed_with_another_number_of_processes(started, tmp_path):
    options = dict(shards=4, epochs=1000)
    process = started(2, "vae", **options, out=str(tmp_path))
    wait_for(tmp_path / "checkpoint.npz", process)
    subprocess.run(["pkill", "-9", "-n", "-f", str(tmp_path)], check=True)  # one of them; mpiexec ends the other
    process.communicate(timeout=60)
    assert process.returncode != 0
    resumed, rows = trained("vae", **options, out=tmp_path, resume=True)
    assert checksums(resumed) == checksums(trained("vae", **options)[0]) and len(rows["epoch"]) == 1000


@needs_mpi
def test_one_that_fails_ends_all(started, tmp_path):
    (tmp_path / "run").write_text("a file where the folder would be")
    process = started(2, "vae", shards=2, out=str(tmp_path / "run"))
    output, _ = process.communicate(timeout=100)
    assert process.returncode != 0 and "process 1 of 2 ends the run: the run folder" in output


@needs_mpi
def test_several_processes_need_shards(started):
    process = started(2, "vae")
    output, _ = process.communicate(timeout=100)
    assert process.returncode != 0 and "started as 2 processes, but shards is None" in output


@needs_mpi
def test_ctrl_c_stops_all_after_the_same_step(started, tmp_path):
    process = started(2, "vae", shards=2, epochs=100_000, out=str(tmp_path))
    wait_for(tmp_path / "checkpoint.npz", process)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    steps = re.findall(r"KeyboardInterrupt: stopped after step (\d+)", output)
    assert steps and len(set(steps)) == 1, output
    with np.load(tmp_path / "checkpoint.npz") as checkpoint:
        assert json.loads(str(checkpoint["about"]))["run"]["step"] == int(steps[0])


def wait_for(path, process):
    """Until the file is there."""
    deadline = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.05)
