"""Measure speed: this machine's limits, the library under them, and NumPy and PyTorch beside it.

Parts: products (matrix products against NumPy), ops (every operation against its NumPy definition), steps (whole training steps against NumPy and,
where installed, PyTorch), busy (the same beside busy programs), start (import, compiling, memory), ladder (a matrix product made fast step by
step). All of it takes several minutes; for figures to rely on, let nothing else run.

examples:
  scratchgen bench --quick                        a first impression
  scratchgen bench --only ladder --out l.json     the ladder, and its picture in l-ladder.png
  scratchgen bench --out bench.json               everything; a roofline in bench.png
  scratchgen bench --backend cuda --out gpu.json  on an NVIDIA GPU: products against cuBLAS, steps against PyTorch, the ladder
"""

import functools
import json
import sys
from pathlib import Path

from tqdm import tqdm

from scratchgen.atomic import atomic_file
from scratchgen.bench import card, card_report, report, suite


def add_arguments(parser):
    """The options."""
    parser.add_argument("--backend", choices=["numba", "cuda"], default="numba", help="measure on the CPU (default) or on an NVIDIA GPU")
    parser.add_argument("--only", choices=list(suite.PARTS), help="measure only this part; on a GPU: products, steps or ladder")
    parser.add_argument("--quick", action="store_true", help="fewer shapes, fewer repetitions")
    parser.add_argument("--threads", type=int, metavar="N", help="use at most N threads on every side (default: as many as each likes)")
    parser.add_argument("--out", metavar="FILE.json", help="write the figures there, and pictures beside it")


def run(options):
    """Measure, print, and write files if asked to."""
    if options.out and Path(options.out).suffix != ".json":
        raise ValueError(f"--out is {options.out}; its ending must be .json")
    if options.backend == "cuda" and options.threads is not None:
        raise ValueError("--threads limits the CPU; it cannot be given with --backend cuda")
    progress = functools.partial(tqdm, leave=False, disable=not sys.stderr.isatty(), dynamic_ncols=True)
    parts = [options.only] if options.only else None
    effort = "QUICK" if options.quick else "FULL"
    if options.backend == "cuda":
        found = card.measure(parts, getattr(card, effort), progress, say(card_report))
    else:
        found = suite.measure(parts, getattr(suite, effort), options.threads, progress, say(report))
    if options.out:
        for path in write(found, Path(options.out)):
            print(f"written: {path}")


def say(tables):
    """A function that prints what was measured last."""
    return lambda part, found: print(tables.describe(part, found), end="\n\n", flush=True)


def write(found, path):
    """Write the figures and their pictures -> the paths."""
    from scratchgen.bench import roofline

    with atomic_file(path) as file:
        file.write(json.dumps(found, indent=1).encode())
    written = [path]
    if "products" in found or "steps" in found:
        written.append(path.with_suffix(".png"))
        roofline.roofline(found, written[-1])
    if "ladder" in found and found.get("backend") != "cuda":
        written.append(path.with_name(f"{path.stem}-ladder.png"))
        roofline.ladder(found, written[-1])
    return written
