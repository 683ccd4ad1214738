"""Programs that must not disturb each other, measured in turn.

Libraries that compute on several cores let their threads spin for a while after each call, waiting for the next. Two such libraries in one
process take the cores from each other, and either looks ten times slower than it is. So each side of a comparison is a process of its own
(worker.py), and all but the one whose turn it is are stopped, threads and all.

Machines change speed while one measures: A B A B … rather than A A … B B …, and a ratio is the median over rounds of B's time ÷ A's time in
the same round.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from statistics import median

LIMITS = ("SCRATCHGEN_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
CAN_STOP = hasattr(signal, "SIGSTOP")
SPIN = 0.3  # seconds after which threads have gone to sleep, where processes cannot be stopped


class Side:
    """One side: a worker process with these environment variables. A context manager; leaving it ends the process.

    threads: at most so many in every library that computes (None: as many as each likes).
    """

    def __init__(self, threads=None, **environment):
        limits = {} if threads is None else dict.fromkeys(LIMITS, str(threads))
        self._errors = tempfile.TemporaryFile()
        self._settled = False  # new threads share cores until the system spreads them: on a busy machine, for a second
        self._process = subprocess.Popen(
            [sys.executable, "-m", "scratchgen.bench.worker"],
            env=os.environ | limits | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def call(self, function, **given):
        """function(**given) in the worker; function is "module:name", arguments and result are what JSON can say."""
        return self._ask(call=function, given=given)

    def prepare(self, function, **given):
        """Have the worker make what `time` is to measure: function(**given)."""
        self._ask(prepare=function, given=given)

    def time(self, budget):
        """Seconds per call of what was prepared, measured for about `budget` seconds; the first time, after twenty times that to settle."""
        if not self._settled:
            self._ask(time=20 * budget)
            self._settled = True
        return self._ask(time=budget)

    def _ask(self, **request):
        """One request and its result. Raises RuntimeError with the worker's last words if it died."""
        if CAN_STOP:
            self._process.send_signal(signal.SIGCONT)
        try:
            print(json.dumps(request), file=self._process.stdin, flush=True)
            reply = self._process.stdout.readline()
        except BrokenPipeError:
            reply = ""
        if not reply:
            self._errors.seek(0)
            last = self._errors.read().decode(errors="replace").strip().splitlines()[-1:]
            raise RuntimeError(f"the measuring process ended at {request}: {' '.join(last) or f'exit status {self._process.wait()}'}")
        if CAN_STOP:
            self._process.send_signal(signal.SIGSTOP)
        else:
            time.sleep(SPIN)
        return json.loads(reply)["result"]

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._process.kill()
        self._process.communicate()
        self._errors.close()


def in_turn(sides, rounds, budget):
    """Time what each side has prepared: {name: Side} -> {name: [seconds of each round]}."""
    seconds = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            seconds[name].append(side.time(budget))
    return seconds


def ratio(theirs, ours):
    """How many times longer they take: median over rounds."""
    return median(their / our for their, our in zip(theirs, ours, strict=True))
