"""What every folder of tests may use, and the settings of the tests themselves.

With several workers (`pytest -n auto`) the machine is full already: two threads each are enough to test what threads do.

`pytest tests/fuzz` throws random things at every door: a few dozen, the same every time; with `--hypothesis-profile=thorough` ten thousand, new ones.

The cuda backend is tested on the GPU if there is one that can be used, else in Numba's simulator, which must be chosen before Numba is imported.
"""

import ctypes
import importlib.util
import os
import signal

import pytest
from hypothesis import HealthCheck, settings

import scratchgen as sg


def has_gpu():
    """Whether an NVIDIA driver answers and shows a device, and numba-cuda is there to use it."""
    if importlib.util.find_spec("numba_cuda") is None:
        return False
    count = ctypes.c_int(0)
    try:
        driver = ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
        return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0
    except OSError:
        return False


if not has_gpu():
    os.environ.setdefault("NUMBA_ENABLE_CUDASIM", "1")
if "PYTEST_XDIST_WORKER" in os.environ:  # before the first operation loads Numba
    os.environ.setdefault("NUMBA_NUM_THREADS", "2")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a job that a script has started with &; tests interrupt themselves
    signal.signal(signal.SIGINT, signal.default_int_handler)

never_hurry = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}  # compiling takes seconds, and the machine may be busy
settings.register_profile("quick", max_examples=50, derandomize=True, database=None, **never_hurry)
settings.register_profile("thorough", max_examples=10_000, **never_hurry)
settings.load_profile("quick")


@pytest.fixture(params=["numpy", "numba"])
def backend(request):
    """Runs the test once on each backend of the CPU; the name of the one in force."""
    with sg.use_backend(request.param):
        yield request.param
