"""A student's work in a locked process of its own, seen from the grader: the same `exercise` that the tests know, by messages."""

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
from scratchgen.coursework.testing import Work, hint
from scratchgen.gradcheck.subjects import positional_names

BOOT = "import sys; sys.path.insert(0, sys.argv.pop(1)); import runpy; runpy.run_module('scratchgen.coursework.worker', run_name='__main__')"
SECONDS_TO_START = 60  # until Python and NumPy are loaded; generous, because a busy machine is not the student's fault


class StudentError(Exception):
    """The student's code raised something, or gave no answer; the text is for the student."""


class Gone(StudentError):
    """The process is no more: it ended, or it was ended."""


class Untrusted(Exception):
    """The locks that a student's process needs do not hold here; the text says what follows."""


class Sandbox:
    """A folder with the part of the library that an exercise may use, and processes that import it and are locked then.

    with Sandbox(exercise, source) as box:
        student = box.start()          raises StudentError if the student's file does not even load
        student.tanh(x)

    without_locks: True also runs code that the locks here cannot hold.  skip: locks to do without, see sandbox.enter; for tests.
    """

    def __init__(self, exercise, source, *, seconds, memory, without_locks=False, skip=()):
        self.exercise, self.source, self.seconds, self.memory = exercise, source, seconds, memory
        self.without_locks, self.skip = without_locks, skip
        self.process = self.locks = None

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.enter_context(sandbox.not_dumpable())
            self.folder = Path(stack.enter_context(_temporary_folder()))
            self.library = self.folder / "library"
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
        """A new process, locked, with the student's file loaded -> Remote. StudentError if that fails, Untrusted if it cannot be locked."""
        self.stop()
        self.locks = None
        work = self.folder / "work"
        work.mkdir(exist_ok=True)  # it is removed when the process is locked
        request_read, request_write = os.pipe()
        reply_read, reply_write = os.pipe()
        with open(self.folder / "errors.txt", "wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-B", "-c", BOOT, str(self.library), str(request_read), str(reply_write)],
                env={"SCRATCHGEN_BACKEND": "numpy", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"},
                cwd=work, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
                pass_fds=(request_read, reply_write), start_new_session=True,
            )  # fmt: skip
        os.close(request_read)
        os.close(reply_write)
        self.pipes = request_write, reply_read
        for pipe in self.pipes:
            os.set_blocking(pipe, False)
        start = {"imports": self.modules, "memory": self.memory, "skip": list(self.skip)}
        start["seconds"] = int(self.seconds * len(self.exercise.tests)) + SECONDS_TO_START
        self._exchange(start, time.monotonic() + SECONDS_TO_START, self._note_locks)
        dangers = sandbox.untrusted(self.locks)
        if dangers and not self.without_locks:
            self.stop()
            raise Untrusted("; ".join(dangers))
        try:
            load = {"source": self.source, "name": self.exercise.module}
            self._exchange(load, time.monotonic() + self.seconds, lambda reply: reply.get("ready"))
        except StudentError:
            self.stop()
            raise
        return Remote(self)

    def stop(self):
        """End the process, whatever it is doing."""
        if self.process is None:
            return
        self.process.kill()
        try:
            os.killpg(self.process.pid, 9)  # its own group, see start_new_session
        except (ProcessLookupError, PermissionError):
            pass
        self.process.wait()
        for pipe in self.pipes:
            os.close(pipe)
        self.process = None

    def ask(self, request, deadline):
        """Send a request, wait for the reply -> its value, the arguments as they are now. Raises StudentError."""
        if self.process is None:
            raise Gone("your code ended the process")
        return self._exchange(request, deadline, lambda reply: (reply["value"], reply["args"]))

    def _exchange(self, request, deadline, read):
        try:
            wire.send(self.pipes[0], request, deadline)
            reply = wire.receive(self.pipes[1], deadline)
            if not isinstance(reply, dict):
                raise TypeError("values without names")
            if "error" in reply:
                kind, message, line = reply["error"]
                raise StudentError(_describe(str(kind), str(message), line))
            return read(reply)
        except wire.TimeOut:
            self.stop()
            if self.locks is None:
                raise RuntimeError(f"the grader's locked process did not start within {SECONDS_TO_START} seconds") from None
            raise Gone(f"stopped: no answer within {self.seconds:g} seconds") from None
        except wire.Closed:
            reason = self._last_words()
            self.stop()
            raise Gone(reason) from None
        except (wire.WireError, KeyError, TypeError, ValueError, AttributeError) as error:
            self.stop()
            raise Gone(f"your code sent no valid answer ({error})") from None

    def _note_locks(self, reply):
        self.locks = [str(lock) for lock in reply["locks"]]

    def _last_words(self):
        try:
            code = self.process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            return "your code closed the connection to the grader"
        if self.locks is None:
            words = (self.folder / "errors.txt").read_text(encoding="utf-8", errors="replace").strip()
            raise RuntimeError(f"the grader cannot start its locked process: {words[-1500:]}")
        if code < 0:
            return f"your code ended the process: killed by signal {-code} (out of memory, time or stack?)"
        return f"your code ended the process, with exit status {code}"


class Remote(Work):
    """A student's work in the locked process, which answers until `deadline`. It gets the bytes of the arguments, never the arrays themselves."""

    def __init__(self, box):
        self._box = box
        self.deadline = 0.0

    def _call(self, kind, name, args):
        value, after = self._box.ask({kind: name, "args": list(args)}, self.deadline)
        if not isinstance(after, list) or len(after) != len(args):
            raise StudentError("your code sent no valid answer")
        return value, after

    def _names(self, name, n):
        return positional_names(self._box.exercise.solution(name), n)


def _describe(kind, message, line):
    """One line about an exception of the student's code."""
    if (kind == "NotImplementedError" and message.startswith("not implemented")) or (kind == "AssertionError" and line is None and message):
        return message
    place = f" (line {line} of your file)" if isinstance(line, int) else ""
    return f"your code raised {kind}{place}: {message}{hint(kind, message)}" if message else f"your code raised {kind}{place}"


@contextlib.contextmanager
def _temporary_folder():
    folder = tempfile.TemporaryDirectory(prefix="scratchgen-", ignore_cleanup_errors=True)
    try:
        yield folder.name
    finally:
        with contextlib.suppress(RecursionError):  # folders in folders in …; only code that no lock held can make them
            folder.cleanup()
