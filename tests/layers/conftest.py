import numpy as np
import pytest

import scratchgen as sg


@pytest.fixture(params=["numpy", "numba"])
def backend(request):
    """The test runs once on each CPU backend."""
    with sg.use_backend(request.param):
        yield request.param


@pytest.fixture
def rng():
    return np.random.default_rng(0)
