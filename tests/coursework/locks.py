"""Attacks on the locks, one set of locks at a time: `python locks.py USER SKIP…` -> a line of JSON for each SKIP, such as Landlock,seccomp.

{"locks": names, "refused": what Sandbox says, or None, "done": the attacks that worked where it does not refuse}. SKIP "all": every lock is left
out and nothing is refused. USER: a number; as root, become this user first. Exit status 77: that cannot be done here.
"""

import ctypes
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import scratchgen
from scratchgen.coursework.exercises import BY_NAME
from scratchgen.coursework.remote import Sandbox, StudentError, Untrusted

ALL = ("resource limits", "own network", "empty root", "own user", "Landlock", "seccomp", "audit hook")
SOURCE = """
import ctypes, os, struct
libc = ctypes.CDLL(None, use_errno=True)

def attack(solution, victim, address):
    done, parent = [], os.getppid()

    def attempt(name, action):
        try:
            action()
            done.append(name)
        except OSError:
            pass

    def call(function, *args):
        if getattr(libc, function)(*args) < 0:
            raise OSError(ctypes.get_errno(), function)

    def fork():
        if os.fork() == 0:
            os._exit(0)
        os.wait()

    def owner():
        read, write = os.pipe()                          # works if a signal comes, which the grader notes
        call("fcntl", read, 8, parent)                   # F_SETOWN
        call("fcntl", read, 10, 12)                      # F_SETSIG: SIGUSR2
        call("fcntl", read, 4, 0o20000)                  # F_SETFL: O_ASYNC
        os.write(write, b"x")
        raise OSError

    def memory():
        fd = os.open(f"/proc/{parent}/mem", os.O_RDWR)
        os.pwrite(fd, b"stolen", address)

    def process_memory():
        mine = ctypes.create_string_buffer(b"stolen")
        here, there = (struct.pack("PN", place, 6) for place in (ctypes.addressof(mine), address))
        call("process_vm_writev", parent, here, 1, there, 1, 0)

    def namespace():
        call("unshare", 0x10000000)                      # a user namespace gives every capability, to leave the root folder for one
        for _ in range(9):
            os.chdir("..")
        os.chroot(".")
        os.close(os.open(solution, os.O_RDONLY))

    def connection():
        mine = libc.socket(2, 2, 0)                      # UDP; connecting it sends nothing, and the address is for documentation only
        call("connect", mine, struct.pack("=H", 2) + bytes([0, 53, 192, 0, 2, 1]) + bytes(8), 16)

    attempt("read the solution", lambda: os.close(os.open(solution, os.O_RDONLY)))
    attempt("list /proc", lambda: os.listdir("/proc"))
    attempt("make a folder here", lambda: os.mkdir("folder"))
    attempt("make a file in /tmp", lambda: os.close(os.open("/tmp/scratchgen-attack", os.O_CREAT | os.O_WRONLY)))
    attempt("write a file", lambda: os.write(os.open(victim, os.O_WRONLY), b"stolen"))
    attempt("delete a file", lambda: os.remove(victim))
    attempt("kill", lambda: os.kill(parent, 12))
    attempt("own a pipe's signal", owner)
    attempt("trace", lambda: call("ptrace", 16, parent, 0, 0))
    attempt("write memory", memory)
    attempt("write memory of a process", process_memory)
    attempt("fork", fork)
    attempt("read the solution from a namespace", namespace)
    attempt("network", connection)
    return done
"""


def become(user):
    """Become an ordinary user to whom Python and this library are readable, in a mount namespace of our own where they are not so."""
    environment = (path for path in Path(sys.prefix).iterdir() if path.is_dir())  # the folder itself may be closed to others
    needed = {Path(path).resolve() for path in (sys.base_prefix, *environment, Path(scratchgen.__file__).parents[1], np.__path__[0])}
    closed = {next((p for p in reversed(path.parents) if not p.stat().st_mode & 1), None) for path in needed} - {None}
    mount = ctypes.CDLL(None, use_errno=True).mount
    if closed and (ctypes.CDLL(None).unshare(0x20000) or mount(None, b"/", None, 0x44000, None)):  # CLONE_NEWNS; MS_PRIVATE, MS_REC
        sys.exit(77)
    for top in closed:  # cover it with an empty folder, and bind what is needed into that
        inside = {path: os.open(path, os.O_PATH) for path in needed if top in path.parents}
        assert mount(b"tmpfs", bytes(top), b"tmpfs", 0, b"mode=755") == 0
        for path, fd in inside.items():
            path.mkdir(parents=True, exist_ok=True)
            assert mount(b"/proc/self/fd/%d" % fd, bytes(path), None, 0x1000, None) == 0  # MS_BIND
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def attacked(skip, everything):
    """The result for one set of locks left out."""
    exercise, signals = BY_NAME["linear"], []
    signal.signal(signal.SIGUSR2, lambda number, frame: signals.append(number))
    precious = ctypes.create_string_buffer(b"precious")
    with tempfile.TemporaryDirectory() as folder, Sandbox(exercise, SOURCE, seconds=20, memory=2**31, skip=skip, without_locks=everything) as box:
        victim = Path(folder) / "victim"
        victim.write_text("precious")
        for path in (victim, victim.parent):
            path.chmod(0o777)
        solution = str(Path(scratchgen.__file__).parent / "layers" / "linear.py")
        try:
            student = box.start()
            student.deadline = time.monotonic() + 20
            done = student.attack(solution, str(victim), ctypes.addressof(precious))
        except Untrusted as error:
            return {"locks": box.locks, "refused": str(error), "done": []}
        except StudentError as error:
            done = [str(error)]
        done += ["a signal came"] * bool(signals) + ["memory was written"] * (precious.value != b"precious")
        done += ["a file was changed"] * (not victim.exists() or victim.read_text() != "precious")
    return {"locks": box.locks, "refused": None, "done": done}


if __name__ == "__main__":
    if os.geteuid() == 0 and int(sys.argv[1]):
        become(int(sys.argv[1]))
    for names in sys.argv[2:]:
        skip = ALL if names == "all" else ("audit hook", *filter(None, names.split(",")))
        print(json.dumps(attacked(skip, names == "all")), flush=True)
