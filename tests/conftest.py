"""What every folder of tests may use, and the settings of the tests themselves.

With several workers (`pytest -n auto`) the machine is full already, and OpenMP's threads must not spin while they wait for a core: that
would slow everything a hundredfold. Two threads each are enough to test what threads do.
"""

import os

import pytest

import scratchgen as sg

if "PYTEST_XDIST_WORKER" in os.environ:  # before the first operation loads Numba
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("NUMBA_NUM_THREADS", "2")


@pytest.fixture(params=["numpy", "numba"])
def backend(request):
    """Runs the test once on each backend of the CPU; the name of the one in force."""
    with sg.use_backend(request.param):
        yield request.param
