"""Lock up the process that will run a student's code, from the inside, before that code is loaded. Standard library only.

Everything that the code may use is imported before. Afterwards the process computes, and speaks through its two pipes; it opens no file.

    seccomp           the kernel denies every system call but those for memory, time and open pipes   Linux, x86-64 and arm64
    Landlock          the kernel denies every file, TCP, and (Linux 6.12) signals to others           Linux 5.13 and later
    empty root        "/" is an empty folder, deleted, in which nothing can be made                   root, or user namespaces
    own network       no interface but its own, which is down                                         root with all capabilities, or the same
    own user          a user that owns nothing and runs nothing else                                  root
    resource limits   memory, processor time, no data in files, no new processes                      every POSIX system
    audit hook        Python refuses the same, with a clearer sentence                                everywhere

The kernel's locks hold for whatever code runs in the process, and cannot be taken off again. The audit hook (PEP 578) is no lock: code in
the same process can replace its code object, or corrupt its memory. `untrusted` says which of the kernel's locks are enough.
"""

import contextlib
import ctypes
import os
import platform
import random
import struct
import sys

PR_SET_PDEATHSIG, PR_GET_DUMPABLE, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 3, 4, 22, 38
PR_SET_CHILD_SUBREAPER, PR_GET_CHILD_SUBREAPER = 36, 37
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
USERS = range(60578, 61184)  # systemd's table of user IDs leaves these to nobody, and containers of 65536 users have them
DENIED_EVENTS = (
    "os.fork", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.kill", "pty.spawn", "subprocess.", "socket.", "ctypes.", "fcntl.",
    "signal.pthread_kill", "os.chmod", "os.chown", "os.link", "os.listdir", "os.scandir", "os.symlink", "os.remove", "os.rename", "os.rmdir",
    "os.mkdir", "os.truncate", "os.utime", "os.setxattr", "os.removexattr", "shutil.", "resource.",
)  # fmt: skip

# What seccomp allows, as numbers of (x86-64, arm64); None where the system call does not exist.
SYSTEM_CALLS = {
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66), "close": (3, 57), "lseek": (8, 62),
    "poll": (7, None), "ppoll": (271, 73), "select": (23, None), "pselect6": (270, 72),
    "mmap": (9, 222), "munmap": (11, 215), "mremap": (25, 216), "mprotect": (10, 226), "madvise": (28, 233), "brk": (12, 214),
    "futex": (202, 98), "sched_yield": (24, 124), "sched_getaffinity": (204, 123), "getcpu": (309, 168), "getrlimit": (97, 163),
    "set_robust_list": (273, 99), "rseq": (334, 293), "restart_syscall": (219, 128), "getrandom": (318, 278), "getrusage": (98, 165),
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "clock_nanosleep": (230, 115), "nanosleep": (35, 101),
    "gettimeofday": (96, 169), "time": (201, None), "times": (100, 153), "uname": (63, 160), "getcwd": (79, 17),
    "getpid": (39, 172), "gettid": (186, 178), "getppid": (110, 173),
    "getuid": (102, 174), "geteuid": (107, 175), "getgid": (104, 176), "getegid": (108, 177),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "sigaltstack": (131, 132),
    "exit": (60, 93), "exit_group": (231, 94),
}  # fmt: skip


def untrusted(locks):
    """What a student's code could do although these locks hold, as sentences; an empty list if its points can be trusted.

    So enough is: seccomp alone; or own user, own network, and one of Landlock and empty root.
    """
    dangers = {
        "it can read the solutions on this machine": {"seccomp", "Landlock", "empty root"},
        "it can fetch answers from the network": {"seccomp", "own network"},
        "it can stop the grader, or leave processes behind": {"seccomp", "own user"},
    }
    return [danger for danger, any_of in dangers.items() if not any_of & set(locks)]


def enter(memory, seconds, skip=()):
    """Lock this process up for good and remove its working folder -> the names of the locks that hold.

    memory: bytes.  seconds: of processor time.  skip: names of locks to do without, as a system does that lacks them; for tests.
    """
    os.dup2(1, 2)  # errors go where output goes: nowhere
    with contextlib.suppress(OSError):
        os.rmdir(os.getcwd())  # in a folder that is no more nothing can be made
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")  # should the machine run out of memory, it is this process that Linux ends
    locks = []

    def lock(name, action):
        with contextlib.suppress(OSError):  # this system has none, or this user may not
            if name not in skip:
                action()
                locks.append(name)

    lock("resource limits", lambda: _limit(memory, seconds))
    lock("own network", _own_network)
    lock("empty root", lambda: os.chroot("."))
    lock("own user", _own_user)
    _give_up_privileges()
    lock("Landlock", _landlock)
    lock("seccomp", _seccomp)
    lock("audit hook", lambda: sys.addaudithook(_audit))
    return locks


