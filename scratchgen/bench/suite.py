"""All measurements, in the order in which `scratchgen bench` takes them, each with the processes that it needs."""

import contextlib
import importlib.metadata
import importlib.util
import os
import platform
from typing import NamedTuple

from scratchgen.bench import busy, climb, operations, products, start, steps
from scratchgen.bench.climb import ALL_CORES, ONE_CORE
from scratchgen.bench.steps import Entrant
from scratchgen.bench.turns import Side
from scratchgen.errors import integer, unknown_name

TORCH = (  # what PyTorch is compared as: name, arguments of torch_steps.prepare, models
    ("PyTorch, default Adam", {"fused": False}, ("vae", "gan")),
    ("PyTorch, fused Adam", {}, ("vae", "gan")),
    ("PyTorch, hand-tuned", {"hand_tuned": True}, ("gan",)),
    ("torch.compile", {"compiled": True}, ("vae", "gan")),
)


class Effort(NamedTuple):
    """How thoroughly to measure: rounds of turns, seconds for each turn, and of what."""

    quick: bool
    rounds: int
    budget: float
    shapes: tuple
    dtypes: tuple
    workloads: tuple
    operations: tuple
    ladder: int  # size of the ladder's matrices
    examples: int  # to train on while memory is watched
    torch: tuple


FULL = Effort(False, 9, 0.05, products.SHAPES, ("float32", "float64"), steps.WORKLOADS, operations.NAMES, 1024, start.EXAMPLES, TORCH)
# torch.compile takes a minute
QUICK = Effort(True, 3, 0.02, products.QUICK, ("float32",), steps.WORKLOADS, operations.NAMES, 256, 5000, TORCH[:-1])


def measure(parts=None, effort=FULL, threads=None, progress=iter, say=lambda part, found: None):
    """Measure these parts (all of PARTS by default) -> {"machine", "ceilings", part: results}; say(part, all results so far) is called after each.

    threads: at most so many on every side (None: as many as each likes); progress: wraps what is iterated over, as tqdm does.
    Raises ValueError for an unknown part or for a number of threads below 1.
    """
    parts = list(PARTS if parts is None else parts)
    for part in parts:
        if part not in PARTS:
            raise unknown_name("part", part, PARTS)
    if threads is not None:
        integer("threads", threads, 1)
    found = {"quick": effort.quick, "threads": threads}
    with ours(threads) as side:
        found["machine"] = side.call("scratchgen.bench.suite:machine")
        found["ceilings"] = side.call("scratchgen.bench.probes:ceilings", quick=effort.quick)
    say("machine", found)
    for part in parts:
        found[part] = PARTS[part](effort, threads, found["ceilings"], progress)
        say(part, found)
    return found


def machine():
    """What is measured here, and with which versions."""
    import numba

    from scratchgen.ops.numba import target

    cpu = platform.processor() or platform.machine()
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as lines:
        cpu = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), cpu)
    names = ("numpy", "numba", "torch")
    versions = {name: importlib.metadata.version(name) for name in names if importlib.util.find_spec(name)}
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "cpu": cpu, "system": platform.platform(), "python": platform.python_version(), "versions": versions,
        "target": target.TARGET.name, "numba_threads": numba.config.NUMBA_NUM_THREADS, "load_before": load,
    }  # fmt: skip


def ours(threads):
    """A process that runs scratchgen's operations compiled."""
    return Side(threads, SCRATCHGEN_BACKEND="numba")


def numpys(threads):
    """A process that runs scratchgen's NumPy definitions."""
    return Side(threads, SCRATCHGEN_BACKEND="numpy")


def measure_products(effort, threads, ceilings, progress):
    """Products by ours and by NumPy; ours on one core as well, to compare with one core's peak."""
    with ours(threads) as a, numpys(threads) as b, ours(1) as c:
        sides = {"scratchgen": a, "numpy": b, "scratchgen, one core": c}
        entrants = {name: Entrant(side, "scratchgen.bench.products:prepare") for name, side in sides.items()}
        return products.measure(entrants, effort.shapes, effort.dtypes, effort.rounds, effort.budget, progress, rival="numpy")


def measure_operations(effort, threads, ceilings, progress):
    """Every operation by ours and by NumPy."""
    with ours(threads) as a, numpys(threads) as b:
        return operations.measure({"scratchgen": a, "numpy": b}, effort.operations, effort.rounds, effort.budget, progress)


def measure_steps(effort, threads, ceilings, progress):
    """Training steps by ours, on fewer cores too, by NumPy and by PyTorch if it is there; and profiles of ours."""
    with contextlib.ExitStack() as stack:
        entrants = {"scratchgen": Entrant(stack.enter_context(ours(threads)))}
        for n in range(1, ceilings["cores"]):
            entrants[f"scratchgen, {n} of {ceilings['cores']} threads"] = Entrant(stack.enter_context(ours(n)))
        entrants["scratchgen, as written"] = Entrant(stack.enter_context(ours(threads)), given={"replay": False})
        entrants["numpy"] = Entrant(stack.enter_context(numpys(threads)))
        for name, given, models in effort.torch if importlib.util.find_spec("torch") else ():
            entrants[name] = Entrant(stack.enter_context(Side(threads)), "scratchgen.bench.torch_steps:prepare", given, models)
        rows = steps.measure(entrants, effort.workloads, ceilings, effort.rounds, 4 * effort.budget, progress)
    n_steps = 10 if effort.quick else 100
    with ours(threads) as side:
        profiles = {work.name: side.call("scratchgen.bench.profile:profile", steps=n_steps, **work._asdict()) for work in effort.workloads}
    return {"workloads": rows, "profiles": profiles}


def measure_start(effort, threads, ceilings, progress):
    """Import, first step, memory."""
    return start.measure(examples=effort.examples, repeats=effort.rounds)


def measure_ladder(effort, threads, ceilings, progress):
    """The ladder, BLAS and the peak."""
    with ours(1) as a, ours(threads) as b, numpys(1) as c, numpys(threads) as d:
        sides = {("scratchgen", ONE_CORE): a, ("scratchgen", ALL_CORES): b, ("numpy", ONE_CORE): c, ("numpy", ALL_CORES): d}
        return climb.measure(sides, effort.ladder, ceilings, 3, effort.budget, progress)  # the first step alone takes seconds


def measure_busy(effort, threads, ceilings, progress):
    """Training steps alone, and beside a busy program on every second core: ours recorded and as written, and PyTorch's."""
    with contextlib.ExitStack() as stack:
        entrants = {
            "scratchgen": Entrant(stack.enter_context(ours(threads))),
            "scratchgen, as written": Entrant(stack.enter_context(ours(threads)), given={"replay": False}),
        }
        if importlib.util.find_spec("torch"):
            entrants["PyTorch, fused Adam"] = Entrant(stack.enter_context(Side(threads)), "scratchgen.bench.torch_steps:prepare")
        return busy.measure(entrants, effort.workloads, ceilings["cores"], effort.rounds, 8 * effort.budget, progress)


PARTS = {
    "products": measure_products, "ops": measure_operations, "steps": measure_steps, "busy": measure_busy, "start": measure_start,
    "ladder": measure_ladder,
}  # fmt: skip
