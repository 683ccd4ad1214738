"""What a run costs before it runs: importing, compiling at the first step, and the memory that training takes at most.

Each figure is taken in a fresh process.
"""

import os
import subprocess
import sys
import tempfile
import time
from statistics import median

import numpy as np

import scratchgen as sg
from scratchgen.bench.turns import Side

EXAMPLES = 60_000  # as many as MNIST has


def import_seconds(repeats):
    """Median seconds that `import scratchgen` takes."""
    script = "import time; start = time.perf_counter(); import scratchgen; scratchgen.VAE; print(time.perf_counter() - start)"
    return median(float(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout) for _ in range(repeats))


def first_step(cores):
    """Seconds from the making of a VAE 784-500-20-500-784 to the end of its first step, on so many cores (where the system lets a process choose)."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    from scratchgen.bench.steps import WORKLOADS, prepare

    start = time.perf_counter()
    prepare(**WORKLOADS[0]._asdict())()
    return time.perf_counter() - start


def training_megabytes(examples):
    """Most memory resident while a VAE trains for one epoch on so many examples of MNIST (on random pixels if it is not there) -> [MB, data]."""
    from scratchgen.data import mnist

    source = "mnist" if mnist.find() else "random pixels"
    x = sg.data.load("mnist").x[:examples] if mnist.find() else np.random.default_rng(0).random((examples, 784), dtype=np.float32)
    sg.fit(sg.VAE(784, rng=0), x, epochs=1, batch_size=100, seed=0)
    return [peak_megabytes(), f"{len(x)} examples of {source}"]


def peak_megabytes():
    """Most memory that this process ever had resident, in MB; None where the system does not tell."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024 / 1e6
    except OSError:
        pass
    try:
        import resource
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most * 1024 / 1e6


def measure(cores=2, examples=EXAMPLES, repeats=5):
    """{"import_seconds", "first_step_seconds": {"cold", "warm"}, "training_megabytes", …}."""
    found = {"import_seconds": import_seconds(repeats), "first_step_cores": cores, "first_step_seconds": {}}
    with tempfile.TemporaryDirectory() as empty:
        for caches in ("cold", "warm"):
            with Side(NUMBA_CACHE_DIR=empty) as fresh:
                found["first_step_seconds"][caches] = fresh.call("scratchgen.bench.start:first_step", cores=cores)
    with Side() as fresh:
        found["training_megabytes"], found["training_data"] = fresh.call("scratchgen.bench.start:training_megabytes", examples=examples)
    return found
