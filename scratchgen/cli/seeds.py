"""One command for many seeds, several at a time: in processes of this machine, or, under `mpiexec -n N`, in those that it started.

`mpiexec -n N` gives N − 1 that work, and one that hands out the seeds.
"""

import contextlib
import io
import json
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from scratchgen.atomic import atomic_file
from scratchgen.errors import integer
from scratchgen.metrics import Estimate
from scratchgen.reproduce.report import error_of_mean, written
from scratchgen.train.ranks import STARTED, on_its_own

MOST = 1000


def parsed(text):
    """The seeds in "0-9", "3" or "0-4,7,11" -> a list without repetition. ValueError for anything else."""
    seeds = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not (first.isascii() and first.isdigit() and (not dash or (last.isascii() and last.isdigit()))):
            raise ValueError(f"--seeds is {text!r}; wanted are whole numbers, such as 0-9 or 0,3,5")
        if int(last or first) - int(first) >= MOST:
            raise ValueError(f"--seeds is {text!r}; at most {MOST} can be asked for")
        seeds += range(int(first), int(last or first) + 1)
    if not seeds or len(set(seeds)) > MOST:
        raise ValueError(f"--seeds is {text!r}; wanted are seeds, from 1 to {MOST} of them")
    return list(dict.fromkeys(seeds))


@contextlib.contextmanager
def workers(jobs):
    """A function that maps, as `map` does, but over `jobs` processes; None in a process that only works for another."""
    jobs = integer("--jobs", jobs, 1)
    if any(variable in os.environ for variable in STARTED):
        from mpi4py import MPI
        from mpi4py.futures import MPICommExecutor

        with MPICommExecutor(MPI.COMM_WORLD, root=0) as executor:
            yield executor and executor.map
    elif jobs == 1:
        yield map
    else:
        with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as executor:
            yield executor.map


def train_all(model, arguments, seeds, jobs, out):
    """Train and evaluate with each seed, in OUT/seed-N; print a line each, then means and standard errors, kept in OUT/seeds.json.

    arguments: those of `scratchgen train MODEL`, without --seed and --out. A sweep that was stopped goes on.
    """
    tasks = [(model, arguments, seed, str(Path(out) / f"seed-{seed}"), jobs) for seed in seeds]
    with workers(jobs) as mapped:
        if mapped is None:
            return
        print(f"{model}, seeds {', '.join(map(str, seeds))}, in {out}", flush=True)
        found = {}
        for (_, _, seed, _, _), (status, numbers, words, seconds) in zip(tasks, mapped(train_one, tasks), strict=True):
            if status:
                raise RuntimeError(f"seed {seed} ended with status {status}: {words}")
            found[seed] = numbers
            print(f"seed {seed:<4} {seconds:6.0f} s   {'   '.join(f'{key} {value:.4g}' for key, value in numbers.items())}", flush=True)
    over = {key: [numbers[key] for numbers in found.values() if key in numbers] for key in dict.fromkeys(k for each in found.values() for k in each)}
    table = {key: Estimate(sum(values) / len(values), error_of_mean(values)) for key, values in over.items()}
    width = max(map(len, table), default=0)
    print(f"\nmeans and standard errors over {len(found)} seeds", *(f"{key:{width}}  {written(each)}" for key, each in table.items()), sep="\n")
    with atomic_file(Path(out) / "seeds.json") as file:
        report = {"model": model, "arguments": arguments, "each": found, "mean": {key: each.mean for key, each in table.items()}}
        file.write(json.dumps(report | {"standard_error": {key: each.standard_error for key, each in table.items()}}, indent=2).encode() + b"\n")


def train_one(task):
    """Train with one seed, and evaluate -> exit status, {number's name: number}, what was said if it failed, seconds."""
    import numba  # here, because it takes time

    from scratchgen.cli import evaluate, main, parser  # which import this file

    model, arguments, seed, folder, jobs = task
    on_its_own()
    before, began = numba.get_num_threads(), time.monotonic()
    numba.set_num_threads(max(1, before // jobs))
    again = ["--resume"] if (Path(folder) / "config.json").exists() else []
    said, numbers = io.StringIO(), {}
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            status = main(["train", model, *arguments, "--seed", str(seed), "--out", folder, *again])
            if not status:
                numbers = numbers_in(evaluate.measured(parser().parse_args(["evaluate", folder])))
    finally:
        numba.set_num_threads(before)
    words = said.getvalue().strip().splitlines()[-1:] or [""]
    return status, numbers, words[0], time.monotonic() - began


def numbers_in(result):
    """The numbers of an evaluation, {name: number}: of an Estimate its mean."""
    result = {key: value.mean if isinstance(value, Estimate) else value for key, value in result.items()}
    return {key: value for key, value in result.items() if isinstance(value, (int, float)) and key != "examples" and not key.startswith("of_")}
