"""Training steps beside other programs: users' machines are never quiet.

A program that does nothing but count is started on every second core. A library whose threads each have a fixed share of every operation then waits,
at every operation, for the one that was put aside; one whose threads take what is there to be done does not (ops/numba/driver.py).
"""

import contextlib
import subprocess
import sys
from statistics import median

from scratchgen.bench.turns import in_turn


@contextlib.contextmanager
def neighbours(count):
    """Within the block, so many busy programs run; they end with it."""
    programs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()


def measure(entrants, workloads, cores, rounds, budget, progress=iter):
    """Steps of every workload by every entrant, alone and beside busy programs -> {"programs", "cores", "workloads": [{…, "seconds"}]}."""
    programs, rows = max(1, cores // 2), []
    for work in progress(workloads):
        sides = {name: entrant.side for name, entrant in entrants.items() if work.model in entrant.models}
        for name, side in sides.items():
            side.prepare(entrants[name].function, **work._asdict(), **entrants[name].given)
        alone = in_turn(sides, rounds, budget)
        with neighbours(programs):
            beside = in_turn(sides, rounds, budget)
        seconds = {name: (median(alone[name]), median(beside[name])) for name in sides}
        rows.append({"name": work.name, "title": work.title, "seconds": seconds})
    return {"programs": programs, "cores": cores, "workloads": rows}
