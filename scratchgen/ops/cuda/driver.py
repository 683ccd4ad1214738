"""The only way to numba.cuda: whether there is a GPU to run on, the stream on which everything runs, and memory by address.

With NUMBA_ENABLE_CUDASIM=1, set before Numba is imported, Numba's simulator runs the same kernels in Python, one thread of the operating system for
each thread of the device: slow, but without a GPU, and under a debugger. Blocks are small there; nothing else differs.
"""

import ctypes
import functools
import importlib.metadata
import importlib.util
import math
import sys
import warnings
from types import SimpleNamespace

import numpy as np
from numba import config

from scratchgen.ops.dispatch import compiling

SIMULATED = bool(config.ENABLE_CUDASIM)
INSTALLED = SIMULATED or importlib.util.find_spec("numba_cuda") is not None
OLDEST = (7, 0)  # compute capability of the oldest GPUs that are supported: Volta

if not INSTALLED:
    raise RuntimeError("backend 'cuda' needs the package numba-cuda; pip install -e '.[cuda]' brings it")

import numba.cuda  # noqa: E402  only now that it is known to be the right one
from numba import cuda  # noqa: E402
from numba.core import types  # noqa: E402


class _Simulated:
    """numba.cuda for kernels in the simulator, where threadIdx and the like belong to the launch in progress.

    Numba puts them into a kernel's module while it runs; for functions that kernels call, that is not thread-safe.
    """

    def __getattr__(self, name):
        return getattr(_get_kernel_context() or numba.cuda, name)

    class shared:
        """Shared memory: an array for each line of a kernel that asks for one. Numba's can give two threads that ask at once an array each."""

        @staticmethod
        def array(shape, dtype, alignment=None):
            asking = sys._getframe(1)
            arrays = _get_kernel_context().__dict__.setdefault("arrays", {})
            return arrays.setdefault((asking.f_code.co_filename, asking.f_lineno), np.empty(shape, dtype))


if SIMULATED:
    from numba.cuda.simulator.kernel import _get_kernel_context

    cuda = _Simulated()


class _NoneIsNothing:
    """How None is passed to a kernel: as an address that is never read. Numba compiles kernels for None, but does not launch them with it."""

    @staticmethod
    def prepare_args(kind, value, **where):
        return (types.CPointer(types.uint8), 0) if value is None else (kind, value)


NONE_ALLOWED = {} if SIMULATED else {"extensions": [_NoneIsNothing]}  # an option of cuda.jit


def device(function):
    """A function that kernels call, inlined into them. In the simulator it stays a Python function."""
    return function if SIMULATED else cuda.jit(device=True, forceinline=True)(function)


def missing():
    """Why the backend cannot run on this machine, as one sentence; None if it can."""
    if SIMULATED:
        return None
    try:
        count = len(cuda.gpus)
    except Exception as error:  # numba has several kinds, one of them for each way in which a driver can be absent
        return f"backend 'cuda' needs an NVIDIA driver, and none could be loaded ({in_short(error)})"
    if not count:
        return "backend 'cuda' needs an NVIDIA GPU; the driver is there, but it shows none (is CUDA_VISIBLE_DEVICES set?)"
    capability = tuple(cuda.get_current_device().compute_capability)
    if capability < OLDEST:
        wanted, given = (".".join(map(str, x)) for x in (OLDEST, capability))
        return f"backend 'cuda' needs a GPU of compute capability {wanted} or later; this one has {given}"
    return None


def in_short(error):
    """The error's text in one line of moderate length."""
    return " ".join(str(error).split()).rstrip(" :")[:200] or type(error).__name__


@functools.cache
def stream():
    """The stream on which everything runs, in order. It waits for the default stream, on which other libraries work."""
    return cuda.stream()


def handle():
    """The stream as the number that the driver knows it by; 1, the default stream, in the simulator."""
    return 1 if SIMULATED else int(stream().handle)


def wait_for(other):
    """Wait for another library's stream, given as the number that `__cuda_array_interface__` holds, or None. The default stream needs no waiting."""
    if other not in (None, 1) and not SIMULATED:
        cuda.external_stream(other).synchronize()


