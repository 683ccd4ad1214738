"""The commands on tiny sizes: that they run, and what they write. Never how fast anything is."""

import importlib.util
import json

import pytest

from scratchgen.bench import operations, products, report, roofline, start, suite
from scratchgen.bench.steps import Workload
from scratchgen.cli import main
from scratchgen.cli.bench import write
from scratchgen.ops import use_backend
from scratchgen.ops.numba import ladder

TINY = suite.Effort(
    quick=True, rounds=1, budget=1e-3, shapes=((3, 4, 5),), dtypes=("float32",), operations=("tanh", "fill"), ladder=16, examples=200,
    torch=suite.TORCH[1:2],
    workloads=(Workload("vae", "a small VAE", "vae", 6, 2, (5,), 4), Workload("gan", "a small GAN", "gan", 2, 2, (4,), 4, "identity")),
)  # fmt: skip


@pytest.fixture(scope="module")
def measured():
    """Results and what was printed, of everything but `start`, which compiles afresh."""
    said, parts = {}, [part for part in suite.PARTS if part != "start"]
    found = suite.measure(parts, TINY, threads=2, say=lambda part, found: said.update({part: report.describe(part, found)}))
    return found, said


def test_results_are_json_and_complete(measured):
    found, _ = measured
    assert set(found) == {"quick", "threads", "machine", "ceilings", "products", "ops", "steps", "busy", "ladder"}
    assert len(json.dumps(found, allow_nan=False)) > 1000
    assert {"float32", "float64", "bandwidth", "cores"} == set(found["ceilings"]) and found["ceilings"]["cores"] <= 2
    for dtype in ("float32", "float64"):
        for probes in found["ceilings"][dtype].values():
            assert set(probes) == {"registers", "tile"} and min(probes.values()) > 0
    assert [(row["product"], row["m"], row["k"], row["n"]) for row in found["products"]] == [(p, 3, 4, 5) for p in products.PRODUCTS]
    assert all(set(row["gflops"]) == {"scratchgen", "numpy", "scratchgen, one core"} and row["ratio"] > 0 for row in found["products"])
    assert [row["operation"] for row in found["ops"]] == ["tanh", "fill"]
    for row in found["steps"]["workloads"]:
        others = set(row["milliseconds"]) - {"scratchgen"}
        assert "numpy" in others and set(row["ratio"]) == others and row["roofline_fraction"] > 0
        assert ("PyTorch, fused Adam" in others) == bool(importlib.util.find_spec("torch"))
        assert row["name"] in found["steps"]["profiles"]
    assert [step["step"] for step in found["ladder"]["steps"]] == [step.__name__ for step in ladder.STEPS]


def test_tables(measured):
    found, said = measured
    assert set(said) == {"machine", "products", "ops", "steps", "busy", "ladder"}
    assert "geometric mean" in said["products"] and "matmul_tn" in said["products"] and "3×4×5" in said["products"]
    assert "a small VAE" in said["steps"] and "of this roofline" in said["steps"] and "adam_step" in said["steps"]
    assert ("pip install" in said["steps"]) == (not importlib.util.find_spec("torch"))
    assert "6. threads: Every core" in said["ladder"] and "NumPy's BLAS" in said["ladder"]
    assert max(len(line) for text in said.values() for line in text.splitlines()) < 170


def test_without_torch_its_columns_are_left_out_and_the_cure_is_named(measured, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert 'pip install -e ".[bench]"' in report.describe("steps", measured[0])


def test_pictures(measured, tmp_path):
    found, _ = measured
    assert [path.name for path in write(found, tmp_path / "f.json")] == ["f.json", "f.png", "f-ladder.png"]
    assert json.loads((tmp_path / "f.json").read_text())["products"] == found["products"]
    assert all((tmp_path / name).stat().st_size > 10_000 for name in ("f.png", "f-ladder.png"))
    figure = roofline.roofline({key: found[key] for key in ("machine", "ceilings", "steps")})  # without products
    assert {"vae", "gan"} <= {text.get_text() for text in figure.axes[0].texts}


def test_every_operation_runs():
    assert len(operations.NAMES) > 50 and not set(operations.NAMES) & set(products.PRODUCTS)
    with use_backend("numpy"):
        for name in operations.NAMES:
            operations.prepare(name, scale=0.02)()


def test_start_measures_something(monkeypatch):
    assert start.import_seconds(1) > 0
    megabytes = start.peak_megabytes()
    assert megabytes is None or 20 < megabytes < 20_000


@pytest.mark.slow
def test_start():
    found = start.measure(examples=200, repeats=1)
    assert found["first_step_seconds"]["cold"] > found["first_step_seconds"]["warm"] > 0
    assert "200 examples" in found["training_data"] and found["training_megabytes"] > 20


def test_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(suite, "QUICK", TINY)
    assert main(["bench", "--quick", "--only", "products", "--threads", "1", "--out", "new/b.json"]) == 0
    printed = capsys.readouterr().out
    assert "Matrix products" in printed and "written: new/b.png" in printed
    assert set(json.loads((tmp_path / "new" / "b.json").read_text())) == {"quick", "threads", "machine", "ceilings", "products"}


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--out", "b.txt"], "--out is b.txt; its ending must be .json"),
        (["--threads", "0"], "threads is 0; it must be at least 1"),
        (["--backend", "cuda", "--threads", "2"], "--threads limits the CPU"),
    ],
)
def test_wrong_options(arguments, message, capsys):
    assert main(["bench", *arguments]) == 2
    assert message in capsys.readouterr().err
    with pytest.raises(ValueError, match="unknown part 'product'; did you mean 'products'"):
        suite.measure(["product"])
