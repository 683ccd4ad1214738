"""One command for many seeds, several at a time: in processes of this machine, or, under `mpiexec -n N`, in those that it started.

`mpiexec -n N` gives N − 1 that work, and one that hands out the seeds.
"""

import argparse
import contextlib
import io
import json
import multiprocessing
import os
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from tqdm import tqdm

import scratchgen as sg
from scratchgen.atomic import atomic_file
from scratchgen.cli.settings import as_typed
from scratchgen.data import splits
from scratchgen.errors import Failed, integer
from scratchgen.metrics import Estimate, over_seeds
from scratchgen.reproduce.report import written
from scratchgen.train.ranks import STARTED, mpi, on_its_own

MOST = 1000


def parsed(text):
    """The seeds in "0-9", "3" or "0-4,7,11" -> a list without repetition. ValueError for anything else."""
    seeds = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not (first.isascii() and first.isdigit() and (not dash or (last.isascii() and last.isdigit()))):
            raise ValueError(f"--seeds is {text!r}; it must be whole numbers, such as 0-9 or 0,3,5")
        if int(last or first) < int(first):
            raise ValueError(f"--seeds is {text!r}; {part.strip()} must begin with the smaller number")
        if int(last or first) - int(first) >= MOST:
            raise ValueError(f"--seeds is {text!r}; it can name at most {MOST} seeds")
        seeds += range(int(first), int(last or first) + 1)
    if not seeds or len(set(seeds)) > MOST:
        raise ValueError(f"--seeds is {text!r}; it must name from 1 to {MOST} seeds")
    return list(dict.fromkeys(seeds))


@contextlib.contextmanager
def workers(jobs):
    """A function that maps, as `map` does, but over `jobs` processes; None in one that only works for another. Failed if one is killed."""
    jobs = integer("--jobs", jobs, 1)
    if any(variable in os.environ for variable in STARTED):
        world = mpi().COMM_WORLD
        from mpi4py.futures import MPICommExecutor

        with MPICommExecutor(world, root=0) as executor:
            yield executor and executor.map
    elif jobs == 1:
        yield map
    else:
        context = multiprocessing.get_context("spawn")
        ended, parent = context.Pipe(duplex=False)
        try:
            with ProcessPoolExecutor(jobs, mp_context=context, initializer=end_with_parent, initargs=(ended,)) as executor:
                try:
                    yield executor.map
                except KeyboardInterrupt:
                    parent.close()  # else the pool would wait for tasks that it was given already
                    raise
        except BrokenProcessPool as error:
            raise Failed("a worker was killed, perhaps for lack of memory, which fewer --jobs need; the same command goes on") from error


def end_with_parent(ended):
    """Let this worker end 5 seconds after the other end of a pipe is closed: by its parent, at a Ctrl-C, or because it was killed.

    A Ctrl-C from a terminal reaches the worker, too, and it saves within these seconds. Files are replaced whole, so that nothing is lost.
    """
    tqdm.set_lock(threading.RLock())  # its own is a semaphore, and Python warns of one that os._exit leaves
    threading.Thread(target=lambda: (ended.poll(None), time.sleep(5), os._exit(1)), daemon=True).start()


