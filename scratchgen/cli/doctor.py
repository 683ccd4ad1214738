"""Say what this machine offers to scratchgen, and what is missing.

Exit status 1 if something is wrong that makes runs slow, fragile or impossible, with the cure beside it.
"""

import ctypes
import importlib.metadata
import importlib.util
import os
import platform
import sys
import tempfile
from pathlib import Path

import scratchgen as sg
from scratchgen.errors import environment_integer


def add_arguments(parser):
    """No options."""


def run(options):
    """Print a line for each check -> 1 if any is bad."""
    bad = 0
    for name, check in CHECKS.items():
        try:
            good, text = check()
        except Exception as error:  # a check that breaks is itself a finding, and the others still help
            good, text = False, str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
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
    limit = environment_integer("SCRATCHGEN_NUM_THREADS")
    from scratchgen.ops.numba.workers import config

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return True, f"{usable} usable of {os.cpu_count()}; numba uses {config.NUMBA_NUM_THREADS}{f', at most {limit} here' if limit else ''}"


def simd():
    """Vector instructions."""
    from scratchgen.ops.numba import target

    good = target.TARGET.name != "generic"
    advice = "" if good else "; the matrix product will be several times slower than on a machine with AVX2"
    return good, f"{target.TARGET.name} (this machine runs {', '.join(target.available())}){advice}"


def threads():
    """How many threads compute here."""
    from scratchgen.ops.numba import workers

    n = workers.n_threads()
    return True, f"{n} of its own" if n > 1 else "1: everything runs serially"


def backend():
    """The backend in force, after one product."""
    import numpy as np

    x = sg.ops.array(np.ones((2, 3), np.float32))
    right = bool((sg.ops.to_host(sg.ops.matmul_nt(x, x)) == 3).all())
    compiled = "compiled" if sg.ops.compiles() else "not compiled (NumPy definitions run)"
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
    """The GPU and what the cuda backend needs beside it, or what is missing. The absence of a GPU is not a fault."""
    if os.environ.get("NUMBA_ENABLE_CUDASIM", "0") == "1":
        return True, "simulated (NUMBA_ENABLE_CUDASIM=1)"
    installed = importlib.util.find_spec("numba_cuda") is not None
    if not has_driver():
        return True, f"no NVIDIA driver, {'though numba-cuda is installed' if installed else 'nor numba-cuda'}; not needed"
    if not installed:
        return True, "an NVIDIA driver is here, but not numba-cuda: `pip install -e '.[cuda]'` brings the cuda backend"
    from scratchgen.ops.cuda import driver

    why = driver.missing()
    if why:
        return False, why
    card = driver.about()
    return True, (
        f"{card['name']}, compute capability {card['capability']}, {card['processors']} multiprocessors, {card['memory'] / 2**30:.0f} GiB; "
        f"driver for CUDA {card['driver']}, numba-cuda {card['numba-cuda']}"
    )


def has_driver():
    """Whether the system has NVIDIA's driver library."""
    try:
        ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError:
        return False
    return True


def data():
    """Which data sets are there without a download."""
    from scratchgen.data import mnist

    found = mnist.find()
    where = f"mnist in {found}" if found else "mnist will be downloaded on first use (or set SCRATCHGEN_DATA to a folder that holds mnist/)"
    return True, f"glyphs built in; {where}"


CHECKS = {
    "python": python, "packages": packages, "cores": cores, "SIMD": simd, "threads": threads, "backend": backend,
    "caches": caches, "CUDA": cuda, "data": data,
}  # fmt: skip
