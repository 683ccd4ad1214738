"""Say what this machine offers to scratchgen, and what is missing.

Exit status 1 if something is wrong that makes runs slow, fragile or impossible, with the cure beside it.
"""

import importlib.metadata
import os
import platform
import sys
import tempfile
from pathlib import Path

import scratchgen as sg


def add_arguments(parser):
    """No options."""


def run(options):
    """Print a line for each check -> 1 if any is bad."""
    bad = 0
    for name, check in CHECKS.items():
        try:
            good, text = check()
        except Exception as error:  # a check that breaks is itself a finding, and the others still help
            good, text = False, f"{type(error).__name__}: {error}"
        bad += not good
        print(f"{'ok ' if good else 'BAD'}  {name:18}{text}")
    return 1 if bad else 0


def python():
    """Versions of Python and scratchgen."""
    return sys.version_info >= (3, 10), f"{platform.python_version()} on {platform.platform()}; scratchgen {sg.__version__}"


def packages():
    """Versions of the packages that scratchgen needs."""
    names = ("numpy", "numba", "llvmlite", "matplotlib", "pillow", "pooch", "tqdm")
    return True, ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)


def cores():
    """Cores that this process may use, and threads that it will."""
    import numba

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    limit = os.environ.get("SCRATCHGEN_NUM_THREADS")
    return True, f"{usable} usable of {os.cpu_count()}; numba uses {numba.config.NUMBA_NUM_THREADS}{f', at most {limit} here' if limit else ''}"


def simd():
    """Vector instructions."""
    from scratchgen.ops.numba import target

    good = target.TARGET.name != "generic"
    advice = "" if good else "; the matrix product will be several times slower than on a machine with AVX2"
    return good, f"{target.TARGET.name} (this machine runs {', '.join(target.available())}){advice}"


def threading_layer():
    """Numba's threading layer, and whether it is a slow or fragile one."""
    import numba

    from scratchgen.ops.numba import threads

    threads.start()
    layer = numba.threading_layer()
    if layer == "workqueue":
        return False, "workqueue: slow to start and unsafe with several Python threads; install libgomp (Debian: libgomp1) or `pip install tbb`"
    return True, layer


def backend():
    """The backend in force, after one product."""
    import numpy as np

    x = np.ones((2, 3), np.float32)
    right = bool((sg.ops.matmul_nt(x, x) == 3).all())
    compiled = "compiled" if sg.ops.has_twin("matmul") else "not compiled (NumPy definitions run)"
    return right, f"{sg.get_backend()}, {compiled}{'' if right else '; but 1·1 + 1·1 + 1·1 came out wrong'}"


def caches():
    """Whether compiled code and data can be kept."""
    from scratchgen.data import cache
    from scratchgen.ops.numba import compile

    folders = {"compiled code": compile.cache_folder(), "data": cache.folder()}
    unwritable = [f"{what} ({folder})" for what, folder in folders.items() if folder is None or not writable(folder)]
    if unwritable:
        return False, f"cannot write {' and '.join(unwritable)}: each run starts slowly; set NUMBA_CACHE_DIR or XDG_CACHE_HOME to a writable folder"
    return True, "; ".join(f"{what} in {folder}" for what, folder in folders.items())


def writable(folder):
    """Whether a file can be made in that folder, or the folder itself."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def cuda():
    """Whether there is a GPU that Numba can use. Its absence is not a fault."""
    from numba import cuda

    if os.environ.get("NUMBA_ENABLE_CUDASIM", "0") == "1":
        return True, "simulated (NUMBA_ENABLE_CUDASIM=1)"
    if cuda.is_available():
        return True, f"{cuda.get_current_device().name.decode()}, but this version has no cuda backend"
    return True, f"none ({'no NVIDIA driver' if not Path('/proc/driver/nvidia').exists() else 'driver found, but numba cannot use it'}); not needed"


def data():
    """Which data sets are there without a download."""
    from scratchgen.data import mnist

    found = mnist.find()
    where = f"mnist in {found}" if found else "mnist will be downloaded on first use (or set SCRATCHGEN_DATA to a folder that holds mnist/)"
    return True, f"glyphs built in; {where}"


CHECKS = {
    "python": python, "packages": packages, "cores": cores, "SIMD": simd, "threading layer": threading_layer, "backend": backend,
    "caches": caches, "CUDA": cuda, "data": data,
}  # fmt: skip
