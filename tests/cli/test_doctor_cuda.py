"""What doctor says of the GPU, in every situation in which it can find itself."""

import importlib.util

import pytest

from scratchgen.cli import doctor
from scratchgen.ops.cuda import driver

CARD = {"name": "NVIDIA H100", "capability": "9.0", "processors": 132, "memory": 80 * 2**30, "driver": "13.0", "numba-cuda": "0.30.4"}


@pytest.fixture
def machine(monkeypatch):
    """A machine with or without a driver and the package, on which the backend lacks what `missing` says; not a simulated one."""

    def make(has_driver, installed, missing=None):
        find = importlib.util.find_spec
        monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: (installed or None) if name == "numba_cuda" else find(name))
        monkeypatch.setattr(doctor, "has_driver", lambda: has_driver)
        monkeypatch.setattr(driver, "missing", lambda: missing)
        monkeypatch.setattr(driver, "about", lambda: CARD)
        return doctor.cuda()

    return make


def test_no_gpu_is_no_fault(machine):
    assert machine(False, False) == (True, "no NVIDIA driver, nor numba-cuda; not needed")
    assert machine(False, True) == (True, "no NVIDIA driver, though numba-cuda is installed; not needed")


def test_a_driver_without_the_package_gets_the_command_that_brings_it(machine):
    good, text = machine(True, False)
    assert good and "pip install -e '.[cuda]'" in text


def test_what_keeps_the_backend_from_running_is_a_fault(machine):
    assert machine(True, True, "backend 'cuda' needs an NVIDIA GPU") == (False, "backend 'cuda' needs an NVIDIA GPU")


def test_the_card_is_described(machine):
    good, text = machine(True, True)
    assert good and text == "NVIDIA H100, compute capability 9.0, 132 multiprocessors, 80 GiB; driver for CUDA 13.0, numba-cuda 0.30.4"


def test_the_simulator_is_named(monkeypatch):
    monkeypatch.setenv("NUMBA_ENABLE_CUDASIM", "1")
    assert doctor.cuda() == (True, "simulated (NUMBA_ENABLE_CUDASIM=1)")
    if driver.SIMULATED:
        assert driver.about()["name"] == "Numba's simulator"
