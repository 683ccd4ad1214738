"""A student's work in a locked process of its own, seen from the grader: the same `exercise` that the tests know, by messages."""

import contextlib
import os
import subprocess
import time

from scratchgen.coursework import sandbox, wire
from scratchgen.coursework.nursery import SECONDS_TO_START, Nursery
from scratchgen.coursework.testing import Work, hint
from scratchgen.gradcheck.subjects import positional_names


class StudentError(Exception):
    """The student's code raised something, or gave no answer; the text is for the student."""


class Gone(StudentError):
    """The process is no more: it ended, or it was ended."""


class Untrusted(Exception):
    """The locks that a student's process needs do not hold here; the text says what follows."""


class Sandbox:
    """Processes with the part of the library that an exercise may use, locked, and with the student's file loaded then.

    with Sandbox(exercise, source) as box:
        student = box.start()          raises StudentError if the student's file does not even load; box.loading: seconds that it took
        student.tanh(x)

    without_locks: True also runs code that the locks here cannot hold.  skip: locks to do without, see sandbox.enter; for tests.
    nursery: where the processes come from, to be used again; None makes one, for this block.
    """

    def __init__(self, exercise, source, *, seconds, memory, without_locks=False, skip=(), nursery=None):
        self.exercise, self.source, self.seconds, self.memory = exercise, source, seconds, memory
        self.without_locks, self.skip, self.nursery = without_locks, skip, nursery
        self.process = self.locks = None

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.enter_context(sandbox.not_dumpable())
            self.nursery = self.nursery or stack.enter_context(Nursery(self.exercise))
            stack.callback(self.stop)
            self.leave = stack.pop_all().close
        return self

    def __exit__(self, *exception):
        self.leave()

    def start(self):
        """A new process, locked, with the student's file loaded -> Remote. StudentError if that fails, Untrusted if it cannot be locked."""
        self.stop()
        self.locks = None
        work = self.nursery.folder / "work"
        work.mkdir(exist_ok=True)  # it is removed when the process is locked
        self.process, *self.pipes = self.nursery.start()
        start = {"work": str(work), "memory": self.memory, "skip": list(self.skip)}
        start["seconds"] = int(self.seconds * len(self.exercise.tests)) + SECONDS_TO_START
        self._exchange(start, time.monotonic() + SECONDS_TO_START, self._note_locks)
        dangers = sandbox.untrusted(self.locks)
        if dangers and not self.without_locks:
            self.stop()
            raise Untrusted("; ".join(dangers))
        began = time.monotonic()  # now, because how long Python and NumPy take to start is not the student's doing
        try:
            load = {"source": self.source, "name": self.exercise.module}
            self._exchange(load, began + self.seconds, lambda reply: reply.get("ready"))
        except StudentError:
            self.stop()
            raise
        self.loading = time.monotonic() - began
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
            raise RuntimeError(f"the grader cannot start its locked process: {self.nursery.last_words()}")
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
