"""The locked process: loads a student's file, calls its functions on arrays that come through a pipe, and sends back what they return.

It is forked from a process that has loaded all that the file may import (see nursery.py). It holds nothing worth stealing: no expected
values, no tests, no scores, no seed. Whatever it sends is taken for an answer, no more.

    start     {"work": its folder, "memory", "seconds", "skip"}                      reply {"locks"}
    load      {"source", "name"}                                                     reply {"ready"} or {"error"}
    request   {"function", "careful" or "driver": name, "args": […]}                 reply {"value", "args"} or {"error"}

"args" of the reply are the arrays and lists among the arguments as they are after the call, so that changes in place are seen.
"""

import dataclasses  # noqa: F401 - what a student's file may import is loaded before the doors close
import functools  # noqa: F401
import importlib
import itertools  # noqa: F401
import math  # noqa: F401
import os
import sys
import types
import typing  # noqa: F401
import unicodedata  # noqa: F401 - for names like σ

import numpy as np

from scratchgen.coursework import drivers, sandbox, wire
from scratchgen.coursework.loading import run_file

LATE = ("fft", "linalg", "ma", "polynomial", "random")  # what NumPy 2 imports at first use


def main():
    """Load NumPy and the library, then be a nursery until the grader goes. argv: descriptors of two pipes, whether to fork, names of modules."""
    wishes, answers, forks, *modules = sys.argv[1:]
    np.linalg.norm(np.random.default_rng(0).normal(size=(3, 3)) @ np.ones((3, 3)))  # numpy's own late imports and buffers
    for name in LATE:
        importlib.import_module(f"numpy.{name}")
    for name in modules:  # what the student's file needs of the library: afterwards files are out of reach
        importlib.import_module(name)
    pipes = wanted(int(wishes), int(answers), forks == "1")
    sys.argv[1:] = map(str, pipes)
    serve(*pipes)


def wanted(wishes, answers, forks):
    """Wait until the grader wants a process -> in that process, the two pipes that it is to serve; the nursery goes on waiting."""
    while True:
        wire.receive(wishes)
        pipes = os.open("requests", os.O_RDONLY), os.open("replies", os.O_WRONLY)
        if not forks:
            wire.send(answers, os.getpid())
        if not forks or forked(answers):
            os.close(wishes)
            os.close(answers)
            return pipes
        for pipe in pipes:
            os.close(pipe)


def forked(answers):
    """Fork by way of a process that ends at once: so the grader becomes the parent, not the nursery -> whether this is the new process."""
    between = os.fork()
    if between:
        os.waitpid(between, 0)
        wire.send(answers, None)
        return False
    child = os.fork()
    if child:
        wire.send(answers, child)
        os._exit(0)
    os.setsid()
    return True


def serve(requests, replies):
    """Lock this process up, load the student's file, and answer requests until the grader closes the pipe."""
    start = wire.receive(requests)
    os.chdir(start["work"])
    locks = sandbox.enter(start["memory"], start["seconds"], start["skip"])
    wire.send(replies, {"locks": locks})

    load = wire.receive(requests)
    module = types.ModuleType(load["name"])
    module.__file__ = load["name"] + ".py"
    sys.modules[load["name"]] = module
    try:
        run_file(load["source"], module.__file__, module.__dict__)
    except BaseException as error:  # SystemExit too
        wire.send(replies, {"error": describe(error, module.__file__)})
        return
    wire.send(replies, {"ready": True})
    while True:
        request = wire.receive(requests)
        args = request["args"]
        try:
            if "driver" in request:
                value = getattr(drivers, request["driver"])(module, *args)
            else:
                with drivers.strict("careful" in request):
                    value = getattr(module, request.get("function") or request["careful"])(*args)
            reply = {"value": value, "args": [arg if isinstance(arg, (np.ndarray, list)) else None for arg in args]}
            wire.pack(reply)
        except wire.WireError as error:  # nothing that the code raised: what it returned cannot be sent
            reply = {"error": ["AssertionError", f"your answer cannot be used: {error}", None]}
        except BaseException as error:
            reply = {"error": describe(error, module.__file__)}
        wire.send(replies, reply)


def describe(error, file):
    """[type, message, line in the student's file or None]."""
    line, trace = error.lineno if isinstance(error, SyntaxError) else None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    try:
        message = str(error)
    except BaseException:
        message = ""
    return [type(error).__name__, message[:2000], line]


if __name__ == "__main__":
    try:
        main()
    except wire.Closed:
        pass
    os._exit(0)  # no clean-up by whatever the student's code left behind
