"""The measurements on a GPU, on tiny sizes in the simulator: that they run, what they write, and that who is absent is named. Never how fast."""

import json
import subprocess
import sys

import pytest

from scratchgen.bench import card, card_report, timing
from scratchgen.bench.steps import Workload
from scratchgen.cli import main
from scratchgen.ops.cuda import driver

pytestmark = pytest.mark.cuda
TINY = card.Effort(
    quick=True, rounds=1, budget=1e-3, shapes=((3, 4, 5),), dtypes=("float32",), ladder=5, torch=card.STEPS[:1],
    workloads=(Workload("vae", "a small VAE", "vae", 4, 2, (3,), 2), Workload("gan", "a small GAN", "gan", 2, 2, (3,), 2, "identity")),
)  # fmt: skip


@pytest.fixture(scope="module")
def measured():
    """Results, and what was printed."""
    said = {}
    found = card.measure(None, TINY, say=lambda part, found: said.update({part: card_report.describe(part, found)}))
    return found, said


def test_results_are_json_and_complete(measured):
    found, _ = measured
    assert set(found) == {"backend", "quick", "machine", "ceilings", "absent", "products", "steps", "ladder"}
    assert len(json.dumps(found, allow_nan=False)) > 1000
    assert found["ceilings"]["float32"]["all cores"]["registers"] > 0 and all(rate > 0 for _, rate in found["ceilings"]["bandwidth"])
    assert len(found["products"]) == 3 and all(row["gflops"]["scratchgen"] > 0 for row in found["products"])
    assert [(row["name"], row["launches"]["written"] > 10) for row in found["steps"]["workloads"]] == [("vae", True), ("gan", True)]
    assert [step["step"] for step in found["ladder"]["steps"]] == ["number_per_thread", "shared_tiles", "register_tiles"]


def test_tables_name_who_is_absent(measured):
    found, said = measured
    assert set(said) == {"machine", "products", "steps", "ladder"}
    for library, name in (("torch", "PyTorch"), ("cupy", "CuPy")):
        assert (f"{name} takes no part: {found['absent'].get(library)}" in said["machine"]) == (library in found["absent"])
    assert "matmul_tn" in said["products"] and "a small VAE" in said["steps"] and "of this roofline" in said["steps"]
    assert ("no graph could be made" in said["steps"]) == driver.SIMULATED
    assert "3. register_tiles: A thread computes" in said["ladder"]
    assert max(len(line) for text in said.values() for line in text.splitlines()) < 170


def test_tables_with_rivals(measured):
    """What a machine with CuPy and PyTorch prints, from invented figures."""
    found = json.loads(json.dumps(measured[0]))
    for row in found["products"]:
        row["gflops"] |= {card.CUBLAS: 2.0, card.TRUE_FLOAT32: 2.0, card.TF32: 9.0}
        row["ratio"] = 0.75
    for row in found["steps"]["workloads"]:
        row["launches"] = {"written": 29, "graph": 26, "recorded": 4}
        row["milliseconds"]["PyTorch, CUDA graph"], row["ratio"]["PyTorch, CUDA graph"] = 1.0, 1.5
    found["machine"]["card"] |= {"name": "NVIDIA H100", "processors": 132, "memory": 80 * 2**30, "driver": "13.0"}
    found["absent"] = {}
    assert "TF32 off" in card_report.products(found) and "geometric mean 0.75× CuPy" in card_report.products(found)
    assert "1.50×" in card_report.steps(found) and "recorded, a graph of 26, and 4 beside it" in card_report.steps(found)
    assert "132 multiprocessors, 80 GiB" in card_report.machine(found) and "no part" not in card_report.machine(found)


def test_the_workloads_are_those_of_the_cpu_at_two_batch_sizes():
    titles = [work.title for work in card.WORKLOADS]
    assert titles[0] == "VAE 784-500-20-500-784, batch 100" and titles[3] == "VAE 784-500-20-500-784, batch 8192"
    assert len({work.name for work in card.WORKLOADS}) == len(card.WORKLOADS) == 6 and card.WORKLOADS[3].batch == 8192


def test_a_device_is_timed_by_its_own_events():
    events, seconds = [], 3.0

    def record():
        events.append(len(events))
        return events[-1]

    f = timing.timed(lambda: None, timing.EventClock(record, lambda start, stop: seconds * (stop - start)))
    assert timing.seconds_per_call(f, budget=1e-3) == seconds
    assert len(events) >= 4


@pytest.mark.skipif(not driver.SIMULATED, reason="there is a GPU")
def test_without_a_gpu_one_sentence(monkeypatch):
    done = subprocess.run(
        [sys.executable, "-m", "scratchgen", "bench", "--backend", "cuda"],
        env={name: value for name, value in __import__("os").environ.items() if name != "NUMBA_ENABLE_CUDASIM"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("scratchgen: backend 'cuda' needs") and done.stderr.count("\n") == 1


def test_the_command_writes_json(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(card, "QUICK", TINY)
    assert main(["bench", "--backend", "cuda", "--quick", "--only", "products", "--out", str(tmp_path / "gpu.json")]) == 0
    assert json.loads((tmp_path / "gpu.json").read_text())["products"]
    assert (tmp_path / "gpu.png").exists() and capsys.readouterr().out.count("written") == 2