def allocate(n_bytes):
    """New memory -> its owner and its address. Slow, and waits for the device: memory.py keeps what is no longer needed."""
    owner = cuda.device_array(n_bytes, np.uint8)
    return owner, owner.ctypes.data if SIMULATED else owner.__cuda_array_interface__["data"][0]


def view(owner, address, shape, strides, dtype):
    """The numbers at an address as an array that kernels take. It keeps `owner` alive."""
    if not SIMULATED:
        about = {"data": (address, False), "shape": shape, "strides": strides, "typestr": dtype.str, "version": 3}
        return cuda.as_cuda_array(SimpleNamespace(__cuda_array_interface__=about, owner=owner), sync=False)
    low = sum(min(0, (n - 1) * step) for n, step in zip(shape, strides, strict=True)) if math.prod(shape) else 0
    high = dtype.itemsize + sum(max(0, (n - 1) * step) for n, step in zip(shape, strides, strict=True)) if math.prod(shape) else 0
    memory = (ctypes.c_byte * (high - low)).from_address(address + low)
    memory.owner = owner
    return type(cuda.device_array(0))(np.ndarray(shape, dtype, memory, -low, strides))


recording = False  # whether launches are recorded at the moment, not run: graph.py


def not_recording():
    """RuntimeError while launches are recorded: a copy between host and device cannot be part of a graph."""
    if recording:
        raise RuntimeError("a step that copies between host and device cannot be recorded")


def address_of(array):
    """Where an array made by `view` begins."""
    return array.ctypes.data if SIMULATED else array.__cuda_array_interface__["data"][0]


def upload(target, x):
    """Copy a contiguous host array to a contiguous array made by `view`; later work on the stream finds it there."""
    not_recording()
    target.copy_to_device(x, stream=stream())


def download(source):
    """A host array with the numbers of a contiguous array made by `view`. Waits until all earlier work on the stream is done."""
    not_recording()
    x = np.empty(source.shape, source.dtype)
    if x.size:
        source.copy_to_host(x, stream=stream())
        stream().synchronize()
    return x


def configured(kernel, blocks, threads):
    """The kernel, ready to be called with its arguments, on that many blocks of that many threads."""
    return functools.partial(_simulate, kernel, blocks, threads) if SIMULATED else _configured(kernel, blocks, threads)


def _simulate(kernel, blocks, threads, *arguments):
    """Run it in the simulator, whose threads wait for each other often: meanwhile Python switches between threads 500 times as often."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        kernel[blocks, threads](*arguments)
    finally:
        sys.setswitchinterval(before)


@functools.cache
def _configured(kernel, blocks, threads):
    compiling()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Numba's, about few blocks: for small arrays they are right
        return kernel[blocks, threads, stream()]


def record():
    """An event on the stream, after all work queued so far; not in the simulator, which measures no time."""
    event = cuda.event(timing=True)
    event.record(stream())
    return event


def seconds(start, stop):
    """Between two events; waits until the device has come to the second."""
    stop.synchronize()
    return 1e-3 * cuda.event_elapsed_time(start, stop)


def about():
    """The device in use: {"name", "capability", "processors", "memory" in bytes, "driver" (CUDA version), "numba-cuda"}."""
    version = importlib.metadata.version("numba-cuda") if importlib.util.find_spec("numba_cuda") else None
    if SIMULATED:
        return {"name": "Numba's simulator", "capability": None, "processors": None, "memory": None, "driver": None, "numba-cuda": version}
    from numba.cuda.cudadrv.driver import driver

    device = cuda.get_current_device()
    return {
        "name": device.name.decode() if isinstance(device.name, bytes) else str(device.name),
        "capability": ".".join(map(str, device.compute_capability)),
        "processors": int(device.MULTIPROCESSOR_COUNT),
        "memory": int(cuda.current_context().get_memory_info().total),
        "driver": ".".join(map(str, driver.get_version())),
        "numba-cuda": version,
    }
