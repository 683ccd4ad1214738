"""The measurements of `scratchgen bench --backend cuda`: products, training steps and the ladder on a GPU, each side in a process of its own.

    products   ours against cuBLAS, through CuPy and PyTorch, in true float32; TF32, which rounds operands to 11 bits for the tensor cores, beside it
    steps      ours against PyTorch: eager, torch.compile, and captured as a CUDA graph; the same work on every side (torch_steps.py)
    ladder     the steps of ops/cuda/ladder.py

Times are the device's own (timing.py). A library that is not installed, or sees no GPU, is left out, and that is said.
"""

import contextlib
import importlib.metadata
import importlib.util
import platform
from statistics import median
from typing import NamedTuple

import numpy as np

import scratchgen as sg
from scratchgen.bench import climb, products, steps
from scratchgen.bench.steps import Entrant
from scratchgen.bench.turns import Side, in_turn
from scratchgen.errors import unknown_name

SHAPES = (
    (4096, 4096, 4096), (2048, 2048, 2048), (1024, 1024, 1024), (8192, 784, 512), (8192, 784, 500), (8192, 500, 784), (784, 8192, 500),
    (8192, 1200, 1200), (1200, 8192, 1200), (100, 784, 500), (100, 500, 784), (784, 100, 500), (100, 20, 500), (100, 1200, 1200),
    (1200, 100, 1200), (256, 128, 128),
)  # fmt: skip


def with_batch(work, batch):
    """The workload at that batch size."""
    return work._replace(name=f"{work.name}-{batch}", title=f"{work.title.rpartition(' ')[0]} {batch}", batch=batch)


WORKLOADS = tuple(with_batch(work, work.batch) for work in steps.WORKLOADS) + tuple(with_batch(work, 8192) for work in steps.WORKLOADS)
STEPS = (  # what PyTorch is compared as: name, arguments of torch_steps.prepare, models
    ("PyTorch, eager", {}, ("vae", "gan")),
    ("torch.compile", {"compiled": True}, ("vae", "gan")),
    ("PyTorch, CUDA graph", {"graph": True}, ("vae", "gan")),
    ("PyTorch, hand-tuned, CUDA graph", {"graph": True, "hand_tuned": True}, ("gan",)),
)
LIBRARIES = {"torch": "scratchgen.bench.torch_steps", "cupy": "scratchgen.bench.cupy_products"}
CUBLAS, TRUE_FLOAT32, TF32 = "CuPy", "PyTorch, float32", "PyTorch, TF32"


class Effort(NamedTuple):
    """How thoroughly to measure: rounds of turns, seconds for each turn, and of what."""

    quick: bool
    rounds: int
    budget: float
    shapes: tuple
    dtypes: tuple
    workloads: tuple
    ladder: int  # size of the ladder's matrices
    torch: tuple


FULL = Effort(False, 7, 0.2, SHAPES, ("float32", "float64"), WORKLOADS, 4096, STEPS)
# torch.compile takes minutes
QUICK = Effort(True, 3, 0.05, (SHAPES[0], SHAPES[3], SHAPES[9]), ("float32",), WORKLOADS[:2], 1024, (STEPS[0], STEPS[2]))


def measure(parts=None, effort=FULL, progress=iter, say=lambda part, found: None):
    """Measure these parts (all of PARTS by default) -> {"backend", "quick", "machine", "ceilings", part: results}; say(part, all so far) after each.

    Raises ValueError for an unknown part, RuntimeError where the cuda backend cannot run.
    """
    parts = list(PARTS if parts is None else parts)
    for part in parts:
        if part not in PARTS:
            raise unknown_name("part", part, PARTS)
    with sg.use_backend("cuda"):
        pass  # raises if there is no GPU, before any process is started
    found = {"backend": "cuda", "quick": effort.quick}
    with ours() as side:
        found["machine"] = side.call("scratchgen.bench.card:machine")
        found["ceilings"] = side.call("scratchgen.bench.card_probes:ceilings", quick=effort.quick)
    found["absent"] = {library: why for library in LIBRARIES if (why := absent(library))}
    say("machine", found)
    for part in parts:
        found[part] = PARTS[part](effort, found, progress)
        say(part, found)
    return found