def _limit(memory, seconds):
    import resource  # here: Windows has none, and there the rest of the course works

    limits = {
        "RLIMIT_AS": memory,
        "RLIMIT_CPU": seconds,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_NOFILE": 64,
        "RLIMIT_CORE": 0,
        "RLIMIT_NPROC": 0,  # of the user; what exists already stays
    }
    for name, limit in limits.items():
        with contextlib.suppress(AttributeError, ValueError, OSError):  # macOS lacks some and refuses others
            resource.setrlimit(getattr(resource, name), (limit, limit))


def _own_network():
    """A network namespace; who is not root gets a user namespace with it, and may change the root folder there."""
    _linux("unshare", CLONE_NEWNET | (0 if os.geteuid() == 0 else CLONE_NEWUSER))


def _own_user():
    if os.geteuid() != 0:
        raise PermissionError("only root can become another user")
    user = random.choice(USERS)  # one of many: processes of two gradings at a time should not be one user's
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def _give_up_privileges():
    """No capabilities, none to be had by starting a program; the end of the grader is the end of this process."""
    if sys.platform == "linux":
        _linux("capset", struct.pack("Ii", 0x20080522, 0), bytes(24))  # effective, permitted, inheritable: none
        _linux("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _linux("prctl", PR_SET_PDEATHSIG, 9, 0, 0, 0)


def _linux(function, *args):
    """Call a function of Linux's C library -> its result. OSError if that is negative, or the system another one."""
    if sys.platform != "linux":
        raise OSError(f"{function} is of Linux only")
    result = getattr(ctypes.CDLL(None, use_errno=True), function)(*args)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), function)
    return result


@contextlib.contextmanager
def not_dumpable():
    """For the grader: its memory is closed to other processes of its user while the block runs."""
    try:
        before = _linux("prctl", PR_GET_DUMPABLE, 0, 0, 0, 0)
        _linux("prctl", PR_SET_DUMPABLE, 0, 0, 0, 0)
    except OSError:
        before = 0
    try:
        yield
    finally:
        if before == 1:
            _linux("prctl", PR_SET_DUMPABLE, 1, 0, 0, 0)


@contextlib.contextmanager
def adopting():
    """For the grader: what its children forked becomes its own child when they end while the block runs."""
    before = ctypes.c_int()
    with contextlib.suppress(OSError):
        _linux("prctl", PR_GET_CHILD_SUBREAPER, ctypes.byref(before), 0, 0, 0)
        _linux("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            _linux("prctl", PR_SET_CHILD_SUBREAPER, before.value, 0, 0, 0)


# Landlock: https://docs.kernel.org/userspace-api/landlock.html


def _landlock():
    """Deny every access to files that this kernel's version knows of: a ruleset that handles all of them and has no rule."""
    version = _linux("syscall", 444, None, ctypes.c_size_t(0), 1)  # landlock_create_ruleset: which version?
    files = (1 << 13) - 1  # every right of version 1; later versions added renaming across folders, truncating, device control
    for bit, since in ((13, 2), (14, 3), (15, 5)):
        files |= 1 << bit if version >= since else 0
    network = 0b11 if version >= 4 else 0  # TCP: bind, connect
    scoped = 0b11 if version >= 6 else 0  # abstract sockets, signals
    attributes = struct.pack("QQQ", files, network, scoped)[: 24 if version >= 6 else 16 if version >= 4 else 8]
    ruleset = _linux("syscall", 444, attributes, ctypes.c_size_t(len(attributes)), 0)
    try:
        _linux("syscall", 446, ruleset, 0)  # landlock_restrict_self
    finally:
        os.close(ruleset)


# seccomp: a small program of the kernel's packet filter runs at every system call; see seccomp(2)


def _seccomp():
    """Deny all but SYSTEM_CALLS with "operation not permitted"."""
    machine = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}.get(platform.machine())
    if machine is None:
        raise OSError(f"the numbers of system calls on {platform.machine()} are not known here")
    column, architecture = machine
    numbers = [pair[column] for pair in SYSTEM_CALLS.values() if pair[column] is not None]
    load, equal, answer = 0x20, 0x15, 0x06
    allow, deny = 0x7FFF0000, 0x00050001  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | EPERM
    n = len(numbers)
    program = [(load, 0, 0, 4), (equal, 0, n + 1, architecture), (load, 0, 0, 0)]
    program += [(equal, n - i, 0, number) for i, number in enumerate(numbers)]
    program += [(answer, 0, 0, deny), (answer, 0, 0, allow)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    _linux("prctl", PR_SET_SECCOMP, 2, struct.pack("HP", len(program), ctypes.addressof(code)), 0, 0)


def _audit(event, args):
    """Called by Python before everything of note; raising refuses it."""
    if event.startswith(DENIED_EVENTS) or (event == "open" and not isinstance(args[0], int)):
        raise PermissionError(f"{event} is not allowed while your work is graded")
