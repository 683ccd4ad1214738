import numpy as np
import pytest

from scratchgen.ops.numba import ladder
from scratchgen.ops.numba.tile import ROWS

WIDTH = 128  # more columns than any tile has
SHAPES = [(1, 1, 1), (2, 3, 4), (ROWS, 5, 32), (ROWS + 1, 65, 33), (2 * ROWS - 1, ladder.BLOCK_K, WIDTH + 1), (3, 0, 3), (0, 3, 3), (3, 3, 0)]
TYPES = [np.float32, np.float64]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("step", ladder.STEPS, ids=lambda step: step.__name__)
def test_every_step_is_the_product(step, dtype):
    rng = np.random.default_rng(0)
    for m, k, n in SHAPES + [(5, ladder.BLOCK_K + 1, ladder.BLOCK_N + 1)]:
        a, b = rng.standard_normal((m, k)).astype(dtype), rng.standard_normal((k, n)).astype(dtype)
        exact = a.astype(np.float64) @ b.astype(np.float64)
        bound = 2 * (k + 1) * np.finfo(dtype).eps * (np.abs(a).astype(np.float64) @ np.abs(b).astype(np.float64))
        product = ladder.multiply(step, a, b)
        assert product.dtype == dtype and product.shape == (m, n)
        assert np.all(np.abs(product - exact) <= bound), f"{m}×{k}×{n}"


def test_the_names_and_reasons_that_are_printed():
    assert [step.__name__ for step in ladder.STEPS] == ["three_loops", "loop_order", "blocking", "packing", "register_tile", "threads"]
    assert all(20 < len(step.__doc__) < 150 for step in ladder.STEPS)


def test_what_no_step_can_multiply():
    a = np.ones((2, 3), np.float32)
    with pytest.raises(ValueError, match=r"\(2, 3\) and b \(2, 3\)"):
        ladder.multiply(ladder.threads, a, a)
    with pytest.raises(ValueError, match="needs"):
        ladder.multiply(ladder.threads, a, a[0])
    with pytest.raises(TypeError, match="float32 and b float64"):
        ladder.multiply(ladder.threads, a, np.ones((3, 2)))
    with pytest.raises(TypeError, match="int64"):
        ladder.multiply(ladder.threads, a.astype(np.int64), np.ones((3, 2), np.int64))