def machine():
    """The card, and the versions of what runs on it."""
    from scratchgen.ops.cuda import driver

    names = ("numpy", "numba", "numba-cuda", "torch", "cupy-cuda12x", "cupy-cuda13x")
    versions = {}
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return {"card": driver.about(), "system": platform.platform(), "python": platform.python_version(), "versions": versions}


def ours():
    """A process that runs scratchgen on the GPU."""
    return Side(SCRATCHGEN_BACKEND="cuda")


def absent(library):
    """Why that library takes no part; None if it does."""
    if not importlib.util.find_spec(library):
        return "not installed"
    try:
        with Side() as side:
            return None if side.call(f"{LIBRARIES[library]}:has_gpu") else "sees no GPU"
    except RuntimeError as error:
        return f"does not start: {error}"


def measure_products(effort, found, progress):
    """Products by ours and by cuBLAS."""
    rivals = []
    if "cupy" not in found["absent"]:
        rivals.append((CUBLAS, "scratchgen.bench.cupy_products:prepare", {}))
    if "torch" not in found["absent"]:
        rivals += [(name, "scratchgen.bench.torch_steps:prepare_product", {"tf32": name == TF32}) for name in (TRUE_FLOAT32, TF32)]
    with contextlib.ExitStack() as stack:
        entrants = {"scratchgen": Entrant(stack.enter_context(ours()), "scratchgen.bench.products:prepare")}
        for name, function, given in rivals:
            entrants[name] = Entrant(stack.enter_context(Side()), function, given)
        true = next((name for name, _, _ in rivals if name != TF32), None)
        rows = products.measure(entrants, effort.shapes, effort.dtypes, effort.rounds, effort.budget, progress, rival=true)
        for row in rows:
            row["plan"] = entrants["scratchgen"].side.call("scratchgen.bench.card:plan", **{name: row[name] for name in ("m", "k", "n", "dtype")})
    return rows


def plan(m, k, n, dtype):
    """How matmul.py cuts that product: "rows × columns of a tile, parts of k"."""
    from scratchgen.ops.cuda import matmul

    tile, parts, _ = matmul.plan(m, n, k, np.dtype(dtype))
    return "{}×{}, {}".format(*tile.shape(dtype), parts)


def measure_steps(effort, found, progress):
    """Training steps by ours, recorded and as written, and by PyTorch."""
    with contextlib.ExitStack() as stack:
        entrants = {"scratchgen": Entrant(stack.enter_context(ours()))}
        entrants["scratchgen, as written"] = Entrant(stack.enter_context(ours()), given={"replay": False})
        for name, given, models in () if "torch" in found["absent"] else effort.torch:
            entrants[name] = Entrant(stack.enter_context(Side()), "scratchgen.bench.torch_steps:prepare", given | {"device": "cuda"}, models)
        rows = steps.measure(entrants, effort.workloads, found["ceilings"], effort.rounds, 2 * effort.budget, progress)
    with ours() as side:
        for row, work in zip(rows, effort.workloads, strict=True):
            row["launches"] = side.call("scratchgen.bench.card:launches", **work._asdict())
    return {"workloads": rows}


def launches(**workload):
    """Kernels of a training step -> {"written": that the host launches in a step as written, "graph": in the graph of the recorded step, 0 where none
    could be made, "recorded": that the host launches in a recorded step, besides the graph}."""
    from scratchgen.ops.cuda import driver, launch

    step, calls = steps.prepare(**workload), []
    launch.watch = lambda *launched: calls[-1].append(driver.recording)
    for _ in range(5):  # two as written, the third is watched, too, the fourth makes the graph, the fifth launches it
        calls.append([])
        step()
    launch.watch = None
    return {"written": len(calls[1]), "graph": sum(map(sum, calls)), "recorded": len(calls[-1])}


def measure_ladder(effort, found, progress):
    """The ladder's steps -> {"size", "steps": [{"step", "reason", "gflops"}]}."""
    rows = []
    with ours() as side:
        for name, reason in progress(climb.rungs("cuda")):
            side.prepare("scratchgen.bench.climb:prepare_step", step=name, size=effort.ladder)
            seconds = median(in_turn({"": side}, 3, effort.budget)[""])
            rows.append({"step": name, "reason": reason, "gflops": 2e-9 * effort.ladder**3 / seconds})
    return {"size": effort.ladder, "steps": rows}


PARTS = {"products": measure_products, "steps": measure_steps, "ladder": measure_ladder}
