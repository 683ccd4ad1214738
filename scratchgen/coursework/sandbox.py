"""Lock up the process that will run a student's code, from the inside, before that code is loaded. Standard library only.

    resource limits   memory, processor time, size of files, open files, no new processes          every POSIX system
    user              root becomes `nobody`                                                        where the grader is root
    Landlock          the kernel denies every file outside the lists given, TCP, and (Linux 6.12)
                      signals to processes outside                                                 Linux 5.13 and later
    seccomp           the kernel denies new processes and programs, signals, sockets, tracing, …   Linux, x86-64 and arm64
    audit hook        Python refuses the same                                                      everywhere

The kernel's locks hold for whatever code runs in the process, and cannot be taken off again. The audit hook (PEP 578) cannot be
removed by Python code, but code that corrupts memory could get round it: it stands here for systems without the others.
"""

import ctypes
import functools
import os
import platform
import resource
import struct
import sys

NOBODY = 65534
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38
DENIED_EVENTS = (
    "os.fork", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.kill", "pty.spawn", "subprocess.", "socket.", "ctypes.",
    "signal.pthread_kill", "os.chmod", "os.chown", "os.link", "os.symlink", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.truncate",
    "os.utime", "os.setxattr", "os.removexattr", "shutil.", "resource.",
)  # fmt: skip
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND  # any of these flags

# What seccomp denies, as numbers of (x86-64, arm64); None where the system call does not exist.
SYSTEM_CALLS = {
    "clone": (56, 220), "clone3": (435, 435), "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281),
    "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "socket": (41, 198), "socketpair": (53, 199),
    "setrlimit": (160, 164), "prlimit64": (302, 261), "setpriority": (141, 140), "sched_setaffinity": (203, 122),
    "io_uring_setup": (425, 425), "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219), "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40),
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None), "fchown": (93, 55),
    "lchown": (94, None), "fchownat": (260, 54), "utimensat": (280, 88), "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7),
    "shmget": (29, 194), "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180),
}  # fmt: skip


def enter(readable, writable, memory, seconds):
    """Lock this process up for good -> the names of the locks that hold.

    readable: files and folders it may read.  writable: the one folder it may also write in.  memory: bytes.  seconds: of processor time.
    """
    locks = ["resource limits"]
    ruleset = _landlock_ruleset(readable, writable)  # opens paths, which the user below may not be able to
    _limit(memory, seconds)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        locks.append("user nobody")
    if sys.platform == "linux" and _libc().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        if ruleset is not None and _libc().syscall(446, ruleset, 0) == 0:  # landlock_restrict_self
            locks.append("Landlock")
        if _seccomp():
            locks.append("seccomp")
    if ruleset is not None:
        os.close(ruleset)
    places = [tuple(os.path.realpath(path) for path in paths) for paths in ((*readable, writable), (writable,))]
    sys.addaudithook(functools.partial(_audit, DENIED_EVENTS, *places, WRITING, os.path.realpath, os.fsdecode, os.sep))
    return [*locks, "audit hook"]


def _limit(memory, seconds):
    limits = {
        "RLIMIT_AS": memory,
        "RLIMIT_CPU": seconds,
        "RLIMIT_FSIZE": 2**20,
        "RLIMIT_NOFILE": 64,
        "RLIMIT_CORE": 0,
        "RLIMIT_NPROC": 0,  # of the user; what exists already stays
    }
    for name, limit in limits.items():
        if hasattr(resource, name):
            try:
                resource.setrlimit(getattr(resource, name), (limit, limit))
            except (ValueError, OSError):  # macOS refuses some; Landlock's and the hook's refusals remain
                pass


def _libc():
    return ctypes.CDLL(None, use_errno=True)


# Landlock: https://docs.kernel.org/userspace-api/landlock.html

READ = 1 << 2 | 1 << 3  # read a file, list a folder
WRITE = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 14  # write, remove folders and files, make folders and files, truncate
ON_FILES = 1 | 1 << 1 | 1 << 2 | 1 << 14  # the rights that a single file, not a folder, can have


def _landlock_ruleset(readable, writable):
    """File descriptor of a ruleset, or None where the kernel has no Landlock."""
    if sys.platform != "linux":
        return None
    libc = _libc()
    version = libc.syscall(444, None, ctypes.c_size_t(0), 1)  # landlock_create_ruleset: which version?
    if version < 1:
        return None
    handled_files = (1 << 13) - 1  # every right of version 1; later versions added renaming across folders, truncating, device control
    for bit, since in ((13, 2), (14, 3), (15, 5)):
        handled_files |= 1 << bit if version >= since else 0
    handled_network = 0b11 if version >= 4 else 0  # TCP: bind, connect
    scoped = 0b11 if version >= 6 else 0  # abstract sockets, signals
    attributes = struct.pack("QQQ", handled_files, handled_network, scoped)[: 24 if version >= 6 else 16 if version >= 4 else 8]
    ruleset = libc.syscall(444, attributes, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0:
        return None
    for path in (*readable, writable):
        access = READ | (WRITE if path == writable else 0)
        if not os.path.isdir(path):
            access &= ON_FILES
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
        failed = libc.syscall(445, ruleset, 1, struct.pack("=Qi", access & handled_files, beneath), 0)  # landlock_add_rule
        os.close(beneath)
        if failed:
            raise OSError(ctypes.get_errno(), f"Landlock refuses a rule for {path}")
    return ruleset


# seccomp: a small program of the kernel's packet filter runs at every system call; see seccomp(2)


def _seccomp():
    """Deny SYSTEM_CALLS with "operation not permitted" -> whether the kernel agreed."""
    machine = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}.get(platform.machine())
    if machine is None:
        return False
    column, architecture = machine
    numbers = [pair[column] for pair in SYSTEM_CALLS.values() if pair[column] is not None]
    load, equal, at_least, answer = 0x20, 0x15, 0x35, 0x06
    allow, deny = 0x7FFF0000, 0x00050001  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | EPERM
    n = len(numbers)
    program = [(load, 0, 0, 4), (equal, 0, n + 3, architecture), (load, 0, 0, 0), (at_least, n + 1, 0, 0x40000000)]  # x32 calls: deny
    program += [(equal, n - i, 0, number) for i, number in enumerate(numbers)]
    program += [(answer, 0, 0, allow), (answer, 0, 0, deny)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in program))
    whole = struct.pack("HP", len(program), ctypes.addressof(code))
    return _libc().prctl(PR_SET_SECCOMP, 2, whole, 0, 0) == 0


def _audit(denied, readable, writable, writing, realpath, fsdecode, separator, event, args):
    """Called by Python before everything of note; raising refuses it. Looks up no name that could have been replaced meanwhile."""
    if event.startswith(denied):
        raise PermissionError(f"{event} is not allowed while your work is graded")
    if event == "open" and not isinstance(args[0], int):
        path, places = realpath(fsdecode(args[0])), writable if args[2] & writing else readable
        if not path.startswith(tuple(place + separator for place in places)) and path not in places:
            raise PermissionError(f"opening {path} is not allowed while your work is graded")
