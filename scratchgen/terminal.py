"""Terminals that cannot show everything, or are not there, are no reason to fail. Every program of this project begins with `tolerate_terminal()`."""

import contextlib
import os
import sys


def tolerate_terminal():
    """From here on, what standard output and error cannot show (± in ASCII) becomes a ?, and a stream that is missing or closed swallows all."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None or getattr(stream, "closed", False):
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))
        else:
            with contextlib.suppress(AttributeError):  # somebody put something else in its place
                stream.reconfigure(errors="replace")