def train_all(cls, options):
    """Train and evaluate with each of --seeds, in OUT/seed-N; print a line each, then means and standard errors, kept in OUT/seeds.json.

    A sweep that was stopped goes on. A seed that fails does not end the others; Failed at the end, if there was one. Where all fail, nothing is kept.
    """
    if options.seed is not None or options.resume:
        raise ValueError("--seeds says which seeds, and goes on with a sweep that was stopped: leave out --seed and --resume")
    data = options.data or "glyphs"
    if "test" not in splits(data):
        raise ValueError(f"{data} has no test split, on which the seeds could be compared")
    sg.data.load(data, "test")  # what is wrong with the data is said once
    seeds, jobs, model = parsed(options.seeds), 1 if options.jobs is None else options.jobs, options.model
    out = Path(options.out or f"runs/{model}-{Path(data).stem}-seeds")
    with workers(jobs) as mapped:
        if mapped is None:
            return
        check_same_sweep(out, options)
        print(f"{model}, seeds {', '.join(map(str, seeds))}, in {out}", flush=True)
        tasks = [(cls, vars(options) | {"seed": seed, "out": str(out / f"seed-{seed}")}, jobs) for seed in seeds]
        found, failed = {}, []
        for seed, (wrong, numbers, seconds) in zip(seeds, mapped(train_one, tasks), strict=True):
            if wrong:
                failed.append(seed)
            else:
                found[seed] = numbers
            words = wrong or "   ".join(f"{key} {value:.4g}" for key, value in numbers.items())
            print(f"seed {seed:<4} {seconds:6.0f} s   {words}", flush=True)
    if not found:
        raise Failed(f"all {len(seeds)} trainings failed")
    table = over_seeds(list(found.values()))
    width = max(map(len, table))
    print(f"\nmeans and standard errors over {len(found)} seeds", *(f"{key:{width}}  {written(each)}" for key, each in table.items()), sep="\n")
    with atomic_file(out / "seeds.json") as file:
        means = {key: each.as_json() for key, each in table.items()}
        file.write(json.dumps({"model": model, "each": found, "failed": failed, "over_seeds": means}, indent=2).encode() + b"\n")
    if failed:
        raise Failed(f"{len(failed)} of {len(seeds)} trainings failed: seed {', '.join(map(str, failed))}")


def check_same_sweep(out, options):
    """Keep the settings of the sweep in OUT/sweep.json. ValueError if those there are others: means are over seeds that differ in nothing else."""
    from scratchgen.cli.train import NOT_SETTINGS  # which imports this file

    may_change = (*NOT_SETTINGS, "epochs", "steps", "patience")
    settings = json.loads(json.dumps({key: value for key, value in vars(options).items() if value is not None and key not in may_change}))
    path = out / "sweep.json"
    if path.exists() and any(out.glob("seed-*/config.json")):
        try:
            before = dict(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError):
            raise ValueError(f"{path} is damaged; give another --out") from None
        for key in sorted(settings.keys() | before.keys()):
            if settings.get(key) != before.get(key):
                was, now = (as_typed(key, given[key]) if key in given else f"no --{key.replace('_', '-')}" for given in (before, settings))
                raise ValueError(f"the sweep in {out} was given {was}, now it is given {now}; give the same settings, or another --out")
    out.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as file:
        file.write(json.dumps(settings, indent=2).encode() + b"\n")


@contextlib.contextmanager
def share_of_threads(jobs):
    """Within this context, one process of so many uses its share of the threads."""
    import numba  # here, because it takes time

    before = numba.get_num_threads()
    numba.set_num_threads(max(1, before // jobs))
    try:
        yield
    finally:
        numba.set_num_threads(before)


def train_one(task):
    """Train with one seed, and evaluate -> what went wrong or "", {number's name: number}, seconds."""
    from scratchgen.cli import REPORTED, evaluate, parser, sentence  # which import this file
    from scratchgen.cli.train import train_and_test

    cls, options, jobs = task
    on_its_own()
    began, wrong, numbers = time.monotonic(), "", {}
    resume = (Path(options["out"]) / "config.json").exists()
    try:
        with share_of_threads(jobs), contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            train_and_test(cls, argparse.Namespace(**options | {"resume": resume}))
            numbers = numbers_in(evaluate.measured(parser().parse_args(["evaluate", options["out"]])))
    except REPORTED as error:
        wrong = sentence(error)
    return wrong, numbers, time.monotonic() - began


def numbers_in(result):
    """The numbers of an evaluation, {name: number}: of an Estimate its mean."""
    result = {key: value.mean if isinstance(value, Estimate) else value for key, value in result.items()}
    return {key: value for key, value in result.items() if isinstance(value, (int, float)) and key != "examples" and not key.startswith("of_")}
