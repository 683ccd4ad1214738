"""What every folder of tests may use."""

import pytest

import scratchgen as sg


@pytest.fixture(params=["numpy", "numba"])
def backend(request):
    """Runs the test once on each backend of the CPU; the name of the one in force."""
    with sg.use_backend(request.param):
        yield request.param
