"""Climbing the ladder: the steps of ops/numba/ladder.py measured on this machine, beside BLAS and the peak."""

import importlib
from statistics import median

import numpy as np

import scratchgen as sg
from scratchgen.bench.timing import backend_clock, timed
from scratchgen.bench.turns import in_turn

ONE_CORE, ALL_CORES = "one core", "all cores"


def ladder(backend):
    """That backend's ladder, a module."""
    return importlib.import_module(f"scratchgen.ops.{backend}.ladder")


def prepare_step(step, size):
    """A function that multiplies two size × size matrices by one step of the ladder of the backend in force."""
    steps = ladder(sg.ops.get_backend())
    a, b = (sg.ops.array(x) for x in matrices(size))
    return timed(lambda: steps.multiply(getattr(steps, step), a, b), backend_clock())


def prepare_numpy(size):
    """The same with NumPy's BLAS."""
    a, b = matrices(size)
    return lambda: a @ b


def matrices(size):
    """Two random float32 matrices."""
    rng = np.random.default_rng(0)
    return rng.random((size, size), dtype=np.float32), rng.random((size, size), dtype=np.float32)


def rungs(backend):
    """[(name, reason in one line)] of the ladder's steps."""
    return [(step.__name__, " ".join(step.__doc__.split())) for step in ladder(backend).STEPS]


def measure(sides, size, ceilings, rounds, budget, progress=iter):
    """sides {(library, cores): Side} for both libraries and both numbers of cores -> {"size", "steps": [dict], "blas", "peak": {cores: GFLOP/s}}."""
    work = 2e-9 * size**3
    steps = []
    for name, reason in progress(rungs("numba")):
        cores = ALL_CORES if name == "threads" else ONE_CORE
        side = sides["scratchgen", cores]
        side.prepare("scratchgen.bench.climb:prepare_step", step=name, size=size)
        steps.append({"step": name, "reason": reason, "cores": cores, "gflops": work / median(in_turn({name: side}, rounds, budget)[name])})
    blas = {}
    for cores in (ONE_CORE, ALL_CORES):
        side = sides["numpy", cores]
        side.prepare("scratchgen.bench.climb:prepare_numpy", size=size)
        blas[cores] = work / median(in_turn({cores: side}, rounds, budget)[cores])
    return {"size": size, "steps": steps, "blas": blas, "peak": {cores: max(ceilings["float32"][cores].values()) for cores in (ONE_CORE, ALL_CORES)}}
