"""Where students' processes come from: a process that has loaded NumPy and an exercise's library, and forks one whenever it is asked to.

    grader                          nursery                           student's process
    wants a process         --->    forks                     --->    locks itself
    sends the student's file, and requests, through pipes     --->    loads the file, answers

Starting Python and loading NumPy takes a fifth of a second, forking a hundredth. Nothing of a student's passes through the nursery, so what it
hands on is the same for all: the library, before anybody's code was run. A student's process is the grader's own child, as if started by it.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from scratchgen.coursework import sandbox, wire
from scratchgen.coursework.library import write_library

BOOT = "import sys; sys.path.insert(0, sys.argv.pop(1)); import runpy; runpy.run_module('scratchgen.coursework.worker', run_name='__main__')"
SECONDS_TO_START = 60  # until Python and NumPy are loaded; generous, because a busy machine is not the student's fault
FORKS = sys.platform == "linux"  # elsewhere the nursery itself becomes the student's process: on macOS, NumPy's BLAS does not survive a fork


class Nursery:
    """A folder with the part of the library that an exercise may use, and a process that has imported it.

    with Nursery(exercise) as nursery:
        process, requests, replies = nursery.start()
    """

    def __init__(self, exercise):
        self.exercise, self.process = exercise, None

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.folder = Path(stack.enter_context(_temporary_folder()))
            self.library, self.errors = self.folder / "library", self.folder / "errors.txt"
            self.modules = write_library(self.exercise.text(), self.library)
            numpy_folder = Path(np.__file__).resolve().parent
            (self.library / "numpy").symlink_to(numpy_folder)
            if numpy_folder.with_name("numpy.libs").is_dir():  # the shared libraries of NumPy's wheels
                (self.library / "numpy.libs").symlink_to(numpy_folder.with_name("numpy.libs"))
            stack.callback(self.stop)
            self.leave = stack.pop_all().close
        return self

    def __exit__(self, *exception):
        self.leave()

    def start(self):
        """A new process of the grader's, and the ends of two pipes: to write requests to, to read replies from. RuntimeError if none comes in time.

        Named pipes: what the nursery would need to be handed others, sockets, has no place in a student's process.
        """
        if self.process is None or self.process.poll() is not None:
            self._boot()
        paths = [self.folder / name for name in ("requests", "replies")]
        for path in paths:
            os.mkfifo(path, 0o600)
        ends = [os.open(path, os.O_RDWR) for path in paths]  # so that whoever opens one finds another end, and does not wait
        pipes = [os.open(path, mode | os.O_NONBLOCK) for path, mode in zip(paths, (os.O_WRONLY, os.O_RDONLY), strict=True)]
        try:
            process = self._forked()
        except BaseException:
            for pipe in pipes:
                os.close(pipe)
            self.stop()
            raise
        finally:
            for path, end in zip(paths, ends, strict=True):
                os.close(end)
                path.unlink()
        return process, *pipes

    def _forked(self):
        """The process that the nursery makes of these pipes."""
        deadline = time.monotonic() + SECONDS_TO_START
        try:
            with sandbox.adopting():
                wire.send(self.wishes, None)
                number = wire.receive(self.answers, deadline)
                if FORKS:
                    wire.receive(self.answers, deadline)  # now it is the grader's child
        except wire.TimeOut:
            raise RuntimeError(f"the grader's locked process did not start within {SECONDS_TO_START} seconds") from None
        except wire.Closed:
            raise RuntimeError(f"the grader cannot start its locked process: {self.last_words()}") from None
        if FORKS:
            return Child(number)
        process, self.process = self.process, None
        self._close()
        return process

    def stop(self):
        """End the nursery; the processes that came from it go on."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
            self._close()

    def _close(self):
        os.close(self.wishes)
        os.close(self.answers)

    def last_words(self):
        """The end of what the nursery and its processes wrote before they were locked."""
        return self.errors.read_text(encoding="utf-8", errors="replace").strip()[-1500:]

    def _boot(self):
        self.stop()
        wishes, self.wishes = os.pipe()
        self.answers, answers = os.pipe()
        arguments = [str(self.library), str(wishes), str(answers), str(int(FORKS)), *self.modules]
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-B", "-c", BOOT, *arguments],
                env={"SCRATCHGEN_BACKEND": "numpy", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"},
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
                pass_fds=(wishes, answers), start_new_session=True,
            )  # fmt: skip
        os.close(wishes)
        os.close(answers)


class Child:
    """A child that another process forked for us, with what is needed of subprocess.Popen."""

    def __init__(self, pid):
        self.pid, self.returncode = pid, None

    def kill(self):
        """End it; until wait has seen its end, no other process has its number."""
        if self.returncode is None:
            os.kill(self.pid, 9)

    def wait(self, timeout=None):
        """Its exit status; that of a signal is negative. subprocess.TimeoutExpired if it has none in time."""
        end = time.monotonic() + (float("inf") if timeout is None else timeout)
        while self.returncode is None:
            pid, status = os.waitpid(self.pid, 0 if timeout is None else os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > end:
                raise subprocess.TimeoutExpired("a student's process", timeout)
            else:
                time.sleep(0.001)
        return self.returncode


@contextlib.contextmanager
def _temporary_folder():
    folder = tempfile.TemporaryDirectory(prefix="scratchgen-", ignore_cleanup_errors=True)
    try:
        yield folder.name
    finally:
        with contextlib.suppress(RecursionError):  # folders in folders in …; only code that no lock held can make them
            folder.cleanup()
