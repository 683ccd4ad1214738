"""Ctrl-C takes effect between two steps, never within one, so that what is saved is a whole number of steps."""

import contextlib
import signal
import threading


@contextlib.contextmanager
def interruptible():
    """Within this context the first Ctrl-C only makes the function it yields return True; a second one interrupts at once."""
    ignored = signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, None)  # as of a job that a script has started with &
    if ignored or threading.current_thread() is not threading.main_thread():  # only the main thread may handle signals
        yield lambda: False
        return
    pressed = []

    def handle(number, frame):
        pressed.append(number)
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)
