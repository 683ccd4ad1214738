import numpy as np
import pytest

import scratchgen as sg


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def numpy_backend():
    """What is tested here is the checker; that layers pass on both backends is tested with the layers."""
    with sg.use_backend("numpy"):
        yield
