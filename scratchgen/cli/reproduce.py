"""Obtain published results again: ours beside theirs, with standard errors and time.

Each is a training in the setting of its paper; scratchgen/reproduce/ has one short file for each. What is done is kept: stopped with Ctrl-C, the same
command goes on. One that fails does not end the others.

examples:
  scratchgen reproduce --list                       what there is
  scratchgen reproduce jaan                         a VAE, a few minutes
  scratchgen reproduce all --quick                  a glimpse of everything, in minutes; its numbers are worse
  scratchgen reproduce ring --seeds 10              means and standard errors over ten trainings
"""

import json
from pathlib import Path

from scratchgen.atomic import atomic_file
from scratchgen.cli import REPORTED, sentence
from scratchgen.cli.seeds import share_of_threads, workers
from scratchgen.errors import Failed, integer, unknown_name
from scratchgen.reproduce import RESULTS, Study
from scratchgen.reproduce.report import as_json, as_text
from scratchgen.train.ranks import on_its_own


def add_arguments(parser):
    """The options."""
    parser.add_argument("names", metavar="NAME", nargs="*", help="a result, several, or all")
    parser.add_argument("--list", action="store_true", help="name the results, and end")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", dest="size", action="store_const", const="quick", help="a glimpse, in a minute or so each")
    size.add_argument("--full", dest="size", action="store_const", const="full", help="as long as in the paper, where the usual length is less")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="trainings, from seeds 0 … N − 1 (default 1)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="how many seeds at a time (default 1); under mpiexec its processes")
    parser.add_argument("--out", metavar="DIR", default="reproduced", help="where to keep everything (default: reproduced)")
    parser.set_defaults(size="default")


def run(options):
    """Reproduce and print."""
    integer("--seeds", options.seeds, 1)
    for name in options.names:
        if name not in (*RESULTS, "all"):
            raise unknown_name("result", name, (*RESULTS, "all"))
    if options.list or not options.names:
        for result in RESULTS.values():
            print(f"{result.name:14}{result.title}")
        return
    names = list(RESULTS) if "all" in options.names else dict.fromkeys(options.names)
    failed = []
    for name in names:
        result, folder = RESULTS[name], Path(options.out) / (name if options.size == "default" else f"{name}-{options.size}")
        arguments = [(name, folder / f"seed-{seed}", seed, options.size, options.jobs) for seed in range(options.seeds)]
        with workers(options.jobs) as mapped:
            if mapped is None:
                return
            outcomes = list(mapped(study, arguments))
        studies = [one for one, _ in outcomes if one]
        failed += [f"{name}, seed {seed}: {wrong}" for seed, (_, wrong) in enumerate(outcomes) if wrong]
        if not studies:
            continue
        print(as_text(result, studies))
        with atomic_file(folder / "result.json") as file:
            file.write(json.dumps(as_json(result, studies), indent=2).encode() + b"\n")
        print(f"kept in {folder}\n")
    if failed:
        raise Failed("\n".join(failed))


def study(arguments):
    """Run the study of one seed -> it, None; or None, what went wrong."""
    name, folder, seed, size, jobs = arguments
    on_its_own()
    try:
        one = Study(folder, seed, size, getattr(RESULTS[name], size))
        with share_of_threads(jobs):
            RESULTS[name].run(one)
    except REPORTED as error:
        return None, sentence(error)
    return one, None
